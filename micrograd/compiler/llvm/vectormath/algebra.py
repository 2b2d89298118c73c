"""The instructions in which the formulas are written, and what is built of them.

A formula of this package is a function of an algebra `v` and its operands. Its instructions are
operators and the methods of `v`: `Registers` emit code for them, `Arrays` compute them.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

LONG = 10  # coefficients: the latency of a longer Horner chain is not hidden by other work


class Algebra:
    """Operations built from a few instructions; they depend only on the format of numbers."""

    width: int  # 64 or 32: the bits of a number

    # The instructions, implemented by each algebra.
    fma: Callable[..., Any]  # a * b + c, rounded once
    select: Callable[..., Any]  # (truth, a, b): a where truth holds, else b
    abs: Callable[..., Any]
    sqrt: Callable[..., Any]
    floor: Callable[..., Any]
    round: Callable[..., Any]  # to the nearest integer, ties to even
    bits: Callable[..., Any]  # a bitcast from numbers to unsigned integers
    number: Callable[..., Any]  # and back
    lookup: Callable[..., Any]  # (name, table, i): the columns of row i modulo the table's length
    rarely: Callable[
        ..., Any
    ]  # (truth, usual, formula, x): formula(v, x) where truth holds, else `usual`
    wide: Callable[..., Any]  # the algebra for vectors of equally many 64-bit numbers
    widen: Callable[..., Any]  # converts a vector to the wide algebra
    narrow: Callable[..., Any]  # and back

    @property
    def fraction(self) -> int:
        """The number of fraction bits."""
        return 52 if self.width == 64 else 23

    @property
    def bias(self) -> int:
        """The exponent bias."""
        return 1023 if self.width == 64 else 127

    @property
    def magic(self) -> float:
        """1.5 * 2^fraction. Adding it to a small number rounds that to an integer, in the last
        bits of the sum; subtracting it again leaves the integer as a number."""
        return 1.5 * 2.0**self.fraction

    @property
    def smallest(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    def pick(self, double: Any, single: Any) -> Any:
        """The constant for the format in use."""
        return double if self.width == 64 else single

    def power_of_two(self, n: Any) -> Any:
        """2^(n - bias), from the last bits of the integers n."""
        return self.number(n << self.fraction)

    def scaled(self, x: Any, k: Any) -> Any:
        """x 2^⌊k⌋ for |k| below twice the bias; for a large |k|, x must be near 1. It scales in two
        steps, so that the result over- and underflows correctly."""
        n = self.bits(self.floor(k) + (self.magic + 2 * self.bias))
        half = n >> 1
        return x * self.power_of_two(half) * self.power_of_two(n - half)

    def split(self, x: Any, normal: bool = False) -> tuple[Any, Any]:
        """k and m: x = 2^k m, 3/4 <= m < 3/2. If x is 0, k is -inf; if x is inf, k is inf; if
        x < 0, one of the two is NaN.

        `normal` asserts that x is positive, finite and not subnormal.
        """
        tiny = x < self.smallest
        shift = self.fraction + 2
        bits = self.bits(x if normal else self.select(tiny, x * 2.0**shift, x))
        least = (2 * self.bias - 1) << (self.fraction - 1)  # the bits of 3/4
        shifted = bits + ((self.bias << self.fraction) - least)
        m = self.number((shifted & ((1 << self.fraction) - 1)) + least)
        k = self.number((shifted >> self.fraction) | self.bits(2.0**self.fraction))
        one = 2.0**self.fraction + self.bias
        if normal:
            return k - one, m
        k = self.select(x < math.inf, k - self.select(tiny, one + shift, one), x)
        return self.select(x > 0.0, k, self.select(x == 0.0, -math.inf, math.nan)), m

    def polynomial(self, x: Any, coefficients: Sequence[Any]) -> Any:
        """Σ cᵢ xⁱ by Horner's rule; a long one as two chains, of even and of odd powers."""
        if len(coefficients) > LONG:
            square = x * x
            odd = self._horner(square, coefficients[1::2])
            return self.fma(x, odd, self._horner(square, coefficients[::2]))
        return self._horner(x, coefficients)

    def piecewise(self, x: Any, start: float, name: str, table: Any, end: float = 8.0) -> Any:
        """P(x - a) for x >= 0, where the piece of x begins at a; in the first piece, x + P(x).

        The exponent and the first three fraction bits of x + start select the piece. From 8 on,
        `end`, a number in the last piece, takes the place of x + start.
        """
        digits = self.fraction - 3
        w = self.bits(x + start if end == 8.0 else self.minimum(x + start, end))
        a = self.number(w & ((1 << self.width) - (1 << digits))) - start
        first, *rest = self.lookup(name, table, w >> digits)
        t = x - a
        return self.fma(t, self.polynomial(t, rest), self.select(a == 0.0, x, first))

    def _horner(self, x: Any, coefficients: Sequence[Any]) -> Any:
        *rest, last = coefficients
        return reduce(lambda total, c: self.fma(total, x, c), reversed(rest), last)

    def minimum(self, x: Any, bound: float) -> Any:
        """x, at most `bound`; NaN stays NaN."""
        return self.select(x > bound, bound, x)

    def maximum(self, x: Any, bound: float) -> Any:
        """x, at least `bound`; NaN stays NaN."""
        return self.select(x < bound, bound, x)

    def copysign(self, x: Any, sign: Any) -> Any:
        """The magnitude of x with the sign of `sign`."""
        top = 1 << (self.width - 1)
        return self.number((self.bits(x) & (top - 1)) | (self.bits(sign) & top))

    def negate_if_odd(self, x: Any, n: Any) -> Any:
        """x, or -x where the integer n is odd."""
        return self.number(self.bits(x) ^ (n << (self.width - 1)))


def two_product(v: Algebra, a: Any, b: Any) -> tuple[Any, Any]:
    """a * b exactly, as the rounded product and its rounding error."""
    high = a * b
    return high, v.fma(a, b, -high)


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b exactly, as the rounded sum and its rounding error (Knuth)."""
    high = a + b
    c = high - a
    return high, (a - (high - c)) + (b - c)


def quotient(v: Algebra, n: Any, n_low: Any, d: Any, d_low: Any) -> Any:
    """(n + n_low) / (d + d_low), both in double-word arithmetic: n / d, corrected once."""
    reciprocal = 1.0 / d
    q = n * reciprocal
    return v.fma(v.fma(-q, d_low, v.fma(-q, d, n) + n_low), reciprocal, q)


def ordered_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """`two_sum` for |a| >= |b| or a = 0 (Dekker)."""
    high = a + b
    return high, b - (high - a)
