"""How long do solve, inv, det and cholesky take for a thousand small matrices?

Beside the same steps by hand in C++, which are unrolled, with eight matrices in the lanes of a
vector; and beside NumPy, which calls LAPACK for each matrix.
"""

import sys

import side_by_side
from side_by_side import Within, addresses, agree, by_hand, compare

# isort: split
import ctypes

import numpy as np

import micrograd as mg

MATRICES, SIZES = 10_000, (2, 4, 8, 12)

random = np.random.default_rng(0)


def in_c(name: str, size: int, entries: int, *arrays):
    function, out = getattr(by_hand("linear"), f"{name}{size}"), np.empty((MATRICES, entries))
    pointers = addresses(*arrays, out)

    def run():
        function(ctypes.c_long(MATRICES), *pointers)
        return out

    return run


def row(name: str, size: int, entries: int, in_numpy, *arrays) -> bool:
    ours = mg.vectorize(lambda *x: np.array(getattr(mg, name)(*x)))
    hand = in_c(name, size, entries, *arrays)
    want = np.reshape(in_numpy(), (MATRICES, entries))
    agree(f"{name}, by hand", hand(), want, 1e-6)
    agree(name, np.reshape(ours(*arrays), (MATRICES, entries)), want, 1e-6)
    return compare(
        f"{name}, {size} x {size}, one matrix",
        {"micrograd": lambda: ours(*arrays), "C++ by hand": hand, "NumPy": in_numpy},
        {"C++ by hand": (Within(2),)}, per=MATRICES, unit="ns",
    )  # fmt: skip


def main() -> bool:
    side_by_side.header("g++")
    met = True
    for n in SIZES:
        a = random.normal(size=(MATRICES, n, n)) + 0.5 * np.eye(n)
        b = random.normal(size=(MATRICES, n))
        positive = a @ a.transpose(0, 2, 1) + np.eye(n)
        met &= row("solve", n, n, lambda a=a, b=b: np.linalg.solve(a, b[..., None]), a, b)
        met &= row("inv", n, n * n, lambda a=a: np.linalg.inv(a), a)
        met &= row("det", n, 1, lambda a=a: np.linalg.det(a), a)
        met &= row("cholesky", n, n * n, lambda p=positive: np.linalg.cholesky(p), positive)
    return met


if __name__ == "__main__":
    sys.exit(not main())
