"""Special functions: rows of the table whose formulas are long, and the derivatives they need.

Their errors, and those of `beta_function.py`, `gammas.py` and `normal.py`, are at most 8 times what
an error of an epsilon in each operand, and in the result, comes to (`benchmarks/accuracy.py`).
"""

import math
from functools import reduce
from typing import Any

from micrograd import machine
from micrograd.annotations import Result
from micrograd.elementary import polynomial
from micrograd.operation import composed
from micrograd.ops import abs, cos, div, floor, log, select, sin

# ln Γ: for x >= 8 by Stirling's series; below by Taylor's series at 2, to which x is shifted by
# Γ(x + 1) = x Γ(x); for x < 1/2 reflected by Γ(x) Γ(1 - x) = π / sin πx.
# Abramowitz & Stegun (1964) 6.1.15, 6.1.17, 6.1.33, 6.1.41, table 23.3; for ψ 6.3.5, 6.3.7, 6.3.18.
SHIFT = 8
_STIRLING = (1/12, -1/360, 1/1260, -1/1680, 1/1188, -691/360360, 1/156, -3617/122400)  # fmt: skip
_DIGAMMA = tuple((2 * k + 1) * c for k, c in enumerate(_STIRLING))
_EULER = 0.5772156649015329
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)
_ZETA = (
    0.64493406684822641, 0.20205690315959429, 0.082323233711138186, 0.036927755143369927,
    0.01734306198444914, 0.0083492773819228271, 0.0040773561979443396, 0.0020083928260822143,
    0.00099457512781808526, 0.00049418860411946453, 0.00024608655330804832,
    0.00012271334757848915, 6.1248135058704828e-05, 3.0588236307020493e-05,
    1.5282259408651871e-05, 7.6371976378997626e-06, 3.8172932649998402e-06,
    1.908212716553939e-06, 9.5396203387279621e-07, 4.7693298678780645e-07, 2.38450502727733e-07,
    1.1921992596531106e-07, 5.960818905125948e-08, 2.9803503514652279e-08,
    1.4901554828365043e-08, 7.4507117898354301e-09,
)  # fmt: skip
_TAYLOR = (1.0 - _EULER, *[(-1) ** n * zeta / n for n, zeta in enumerate(_ZETA, start=2)])


def _from_the_nearest_integer(x: Any) -> Any:
    return x - floor(x + 0.5)


def raised(y: Any) -> tuple[Any, Any]:
    """Whether y is below 8, and y shifted to at least 8, where Stirling's series holds."""
    small = y < SHIFT
    return small, select(small, y + SHIFT, y)


def stirling_rest(r: Any) -> Any:
    """ln Γ(x) - (x - 1/2) ln x + x - ln √2π, where r is 1/x and x is at least 8."""
    return r * polynomial(_STIRLING, r * r)


def psi_rest(u: Any, v: Any) -> Any:
    """(uD(u) - vD(v)) / (u - v), where 1/x² is u, and ψ(x) is ln x - 1/2x - uD(u)."""
    quotient, value = 0.0, 0.0
    for c in reversed((0.0, *_DIGAMMA)):
        quotient, value = quotient * u + value, value * v + c
    return quotient


def trigamma_rest(r: Any) -> Any:
    """ψ'(x) where r is 1/x and x is at least 8."""
    series = tuple(2 * k * c for k, c in enumerate(_DIGAMMA, start=1))
    return r + 0.5 * r * r + r * r * r * polynomial(series, r * r)


def _lgamma_below_8(y: Any) -> Any:
    """lgamma for y from 0.5 to 8: Taylor's series, and the logarithm of a product.

    From 1.5 on both are positive, or nearly so, and nothing cancels.
    """
    below = y < 1.5
    n = floor(y + 0.5)  # t = y - n lies between -1/2 and 1/2
    factors = [select(n > k + 1.5, y - k, 1.0) for k in range(1, SHIFT - 1)]
    logarithm = log(select(below, y, reduce(machine.mul, factors)))
    t = y - n
    return t * polynomial(_TAYLOR, t) + select(below, -logarithm, logarithm)


def _lgamma_from_8(y: Any) -> Any:
    return (y - 0.5) * (log(y) - 1.0) - 0.5 + _LOG_ROOT + stirling_rest(1.0 / y)


@composed(lambda g, z, x: (g * digamma(x),))
def lgamma(x):
    """the logarithm of the magnitude of the gamma function"""
    left = x < 0.5
    y = select(left, 1.0 - x, x)
    low = y < SHIFT
    right = select(low, _lgamma_below_8(select(low, y, 2.0)), _lgamma_from_8(select(low, 8.0, y)))
    sine = abs(sin(math.pi * _from_the_nearest_integer(x)))
    reflected = math.log(math.pi) - log(sine) - select(sine == 0, 0.0, right)  # inf at a pole
    z = select(left, reflected, right)
    return select(y == math.inf, y, z)


def digamma(x: Result) -> Result:
    """The derivative of lgamma, ψ(x) = Γ'(x) / Γ(x).

    >>> round(digamma(1.0), 12)
    -0.577215664902
    """
    left = x < 0.5
    y = select(left, 1.0 - x, x)
    small, s = raised(y)
    shift = select(small, reduce(machine.add, [1.0 / (y + k) for k in range(SHIFT)]), 0.0)
    r = 1.0 / s
    right = log(s) - 0.5 * r - r * r * polynomial(_DIGAMMA, r * r) - shift
    t = math.pi * _from_the_nearest_integer(x)
    cotangent = div(math.pi * cos(t), sin(t))  # 1 / tan(t) would be wrong where tan is infinite
    return select(left, right - cotangent, right)
