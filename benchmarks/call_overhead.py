"""How long does a call take in which there is hardly anything to compute: x * y + z?

Of numbers, and of an array of three, value and gradient; against plain Python, Numba's and JAX's
compiled functions, whose gradients are written by hand in Python and for Numba.
"""

import sys

import side_by_side
from side_by_side import Below, agree

# isort: split
import jax
import numba
import numpy as np

import micrograd as mg


def formula(x, y, z):
    return x * y + z


def with_gradient(x, y, z):
    return x * y + z, (y, x, 1.0)


def of_array(v):
    return v[0] * v[1] + v[2]


def of_array_with_gradient(v):
    return v[0] * v[1] + v[2], np.array([v[1], v[0], 1.0])


NUMBERS = 2.0, 3.0, 4.0
ARRAY = np.array(NUMBERS)
ONE = ARRAY[:1]


def in_numba(function, *args):
    compiled = numba.njit(function)
    return lambda: compiled(*args)


def in_jax(function, *args):
    step = jax.jit(function)
    return lambda: jax.block_until_ready(step(*args))


def ours(value, gradient, *args):
    return {"micrograd": lambda: value(*args)}, {"micrograd": lambda: gradient(*args)}


def peers(function, by_hand, argnums, *args):
    """The value by each peer, and the value with its gradient."""
    values = {
        "plain Python": lambda: function(*args),
        "numba.njit": in_numba(function, *args),
        "jax.jit": in_jax(function, *args),
    }
    gradients = {
        "plain Python": lambda: by_hand(*args),
        "numba.njit": in_numba(by_hand, *args),
        "jax.jit": in_jax(jax.value_and_grad(function, argnums=argnums), *args),
    }
    return values, gradients


def rows():
    """Titles, sides and bars in microseconds."""
    f, v, many = mg.compile(formula), mg.compile(of_array), mg.vectorize(formula)
    of_numbers = peers(formula, with_gradient, (0, 1, 2), *NUMBERS)
    of_arrays = peers(of_array, of_array_with_gradient, 0, ARRAY)
    for title, own, others, bars in (
        ("three numbers", ours(f, f.value_and_grad, *NUMBERS), of_numbers, (1.5, 5)),
        ("an array of three", ours(v, v.value_and_grad, ARRAY), of_arrays, (8, 8)),
        ("vectorized, one example", ours(many, many.value_and_grad, *[ONE] * 3), ({}, {}), (8, 12)),
    ):
        for more, mine, other, bar in zip(("", ", value and gradient"), own, others, bars):
            yield title + more, mine | other, bar


def columns() -> bool:
    """A thousand rows: a column of integers, and the same as floats."""
    f = mg.vectorize(lambda x, k: mg.where(k > 2, x, 2 * x))
    x, k = np.linspace(0, 1, 1_000), np.arange(1_000) % 5
    floats = k + 0.0
    sides = {
        "micrograd": lambda: f.value_and_grad(x, k),
        "micrograd, of floats": lambda: f.value_and_grad(x, floats),
    }
    agree("a column of integers", *[side()[0] for side in sides.values()])
    title = "a column of integers, value and gradient"
    return side_by_side.compare(title, sides, {"micrograd": (Below(8, "µs"),)}, rounds=51)


def main() -> bool:
    side_by_side.header("numba", "jax")
    met = columns()
    for title, sides, bar in rows():
        for name, side in sides.items():
            value, *_ = side() if "gradient" in title else (side(),)
            agree(f"{title}, {name}", np.ravel(value), [10.0 if "vectorized" not in title else 6.0])
        met &= side_by_side.compare(title, sides, {"micrograd": (Below(bar, "µs"),)}, rounds=51)
    return met


if __name__ == "__main__":
    sys.exit(not main())
