"""How long do loops over a state take to compile and to run, with their gradients?

GARCH, a Kalman filter, a hidden Markov model of 8 states, an LSTM of 14 and an RNN of 16 read a
series, a pendulum by RK4 reads none. For 256 examples: the first call for value and gradient, of
which the trace of a loop of Python grows with the steps; then the time of a step for an example;
and the lines of LLVM's code, which do not grow. `scan` for more and more steps; and 50 steps that
are written out.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import side_by_side
from side_by_side import Below, Within, verdict

# isort: split
import numpy as np

import micrograd as mg
from micrograd.compiler.trace import found
from micrograd.loops import run

EXAMPLES, UNROLLED, LONG = 256, 50, 1_000_000
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


def kalman(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    a, b, c, d, q, r = map(mg.Value, (0.9, 0.1, -0.1, 0.8, 0.1, 0.5))

    def step(state: Any, y: Any) -> Any:
        m0, m1, p00, p01, p11 = state
        n0, n1 = a * m0 + b * m1, c * m0 + d * m1
        u00, u01, u10, u11 = (
            a * p00 + b * p01,
            a * p01 + b * p11,
            c * p00 + d * p01,
            c * p01 + d * p11,
        )
        q00, q01, q11 = u00 * a + u01 * b + q, u00 * c + u01 * d, u10 * c + u11 * d + q
        s, e = q00 + r, y - n0
        k0, k1 = q00 / s, q01 / s
        after = n0 + k0 * e, n1 + k1 * e, q00 - k0 * q00, q01 - k0 * q01, q11 - k1 * q01
        return after, mg.log(s) + e * e / s

    def loss(y: Any) -> Any:
        return np.sum(scan(step, (0.0, 0.0, 1.0, 0.0, 1.0), [*y])[1])

    return loss, random.normal(size=(EXAMPLES, steps))


def hmm(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    rows = [[mg.Value(x) for x in row] for row in random.normal(size=(8, 8)) * 0.3]
    means = [mg.Value(x) for x in np.linspace(-2, 2, 8)]

    def loss(y: Any) -> Any:
        change = [[w - mg.logsumexp(row) for w in row] for row in rows]

        def step(likelihoods: Any, y: Any) -> Any:
            return [
                mg.logsumexp([p + row[j] for p, row in zip(likelihoods, change)]) - (y - m) ** 2
                for j, m in enumerate(means)
            ], None

        return mg.logsumexp(scan(step, [0.0] * 8, [*y])[0])

    return loss, random.normal(size=(EXAMPLES, steps))


def lstm(scan: Scan, steps: int) -> tuple[Callable[..., Any], Any]:
    rows = [[mg.Value(x) for x in row] for row in random.normal(size=(56, 16)) * 0.2]

    def step(state: Any, x: Any) -> Any:
        h, c = state
        z = [mg.dot(row[:15], [*h, x], row[15]) for row in rows]
        i, f, o = ([mg.sigmoid(v) for v in z[k : k + 14]] for k in (0, 14, 28))
        c = [f[k] * c[k] + i[k] * mg.tanh(z[42 + k]) for k in range(14)]
        return ([o[k] * mg.tanh(c[k]) for k in range(14)], c), None

    def loss(x: Any) -> Any:
        (h, _), _ = scan(step, ([0.0] * 14, [0.0] * 14), [*x])
        return mg.sum(v * v for v in h)

    return loss, random.normal(size=(EXAMPLES, steps))


def rolled(step: Any, carry: Any, items: list[Any]) -> Any:
    without = items[0] is None
    return mg.scan(step, carry, None if without else items, length=len(items))


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def times(program: Any, scan: Scan, steps: int) -> tuple[float, float, int]:
    """Seconds of the first call, and of a step of an example after it; the lines of the code."""
    loss, x = program(scan, steps)
    f = mg.vectorize(loss, each="row")
    first = seconds(lambda: f.backward(x))
    theta = f.pack()
    later = median(seconds(lambda: f.gradient(theta, x)) for _ in range(7))
    lines = str(f.source("llvm", gradient="parameters")).count("\n")
    return first, later / steps / EXAMPLES, lines


def row(name: str, first: float, step: float, lines: int) -> None:
    print(f"  {name:24} {first:14.2f} {step * 1e9:24.2f} {lines:10,}", end="", flush=True)


def memory() -> None:
    """Prints the most memory that this process has needed for a gradient of many steps."""
    omega, alpha, beta = map(mg.Value, (0.1, 0.1, 0.8))

    def step(state: Any, r: Any) -> Any:
        h, total = state
        return (omega + alpha * r * r + beta * h, total + mg.log(h) + r * r / h), None

    f = mg.compile(lambda r: mg.scan(step, (omega / (1 - alpha - beta), 0.0), r)[0][1])
    f.backward(random.normal(size=LONG))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main() -> bool:
    side_by_side.header()
    os.environ["MICROGRAD_CACHE_DIR"] = tempfile.mkdtemp()
    # First, while this process is small: the most that a new one has needed includes its parent's.
    command = [sys.executable, "-c", "import recurrences; recurrences.memory()"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True)
    print(f"garch, {LONG:,} steps, memory: {float(done.stdout):.0f} MB", end="")
    met = verdict(Below(1000, "MB"), float(done.stdout))
    print("\n")
    for program in (garch, pendulum, kalman, hmm, lstm, rnn):
        print(
            f"{program.__name__ + ', steps':26} {'first call, s':>14} "
            f"{'a step, ns an example':>24} {'lines':>10}"
        )
        nodes, found.NODES = found.NODES, sys.maxsize
        _, written_out, _ = unrolled = times(program, run, UNROLLED)
        found.NODES = nodes
        row(f"{UNROLLED}, written out", *unrolled)
        print()
        few, many = (times(program, run, steps) for steps in (200, 1_000))
        row("1,000, as written", *many)
        met &= verdict(Below(1.5, "s"), many[0])
        met &= verdict(Below(few[2], "lines, as for 200 steps"), many[2])
        print()
        for steps in STEPS:
            first, step, lines = times(program, rolled, steps)
            row(f"{steps:,}, scan", first, step, lines)
            if steps == 1_000:
                met &= verdict(Below(1.5, "s"), first)
                met &= verdict(Within(1.5), step, written_out)
            print(flush=True)
        print(flush=True)
    return met


if __name__ == "__main__":
    sys.exit(not main())
