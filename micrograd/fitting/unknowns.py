"""Unknowns: the numbers of the caller's structure as one vector, which is what a search needs."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd.annotations import Function, Tree
from micrograd.compiler.api.arguments import Array
from micrograd.engine import Value
from micrograd.errors import ArgumentError, ShapeError
from micrograd.point import arranged, array_of, scalars_of
from micrograd.real import is_real


class Unknowns:
    """The structure of `x0`, and its numbers as the vector `start`.

    >>> unknowns = Unknowns({"rate": 1.0, "levels": np.array([2.0, 3.0])})
    >>> unknowns.start
    array([1., 2., 3.])
    >>> unknowns.arranged(np.array([4.0, 5.0, 6.0]))
    {'rate': 4.0, 'levels': array([5., 6.])}
    """

    def __init__(self, x0: Tree) -> None:
        scalars, self.structure, self.shapes = scalars_of(x0)
        if not scalars:
            raise ShapeError("no unknowns: x0 holds no number to start from")
        self.start = np.array([x.data if isinstance(x, Value) else float(x) for x in scalars])

    @classmethod
    def of_search(cls, f: Any, x0: Tree) -> "Unknowns":
        """Those of a search. Raises ArgumentError if `f` is no function or `x0` is not finite."""
        if not callable(f):
            raise ArgumentError(f"expected a function of x, got {f!r:.60}")
        unknowns = cls(x0)
        lost = np.flatnonzero(~np.isfinite(unknowns.start))
        if len(lost):
            raise ArgumentError(
                f"x0 must be finite, but number {lost[0]} is {unknowns.start[lost[0]]}"
            )
        return unknowns

    def __len__(self) -> int:
        return len(self.start)

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for unknowns of the same structure and shapes."""
        return self.structure, tuple(self.shapes)

    def arranged(self, vector: Array) -> Tree:
        """The numbers of a vector, or its symbols, in the caller's structure."""
        return arranged(vector.tolist(), self.structure, self.shapes)

    def of_vector(self, f: Function) -> Function:
        """`f` as a function of the vector, and of its other arguments."""

        @functools.wraps(f, updated=())
        def of_vector(vector: Array, *args: Any) -> Any:
            return f(self.arranged(vector), *args)

        return of_vector

    def results_of(self, f: Function) -> Function:
        """`f` as a function of the vector, with all numbers of its result in one vector."""

        @functools.wraps(f, updated=())
        def results(vector: Array, *args: Any) -> Any:
            result = f(self.arranged(vector), *args)
            if result is None:
                raise ArgumentError("expected numbers, got None; is a `return` missing?")
            found = scalars_of(result)[0]
            return array_of(found, (len(found),))

        return results

    # Settings for each unknown: bounds, scales.

    def numbers(self, tree: Any, missing: float, what: str) -> Array:
        """A number for each unknown, from `tree`: one number for all, or the structure of `x0` in
        which a number may stand for a whole part. `missing` stands for None and absent keys."""
        found = np.full(len(self), missing)
        for places, number in _entries(self._places(), tree, _is_number, what):
            if number is not None:
                found[places] = number
        return found

    def pairs(self, tree: Any, what: str = "bounds") -> tuple[Array, Array]:
        """The lower and the upper bound of each unknown, from a tree of pairs, as in `numbers`.
        None means no bound."""
        low, high = np.full(len(self), -math.inf), np.full(len(self), math.inf)
        for places, pair in _entries(self._places(), tree, _is_pair, what):
            for bound, number in zip((low, high), pair or ()):
                if number is not None:
                    bound[places] = number
        return low, high

    def _places(self) -> Tree:
        return self.arranged(np.arange(len(self)))


def as_tuple(args: Any) -> tuple[Any, ...]:
    """The further arguments of a function; a single one need not be in a tuple."""
    return args if isinstance(args, tuple) else (args,)


def _entries(
    places: Any, tree: Any, is_entry: Callable[[Any], bool], what: str
) -> Iterator[tuple[list[int], Any]]:
    """The entries of `tree`, each with the indices of the unknowns that it is for."""
    if tree is None or is_entry(tree):
        yield [*map(int, scalars_of(places)[0])], tree
        return
    if isinstance(places, dict):
        if not isinstance(tree, dict) or not tree.keys() <= places.keys():
            raise _unfit(what, tree, f"a dict with keys of {[*places]}")
        pairs = [(part, tree.get(key)) for key, part in places.items()]
    else:
        parts = places if isinstance(places, (list, tuple, np.ndarray)) else ()
        if not isinstance(tree, (list, tuple, np.ndarray)) or len(tree) != len(parts):
            raise _unfit(what, tree, f"{len(parts)} parts" if len(parts) else "a number")
        pairs = [*zip(parts, tree)]
    for part, entry in pairs:
        yield from _entries(part, entry, is_entry, what)


def _is_number(part: Any) -> bool:
    return is_real(type(part)) or getattr(part, "shape", None) == ()


def _is_pair(part: Any) -> bool:
    sequence = isinstance(part, (list, tuple, np.ndarray)) and len(part) == 2
    return sequence and all(x is None or is_real(type(x)) for x in part)


def _unfit(what: str, tree: Any, expected: str) -> ArgumentError:
    return ArgumentError(
        f"{what} must have the structure of x0, here {expected}, or be one entry for all; got "
        f"{tree!r:.60}"
    )
