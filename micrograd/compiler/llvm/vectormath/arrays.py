"""The algebra of NumPy's arrays: it runs the formulas step by step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd.compiler.llvm.vectormath.algebra import Algebra, two_sum


class Arrays(Algebra):
    """Arrays of float64 or float32, and of unsigned integers of the same width.

    >>> v = Arrays(np.float64)
    >>> v.polynomial(np.array([0.0, 1.0, 2.0]), (1.0, 2.0, 3.0))
    array([ 1.,  6., 17.])
    """

    def __init__(self, dtype: Any):
        self.type = np.dtype(dtype)
        self.width = 8 * self.type.itemsize
        self.integers = np.dtype(f"u{self.type.itemsize}")

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c with an exact product: in a wider format, or as two numbers (Dekker)."""
        a, b, c = (np.asarray(x, self.type) for x in (a, b, c))
        if self.width == 32:
            return (a.astype(np.float64) * b + c).astype(np.float32)
        product = a * b
        (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
        rest = a_high * b_high - product + a_high * b_low + a_low * b_high + a_low * b_low
        total, lost = two_sum(product, c)
        precise = total + (lost + rest)
        return np.where(np.isfinite(precise), precise, product + c)

    def select(self, truth: Any, a: Any, b: Any) -> Any:
        return np.where(truth, self.type.type(a), self.type.type(b))

    abs, sqrt, floor, round = map(staticmethod, (np.abs, np.sqrt, np.floor, np.rint))

    def bits(self, x: Any) -> Any:
        return np.asarray(x, self.type).view(self.integers)

    def number(self, n: Any) -> Any:
        return n.view(self.type)

    def lookup(self, name: str, table: Sequence[Sequence[float]], index: Any) -> Any:
        return np.array(table, self.type)[index % len(table)].T

    def rarely(
        self, truth: Any, usual: Sequence[Any], formula: Callable[..., Any], x: Any
    ) -> Sequence[Any]:
        if not truth.any():
            return usual
        return [np.where(truth, new, old) for new, old in zip(formula(self, x), usual)]

    def wide(self) -> "Arrays":
        return Arrays(np.float64)

    def widen(self, x: Any) -> Any:
        return x.astype(np.float64)

    def narrow(self, x: Any) -> Any:
        return x.astype(np.float32)


def _halves(x: Any) -> tuple[Any, Any]:
    """x as a sum of two numbers of 26 bits each (Veltkamp)."""
    c = x * (2.0**27 + 1)
    high = c - (c - x)
    return high, x - high
