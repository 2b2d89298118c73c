"""Parameters: their names, starts and bounds; whether each is free, fixed or tied."""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd.annotations import Function
from micrograd.errors import ArgumentError
from micrograd.lazy import cached_property
from micrograd.names import unknown
from micrograd.parser import Expression
from micrograd.real import check_masks, number

KEPT = 64  # models whose arguments, and formulas whose kernels are kept

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Parameters:
    """The parameters of a model, in the order in which it takes them, before a fit.

    A tied parameter is an expression of others. Names after those of the model occur in expressions
    only.
    """

    names: tuple[str, ...]
    taken: int  # how many of the names, the first ones, the model takes
    fixed: tuple[tuple[str, float], ...]
    tied: tuple[tuple[str, Expression], ...]  # each after those that it reads
    low: tuple[float, ...] = field(compare=False)  # of the free parameters
    high: tuple[float, ...] = field(compare=False)

    @cached_property
    def free(self) -> tuple[str, ...]:
        others = {name for name, _ in (*self.fixed, *self.tied)}
        return tuple(name for name in self.names if name not in others)

    @property
    def bounded(self) -> bool:
        return any(map(math.isfinite, self.low + self.high))

    def whole(self, free: Sequence[Any]) -> list[Any]:
        """All parameters, given the free ones: numbers, symbols or arrays."""
        known = dict(self.fixed) | dict(zip(self.free, free))
        for name, expression in self.tied:
            known[name] = expression(known)
        return [known[name] for name in self.names]


@lru_cache(KEPT)
def names_of(model: Function, count: int | None) -> tuple[str, ...]:
    """The names of the model's arguments after x; p0, p1, ... if it takes any number of them."""
    kinds = inspect.Parameter
    try:
        given = [*inspect.signature(model).parameters.values()]
    except (TypeError, ValueError):  # a function in C
        given = [kinds("x", kinds.POSITIONAL_ONLY), kinds("p", kinds.VAR_POSITIONAL)]
    if any(p.kind is p.VAR_POSITIONAL for p in given):
        if count is None:
            raise ArgumentError("the model takes any number of parameters: pass p0 as a sequence")
        return tuple(f"p{k}" for k in range(count))
    names = [p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][1:]
    if not names:
        raise ArgumentError("expected a model of x and at least one parameter, such as f(x, a, b)")
    if count is not None and count != len(names):
        required = [p.name for p in given if p.default is p.empty][1:]
        if not len(required) <= count <= len(names):
            raise ArgumentError(
                f"the model takes {len(names)} parameters ({', '.join(names)}), but p0 has {count}"
            )
    return tuple(names[:count])


def from_vector(names: Sequence[str], bounds: Any) -> Parameters:
    """Free parameters, with bounds as `scipy.optimize.curve_fit` takes them: (low, high)."""
    low, high = _bounds(bounds, len(names))
    return Parameters(tuple(names), len(names), (), (), low, high)


def _bounds(bounds: Any, m: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if bounds is None:
        return (-math.inf,) * m, (math.inf,) * m
    if hasattr(bounds, "lb"):  # those of scipy.optimize
        bounds = bounds.lb, bounds.ub
    try:
        low, high = (
            np.broadcast_to(_without_none(x, missing), m)
            for x, missing in zip(bounds, (-math.inf, math.inf), strict=True)
        )
    except (TypeError, ValueError):
        raise ArgumentError(
            f"expected bounds=(low, high), each a number or {m} numbers, got {bounds!r:.60}"
        ) from None
    if not np.all(low < high):
        raise ArgumentError(
            f"bounds is (low, high), each a number or {m} numbers, with low < high for each "
            f"parameter; got {bounds!r:.60}"
        )
    return tuple(low.tolist()), tuple(high.tolist())


def _without_none(bound: Any, missing: float) -> Array:
    check_masks(bound)
    numbers = np.asarray(bound, object).ravel().tolist()
    return np.array([missing if x is None else number(x) for x in numbers])


def from_dict(names: Sequence[str], given: Mapping[str, Any]) -> tuple[Parameters, list[Array]]:
    """The parameters that a dict describes, and the starts of the free ones.

    An entry is a start; (start, low, high) or (start, low, high, fixed); or an expression of other
    parameters, as text. A start is a number, or an array with one for each data set.
    """
    if missing := [name for name in names if name not in given]:
        raise ArgumentError(f"p0 has no entry for {', '.join(missing)}")
    everything = [*names, *[name for name in given if name not in names]]
    expressions = {name: Expression(x) for name, x in given.items() if isinstance(x, str)}
    read = set().union(*[e.names for e in expressions.values()])
    for name in everything:
        if name not in names and name not in read:
            raise ArgumentError(unknown("parameter", name, names, "the model takes "))
    tied = _in_order(expressions, everything)
    entries = {name: _entry(name, x) for name, x in given.items() if name not in expressions}
    fixed = tuple((name, e[0].item()) for name, e in entries.items() if e[3])
    free = [name for name in everything if name in entries and not entries[name][3]]
    if not free:
        raise ArgumentError("all parameters are fixed or tied: there is nothing to fit")
    low = tuple(entries[name][1] for name in free)
    high = tuple(entries[name][2] for name in free)
    made = Parameters(tuple(everything), len(names), fixed, tied, low, high)
    return made, [entries[name][0] for name in free]


def _entry(name: str, entry: Any) -> tuple[Array, float, float, bool]:
    alone = hasattr(entry, "__array__") or not isinstance(entry, Iterable)
    items = [entry] if alone else [*entry]
    if len(items) not in (1, 3, 4):
        raise ArgumentError(
            f"expected for {name} a start, (start, low, high), (start, low, high, fixed) or an "
            f"expression, got {entry!r:.60}"
        )
    start, low, high, fixed = [*items, *[None, None, False][len(items) - 1 :]]
    try:
        low = -math.inf if low is None else float(low)
        high = math.inf if high is None else float(high)
        start = np.asarray(float(start) if np.ndim(start) == 0 else start, float)
    except (TypeError, ValueError):
        raise ArgumentError(f"expected numbers for {name}, got {entry!r:.60}") from None
    if fixed and start.ndim:
        raise ArgumentError(f"the fixed value of {name} must be one number, got {start}")
    if fixed and not math.isfinite(start):
        raise ArgumentError(f"the fixed value of {name} must be finite, got {start}")
    if not (fixed or low < high):
        raise ArgumentError(f"the bounds of {name} must be low < high, got {entry!r:.60}")
    return start, low, high, bool(fixed)


def _in_order(
    expressions: dict[str, Expression], names: Sequence[str]
) -> tuple[tuple[str, Expression], ...]:
    """The expressions, each after those that it reads."""
    for name, expression in expressions.items():
        for other in expression.names - {*names}:
            raise ArgumentError(f"{name} = {expression}: {unknown('parameter', other, names)}")
    left, ordered = dict(expressions), []
    while left:
        ready = [name for name, e in left.items() if not e.names & left.keys()]
        if not ready:
            raise ArgumentError(f"the expressions of {', '.join(left)} read one another")
        ordered += [(name, left.pop(name)) for name in ready]
    return tuple(ordered)
