"""What does an opaque operation cost in a compiled program, beside the library's own call?"""

import sys

import side_by_side
from side_by_side import Within, agree, compare

# isort: split
import math

import numpy as np
from scipy import special

import micrograd as mg

NUMBERS = 100_000


@mg.op(derivative=lambda g, z, x: -g * j1(x), opaque=True)
def j0(x):
    return special.j0(x)


@mg.op(derivative=lambda g, z, x: g * (j0(x) - z / x), opaque=True)
def j1(x):
    return special.j1(x)


@mg.op(derivative=lambda g, z, x: g * z * mg.digamma(x), opaque=True)
def gamma(x):
    return math.gamma(x)


def main() -> bool:
    side_by_side.header()
    x = np.random.default_rng(0).uniform(0.5, 20.0, NUMBERS)
    of_arrays, of_numbers = mg.vectorize(lambda x: j0(x) + 1.0), mg.vectorize(lambda x: gamma(x))
    one = mg.compile(lambda x: j0(x) + 1.0)
    agree("columns", of_arrays(x), special.j0(x) + 1.0)
    agree("numbers", of_numbers(x), special.gamma(x))
    agree("one number", one(2.5), special.j0(2.5) + 1.0)
    met = compare(
        "SciPy's j0, which takes arrays",
        {
            "micrograd": lambda: of_arrays(x),
            "micrograd, value and gradient": lambda: of_arrays.value_and_grad(x),
            "SciPy": lambda: special.j0(x) + 1.0,
        },
        {"SciPy": (Within(5),)}, per=NUMBERS, unit="ns",
    )  # fmt: skip
    met &= compare(
        "math.gamma, number by number",
        {
            "micrograd": lambda: of_numbers(x),
            "a loop in Python": lambda: [math.gamma(y) for y in x.tolist()],
        },
        {"a loop in Python": (Within(5),)}, per=NUMBERS, unit="ns",
    )  # fmt: skip
    compare(
        "one call with one number",
        {"micrograd": lambda: one(2.5), "SciPy": lambda: special.j0(2.5) + 1.0},
        {}, per=1, unit="µs",
    )  # fmt: skip
    return met


if __name__ == "__main__":
    sys.exit(not main())
