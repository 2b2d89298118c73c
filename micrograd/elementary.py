"""Elementary functions composed of the table's rows: logarithms, roots, steps, remainders.

The names and the values at the edges are those of NumPy. In compiled programs each of them is
within 2 units in the last place, in 64 bits and in 32 (`benchmarks/accuracy.py`). `logaddexp` is
within 2 of those of the larger of operand and result: near 0, where exp(x) + exp(y) is near 1, the
result changes by so much if an operand changes by one, and NumPy has the same formula.
"""

import math
from functools import reduce
from typing import Any

from micrograd.operation import composed, function
from micrograd.ops import (
    abs,
    cos,
    div,
    exp,
    floor,
    log,
    log1p,
    logical_and,
    logical_or,
    maximum,
    minimum,
    pow,
    select,
    sigmoid,
    sqrt,
)

INF, LN2, LN10 = math.inf, math.log(2.0), math.log(10.0)
FAR = 1e8  # its square is 1 less than the next number, in 64 bits and in 32


def polynomial(coefficients: tuple[float, ...], t: Any) -> Any:
    """c0 + c1 t + c2 t² + ..., by Horner's rule."""
    return reduce(lambda total, c: total * t + c, reversed(coefficients))


# Logarithms and powers.

# log(1 + t) = t - t² (1/2 - t/3 + ...), for t up to 1/16.
_LOG = tuple((-1) ** k / (k + 2) for k in range(13))


def _logarithm(x: Any, base: float, slope: float) -> Any:
    """x is base**2h times a number of at least 1: so logarithms of powers of the base are exact.

    The slope at 1, 1 / ln(base), is rounded by less than ln(base) is. Near 1, where the product
    would add to the largest error of log, the result is a series.
    """
    z = log(x) * slope
    h = select(logical_and(abs(z) > 0.99, abs(z) < INF), floor(0.5 * z), 0.0)
    s = pow(base, h)
    near = abs(x - 1.0) < 0.0625
    t = select(near, x - 1.0, 0.0)
    series = slope * t - slope * t * (t * polynomial(_LOG, t))
    return select(near, series, 2.0 * h + log(x / s / s) * slope)


@composed(lambda g, z, x: (g / (x * LN2),))
def log2(x):
    """the logarithm of x to base 2"""
    return _logarithm(x, 2.0, 1.4426950408889634)


@composed(lambda g, z, x: (g / (x * LN10),))
def log10(x):
    """the logarithm of x to base 10"""
    return _logarithm(x, 10.0, 0.4342944819032518)


@composed(lambda g, z, x: (g * z * LN2,))
def exp2(x):
    """2 to the power x"""
    return pow(2.0, x)


@composed(lambda g, z, x: (g / z / z / 3.0,))
def cbrt(x):
    """the real cube root of x"""
    a = abs(x)
    itself = logical_or(a == 0, a == INF)
    a = select(itself, 1.0, a)
    r = pow(a, 1.0 / 3.0)  # 1/3 is rounded: a step of Newton's method corrects that
    r = r - (r - a / (r * r)) / 3.0
    return select(itself, x, select(x < 0, -r, r))


def _apart(x: Any, y: Any) -> Any:
    """x - y, and 0 where both are the same infinity."""
    return select(logical_and(x == y, abs(x) == INF), 0.0, x - y)


def _logaddexp(g: Any, z: Any, x: Any, y: Any) -> Any:
    d = _apart(x, y)
    return g * sigmoid(d), g * sigmoid(-d)


@composed(_logaddexp)
def logaddexp(x, y):
    """log(exp(x) + exp(y)), which never overflows"""
    return maximum(x, y) + log1p(exp(-abs(_apart(x, y))))


@composed(lambda g, z, x: (g * sigmoid(-x),))
def log_sigmoid(x):
    """log(sigmoid(x)), precise in both tails"""
    return minimum(x, 0.0) - log1p(exp(-abs(x)))


def _xlogy(g: Any, z: Any, x: Any, y: Any) -> Any:
    flat = logical_and(x == 0, y == 0)
    return g * log(y), select(flat, 0.0, g * x / select(flat, 1.0, y))


@composed(_xlogy)
def xlogy(x, y):
    """x * log(y), and 0 where x is 0"""
    zero = logical_and(x == 0, y == y)
    return select(zero, 0.0, x * log(select(zero, 1.0, y)))


# Inverses of the hyperbolic functions. W. Kahan, Branch cuts for complex elementary functions
# (1987), has the forms by log1p.


@composed(lambda g, z, x: (g * x / z,), listed=False)
def hypotenuse(x):
    """the hypotenuse of a right triangle with legs 1 and x"""
    a = abs(x)
    near = select(a > FAR, 0.0, a)
    return select(a > FAR, a, sqrt(1.0 + near * near))


@composed(lambda g, z, x: (g / hypotenuse(x),))
def asinh(x):
    """the inverse hyperbolic sine of x"""
    a = abs(x)
    far = a > FAR
    near = select(far, 1.0, a)
    square = near * near
    z = select(far, log(a) + LN2, log1p(near + square / (1.0 + sqrt(1.0 + square))))
    return select(x < 0, -z, select(x == 0, x, z))


# acosh(1 + t) = 2 asinh √(t/2). Where t is small, asinh is a series: the logarithm of a sum would
# add its own error to that of the root.
_NEAR = 0.25
_ASINH = tuple(-((-1) ** k) * math.comb(2 * k, k) / (4.0**k * (2 * k + 1)) for k in range(1, 18))


@composed(lambda g, z, x: (g / (sqrt(x - 1.0) * sqrt(x + 1.0)),))
def acosh(x):
    """the inverse hyperbolic cosine of x"""
    far, near = x > FAR, x < 1.0 + _NEAR
    t = select(far, 1.0, x) - 1.0
    u = 0.5 * select(near, t, 0.0)
    root = sqrt(4.0 * u)
    middle = select(near, _NEAR, t)
    w = middle + sqrt(middle * (middle + 2.0))
    z = select(near, root - root * (u * polynomial(_ASINH, u)), log1p(w))
    return select(far, log(x) + LN2, z)


@composed(lambda g, z, x: (g / ((1.0 - x) * (1.0 + x)),))
def atanh(x):
    """the inverse hyperbolic tangent of x"""
    return 0.5 * (log1p(x) - log1p(-x))


# sin(πx) / πx: the series of the sine of the distance to the nearest integer, or of the cosine of
# 1/2 minus this distance, so that the subtracted terms are small. No product with π is rounded: 1/π
# is 163/512, a number of few bits in each format, minus a rest. Where x is small, the slope is a
# series, because the closed form would cancel.
_SINE = tuple(
    (-1) ** (k + 1) * math.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(1, 15)
)
_COSINE = tuple(
    (-1) ** (k + 1) * math.pi ** (2 * k - 1) / math.factorial(2 * k) for k in range(1, 10)
)
_INVERSE, _REST = 163.0 / 512.0, 4.9488816209328e-05
_SERIES = tuple(-2 * k * c for k, c in enumerate(_SINE, start=1))


def _turned_half(x: Any) -> tuple[Any, Any]:
    """The distance to the next integer, and whether that is odd."""
    n = floor(x + 0.5)
    return x - n, n != 2.0 * floor(0.5 * n)


def _cosine(x: Any) -> Any:
    """The cosine of πx."""
    r, odd = _turned_half(x)
    value = cos(math.pi * r)
    return select(odd, -value, value)


def _sinc(g: Any, z: Any, x: Any) -> Any:
    near, flat = abs(x) < 0.5, abs(x) == INF
    t = select(near, x, 0.0)
    far = select(logical_or(near, flat), 1.0, x)
    slope = select(flat, 0.0, (_cosine(far) - z) / far)
    return (g * select(near, t * polynomial(_SERIES, t * t), slope),)


@composed(_sinc)
def sinc(x):
    """sin(πx) / (πx), and 1 where x is 0"""
    zero, flat = x == 0, abs(x) == INF
    far = select(logical_or(zero, flat), 1.0, x)
    r, odd = _turned_half(far)
    a = abs(r)
    s = 0.5 - a
    beside_0 = a - a * (a * a * polynomial(_SINE[:9], a * a))
    beside_half = _INVERSE - (_REST + s * (s * polynomial(_COSINE, s * s)))
    sine = select(a < 0.34, beside_0, beside_half)
    sine = select(odd, -sine, sine)
    return select(zero, 1.0, select(flat, 0.0, select(r < 0, -sine, sine) / far))


# Cut off, and in steps.


def _clip(g: Any, z: Any, x: Any, low: Any, high: Any) -> Any:
    raised = maximum(x, low)
    passed, above = minimum.derivative(g, z, raised, high)  # pyright: ignore[reportOptionalCall]
    return *maximum.derivative(passed, raised, x, low), above  # pyright: ignore[reportOptionalCall]


@composed(_clip)
def clip(x, low, high):
    """x, but low where it is below that, and high where it is above"""
    return minimum(maximum(x, low), high)


@composed(lambda g, z, x: (0.0,))
def ceil(x):
    """the smallest integer from x on"""
    return -floor(-x)


@composed(lambda g, z, x: (0.0,))
def round(x):
    """the integer next to x; of two equally near ones, the even one"""
    below = floor(x)
    rest = select(abs(x) == INF, 0.0, x - below)
    even = 2.0 * floor(0.5 * (below + 1.0))
    z = select(rest < 0.5, below, select(rest > 0.5, below + 1.0, even))
    return select(z == 0, 0.0 * x, z)  # -0.0 from below


def _whole(q: Any) -> Any:
    """The integer that q is, but for its rounding."""
    below = floor(q)
    return select(q - below > 0.5, below + 1.0, below)


fmod = function(
    "fmod",
    "what is left of x after whole multiples of y, with the sign of x",
    lambda g, z, x, y: (g, -g * _whole(div(x - z, y))),
)


def _turned(z: Any, y: Any) -> Any:
    """Whether a remainder is on the other side of 0 than y."""
    return logical_or(logical_and(y < 0, z > 0), logical_and(y > 0, z < 0))


@composed(lambda g, z, x, y: (g, -g * floor_divide(x, y)))
def mod(x, y):
    """what is left of x after whole multiples of y, with the sign of y: x % y"""
    z = fmod(x, y)
    zero = select(y < 0, -0.0, 0.0)
    return select(z == 0, zero, select(_turned(z, y), z + y, z))


@composed(lambda g, z, x, y: (0.0, 0.0))
def floor_divide(x, y):
    """how many whole multiples of y lie below x: x // y"""
    z = fmod(x, y)
    q = select(y == 0, div(x, y), _whole(div(x - z, y)))
    return select(_turned(z, y), q - 1.0, q)
