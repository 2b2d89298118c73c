"""How long do solve, inv, det and cholesky take for ten thousand small matrices?

Beside the same steps by hand in C++, which are unrolled, with eight matrices in the lanes of a
vector; and beside NumPy, which calls LAPACK for each matrix.
"""

import sys

import side_by_side
from side_by_side import Within, addresses, agree, by_hand, medians, verdict

# isort: split
import ctypes

import numpy as np

import micrograd as mg

MATRICES, SIZES, ROUNDS = 10_000, range(2, 13), 15
SIDES = "micrograd", "C++ by hand", "NumPy"

random = np.random.default_rng(0)


def in_c(name: str, size: int, entries: int, *arrays):
    function, out = getattr(by_hand("linear"), f"{name}{size}"), np.empty((MATRICES, entries))
    pointers = addresses(*arrays, out)

    def run():
        function(ctypes.c_long(MATRICES), *pointers)
        return out

    return run


def row(name: str, size: int, entries: int, in_numpy, *arrays) -> bool:
    """Prints the times of one function for one size; returns whether the bar is met."""
    ours = mg.vectorize(lambda *x: np.array(getattr(mg, name)(*x)))
    hand = in_c(name, size, entries, *arrays)
    want = np.reshape(in_numpy(), (MATRICES, entries))
    agree(f"{name}, by hand", hand(), want, 1e-6)
    agree(name, np.reshape(ours(*arrays), (MATRICES, entries)), want, 1e-6)
    times = medians(dict(zip(SIDES, (lambda: ours(*arrays), hand, in_numpy))), ROUNDS)
    numbers = [f"{times[side] * 1e9 / MATRICES:12,.2f}" for side in SIDES]
    ratio = times["micrograd"] / times["C++ by hand"]
    print(f"{f'{name}, {size} x {size}':16}", *numbers, f"{ratio:10.2f}", end="")
    met = verdict(Within(2), times["micrograd"], times["C++ by hand"])
    print(flush=True)
    return met


def main() -> bool:
    side_by_side.WARM_UP = 0.1  # seconds: nothing here is compiled while it runs
    side_by_side.header("g++")
    print(f"{'one matrix, ns':16}", *(f"{x:>12}" for x in SIDES), f"{'ours / C++':>10}")
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
