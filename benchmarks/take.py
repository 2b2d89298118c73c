"""How long does `take` from a table of 1,024 numbers take, at 4,096 indices?

Of constants, and of parameters with their gradient; against NumPy's indices, and `np.add.at`.
"""

import sys

import side_by_side
from side_by_side import Below, agree

# isort: split
import numpy as np

import micrograd as mg

ROWS, INDICES = 1_024, 4_096

table = np.linspace(0, 1, ROWS)
indices = np.random.default_rng(0).integers(0, ROWS, INDICES)


def scattered(g):
    gradient = np.zeros(ROWS)
    np.add.at(gradient, indices, g)
    return gradient


def main() -> bool:
    side_by_side.header()
    numbers, values = table.tolist(), [mg.Value(x) for x in table]
    of_numbers = mg.vectorize(lambda k: mg.take(numbers, k))
    squared = mg.vectorize(lambda k: mg.take(values, k) ** 2)
    squared(indices)
    theta = squared.pack()
    agree("values", of_numbers(indices), table[indices])
    expected = scattered(2 * table[indices] / INDICES)
    agree("gradients", squared.gradient(theta, indices)[1], expected)
    sides = {"micrograd": lambda: of_numbers(indices), "NumPy": lambda: table[indices]}
    gradients = {
        "micrograd": lambda: squared.gradient(theta, indices),
        "NumPy": lambda: scattered(2 * table[indices] / INDICES),
    }
    return all([
        side_by_side.compare("4,096 of 1,024 numbers", sides, {"micrograd": (Below(40, "µs"),)}),
        side_by_side.compare(
            "the gradient of so many parameters", gradients, {"micrograd": (Below(1_000, "µs"),)}
        ),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
