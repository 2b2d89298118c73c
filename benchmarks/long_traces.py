"""How does the time from a function to its gradient's program grow with the trace?

A recurrence as plain Python, of more and more steps: GARCH, whose steps read a series, and a
pendulum by RK4, whose captured numbers meet the state late. Microseconds of processor time for each
node of the trace, without machine code. Linear means an exponent of at most 1.1.
"""

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import side_by_side
from side_by_side import Below, verdict

# isort: split
import numpy as np

import micrograd as mg
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.roll import roll
from micrograd.compiler.trace.called import Shape, trace
from micrograd.structure import flatten

NODES = 10**4, 10**5, 10**6


def garch(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    omega, alpha, beta = map(mg.Value, (0.1, 0.1, 0.8))

    def loss(r):
        h, total = omega / (1 - alpha - beta), 0.0
        for t in range(steps):
            total = total + mg.log(h) + r[t] * r[t] / h
            h = omega + alpha * r[t] * r[t] + beta * h
        return total

    return loss, [(steps,)]


def pendulum(steps: int) -> tuple[Callable[..., Any], list[Shape]]:
    gravity, length, friction = map(mg.Value, (9.81, 1.3, 0.1))
    dt = 0.01

    def slope(q, v):
        return v, -(gravity / length) * mg.sin(q) - friction * v

    def energy(q, v):
        for _ in range(steps):
            a, b = slope(q, v)
            c, d = slope(q + 0.5 * dt * a, v + 0.5 * dt * b)
            e, f = slope(q + 0.5 * dt * c, v + 0.5 * dt * d)
            g, h = slope(q + dt * e, v + dt * f)
            q, v = q + dt / 6 * (a + 2 * c + 2 * e + g), v + dt / 6 * (b + 2 * d + 2 * f + h)
        return q * q + v * v

    return energy, [None, None]


def stages(function: Callable[..., Any], shapes: list[Shape]) -> tuple[int, list[float]]:
    """The nodes of the trace; the seconds of trace, roll and adjoint."""
    _, structure = flatten((tuple(range(len(shapes))), {}))
    times = [time.process_time()]
    graph = trace(function, structure, shapes)
    times.append(time.process_time())
    program = roll(graph)
    times.append(time.process_time())
    add_adjoint(program, per_example=False)
    times.append(time.process_time())
    return len(graph.nodes), np.diff(times).tolist()


def main() -> bool:
    side_by_side.header(how="one thread; processor time")
    met = True
    for title, program in (("GARCH", garch), ("RK4", pendulum)):
        nodes_of_a_step = stages(*program(11))[0] - stages(*program(10))[0]
        print(f"{title + ', nodes':24}{'trace, µs each':>16}{'roll':>8}{'adjoint':>10}")
        work: list[int] = []
        totals: list[float] = []
        for nodes in NODES:
            gc.collect()
            gc.disable()  # as while a function is compiled
            count, times = stages(*program(nodes // nodes_of_a_step))
            gc.enable()
            work.append(count)
            totals.append(sum(times))
            trace_, roll_, adjoint = (1e6 * t / count for t in times)
            print(f"  {count:<22,}{trace_:16.1f}{roll_:8.1f}{adjoint:10.1f}", flush=True)
        power = float(np.polyfit(np.log(work), np.log(totals), 1)[0])
        print(f"  to the power of {power:25.2f}", end="")
        met &= verdict(Below(1.1, ""), power)
        print("\n", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(not main())
