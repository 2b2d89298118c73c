"""How much longer does a call of a compiled function take than that of an empty Python function?"""

import sys

import side_by_side
from side_by_side import Below, agree, medians, verdict

# isort: split
import numpy as np

import micrograd as mg


def formula(x, y, z):
    return x * y + z


def empty(x, y, z):
    pass


def main() -> bool:
    side_by_side.header()
    f = mg.compile(formula)
    v = mg.compile(lambda v: formula(*v))
    array = np.array([2.0, 3.0, 4.0])
    agree("three scalars", f(2.0, 3.0, 4.0), 10.0)
    agree("an array of three", v(array), 10.0)
    many, one = mg.vectorize(formula), array[:1]
    sides = {
        "an empty Python function": lambda: empty(2.0, 3.0, 4.0),
        "three scalars": lambda: f(2.0, 3.0, 4.0),
        "three scalars, value and gradient": lambda: f.value_and_grad(2.0, 3.0, 4.0),
        "an array of three": lambda: v(array),
        "an array of three, value and gradient": lambda: v.value_and_grad(array),
        "vectorized, one example": lambda: many(one, one, one),
        "vectorized, one example, value and gradient": lambda: many.value_and_grad(one, one, one),
    }
    bars = dict(zip([*sides][1:], [1.5, 5, 8, 8, 8, 12]))  # microseconds
    seconds = medians(sides, rounds=51)
    nothing = seconds.pop("an empty Python function")
    met = True
    print(f"{'one call, less that of an empty Python function, µs':54}  {'time':>9}")
    for name, time in seconds.items():
        over = (time - nothing) * 1e6
        print(f"  {name:52}  {over:9.2f}", end="")
        met &= verdict(Below(bars[name], "µs"), over)
        print(flush=True)
    return met


if __name__ == "__main__":
    sys.exit(not main())
