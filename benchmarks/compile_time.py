"""How long does it take from the trace of a program to machine code?

    python benchmarks/compile_time.py [program ...]

The time of the first call of the compiled function, with gradients, in a new process, without
imports and without the disk cache. Irregular programs are random straight-line code: each operation
reads recent results, so that hardly two operations are alike.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import side_by_side
from side_by_side import Below, stages, verdict

# isort: split
import numpy as np

import micrograd as mg

ROUNDS, PATIENCE = 3, 10.0  # a program that takes more seconds than this runs once


def network(nin: int, sizes: list[int], activation: str, loss: Any, labels: Any) -> Callable:
    """The first call of the gradient of a network's loss."""
    model = mg.MLP(nin, sizes, activation=activation, seed=0)
    inputs = np.random.default_rng(0).uniform(-1, 1, (len(labels), nin))
    theta = np.array([p.data for p in model.parameters()])

    def one(x, y):
        return loss(model, x, y)

    step = mg.vectorize(one)
    return lambda: step.gradient(theta, inputs, labels)


def demo() -> Callable:
    def loss(model, x, y):
        (score,) = model(x)
        return mg.relu(1 - y * score) + 1e-4 * mg.sum(p * p for p in model.parameters())

    return network(2, [16, 16, 1], "relu", loss, np.resize([-1.0, 1.0], 100))


def images(hidden: int) -> Callable:
    def loss(model, x, y):
        return mg.losses.cross_entropy(model(x), y)

    return network(784, [hidden, 10], "tanh", loss, np.arange(128) % 10)


OPERATIONS = mg.add, mg.sub, mg.mul, mg.maximum, mg.minimum, mg.tanh, mg.sin, mg.cos


def irregular(operations: int, gradient: bool = False) -> Callable:
    """The first call of a random straight-line program of eight inputs."""
    random = np.random.default_rng(0)
    choices = random.integers(0, len(OPERATIONS), operations).tolist()
    back = random.integers(1, 40, (operations, 2)).tolist()

    def program(x):
        results = list(x)
        unread = dict.fromkeys(range(len(results)))  # results that no operation has read yet
        while len(results) < operations:
            n = len(results)
            op = OPERATIONS[choices[n]]
            places = [max(n - k, 0) for k in back[n][: op.arity]]
            results.append(op(*(results[place] for place in places)))
            for place in places:
                unread.pop(place, None)
            unread[n] = None
        return mg.sum(results[place] for place in unread)

    f = mg.compile(program)
    x = random.uniform(-1, 1, 8)
    return lambda: (f.value_and_grad if gradient else f)(x)


def logsumexp(n: int) -> Callable:
    """The first call for so many numbers; its value only."""
    f, x = mg.compile(lambda x: mg.logsumexp(x)), np.random.default_rng(0).normal(size=n)
    return lambda: f(x)


def cholesky(n: int) -> Callable:
    """The logarithm of a determinant, by Cholesky's method written by hand, and its gradient."""

    def half_logarithm(a):
        rows: list[list[Any]] = []
        for i in range(n):
            rows.append([])
            for j in range(i + 1):
                rest = a[i, j] - mg.sum(x * y for x, y in zip(rows[i], rows[j]))
                rows[i].append(mg.sqrt(rest) if i == j else rest / rows[j][j])
        return mg.sum(mg.log(row[-1]) for row in rows)

    f, root = mg.compile(half_logarithm), np.random.default_rng(0).normal(size=(n, n))
    matrix = root @ root.T + n * np.eye(n)
    return lambda: f.value_and_grad(matrix)


def hessian_of_logsumexp(n: int) -> Callable:
    random = np.random.default_rng(0)
    matrix, x = random.normal(size=(n, n)).tolist(), random.normal(size=n)
    f = mg.compile(mg.hessian(lambda x: mg.logsumexp([mg.dot(row, x) for row in matrix])))
    return lambda: f(x)


def hessian_of_solve(n: int) -> Callable:
    random = np.random.default_rng(0)
    matrix, right = random.normal(size=(n, n)) + n * np.eye(n), random.normal(size=n).tolist()
    f = mg.compile(mg.hessian(lambda a: mg.sum(mg.solve(a, right))))
    return lambda: f(matrix)


def exact_regression(rows: int) -> Callable:
    """The mean square of so many residuals, and its gradient, in the order of the engine."""
    random = np.random.default_rng(0)
    data, w = [*zip(random.normal(size=(rows, 3)).tolist(), range(rows))], random.normal(size=3)
    f = mg.compile(lambda w: mg.mean([(mg.dot(w, x) - y) ** 2 for x, y in data]), exact=True)
    return lambda: f.value_and_grad(w)


def jacobian(rows: int) -> Callable:
    """The first call of the Jacobian of NIST's Gauss1: eight parameters, `rows` points."""
    x = np.linspace(1, 250, rows)

    def peak(height, centre, width):
        return height * np.exp(-((x - centre) ** 2) / width**2)

    f = mg.compile(mg.jacobian(lambda b: b[0] * np.exp(-b[1] * x) + peak(*b[2:5]) + peak(*b[5:])))
    b = np.array([97.0, 0.009, 100.0, 65.0, 20.0, 70.0, 178.0, 16.5])
    return lambda: f(b)


PROGRAMS: dict[str, tuple[str, Callable[[], Callable], float]] = {
    "demo": ("the demo's loss, 337 gradients", demo, 0.25),
    "128": ("784-128-10, 101,770 gradients", lambda: images(128), 1),
    "512": ("784-512-10, 407,050 gradients", lambda: images(512), 3),
    "20000": ("20,000 irregular operations", lambda: irregular(20_000), 3),
    "100000": ("100,000 irregular operations", lambda: irregular(100_000), 15),
    "20000g": ("20,000 operations, gradient", lambda: irregular(20_000, True), 4),
    "100000g": ("100,000 operations, gradient", lambda: irregular(100_000, True), 18),
    "logsumexp": ("logsumexp of 100,000 numbers", lambda: logsumexp(100_000), 0.3),
    "cholesky": ("Cholesky of 60 rows by hand, gradient", lambda: cholesky(60), 2),
    "logsumexp2": ("Hessian of logsumexp(A x), n = 100", lambda: hessian_of_logsumexp(100), 1),
    "solve": ("Hessian of solve, 6 x 6", lambda: hessian_of_solve(6), 5),
    "exact": ("exact: regression with 12,500 rows", lambda: exact_regression(12_500), 5),
    "jacobian": ("Jacobian of 250 rows by 8 parameters", lambda: jacobian(250), 1),
    "jacobian1000": ("Jacobian of 1,000 rows by 8 parameters", lambda: jacobian(1000), 2),
}

# Bars with AVX-512: these processors are newer, and compile faster, too.
WIDE = {"20000g": 2.0, "100000g": 9.0}


def measure(name: str) -> float:
    """Processor time of the first call, in this process, in seconds."""
    stages()
    first_call = PROGRAMS[name][1]()
    start = time.process_time()
    first_call()
    return time.process_time() - start


def in_a_new_process(name: str) -> float:
    with tempfile.TemporaryDirectory() as empty:
        answer = subprocess.run(
            [sys.executable, __file__, "--here", name],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"MICROGRAD_CACHE_DIR": empty},
        )
    return float(answer.stdout)


def main(names: list[str]) -> bool:
    from micrograd.compiler.llvm.target import vector_bytes  # other checkouts have none

    side_by_side.header()
    print(f"{'first call: from trace to machine code, s':54}  {'time':>9}")
    met = True
    for name in names or PROGRAMS:
        title, _, limit = PROGRAMS[name]
        limit = WIDE.get(name, limit) if vector_bytes() == 64 else limit
        seconds = [in_a_new_process(name)]
        while len(seconds) < ROUNDS and seconds[0] < PATIENCE:
            seconds.append(in_a_new_process(name))
        median = statistics.median(seconds)
        print(f"  {title:52}  {median:9.2f}", end="")
        met &= verdict(Below(limit, "s"), median)
        print(flush=True)
    return met


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        print(measure(sys.argv[2]))
    else:
        sys.exit(not main(sys.argv[1:]))
