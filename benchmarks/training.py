"""How long does training take: `fit`, against PyTorch, scikit-learn, skorch and NumPy by hand?

All sides have the same architecture, data, batch size, epochs and optimiser; the loss of each is
printed beside its time. `python benchmarks/training.py digits images` runs only some benchmarks.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import side_by_side
from side_by_side import Below, Faster, verdict

# isort: split
import warnings

import numpy as np
from sklearn.datasets import load_digits
from training_peers import (
    Task,
    Trained,
    in_scalars,
    in_sklearn,
    in_skorch,
    numpy_by_hand,
    sklearn_like,
    torch_loader,
    torch_slices,
)

Clock = Callable[[], float]
Sides = Mapping[str, Callable[[], Trained]]


@dataclass(frozen=True)
class NoWorse:
    """Our mean score is at least the peer's minus two standard errors of the difference, the range
    of chance."""

    def met(self, ours: list[float], peer: list[float]) -> bool:
        differences = np.subtract(ours, peer)
        return bool(differences.mean() >= -2 * differences.std(ddof=1) / len(differences) ** 0.5)

    def __str__(self) -> str:
        return "no worse"


def compare(
    title: str,
    sides: Callable[[int], Sides],
    bars: Mapping[str, Any],
    *,
    rounds: int = 1,
    judge: Callable[[int, Callable[[Any], Any]], float] | None = None,
    clock: Clock = time.process_time,
) -> bool:
    """Trains the `sides` of each round in turn; with several rounds there is one more to warm up.

    `judge` takes the round and a function that predicts, and returns a score in per cent.
    """
    times: dict[str, list[float]] = {}
    losses: dict[str, list[float]] = {}
    scores: dict[str, list[float]] = {}
    for round_ in [*([0] if rounds > 1 else []), *range(rounds)]:
        for name, side in sides(round_).items():
            start = clock()
            loss, outputs = side()
            times.setdefault(name, []).append(clock() - start)
            losses.setdefault(name, []).append(loss)
            scores.setdefault(name, []).append(judge(round_, outputs) if judge else 0.0)
    warm = 1 if rounds > 1 else 0
    ours, *_ = times
    shortest = statistics.median(times[ours][warm:])
    met = True
    print(f"{title + ', seconds':66}  {'time':>8}  {'/ ours':>7}")
    for name in times:
        median, score = statistics.median(times[name][warm:]), scores[name][warm:]
        told = f"loss {statistics.mean(losses[name][warm:]):.4f}"
        if judge:
            told += f" test {statistics.mean(score):.2f} %"
        print(f"  {name:32}  {told:30}  {median:8.3f}  {median / shortest:7.2f}", end="")
        if name in bars:
            met &= verdict(bars[name], shortest, median)
            if judge:
                met &= verdict(NoWorse(), scores[ours][warm:], score)
        print(flush=True)
    print(flush=True)
    return met


# The demo: from `fit` to trained weights.

DEMO = """
import statistics, time, numpy as np
from sklearn.datasets import make_moons
import micrograd as mg
X, y = make_moons(n_samples=100, noise=0.1, random_state=1)
model = mg.MLP(2, [16, 16, 1], activation="relu", seed=0)
def seconds(epochs):
    start = time.process_time()
    rate = lambda step: 1.0 - 0.9 * min(step, 100) / 100
    history = mg.fit(model, X, y * 2 - 1, loss="hinge", optimizer=mg.SGD(rate), l2=1e-4,
                     epochs=epochs, batch_size=None, progress=False)
    return time.process_time() - start, history.loss[min(epochs, 100) - 1]
first, loss = seconds(100)
some, many = (statistics.median(seconds(n)[0] for _ in range(9)) for n in (100, 2100))
print(first, some, (many - some) / 20, loss)
"""


def demo() -> bool:
    """100 full-batch steps in a new process: with an empty cache, then from the cache.

    A process before these writes Python's bytecode, which an installed package includes.
    """
    with tempfile.TemporaryDirectory() as folder:
        python = os.environ | {"PYTHONPYCACHEPREFIX": f"{folder}/python"}
        python.pop("PYTHONDONTWRITEBYTECODE", None)
        runs = [
            subprocess.run(
                [sys.executable, "-c", DEMO], check=True, capture_output=True,
                env=python | {"MICROGRAD_CACHE_DIR": f"{folder}/{cache}"},
            )
            for cache in ("first", "code", "code")
        ]  # fmt: skip
    _, (cold, again, steps, loss), (cached, *_) = (map(float, x.stdout.split()) for x in runs)
    print(f"demo: 100 steps of fit on 100 points, loss {loss:.4f}")
    print(f"  compile included{cold:10.3f} s", end="")
    met = verdict(Below(0.4, "s"), cold)
    print(f"\n  compile included, cached before{cached:10.3f} s")
    print(f"  compile not included: fit once more{again * 1e3:10.3f} ms", end="")
    met &= verdict(Below(1.5, "ms"), again * 1e3)
    print(f"\n  each further 100 steps{steps * 1e3:10.3f} ms\n", flush=True)
    return met


def digits() -> bool:
    """1,797 × 64, 64-64-10, Adam, 50 epochs: 16 splits of the digits, each with its seed."""
    data = load_digits()
    orders = [np.random.default_rng(k).permutation(len(data.data)) for k in range(16)]
    X, y = (data.data / 16).astype(np.float32), data.target.astype(np.int64)

    def sides(k: int) -> Sides:
        rows = orders[k][:1400]
        task = Task(X[rows], y[rows], [64, 10], batch=64, epochs=50, adam=True, rate=1e-3, seed=k)
        return {
            "micrograd.fit": in_scalars(task), "scikit-learn": in_sklearn(task),
            "PyTorch, slices": torch_slices(task), "skorch": in_skorch(task),
        }  # fmt: skip

    def accuracy(k: int, outputs: Callable[[Any], Any]) -> float:
        rows = orders[k][1400:]
        return float((outputs(X[rows]).argmax(axis=1) == y[rows]).mean()) * 100

    bars = {"scikit-learn": Faster(4), "PyTorch, slices": Faster(4), "skorch": Faster(10)}
    return compare("digits, 64-64-10, 50 epochs", sides, bars, rounds=16, judge=accuracy)


def made_images() -> tuple[np.ndarray, np.ndarray]:
    """60,000 images of 784 pixels: ten patterns with noise."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, 60_000)
    patterns = random.uniform(0, 1, (10, 784)).astype(np.float32)
    noise = random.normal(0, 1, (60_000, 784)).astype(np.float32)
    return np.clip(patterns[y] + noise, 0, 1), y


def images() -> bool:
    """One epoch of 60,000 images, in batches."""
    X, y = made_images()
    met = True
    for hidden in (50, 128):
        for batch in (64, 128):
            task = Task(X, y, [hidden, 10], batch=batch)
            sides = {
                "micrograd.fit": in_scalars(task), "PyTorch, slices": torch_slices(task),
                "scikit-learn": in_sklearn(task), "NumPy by hand": numpy_by_hand(task),
            }  # fmt: skip
            bars = {name: Faster(1.2) for name in [*sides][1:]}
            title = f"60,000 × 784, 784-{hidden}-10, batch {batch}"
            met &= compare(title, lambda _, sides=sides: sides, bars, rounds=3)
    return met


def one_by_one() -> bool:
    """One epoch of 60,000 images, one at a time."""
    X, y = made_images()
    task = Task(X, y, [50, 10], batch=1, rate=0.005)
    sides = {
        "micrograd.fit": in_scalars(task), "NumPy by hand": numpy_by_hand(task),
        "PyTorch, slices": torch_slices(task),
    }  # fmt: skip
    bars = {"NumPy by hand": Faster(2), "PyTorch, slices": Faster(4)}
    return compare("60,000 × 784, 784-50-10, batch 1", lambda _: sides, bars)


def made_table(batch: int) -> Task:
    """10⁶ rows of 20 numbers, and a smooth function of them."""
    random = np.random.default_rng(0)
    X = random.normal(size=(1_000_000, 20)).astype(np.float32)
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * random.normal(size=len(X))
    return Task(X, y, [32, 32, 1], batch=batch)


def table() -> bool:
    """One epoch of 10⁶ rows."""
    task = made_table(256)
    sides = {
        "micrograd.fit": in_scalars(task), "PyTorch, DataLoader": torch_loader(task),
        "PyTorch, slices": torch_slices(task),
    }  # fmt: skip
    bars = {"PyTorch, DataLoader": Faster(20), "PyTorch, slices": Faster(5)}
    return compare("10⁶ × 20, 20-32-32-1, batch 256", lambda _: sides, bars, rounds=3)


def prediction() -> bool:
    """The outputs of a trained network, the same on both sides, for one row and for 10⁶."""
    task = made_table(256)
    few = Task(task.X[:2560], task.y[:2560], task.sizes, task.batch)
    _, ours = in_scalars(few)()
    theirs = sklearn_like(few, ours.model)
    np.testing.assert_allclose(ours(task.X)[:, 0], theirs(task.X), rtol=1e-3, atol=1e-4)
    row = task.X[0]
    met = side_by_side.compare(
        "prediction for one row", {"micrograd": lambda: ours(row),
        "scikit-learn": lambda: theirs(row[None])}, {"scikit-learn": (Faster(10),)},
    )  # fmt: skip
    return met & side_by_side.compare(
        "prediction for 10⁶ rows", {"micrograd": lambda: ours(task.X),
        "scikit-learn": lambda: theirs(task.X)}, {"scikit-learn": (Faster(3),)},
        unit="ms", rounds=5,
    )  # fmt: skip


def threads() -> bool:
    """One epoch of 10⁶ rows in batches of 4,096, in wall-clock time."""
    task = made_table(4096)
    sides = {"two threads": in_scalars(task, threads=2), "one thread": in_scalars(task)}
    return compare(
        "10⁶ × 20, batch 4,096, by the clock on the wall", lambda _: sides,
        {"one thread": Faster(1.7)}, rounds=9, clock=time.perf_counter,
    )  # fmt: skip


QUESTIONS = (demo, digits, images, one_by_one, table, prediction, threads)


def main() -> int:
    asked = sys.argv[1:] or [question.__name__ for question in QUESTIONS]
    side_by_side.header("torch", "scikit-learn", "skorch")
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")  # one epoch is intended
    met = [question() for question in QUESTIONS if question.__name__ in asked]
    return all(met)


if __name__ == "__main__":
    sys.exit(not main())
