"""asin, acos, atan, atan2: the inverses of the trigonometric functions.

The argument is first reduced to near zero: by asin x = π/2 - 2 asin √((1 - x) / 2), and by
atan x = π/2 - atan 1/x = atan 1/2 + atan (2x - 1) / (2 + x) (Cody & Waite, "Software Manual for the
Elementary Functions", 1980, chapters 10 and 11).
"""

import math
from typing import Any

from micrograd.compiler.llvm.vectormath import coefficients as c
from micrograd.compiler.llvm.vectormath.algebra import Algebra, ordered_sum

HALF_PI_64 = (1.5707963267948966, 6.123233995736766e-17)  # π/2 is their sum
HALF_PI_32 = (1.5707964, -4.371139e-08)
ATAN_HALF_64 = (0.4636476090008061, 2.2698777452961687e-17)
ATAN_HALF_32 = (0.4636476, 5.0121587e-09)


def _arc(v: Algebra, x: Any) -> tuple[Any, Any, Any]:
    """(large, s, asin s - s): s is √((1 - |x|) / 2) if |x| > 1/2, which is `large`, else |x|."""
    magnitude = v.abs(x)
    large = magnitude > 0.5
    half = v.fma(magnitude, -0.5, 0.5)
    z = v.select(large, half, x * x)
    s = v.select(large, v.sqrt(half), magnitude)
    return large, s, s * z * v.polynomial(z, v.pick(c.ASIN_64, c.ASIN_32))


def asin(v: Algebra, x: Any) -> Any:
    """s + s³ P(s²), or π/2 minus twice that, with the sign of x. Error below 1.2 ulp."""
    large, s, rest = _arc(v, x)
    head, low = v.pick(HALF_PI_64, HALF_PI_32)
    high, lost = ordered_sum(head, s * -2.0)
    complement = high + (lost + v.fma(rest, -2.0, low))
    return v.copysign(v.select(large, complement, s + rest), x)


def acos(v: Algebra, x: Any) -> Any:
    """Twice the arc if x > 1/2, π minus that if x < -1/2, and π/2 - asin x in between.

    Error below 1.2 ulp.
    """
    large, s, rest = _arc(v, x)
    head, low = v.pick(HALF_PI_64, HALF_PI_32)
    s, rest = v.copysign(s, x), v.copysign(rest, x)
    # If |x| is large: 2 arcs for x > 0, π + 2 (negative) arcs for x < 0. Else: π/2 - asin x.
    base = v.select(large, v.select(x > 0.0, 0.0, 2 * head), head)
    base_low = v.select(large, v.select(x > 0.0, 0.0, 2 * low), low)
    factor = v.select(large, 2.0, -1.0)
    high = v.fma(factor, s, base)
    # The rounding error of that sum: |base| is the larger term.
    lost = v.fma(factor, s, base - high)
    return high + (lost + v.fma(factor, rest, base_low))


def _angle(v: Algebra, y: Any, x: Any) -> tuple[Any, Any]:
    """atan y/x for 0 <= y <= x, as a sum of two numbers: t + t³ P(t²), |t| <= 1/3.

    t is y/x up to 1/3; beyond, t is (2y - x) / (2x + y), and atan 1/2 is added. 2y - x is exact.
    """
    steep = y > x * (1 / 3)
    t = v.select(steep, v.fma(y, 2.0, -x), y) / v.select(steep, v.fma(x, 2.0, y), x)
    z = t * t
    head, low = v.pick(ATAN_HALF_64, ATAN_HALF_32)
    p = v.polynomial(z, v.pick(c.ATAN_64, c.ATAN_32))
    high, lost = ordered_sum(v.select(steep, head, 0.0), t)
    return high, lost + v.fma(t * z, p, v.select(steep, low, 0.0))


def _reflected(v: Algebra, truth: Any, whole: Any, angle: tuple[Any, Any]) -> Any:
    """whole - angle where `truth` holds, else angle; all are sums of two numbers."""
    high, low = angle
    high, low = v.select(truth, -high, high), v.select(truth, -low, low)
    head, rest = v.select(truth, whole[0], 0.0), v.select(truth, whole[1], 0.0)
    total, lost = ordered_sum(head, high)
    return total, lost + (rest + low)


def atan(v: Algebra, x: Any) -> Any:
    """atan |x| if |x| <= 1, else π/2 - atan 1/|x|, with the sign of x. Error below 1 ulp."""
    y = v.abs(x)
    steep = y > 1.0
    angle = _angle(v, v.select(steep, 1.0, y), v.select(steep, y, 1.0))
    high, low = _reflected(v, steep, v.pick(HALF_PI_64, HALF_PI_32), angle)
    return v.copysign(high + low, x)


def atan2(v: Algebra, y: Any, x: Any) -> Any:
    """The angle in the first octant, reflected into the others. Error below 1.5 ulp."""
    a, b = v.abs(y), v.abs(x)
    steep = a > b
    short, long = v.select(steep, b, a), v.select(steep, a, b)
    huge = long > 2.0 ** (v.bias - 1)  # the sum of both would overflow
    scale = v.select(huge, 0.25, 1.0)
    short, long = short * scale, long * scale
    # 0/0 is 0, inf/inf is 1
    long = v.select(long == 0.0, 1.0, long)
    both = short == math.inf
    short, long = v.select(both, 1.0, short), v.select(both, 1.0, long)
    head, low = v.pick(HALF_PI_64, HALF_PI_32)
    angle = _reflected(v, steep, (head, low), _angle(v, short, long))
    left = v.copysign(1.0, x) < 0.0
    high, low = _reflected(v, left, (2 * head, 2 * low), angle)
    unordered = (x != x) | (y != y)
    return v.select(unordered, x + y, v.copysign(high + low, y))
