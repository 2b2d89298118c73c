"""How long does an 8 x 8 determinant with 64 gradients take, for a thousand matrices?

The same program in plain scalars, float64, on both sides: by minors, each computed once, and by
elimination without pivoting. Against heyoka, which compiles its own expressions for vectors. Also
by plain recursion, which computes each minor as often as it is met; and the compile times, each in
a new process, without imports and without the disk cache.
"""

import os
import statistics
import subprocess
import sys
import time

import side_by_side
from side_by_side import Faster, Within, agree, stages

# isort: split
from functools import cache

import heyoka as hy
import numpy as np

import micrograd as mg

SIZE, MATRICES, ROUNDS = 8, 1_000, 3

random = np.random.default_rng(0)
matrices = random.normal(size=(MATRICES, SIZE, SIZE)) + 4 * np.eye(SIZE)  # no small pivots

hy.set_nthreads(1)
hy.llvm_state.set_diskcache_enabled(False)


def by_minors(a, remember=cache):
    """Laplace expansion by rows; each minor of the last rows and some columns is computed once."""

    @remember
    def minor(columns):
        row = a[SIZE - len(columns)]
        if len(columns) == 1:
            return row[columns[0]]
        total = row[columns[0]] * minor(columns[1:])
        for k in range(1, len(columns)):
            term = row[columns[k]] * minor(columns[:k] + columns[k + 1 :])
            total = total - term if k % 2 else total + term
        return total

    return minor(tuple(range(SIZE)))


def by_recursion(a):
    return by_minors(a, remember=lambda minor: minor)


def by_elimination(a):
    rows, determinant = [list(row) for row in a], 1.0
    while rows:
        (pivot, *first), *others = rows
        determinant = determinant * pivot
        rows = [[x - row[0] / pivot * y for x, y in zip(row[1:], first)] for row in others]
    return determinant


def ours(determinant):
    f = mg.vectorize(determinant)
    return lambda: f.value_and_grad(matrices)


def expressions(determinant, compact_mode):
    """heyoka's function of 64 numbers: the determinant and its gradients."""
    names = [f"a{i}{j}" for i in range(SIZE) for j in range(SIZE)]
    variables = list(hy.make_vars(*names))
    rows = [variables[k : k + SIZE] for k in range(0, SIZE * SIZE, SIZE)]
    value = determinant(rows)
    gradient = hy.diff_tensors([value], variables).gradient
    return hy.cfunc([value, *gradient], variables, compact_mode=compact_mode)


def in_heyoka(determinant, compact_mode=False, own=False):
    """heyoka's layout: a row for each number, with one column per matrix."""
    f = expressions(determinant, compact_mode)
    inputs = np.ascontiguousarray(matrices.reshape(MATRICES, SIZE * SIZE).T)
    outputs = np.empty((1 + SIZE * SIZE, MATRICES))
    return lambda: f(inputs, outputs=outputs) if own else f(inputs)


def row(title, determinant, bars) -> bool:
    sides = {
        "micrograd": ours(determinant),
        "heyoka": in_heyoka(determinant),
        "heyoka, compact mode": in_heyoka(determinant, compact_mode=True),
        "heyoka, results into its own array": in_heyoka(determinant, own=True),
    }
    (_, mine), *peers = sides.items()
    values, gradients = mine()
    agree("determinants", values, np.linalg.det(matrices))
    for name, side in peers:
        value, *slopes = side()
        agree(f"{name}: determinants", values, value)
        agree(f"{name}: gradients", gradients.reshape(MATRICES, -1).T, slopes)
    return side_by_side.compare(title, sides, bars, per=MATRICES, unit="ns")


def recursion() -> bool:
    """By plain recursion, 110,000 operations are written, and 1,500 of them differ."""
    sides = {
        "micrograd, by plain recursion": ours(by_recursion),
        "each minor once": ours(by_minors),
    }
    values = [side()[0] for side in sides.values()]
    agree("determinants by recursion", *values)
    title = "determinant by plain recursion and 64 gradients, a matrix"
    bars = {"each minor once": (Within(2),)}
    return side_by_side.compare(title, sides, bars, per=MATRICES, unit="ns")


# The time to compile.


def compile_ours(determinant) -> None:
    mg.vectorize(determinant).value_and_grad(matrices[:1])


COMPILERS = {
    "micrograd": lambda: compile_ours(by_minors),
    "micrograd, by plain recursion": lambda: compile_ours(by_recursion),
    "heyoka": lambda: expressions(by_minors, False),
    "heyoka, compact mode": lambda: expressions(by_minors, True),
}


def seconds_here(name: str) -> float:
    """Processor time for the first function that this process compiles."""
    stages()
    start = time.process_time()
    COMPILERS[name]()
    return time.process_time() - start


def seconds(name: str) -> float:
    command = [sys.executable, __file__, "--here", name]
    environment = os.environ | {"MICROGRAD_CACHE_DIR": ""}
    answers = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        for _ in range(ROUNDS)
    ]
    return statistics.median(map(float, answers))


def main() -> bool:
    side_by_side.header("heyoka")
    once = {"heyoka": (Faster(1),)}
    faster = once | {"heyoka, compact mode": (Faster(1),)}
    title, bars = "by minors: from the program to machine code", {"heyoka": (Faster(5),)}
    return all([
        row("determinant by minors and 64 gradients, a matrix", by_minors, faster),
        recursion(),
        row("determinant by elimination and 64 gradients, a matrix", by_elimination, once),
        side_by_side.table(title, {name: seconds(name) for name in COMPILERS}, bars, unit="s"),
    ])  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        print(seconds_here(sys.argv[2]))
    else:
        sys.exit(not main())
