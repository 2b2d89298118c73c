"""How fast are the estimators, against scikit-learn's with the same parameters?

Both learn the same weights, so the losses printed beside the times must agree. `first` is the first
fit in a process, which compiles, with an empty cache of compiled code and with a full one.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import side_by_side  # isort: skip  # before NumPy
from side_by_side import Faster, verdict

# isort: split
import warnings

import numpy as np
from sklearn import datasets
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import scale

from micrograd.sklearn import MLPClassifier, MLPRegressor

SETS = ("iris", "wine", "breast_cancer", "digits", "diabetes")
KINDS = {"diabetes": (MLPRegressor, TheirRegressor)}
FIRST = """
import sys, time, warnings
warnings.simplefilter("ignore")
from sklearn import datasets
from sklearn.preprocessing import scale
from micrograd.sklearn import MLPClassifier, MLPRegressor
X, y = getattr(datasets, "load_" + sys.argv[1])(return_X_y=True)
kind = MLPRegressor if sys.argv[1] == "diabetes" else MLPClassifier
start = time.process_time()
kind(random_state=0).fit(scale(X), y)
print(time.process_time() - start)
"""


def seconds(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    answer = act()
    return time.process_time() - start, answer


def paired(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[Any, Any]:
    """Median time and last answer of each side, in turns, after a round to warm up."""
    times: list[tuple[float, float]] = []
    answers: tuple[Any, Any] = (None, None)
    for _ in range(rounds + 1):
        (a, x), (b, y) = seconds(ours), seconds(theirs)
        times.append((a, b))
        answers = x, y
    medians = [statistics.median(side) for side in zip(*times[1:])]
    return (medians[0], answers[0]), (medians[1], answers[1])


def first_fits(name: str) -> list[float]:
    """Seconds of the first fit in a process: with an empty cache, then with a full one."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", FIRST, name]
        environment = os.environ | {"MICROGRAD_CACHE_DIR": cache}
        runs = [
            subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            for _ in range(2)
        ]
    return [float(run.stdout) for run in runs]


def row(what: str, ours: float, theirs: float, told: str, least: float) -> bool:
    print(f"  {what:24}{told:40}{ours:9.4f}{theirs:9.4f}{theirs / ours:7.2f}", end="")
    met = verdict(Faster(least), ours, theirs)
    print(flush=True)
    return met


def fits(rounds: int = 5) -> bool:
    print(f"{'fit, default parameters, seconds':66}{'ours':>9}{'theirs':>9}{'ratio':>7}")
    met = True
    for name in SETS:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        X = scale(X)
        ours, theirs = KINDS.get(name, (MLPClassifier, TheirClassifier))
        sides = [partial(kind(random_state=0).fit, X, y) for kind in (ours, theirs)]
        (a, x), (b, z) = paired(*sides, rounds)
        cold, warm = first_fits(name)
        told = f"loss {x.loss_:.6g} {z.loss_:.6g} first {cold:.2f} {warm:.2f}"
        met &= row(name, a, b, told, 5.0)
    return met


def search() -> bool:
    """24 candidates on digits, three folds each."""
    X, y = datasets.load_digits(return_X_y=True)
    X = scale(X)
    grid = {"alpha": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]}
    grid["learning_rate_init"] = [1e-3, 3e-3, 1e-2]
    searches = [
        GridSearchCV(kind(random_state=0), grid, cv=3) for kind in (MLPClassifier, TheirClassifier)
    ]
    (a, x), (b, z) = [seconds(partial(one.fit, X, y)) for one in searches]
    told = f"best score {x.best_score_:.4f} {z.best_score_:.4f}"
    return row("GridSearchCV, 24", a, b, told, 5.0)


def many(model: Any, inputs: Any, calls: int) -> Any:
    """The answer of the last of so many calls."""
    for _ in range(calls - 1):
        model.predict(inputs)
    return model.predict(inputs)


def predictions() -> bool:
    X, y = datasets.load_digits(return_X_y=True)
    X = scale(X)
    ours = MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    theirs = TheirClassifier(random_state=0, max_iter=20).fit(X, y)
    met = True
    for what, rows, calls, least in (("one row", X[:1], 500, 1.0), ("10^6 rows", None, 1, 3.0)):
        inputs = np.tile(X, (557, 1))[:1_000_000] if rows is None else rows

        sides = [partial(many, model, inputs, calls) for model in (ours, theirs)]
        (a, x), (b, z) = paired(*sides, 3)
        told = f"same answers {np.mean(x == z):.6f}"
        met &= row(f"predict {what}", a / calls, b / calls, told, least)
    return met


def main() -> bool:
    warnings.simplefilter("ignore")
    side_by_side.header("scikit-learn")
    questions = {"fits": fits, "search": search, "predictions": predictions}
    wanted = sys.argv[1:] or [*questions]
    return all(questions[name]() for name in wanted)


if __name__ == "__main__":
    sys.exit(not main())
