"""Bounded: a number with a bound on its rounding error, which a correct program cannot exceed.

Every program runs on these numbers as it does on floats, operation by operation. Let u = 2⁻⁵³, and
let e₁, e₂, ... bound the errors of the operands. Then the error of z = f(x₁, x₂, ...) is at most

    |∂f/∂x₁| e₁ + |∂f/∂x₂| e₂ + ... + k u |z|

to first order, where k = 1 for operations that IEEE 754 rounds correctly, and k = 10 (5 ulp, which
glibc states for erfc, its worst; ours promise 2) for the others. Terms of second order are u² times
a curvature: they are negligible as long as the bound itself is small, which `known` demands.

Sums are the exception, because the compiler may add in any order, and across nested sums. The error
of a sum of N terms in any order is at most N u times the sum of their magnitudes (Higham, "Accuracy
and Stability of Numerical Algorithms", 2002, eq. 4.4, and another u for products); so every sum
carries N and that magnitude, with those of its nested sums.

If the difference of two numbers is smaller than their errors, a comparison may go either way, and
all that depends on it is unknown. An infinity or a NaN is known, with an error of 0, if all
operands within their errors give the same. In a sum this also requires that no partial sum, and no
product of finite numbers, can overflow: another order of the terms, or an unrounded product, would
give another result.
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from micrograd import machine, ops
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar


class Precision(NamedTuple):
    u: float  # half a unit in the last place of 1
    tiny: float  # what underflow may add to any operation
    large: float  # beyond it, a sum in another order may overflow
    relative: float  # a number is known if its error is at most this, relative to it or to 1,
    absolute: float  # or at most this


DOUBLE = Precision(2.0**-53, 1e-300, 1e307, 1e-7, 1e-13)
SINGLE = Precision(2.0**-24, 1e-30, 1e37, 1e-3, 1e-5)
precision = DOUBLE


@contextmanager
def in_single() -> Iterator[None]:
    """Within the block, arithmetic is in float32, and constants are rounded to it."""
    global precision
    precision = SINGLE
    try:
        yield
    finally:
        precision = DOUBLE


ROUNDED = {"add", "sub", "mul", "div", "sqrt", "neg", "abs"}
SUMS = {"add", "sub", "sum", "dot"}


class Bounded(Scalar):
    """A float, a bound on its error, and how it was computed."""

    __slots__ = ("error", "magnitude", "number", "op", "operands", "overflowed", "terms")
    rank = 1

    def __init__(
        self,
        number: float,
        error: float = 0.0,
        op: Op | None = None,
        operands: tuple[Any, ...] = (),
        terms: int = 1,
        magnitude: float | None = None,
    ):
        self.number, self.op, self.operands, self.terms = number, op, operands, terms
        self.error = error if error == error else math.inf
        self.overflowed = False  # a product of finite numbers that is infinite
        self.magnitude = abs(number) if magnitude is None else magnitude

    @property
    def known(self) -> bool:
        if not math.isfinite(self.number):
            return self.error == 0
        size = min(1.0, abs(self.number))
        return self.error <= max(precision.relative * size, precision.absolute)

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _run


def _number(x: Any) -> Any:
    return x.number if isinstance(x, Bounded) else x


def _error(x: Any) -> float:
    if isinstance(x, Bounded):
        return x.error
    with np.errstate(over="ignore"):
        exact = precision is DOUBLE or not math.isfinite(x) or float(np.float32(x)) == x
    return 0.0 if exact else precision.u * abs(x)


def _unknown(op: Op, operands: tuple[Any, ...]) -> Bounded:
    return Bounded(math.nan, math.inf, op, operands)


def _run(op: Op, operands: tuple[Any, ...]) -> Any:
    operands = tuple([x if isinstance(x, Bounded) else float(x) for x in operands])
    if not all(x.known for x in operands if isinstance(x, Bounded)):
        return _unknown(op, operands)
    if op.boolean:
        return _compared(op, operands)
    if op.name == "where":
        return _picked(op, operands, 1 if _number(operands[0]) else 2)
    if op.name == "take":
        return _picked(op, operands, int(_number(operands[-1])))
    if op.name in SUMS:
        return _sum(op, operands)
    if op.name == "floor":
        return _floor(op, operands)
    if op.primitive:
        return _primitive(op, operands)
    result = op.meaning(*operands)
    if not isinstance(result, Bounded):
        return Bounded(float(result), _error(float(result)), op, operands)
    return Bounded(result.number, result.error, op, operands)


def _compared(op: Op, operands: tuple[Any, ...]) -> Any:
    if len(operands) == 2 and sum(map(_error, operands)):
        x, y = map(_number, operands)
        if abs(x - y) <= 2 * sum(map(_error, operands)):
            return _unknown(op, operands)
    return Bounded(float(op.meaning(*map(_number, operands))), 0.0, op, operands)


def _picked(op: Op, operands: tuple[Any, ...], place: int) -> Bounded:
    return Bounded(_number(operands[place]), _error(operands[place]), op, operands)


def _floor(op: Op, operands: tuple[Any, ...]) -> Bounded:
    (x,) = operands
    if x.error and abs(x.number - round(x.number)) <= 2 * x.error:
        return _unknown(op, operands)
    return Bounded(machine.floor(x.number), 0.0, op, operands)


def _primitive(op: Op, operands: tuple[Any, ...]) -> Bounded:
    numbers = [*map(_number, operands)]
    z = machine.run(op.meaning, numbers)
    if op.name == "atan2" and _on_the_cut(*operands):
        return _unknown(op, operands)
    if not math.isfinite(z):
        result = Bounded(z, 0.0 if _is_certain(op, operands, z) else math.inf, op, operands)
        result.overflowed = op.name == "mul" and all(map(math.isfinite, numbers))
        return result
    assert op.derivative is not None
    slopes = machine.run(op.derivative, (1.0, z, *numbers))
    inherited = sum([abs(s) * e for s, e in zip(slopes, map(_error, operands)) if e])
    own = (1 if op.name in ROUNDED else 10) * precision.u * abs(z)
    return Bounded(z, inherited + own + precision.tiny, op, operands)


def _on_the_cut(y: Any, x: Any) -> bool:
    """Whether an angle may be that of the other side: it turns on the sign of a zero, and that of
    one that is a sum is not known."""
    if abs(_number(y)) > _error(y):
        return False
    either = _error(x) > 0 and abs(_number(x)) <= _error(x)
    return either or (_error(y) > 0 and _number(x) <= _error(x))


def _is_certain(op: Op, operands: tuple[Any, ...], z: float) -> bool:
    """Whether the result is infinite, or NaN, for all operands within their errors."""
    own = 0.0 if op.name in ROUNDED else 10 * precision.u
    sides = [
        {x - e, x, x + e}
        for x, e in ((_number(y), _error(y) + own * abs(_number(y))) for y in operands)
    ]
    return all(_same(machine.run(op.meaning, corner), z) for corner in itertools.product(*sides))


def _same(x: float, y: float) -> bool:
    return x == y or (x != x and y != y)


def _sum(op: Op, operands: tuple[Any, ...]) -> Bounded:
    numbers = [*map(_number, operands)]
    z = machine.run(op.meaning, numbers)
    n = len(operands) // 2 if op.name == "dot" else 0
    left, right, single = operands[:n], operands[n : 2 * n], operands[2 * n :]
    if not all(map(math.isfinite, [z, *numbers])):
        products = [_primitive(ops.mul, pair) for pair in zip(left, right)]
        return Bounded(z, _error_of_infinite([*products, *single]), op, operands)
    inherited = sum(map(_error, single))
    terms, magnitude = n, 0.0
    for x, y in zip(left, right):
        magnitude += abs(_number(x) * _number(y))
        inherited += abs(_number(x)) * _error(y) + abs(_number(y)) * _error(x)
    for x in single:
        nested = isinstance(x, Bounded)
        terms += x.terms if nested else 1
        magnitude += x.magnitude if nested else abs(x)
    error = inherited + (terms + 1) * precision.u * magnitude + precision.tiny
    error = error if magnitude < precision.large else math.inf
    return Bounded(z, error, op, operands, terms, magnitude)


def _error_of_infinite(terms: list[Any]) -> float:
    """0 if a sum of these terms is infinite, or NaN, in any order; else infinity."""
    numbers = [*map(_number, terms)]
    infinite = [x for x, number in zip(terms, numbers) if not math.isfinite(number)]
    certain = all(not isinstance(x, Bounded) or (x.known and not x.overflowed) for x in infinite)
    finite = [x for x, number in zip(terms, numbers) if math.isfinite(number)]
    magnitude = sum([x.magnitude if isinstance(x, Bounded) else abs(x) for x in finite])
    return 0.0 if infinite and certain and magnitude < precision.large else math.inf
