"""Random programs with branches, loops, sorting and integers: the eager engine against all ways.

MICROGRAD_PROGRAMS says how many, MICROGRAD_FIRST from which seed on, MICROGRAD_EXAMPLES of how many
examples each.
"""

import math
import os
import random
from typing import Any

import numpy as np
import pytest
from ways import in_numpy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api import own_paths
from micrograd.compiler.api.ways import NO_LANES
from micrograd.compiler.trace import paths

PROGRAMS = int(os.environ.get("MICROGRAD_PROGRAMS", "12"))
FIRST = int(os.environ.get("MICROGRAD_FIRST", "0"))
EXAMPLES = int(os.environ.get("MICROGRAD_EXAMPLES", "40"))
SEEDS = range(FIRST, FIRST + PROGRAMS)
LATTICE = [-2.0, -1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]  # where ties are
ODD = [math.nan, math.inf, -math.inf, 1e-300, 1e300]


class Program:
    """A random function of three numbers. It is the same for all that call it."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.lines = [self._line() for _ in range(self.random.randint(3, 7))]

    def _line(self) -> Any:
        kinds = ["if", "while", "max", "sorted", "int", "sum", "return", "not", "in", "plain"]
        pick = self.random
        constant = pick.choice([-1.0, 0.0, 0.5, 1.0, 2.0, 0.3])
        return pick.choice(kinds), [pick.randrange(64) for _ in range(4)], constant

    def __call__(self, x: Any, y: Any, z: Any) -> Any:
        known = [x, y, z]
        for kind, places, c in self.lines:
            a, b, d, e = [known[k % len(known)] for k in places]
            done, value = self._run(kind, a, b, d, e, c)
            if done:
                return value
            known.append(value)
        return known[-1] + 0.5 * known[-2] + 0.25 * known[-3]

    def _run(self, kind: str, a: Any, b: Any, d: Any, e: Any, c: float) -> tuple[bool, Any]:
        if kind == "if":
            if a > c:
                return False, b * d if c < b <= 2.0 else mg.sin(b)
            return False, d - 0.5 * e
        if kind == "while":
            steps = 0
            while abs(a) > 0.75 and steps < 5:
                a, steps = 0.5 * a + 0.1 * b, steps + 1
            return False, a + steps
        if kind == "max":
            return False, max(a, b, c) - min(d, e) * 0.5
        if kind == "sorted":
            low, middle, high = sorted([a, b, d])
            return False, low + 2.0 * middle - 0.5 * high
        if kind == "int":
            return False, a * int(4.0 * mg.tanh(b)) if b == b else d
        if kind == "sum":
            return False, sum(v for v in (a, b, d) if v > c) + 0.5 * e
        if kind == "return":
            return (True, a * b + c) if a == b and d > e else (False, a - b * c)
        if kind == "not":
            return False, a * c if not b else a + 0.5 * b
        if kind == "in":
            return False, a if b in (c, d, 1.0) else mg.exp(-a * a)
        return False, a * b - d * c


def examples(seed: int, n: int = EXAMPLES) -> list[Any]:
    """Numbers at ties, ordinary numbers, and some that are not finite."""
    numbers = np.random.default_rng(seed)
    x = np.where(numbers.random((3, n)) < 0.5, numbers.choice(LATTICE, (3, n)),
                 numbers.normal(0.0, 2.0, (3, n)))  # fmt: skip
    x[numbers.random((3, n)) < 0.02] = numbers.choice(ODD)
    return list(x)


def eager(f: Any, columns: list[Any]) -> tuple[list[float], list[list[float]]]:
    results, slopes = [], []
    for row in zip(*[column.tolist() for column in columns]):
        leaves = [*map(Value, row)]
        z = f(*leaves)
        if isinstance(z, Value):
            z.backward()
        results.append(float(getattr(z, "data", z)))
        slopes.append([x.grad for x in leaves])
    return results, slopes


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_programs_have_the_numbers_of_the_engine(seed: int) -> None:
    f, columns = Program(seed), examples(seed)
    value, slopes = eager(f, columns)
    got, gradient = mg.vectorize(f, exact=True).value_and_grad(*columns)
    np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(np.transpose(gradient), slopes)


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_programs_have_them_if_each_path_is_computed_apart(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "IN_LANES", 0)
    test_exact_programs_have_the_numbers_of_the_engine(seed)


@pytest.mark.native
@pytest.mark.parametrize("seed", SEEDS)
def test_exact_programs_have_them_in_branches(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_paths, "choose", lambda *known: NO_LANES)
    test_exact_programs_have_the_numbers_of_the_engine(seed)


@pytest.mark.parametrize("make", [mg.vectorize, in_numpy])
@pytest.mark.parametrize("seed", SEEDS)
def test_fast_programs_take_the_paths_of_the_engine(seed: int, make: Any) -> None:
    f, columns = Program(seed), examples(seed)
    usual = np.all(np.isfinite(columns) & (np.abs(columns) < 1e10), axis=0)
    columns = [column[usual] for column in columns]
    value, slopes = eager(f, columns)
    got, gradient = make(f).value_and_grad(*columns)
    np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.transpose(gradient), slopes, rtol=1e-8, atol=1e-8)
