"""Bounded: a number with a bound of its rounding error, which an honest machine cannot exceed.

Every program is run on these as it is on floats, operation by operation. Let u = 2⁻⁵³, and let the
operands be off by at most e₁, e₂, ... Then the result z = f(x₁, x₂, ...) is off by at most

    |∂f/∂x₁| e₁ + |∂f/∂x₂| e₂ + ... + k u |z|

to first order, where k = 1 for what IEEE 754 rounds correctly, and k = 10 (5 ulp, which is what
glibc states of its worst, erfc; ours promise 2) for the others. Terms of second order are u² times
a curvature: nothing, as long as the bound itself is small, which `known` demands.

Sums are the exception, for the compiler may add in any order, and across nested sums. A sum of N
terms in any order is off by at most N u times the sum of their magnitudes (Higham, "Accuracy and
Stability of Numerical Algorithms", 2002, eq. 4.4, and u more for a product within); so every sum
carries N and that magnitude, its nested sums' included.

A comparison of numbers that are nearer than their errors may go either way: then what depends on it
is not known, and neither is what is infinite or NaN.
"""

import math
from typing import Any

from micrograd import machine
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

U = 2.0**-53
TINY = 1e-300  # what underflow may add to any operation
ROUNDED = {"add", "sub", "mul", "div", "sqrt", "neg", "abs"}
SUMS = {"add", "sub", "sum", "dot"}


class Bounded(Scalar):
    """A float, a bound of its error, and how it was computed."""

    __slots__ = ("error", "magnitude", "number", "op", "operands", "terms")
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
        self.error = error if math.isfinite(number) and error == error else math.inf
        self.magnitude = abs(number) if magnitude is None else magnitude

    @property
    def known(self) -> bool:
        return self.error <= 1e-7 * min(1.0, abs(self.number)) or self.error <= 1e-13

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _run


def _number(x: Any) -> Any:
    return x.number if isinstance(x, Bounded) else x


def _error(x: Any) -> float:
    return x.error if isinstance(x, Bounded) else 0.0


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
        return Bounded(float(result), 0.0, op, operands)
    return Bounded(result.number, result.error, op, operands)


def _compared(op: Op, operands: tuple[Any, ...]) -> Any:
    if len(operands) == 2 and sum(map(_error, operands)):
        x, y = map(_number, operands)
        if abs(x - y) <= 2 * sum(map(_error, operands)):
            return _unknown(op, operands)
    return op.meaning(*map(_number, operands))


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
    assert op.derivative is not None
    slopes = machine.run(op.derivative, (1.0, z, *numbers))
    inherited = sum([abs(s) * e for s, e in zip(slopes, map(_error, operands)) if e])
    own = (1 if op.name in ROUNDED else 10) * U * abs(z)
    return Bounded(z, inherited + own + TINY, op, operands)


def _sum(op: Op, operands: tuple[Any, ...]) -> Bounded:
    numbers = [*map(_number, operands)]
    z = machine.run(op.meaning, numbers)
    n = len(operands) // 2 if op.name == "dot" else 0
    left, right, single = operands[:n], operands[n : 2 * n], operands[2 * n :]
    inherited = sum(map(_error, single))
    terms, magnitude = n, 0.0
    for x, y in zip(left, right):
        magnitude += abs(_number(x) * _number(y))
        inherited += abs(_number(x)) * _error(y) + abs(_number(y)) * _error(x)
    for x in single:
        nested = isinstance(x, Bounded)
        terms += x.terms if nested else 1
        magnitude += x.magnitude if nested else abs(x)
    error = inherited + (terms + 1) * U * magnitude + TINY
    return Bounded(z, error, op, operands, terms, magnitude)
