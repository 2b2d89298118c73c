"""How long do loops over a state take to compile and to run, with their gradients?

GARCH and an RNN of 16 read a series, a pendulum by RK4 reads none. `scan` for 256 examples and more
and more steps: the first call for value and gradient, and then the time of a step for an example;
beside the same loop, unrolled.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import side_by_side
from side_by_side import Below, Within, verdict

# isort: split
import numpy as np

import micrograd as mg
from micrograd.loops import run

EXAMPLES, UNROLLED = 256, 50
STEPS = 100, 1_000, 10_000
Scan = Callable[..., Any]
random = np.random.default_rng(0)


def garch(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    omega, alpha, beta = map(mg.Value, (0.1, 0.1, 0.8))

    def step(h: Any, r: Any) -> Any:
        return omega + alpha * r * r + beta * h, mg.log(h) + r * r / h

    def loss(r: Any) -> Any:
        return np.sum(scan(step, omega / (1 - alpha - beta), [*r])[1])

    return loss, random.normal(size=(EXAMPLES, steps))


def rnn(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    rows = [[mg.Value(x) for x in row] for row in random.normal(size=(16, 21)) * 0.2]

    def step(h: Any, x: Any) -> Any:
        return [mg.tanh(mg.dot(row[:20], [*h, *x], row[20])) for row in rows], None

    def loss(x: Any) -> Any:
        h, _ = scan(step, [0.0] * 16, [*x])
        return mg.sum(v * v for v in h)

    return loss, random.normal(size=(EXAMPLES, steps, 4))


def pendulum(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    gravity, length, friction = map(mg.Value, (9.81, 1.3, 0.1))
    dt = 0.01

    def slope(q: Any, v: Any) -> Any:
        return v, -(gravity / length) * mg.sin(q) - friction * v

    def step(state: Any, _: Any) -> Any:
        q, v = state
        a, b = slope(q, v)
        c, d = slope(q + 0.5 * dt * a, v + 0.5 * dt * b)
        e, f = slope(q + 0.5 * dt * c, v + 0.5 * dt * d)
        g, h = slope(q + dt * e, v + dt * f)
        return (q + dt / 6 * (a + 2 * c + 2 * e + g), v + dt / 6 * (b + 2 * d + 2 * f + h)), None

    def energy(x: Any) -> Any:
        (q, v), _ = scan(step, (x[0], x[1]), [None] * steps)
        return q * q + v * v

    return energy, random.normal(size=(EXAMPLES, 2))


def rolled(step: Any, carry: Any, items: list[Any]) -> Any:
    without = items[0] is None
    return mg.scan(step, carry, None if without else items, length=len(items))


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def times(program: Any, scan: Scan, steps: int) -> tuple[float, float]:
    """Seconds of the first call, and of a call after it."""
    loss, x = program(scan, steps)
    f = mg.vectorize(loss, each="row")
    first = seconds(lambda: f.backward(x))
    theta = f.pack()
    return first, median(seconds(lambda: f.gradient(theta, x)) for _ in range(11))


def main() -> bool:
    side_by_side.header()
    os.environ["MICROGRAD_CACHE_DIR"] = tempfile.mkdtemp()
    met = True
    for program in (garch, rnn, pendulum):
        print(
            f"{program.__name__ + ', steps':26} {'first call, s':>14} {'a step, ns an example':>24}"
        )
        written, unrolled = times(program, run, UNROLLED)
        each = unrolled / UNROLLED / EXAMPLES * 1e9
        print(f"  {f'{UNROLLED}, unrolled':24} {written:14.2f} {each:24.2f}")
        for steps in STEPS:
            first, later = times(program, rolled, steps)
            per_step = later / steps / EXAMPLES * 1e9
            print(f"  {steps:<24,} {first:14.2f} {per_step:24.2f}", end="")
            if steps == 1_000:
                met &= verdict(Below(1.5, "s"), first)
                met &= verdict(Within(1.5), per_step, each)
            print(flush=True)
        print(flush=True)
    return met


if __name__ == "__main__":
    sys.exit(not main())
