"""How well does `train_table` predict rows that it has not seen, with nothing but its defaults?

    python benchmarks/tables.py [seeds] [folder]

On 72 public tables, for ten seeds each: a fifth of the rows is held out, and chooses nothing.
Beside it, on the same rows and the same encoded inputs, scikit-learn with its defaults, on scaled
inputs and targets: its network, linear or logistic regression, and gradient boosting. A score is R²
or the accuracy of the held-out rows of all seeds together. Times are those of `train_table` as a
whole, of fit and prediction for the others, after a first call that compiles. A folder keeps the
results, so that a run that was stopped goes on.
"""

import side_by_side  # isort: skip  # before NumPy
from side_by_side import Below, Within

# isort: split
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from public_tables import TABLES, Named
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import micrograd as mg
from micrograd.tables.table_model import as_table
from micrograd.tables.targets import Classes

CLOSE, SMALL = 0.02, 2_000
THEIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {  # of numbers, of classes
    "linear": (
        lambda seed: LinearRegression(),
        lambda seed: LogisticRegression(max_iter=1000),
    ),
    "network": (
        lambda seed: MLPRegressor(random_state=seed),
        lambda seed: MLPClassifier(random_state=seed),
    ),
    "boosting": (
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
    ),
}

Array = np.ndarray[Any, Any]
Result = dict[str, dict[str, float]]


def numbers_judged(predicted: Array, true: Array) -> dict[str, float]:
    """What is summed over the seeds: the squared errors, and those of the mean."""
    return {
        "wrong": float(np.sum((predicted - true) ** 2)),
        "all": float(np.sum((true - true.mean()) ** 2)),
    }


def classes_judged(p: Array, true: Array) -> dict[str, float]:
    """The rows that are wrong, of how many, and the sum of their log losses."""
    likely = np.maximum(p[np.arange(len(true)), true], 1e-12)
    wrong = float(np.sum(p.argmax(axis=1) != true))
    return {"wrong": wrong, "all": float(len(true)), "log loss": float(-np.log(likely).sum())}


def ours(table: Any, named: Named, seed: int) -> tuple[dict[str, float], Any]:
    start = time.process_time()
    trained = mg.train_table(table, named.target, drop=named.drop, seed=seed, progress=False)
    seconds = time.process_time() - start
    prepared = trained.prepared
    outputs = trained.model.outputs(prepared.held_out)
    _, true = prepared.part(prepared.held_out)
    if isinstance(prepared.target, Classes):
        found = classes_judged(prepared.target.probabilities(outputs), true)
    else:
        found = numbers_judged(outputs[:, 0], true)
    return found | {"time": seconds}, prepared


def theirs(make: Any, prepared: Any, seed: int) -> dict[str, float]:
    (X, y), (U, true) = prepared.part(prepared.training), prepared.part(prepared.held_out)
    target = prepared.target
    numbers, classes = make
    start = time.process_time()
    if not isinstance(target, Classes):
        model = make_pipeline(StandardScaler(), numbers(seed)).fit(X, y)
        found = numbers_judged(model.predict(U), true)
    else:
        model = make_pipeline(StandardScaler(), classes(seed)).fit(X, y)
        p = np.zeros((len(U), target.outputs))
        p[:, model.classes_] = model.predict_proba(U)
        found = classes_judged(p, true)
    return found | {"time": time.process_time() - start}


def result(table: Any, named: Named, seed: int, folder: Path | None) -> Result:
    """All methods on one split; from the folder if it is there."""
    path = folder / f"{named.name.replace('/', '_')}.{seed}.json" if folder else None
    if path and path.exists():
        return json.loads(path.read_text())
    found, prepared = ours(table, named, seed)
    results = {"micrograd": found}
    for name, make in THEIRS.items():
        results[name] = theirs(make, prepared, seed)
    if path:
        path.write_text(json.dumps(results))
    return results


def scored(results: list[Result], name: str) -> float:
    """R² or accuracy over all seeds."""
    wrong, all_ = (sum(one[name][key] for one in results) for key in ("wrong", "all"))
    return 1 - wrong / all_


def main(seeds: int = 10, folder: Path | None = None) -> bool:
    warnings.simplefilter("ignore")
    side_by_side.header("scikit-learn", how="one thread; processor times")
    names = ["micrograd", *THEIRS]
    print(f"{'table and target':36}{'rows':>6}" + "".join(f"{name:>10}" for name in names))
    scores, times, losses, sizes = [], [], [], []
    for named in TABLES:
        table = as_table(named.read(), [named.target])
        if not folder:
            ours(table, named, 0)  # compiles
        results = [result(table, named, seed, folder) for seed in range(seeds)]
        scores.append([scored(results, name) for name in names])
        times.append([statistics.median(one[name]["time"] for one in results) for name in names])
        sizes.append(len(table))
        if "log loss" in results[0]["micrograd"]:
            losses.append([sum(one[name]["log loss"] for one in results) for name in names])
        title = f"{named.name} {named.target}"
        print(f"{title:36}{sizes[-1]:6,}" + "".join(f"{x:10.3f}" for x in scores[-1]), flush=True)
    return summary(np.array(scores), np.array(times), np.array(losses), np.array(sizes))


def summary(scores: Array, times: Array, losses: Array, sizes: Array) -> bool:
    """How many tables are better, by how much, and whether the bars are met."""
    met = True
    print(f"\n{'micrograd, less the score of':36}{'median':>10}{'better':>10}{'far below':>12}")
    for k, name in enumerate(THEIRS, start=1):
        few = sizes < SMALL if name == "boosting" else np.full(len(sizes), True)
        d = (scores[:, 0] - scores[:, k])[few]
        far, most = int((d < -CLOSE).sum()), int(len(d) * 3 / 60)
        title = f"{name}, {len(d)} tables" + f" under {SMALL:,} rows" * (name == "boosting")
        print(f"  {title:34}{np.median(d):+10.4f}{np.mean(d > 0):10.0%}{far:12}", end="")
        good = bool(np.median(d) > 0) and (name == "boosting" or Below(most, "").met(far))
        print(f"   > 0{f', ≤ {most}' * (name != 'boosting')}: {'met' if good else 'NOT MET'}")
        met &= good
    for k, name in enumerate(THEIRS, start=1):
        better = np.mean(losses[:, 0] < losses[:, k])
        ratio = np.median(losses[:, 0] / losses[:, k])
        title = f"log loss / that of {name}, {len(losses)} tables"
        print(f"  {title:42}{ratio:6.3f}  lower in {better:.0%}")
    ratio = float(np.median(times[:, 0] / times[:, 2]))
    good = Within(1.0).met(ratio, 1.0)
    middle = np.median(times, axis=0)
    print(
        f"  time / that of the network, median {ratio:14.2f}   ≤ 1: {'met' if good else 'NOT MET'}"
    )
    print("  seconds, median: " + ", ".join(f"{n} {t:.3f}" for n, t in zip(
        ["micrograd", *THEIRS], middle)))  # fmt: skip
    return met and good


if __name__ == "__main__":
    arguments = sys.argv[1:]
    kept = Path(arguments[1]) if arguments[1:] else None
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    sys.exit(not main(int(arguments[0]) if arguments else 10, kept))
