"""Cases: a random program with its oracles, and how a difference is found and reduced.

The oracle of an exact way is the eager engine; that of a fast way is the bound of each number (see
bounded.py). Many programs are compiled as one function, which is several times as fast as one by
one: `MICROGRAD_PROGRAMS=10000` runs the programs of the seeds 0 to 9,999, and `4000-6000` a part of
them. Every fifth runs in native code.
"""

import os
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
from bounded import Bounded
from numpy.typing import NDArray
from random_programs import (
    ALL_X,
    ALL_Y,
    EXAMPLES,
    POINTS,
    Statement,
    W,
    Y,
    matrix_of,
    program,
    run,
)

import micrograd as mg
from micrograd import Value, graph
from micrograd.engine import numbers_of

_first, _, _last = os.environ.get("MICROGRAD_PROGRAMS", "20").rpartition("-")
SEEDS = range(int(_first or "0"), int(_last))
COUNT = len(SEEDS)
SIZES = 1, 7, 32  # programs that are compiled as one
NATIVE = 5  # of so many programs, one
SHOWN = 10  # differences
SHARED = 3, EXAMPLES  # rows that all examples share: one of ordinary numbers, one with edges


class Bounds(NamedTuple):
    """Numbers and the bounds of their errors, infinite where nothing is known: rows of both."""

    numbers: NDArray[Any]
    errors: NDArray[Any]

    def part(self, rows: Any = slice(None), columns: Any = slice(None)) -> "Bounds":
        return Bounds(*[array[rows][:, columns] for array in self])


def bounds_of(rows: list[list[Any]], of_plain: float = 0.0) -> Bounds:
    """A plain number was computed in the same way, so that it has no error in float64."""
    bounded = [[z if isinstance(z, Bounded) else Bounded(z, of_plain) for z in row] for row in rows]
    numbers = np.array([[z.number for z in row] for row in bounded])
    errors = np.array([[z.error if z.known else np.inf for z in row] for row in bounded])
    return Bounds(numbers, errors)


class Case:
    """A program, and what it must give on all rows of numbers."""

    def __init__(self, lines: list[Statement], seed: int | None = None):
        self.lines, self.seed = lines, seed

    def last(self, x: Any, y: Any, weights: Any) -> Any:
        """The program as a function with one result, so that it has a gradient."""
        return run(self.lines, x, y, weights)[-1] * y

    def along(self, t: Any) -> Any:
        """The same, of one number that moves all inputs."""
        return self.last([t, 0.5 * t, t - 1.0], 1.5 * t, W.tolist())

    @cached_property
    def values(self) -> list[list[float]]:
        """The numbers of the eager engine, a row for each example."""
        weights = matrix_of(Value, W)
        return [
            numbers_of(run(self.lines, [*map(Value, x)], Value(y), weights)) for x, y in _rows()
        ]

    @cached_property
    def gradients(self) -> list[list[float]]:
        """The value and its derivatives: by the inputs, then by the weights."""
        found = []
        for x, y in _rows():
            leaves, weights = [*map(Value, [*x, y])], matrix_of(Value, W)
            z = self.last(leaves[:-1], leaves[-1], weights)
            z.backward()
            found.append([z.data, *[v.grad for v in [*leaves, *flat(weights)]]])
        return found

    @cached_property
    def seconds(self) -> list[list[float]]:
        """First and second derivatives of `along` at the points."""
        first, second = mg.grad(self.along), mg.grad(mg.grad(self.along))
        return [[first(t), second(t)] for t in POINTS]

    @cached_property
    def bounds(self) -> Bounds:
        weights = matrix_of(Bounded, W)
        return bounds_of(
            [run(self.lines, [*map(Bounded, x)], Bounded(y), weights) for x, y in _rows()]
        )

    @cached_property
    def bounds_of_gradients(self) -> Bounds:
        return bounds_of([self._bounded(x, y) for x, y in _rows()])

    @cached_property
    def bounds_of_shared(self) -> list[Bounds]:
        """Of the gradients where some examples share a row: one of ordinary numbers, and others."""
        rows = [ALL_X[k].tolist() for k in SHARED]
        return [bounds_of([self._bounded(x, y) for y in Y.tolist()]) for x in rows]

    def _bounded(self, x: list[float], y: float) -> list[Any]:
        """As in a row of `gradients`."""
        leaves, weights = [*map(Bounded, [*x, y])], matrix_of(Bounded, W)
        z = self.last(leaves[:-1], leaves[-1], weights)
        return [z, *graph.gradients(z, [*leaves, *flat(weights)], again=False)]

    @cached_property
    def bounds_of_seconds(self) -> Bounds:
        """A factor of 1 makes all gradients Bounded, those that do not vary too."""
        one = Bounded(1.0)
        first = mg.grad(lambda t: self.along(t) * one)
        second = mg.grad(lambda t: first(t) * one)
        return bounds_of([[first(Bounded(t)), second(Bounded(t))] for t in POINTS])


def _rows() -> Iterator[tuple[Any, Any]]:
    return zip(ALL_X.tolist(), ALL_Y.tolist())


def flat(rows: Any) -> list[Any]:
    return [x for row in rows for x in row]


@lru_cache(maxsize=1024)  # the ways to run share the oracles
def case(seed: int) -> Case:
    return Case(program(seed), seed)


def batches(native: bool) -> Iterator[list[Case]]:
    seeds = iter([seed for seed in SEEDS if not native or seed % NATIVE == 0])
    for size in cycle(SIZES):
        batch = [case(seed) for seed in islice(seeds, size)]
        if not batch:
            return
        yield batch


# The comparisons.


def same(answers: Any, expected: list[list[float]]) -> None:
    """To the last bit, but for the bits of a NaN."""
    np.testing.assert_array_equal(answers, expected)


def within(answers: Any, bounds: Bounds, factor: float = 2.01) -> None:
    """Each number is within its bound of that on Bounded, which has this bound as well; twice the
    bound is the most that two correct programs differ. A known infinity or NaN is the same."""
    numbers, errors = bounds
    answers = np.asarray(answers, float)
    assert answers.shape == numbers.shape
    with np.errstate(invalid="ignore", over="ignore"):
        fits = (abs(answers - numbers) <= factor * errors) | (answers == numbers)
    fits |= np.isinf(errors) | (np.isnan(answers) & np.isnan(numbers))
    off = ~fits
    assert not off.any(), (np.argwhere(off), answers[off], numbers[off], errors[off])


def within_total(answers: Any, bounds: Bounds) -> None:
    """Each answer is within the bound of the sum of its column, if that is known and finite."""
    numbers, errors = bounds
    finite = np.isfinite(numbers).all(axis=0) & (abs(numbers).max(axis=0) < 1e300)
    numbers, errors, answers = numbers[:, finite], errors[:, finite], np.asarray(answers)[finite]
    rounding = (len(numbers) + 2) * 2**-53 * abs(numbers).sum(axis=0)
    total, error = numbers.sum(axis=0), errors.sum(axis=0) + rounding
    off = ~(abs(answers - total) <= 2.01 * error)
    assert not off.any(), (answers[off], total[off], error[off])


# Differences.

Way = Callable[[list[Case]], None]


def find_differences(way: Way, native: bool) -> None:
    """Raises AssertionError for the first batches that differ, with the smallest part of each."""
    found = [*islice(_differences(way, native), SHOWN)]
    assert not found, "\n".join(["", *found])


def _differences(way: Way, native: bool) -> Iterator[str]:
    for batch in batches(native):
        if _fails(way, batch):
            smallest = reduced(batch, lambda cases: _fails(way, cases))
            smallest = [_shortest(way, smallest, k) for k in range(len(smallest))]
            programs = "".join(f"seed {x.seed}: {x.lines}\n" for x in smallest)
            yield f"{programs}{_message(way, smallest)}"


def _fails(way: Way, cases: list[Case]) -> bool:
    return _message(way, cases) is not None


def _message(way: Way, cases: list[Case]) -> str | None:
    try:
        way(cases)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _shortest(way: Way, cases: list[Case], k: int) -> Case:
    def fails(lines: list[Statement]) -> bool:
        return _fails(way, [*cases[:k], Case(lines, cases[k].seed), *cases[k + 1 :]])

    return Case(reduced(cases[k].lines, fails), cases[k].seed)


def reduced(parts: list[Any], fails: Callable[[list[Any]], bool]) -> list[Any]:
    """The parts without those that are not needed to fail; halves first, then one by one."""
    size = len(parts) // 2
    while size:
        for start in range(0, len(parts), size):
            fewer = parts[:start] + parts[start + size :]
            if fewer and fails(fewer):
                return reduced(fewer, fails)
        size //= 2
    return parts
