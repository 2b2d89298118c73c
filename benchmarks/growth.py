"""How does the time of a loss and its gradient grow with the work?

From 10² to 10⁶ examples of a network 2-16-16-1, and from 10 to 10⁶ parameters of one layer of
growing width for 128 examples; on one thread and on two, in float64. Draws docs/growth.png. Linear
means an exponent of at most 1.1 over the last three decades.
"""

import sys
import time
from pathlib import Path

import side_by_side
from side_by_side import Below, verdict

# isort: split
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import micrograd as mg

PICTURE = Path(__file__).parents[1] / "docs" / "growth.png"
THREADS = 1, 2
EXAMPLES = [10**k for k in range(2, 7)]
WIDTHS = [2 * 10**k for k in range(6)]  # of 5 parameters each
BATCH, INPUTS, DECADES, PATIENCE = 128, 4, 3, 0.5  # seconds for each point

random = np.random.default_rng(0)


def of_examples(n: int, threads: int):
    model = mg.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    step = mg.vectorize(lambda x, y: (model(x)[0] - y) ** 2, threads=threads)
    x, y = random.normal(size=(n, 2)), random.normal(size=n)
    step(x[:1], y[:1])
    theta = step.pack()
    return lambda: step.gradient(theta, x, y)


def of_parameters(width: int, threads: int):
    layer = mg.Layer(INPUTS, width, activation="tanh", seed=0)
    step = mg.vectorize(lambda x: mg.sum(h * h for h in layer(x)), threads=threads)
    x = random.normal(size=(BATCH, INPUTS))
    step(x[:1])
    theta = step.pack()
    return lambda: step.gradient(theta, x)


def seconds(call) -> float:
    """The shortest wall-clock time of the calls in half a second, at least five."""
    call()
    times: list[float] = []
    end = time.perf_counter() + PATIENCE
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def slope(work: list[int], times: list[float]) -> float:
    """The slope of log time over log work, fitted to the last three decades."""
    last = [k for k, w in enumerate(work) if w * 10**DECADES >= work[-1] * 0.99]
    return float(
        np.polyfit(np.log([work[k] for k in last]), np.log([times[k] for k in last]), 1)[0]
    )


def row(title: str, work: list[int], sizes: list[int], program) -> tuple[bool, list[list[float]]]:
    columns = [[seconds(program(size, threads)) for size in sizes] for threads in THREADS]
    heads = "".join(f"{f'{t} thread' + 's' * (t > 1) + ', µs':>17}{'ns each':>10}" for t in THREADS)
    print(f"{title:24}{heads}")
    for w, times in zip(work, zip(*columns)):
        print(f"  {w:22,}" + "".join(f"{t * 1e6:17,.1f}{t / w * 1e9:10,.1f}" for t in times))
    met = True
    for threads, times in zip(THREADS, columns):
        power = slope(work, times)
        print(f"  to the power of, {threads} thread{'s' * (threads > 1):5}{power:17.2f}", end="")
        met &= verdict(Below(1.1, ""), power)
        print()
    print(flush=True)
    return met, columns


def draw(questions) -> None:
    mpl.use("agg")
    figure, axes = plt.subplots(1, len(questions), figsize=(10, 4), sharey=True)
    for axis, (title, work, columns) in zip(axes, questions):
        for threads, times in zip(THREADS, columns):
            axis.loglog(work, times, "o-", label=f"{threads} thread{'s' * (threads > 1)}")
        first = columns[0][-1 - DECADES] / work[-1 - DECADES]
        axis.loglog(work, [first * w for w in work], ":", color="gray", label="linear")
        axis.set(xlabel=title)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    axes[0].set(ylabel="loss and gradient, seconds")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


def main() -> bool:
    side_by_side.header("matplotlib", how="the shortest time by the clock")
    parameters = [(INPUTS + 1) * width for width in WIDTHS]
    examples = row("examples", EXAMPLES, EXAMPLES, of_examples)
    weights = row("parameters", parameters, WIDTHS, of_parameters)
    draw([("examples", EXAMPLES, examples[1]), ("parameters", parameters, weights[1])])
    return examples[0] and weights[0]


if __name__ == "__main__":
    sys.exit(not main())
