"""How much faster, and smaller, is the eager engine than karpathy/micrograd?

    make bench-eager

installs the original beside ours and runs this file. The two sides run in separate processes, in
turns; medians of processor time are compared. The demo step is that of the original's demo
notebook: 100 points of two moons, a network 2-16-16-1, hinge loss and weight decay, and 337
gradients. It is written twice: with the models of each package, and identically for both with only
+ and *. Exits with status 1 if a bar is missed.
"""

import gc
import importlib.metadata
import json
import platform
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

ORIGINAL = Path(__file__).parent / ".original"  # where `make bench-eager` installs it
ROUNDS = 3


# The measurements. Each function runs in a process that has imported one of the two packages.


def demo() -> list[float]:
    """Seconds of each step of the demo, written with the models of the package."""
    import micrograd

    return _steps(by_our_models() if hasattr(micrograd, "MLP") else _by_their_models())


def plain() -> list[float]:
    """Seconds of each step of the demo, written with + and * only."""
    return _steps(by_hand())


def memory() -> list[float]:
    """Bytes a node, in a graph of + and *."""
    from micrograd.engine import Value

    a, b, pairs = Value(0.5), Value(1.0), 5_000
    gc.collect()
    tracemalloc.start()
    x = a
    for _ in range(pairs):
        x = x * a + b
    return [tracemalloc.get_traced_memory()[0] / (2 * pairs)]


def chain() -> list[float]:
    """Seconds of a million additions, forward and backward."""
    from micrograd.engine import Value

    start = time.process_time()
    x = total = Value(1.0)
    for _ in range(1_000_000):
        total = total + x
    total.backward()
    assert x.grad == 1_000_001
    return [time.process_time() - start]


def start_up() -> list[float]:
    """Seconds of `import micrograd`."""
    start = time.process_time()
    import micrograd  # noqa: F401

    return [time.process_time() - start]


# The demo step: a score for each point, the loss of all, its gradients.

Points = Any  # an array of 100 x 2 numbers
Signs = Any  # an array of 100 integers, -1 or 1


Problem = tuple[Callable[[Points, Signs], Any], list[Any]]  # a loss, and its parameters


def step_of(problem: Problem) -> Callable[[], float]:
    """One step, which returns the loss."""
    from sklearn.datasets import make_moons

    loss, parameters = problem
    moons: Any = make_moons(n_samples=100, noise=0.1, random_state=1)
    points, signs = moons[0], moons[1] * 2 - 1  # arrays, as the notebook has them

    def step() -> float:
        total = loss(points, signs)
        for p in parameters:
            p.grad = 0.0
        total.backward()
        return total.data  # to free the graph is part of the step

    return step


def _steps(problem: Problem) -> list[float]:
    """The seconds of each step, for two seconds at least; prints the loss."""
    step = step_of(problem)
    seconds: list[float] = []
    number = 0.0
    while len(seconds) < 3 or sum(seconds) < 2.0:
        start = time.process_time()
        number = step()
        seconds.append(time.process_time() - start)
    print(json.dumps({"loss": number}))
    return seconds[1:]  # without the first, which warms up


def _weights() -> list[list[tuple[list[float], float]]]:
    """For each layer, the weights and the bias of each neuron."""
    uniform = random.Random(1337).uniform
    shapes = [(2, 16), (16, 16), (16, 1)]
    return [[([uniform(-1, 1) for _ in range(m)], 0.0) for _ in range(n)] for m, n in shapes]


def by_our_models() -> Problem:
    import micrograd as mg

    model = mg.MLP(2, [16, 16, 1], activation="relu")
    for layer, weights in zip(model.layers, _weights()):
        layer.load_state_dict(dict(zip(("weights", "bias"), zip(*weights))))
    parameters = model.parameters()

    def loss(points: Points, signs: Signs) -> Any:
        scores = [model(point)[0] for point in points]
        losses = [(1 - sign * score).relu() for sign, score in zip(signs, scores)]
        return mg.mean(losses) + 1e-4 * mg.sum(p * p for p in parameters)

    return loss, parameters


def _by_score(score: Callable[[list[float]], Any], parameters: list[Any]) -> Problem:
    """As the notebook has it, with Python's own sum."""

    def loss(points: Points, signs: Signs) -> Any:
        losses = [(1 + -sign * score(point)).relu() for point, sign in zip(points, signs)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)

    return loss, parameters


def _by_their_models() -> Problem:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    model: Any = MLP(2, [16, 16, 1])
    for layer, weights in zip(model.layers, _weights()):
        for neuron, (ws, b) in zip(layer.neurons, weights):
            for value, number in zip([*neuron.w, neuron.b], [*ws, b]):
                value.data = number
    return _by_score(lambda point: model([Value(x) for x in point]), model.parameters())


def by_hand() -> Problem:
    from micrograd.engine import Value

    layers = [[([Value(w) for w in ws], Value(b)) for ws, b in layer] for layer in _weights()]

    def score(point: list[float]) -> Any:
        x: list[Any] = [Value(number) for number in point]
        for i, layer in enumerate(layers):
            x = [sum((w * xi for w, xi in zip(ws, x)), b) for ws, b in layer]
            if i < 2:
                x = [neuron.relu() for neuron in x]
        return x[0]

    return _by_score(score, [p for layer in layers for ws, b in layer for p in (*ws, b)])


# Running it and reporting.

QUESTIONS: dict[str, Callable[[], list[float]]] = {
    "demo": demo, "plain": plain, "memory": memory, "chain": chain, "start_up": start_up,
}  # fmt: skip


def measure(question: str, original: bool) -> tuple[float, dict[str, float]]:
    """The median of one process, and its other output."""
    command = [sys.executable, __file__, question, *["original"][: int(original)]]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return statistics.median(lines[-1]), lines[0] if len(lines) > 1 else {}


def compare(question: str) -> tuple[float, float]:
    """The medians of the original and of ours, run in turns."""
    pairs = [(measure(question, True), measure(question, False)) for _ in range(ROUNDS)]
    for (_, theirs), (_, ours) in pairs:
        for name, number in theirs.items():
            assert abs(number - ours[name]) < 1e-9, (
                f"{question}: {name} {number}, ours {ours[name]}"
            )
    return tuple(statistics.median(side[0] for side in sides) for sides in zip(*pairs))  # type: ignore[return-value]


def main() -> int:
    print(f"{platform.processor() or platform.machine()}, {platform.platform()}")
    print(f"Python {platform.python_version()}, karpathy/micrograd {_version()}, {ROUNDS} rounds\n")
    print(f"{'':34}{'original':>12}{'ours':>12}{'ratio':>8}   bar")
    met = []
    for question, title, unit, scale, bar in (
        ("demo", "demo step, with its models", "ms", 1e3, 100),
        ("plain", "demo step, with + and * only", "ms", 1e3, 8),
        ("memory", "memory a node", "bytes", 1, 4),
    ):
        theirs, ours = compare(question)
        met.append(theirs / ours >= bar)
        print(
            f"{title + ', ' + unit:34}{theirs * scale:12,.1f}{ours * scale:12,.1f}"
            f"{theirs / ours:7.1f}x   at least {bar}x: {'met' if met[-1] else 'NOT MET'}"
        )
    for question, title, bar in (
        ("chain", "1,000,000 additions and backward, s", 4.0),
        ("start_up", "import micrograd, s", 0.15),
    ):
        ours = statistics.median(measure(question, False)[0] for _ in range(ROUNDS))
        met.append(ours < bar)
        print(f"{title:46}{ours:12.3f}           below {bar}: {'met' if met[-1] else 'NOT MET'}")
    return 0 if all(met) else 1


def _version() -> str:
    (found,) = importlib.metadata.distributions(name="micrograd", path=[str(ORIGINAL)])
    return found.version


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    if sys.argv[2:] == ["original"]:
        sys.path.insert(0, str(ORIGINAL))
    print(json.dumps(QUESTIONS[sys.argv[1]]()))
