"""exp and its kin: expm1, sinh, cosh, tanh, sigmoid.

All write x = k ln 2 + r with |r| <= ln 2 / 2, so that e^x = 2^k e^r (Cody & Waite, "Software
Manual for the Elementary Functions", 1980, chapter 6; Muller, "Elementary Functions", 3rd ed.,
chapter 11).
"""

import math
from typing import Any

from micrograd.compiler.vectormath import coefficients as c
from micrograd.compiler.vectormath.algebra import Algebra, ordered_sum, quotient

LOG2_E = 1 / math.log(2)
LN2_64 = (0.6931471805599453, 2.3190468138462996e-17)  # ln 2 = their sum, to twice the digits
LN2_32 = (0.6931472, -1.9046542e-09)


def reduced(v: Algebra, x: Any, offset: int) -> tuple[Any, Any, Any]:
    """(n, k, a) of x: k + offset in the last bits of the integer n, a = x - k * the head of ln 2.

    With fma, a is exact: k has few bits, and x is near k ln 2 (Muller, section 11.2).
    """
    magic = v.magic + offset
    n = v.fma(x, LOG2_E, magic)
    k = n - magic
    return v.bits(n), k, v.fma(k, -v.pick(LN2_64, LN2_32)[0], x)


def with_tail(v: Algebra, k: Any, a: Any) -> tuple[Any, Any]:
    """r = x - k ln 2 of the above, and what it was rounded by."""
    low = v.pick(LN2_64, LN2_32)[1]
    r = v.fma(k, -low, a)
    return r, v.fma(k, -low, a - r)


def exp(v: Algebra, x: Any) -> Any:
    """2^⌊k⌋ 2^(i/16) (1 + r + r² P(r)) of x = k ln 2 + r, k in sixteenths and i / 16 of it its end.

    Error below 1.1 ulp.
    """
    x = v.minimum(v.maximum(x, v.pick(-746.0, -104.0)), v.pick(710.0, 89.0))
    k, mantissa = growth(v, x)
    return v.scaled(mantissa, k)


def growth(v: Algebra, x: Any) -> tuple[Any, Any]:
    """k and e^x 2^-⌊k⌋ of the above, for |x| as in `exp`."""
    magic = v.magic / 16
    n = v.fma(x, LOG2_E, magic)
    k = n - magic
    high, low = v.pick(LN2_64, LN2_32)
    r = v.fma(k, -low, v.fma(k, -high, x))
    power, _ = v.lookup("powers", v.pick(c.POWERS_64, c.POWERS_32), v.bits(n))
    q = v.fma(r * r, v.polynomial(r, v.pick(c.EXP_STEP_64, c.EXP_STEP_32)), r)
    return k, v.fma(power, q, power)


def _expm1(v: Algebra, scale: Any, one: float, r: Any, tail: Any) -> tuple[Any, Any]:
    """scale * e^(r + tail) - one, as a sum of two numbers: the second is small."""
    p = v.polynomial(r, v.pick(c.EXP_64, c.EXP_32))
    start, low = ordered_sum(-one, scale)  # where scale is the larger one, `low` does not matter
    high = v.fma(scale, r, start)
    lost = v.fma(scale, r, start - high) + low
    return high, v.fma(scale, v.fma(r * r, p, tail), lost)


def expm1(v: Algebra, x: Any) -> Any:
    """Twice 2^(k-1) e^r - 1/2, which does not overflow before its time. Error below 1.1 ulp."""
    bounded = v.minimum(v.maximum(x, -40.0), v.pick(710.0, 89.0))
    n, k, a = reduced(v, bounded, v.bias - 1)
    high, low = _expm1(v, v.power_of_two(n), 0.5, *with_tail(v, k, a))
    high = high + low
    return v.select(v.abs(x) < 2.0 ** -(v.fraction + 2), x, high + high)  # keeps -0 and subnormals


def tanh(v: Algebra, x: Any) -> Any:
    """-t / (2 + t) of t = expm1(-2|x|), t and 2 + t each a sum of two numbers, with the sign of x.

    The quotient is corrected by its remainder. Error below 0.8 ulp.
    """
    y = v.minimum(v.abs(x), v.pick(22.0, 10.0))
    n, k, a = reduced(v, y * -2.0, v.bias)
    t, t_low = ordered_sum(*_expm1(v, v.power_of_two(n), 1.0, *with_tail(v, k, a)))
    d, d_low = ordered_sum(2.0, t)
    return v.copysign(quotient(v, t, t_low, d, d_low + t_low), x)


def sigmoid(v: Algebra, x: Any) -> Any:
    """1 / (1 + e^-|x|) on the right, e^-|x| times that on the left. Error below 1.5 ulp."""
    e = exp(v, -v.abs(x))
    return quotient(v, v.select(x < 0.0, e, 1.0), 0.0, *ordered_sum(1.0, e))


def _hyperbolic(v: Algebra, x: Any) -> tuple[Any, ...]:
    """(s, s_low), (t, t_low), r, cosh r - 1, sinh r - r of |x| = k ln 2 + r.

    s and t are half of sinh and cosh of k ln 2, as sums of two numbers.
    """
    y = v.minimum(v.abs(x), v.pick(710.7, 89.6))  # where 2^k is finite, and the result is not
    n, k, a = reduced(v, y, v.bias - 2)
    up = v.power_of_two(n)
    # 2^(-k-2), but for a large k some other number that is as small beside `up`.
    least = v.bits(v.minimum(v.number(n), v.magic + (v.bias + 98)))
    down = v.power_of_two(2 * v.bias - 4 - least)
    r, tail = with_tail(v, k, a)
    z = r * r
    cosh_r = z * v.polynomial(z, v.pick(c.COSH_64, c.COSH_32))
    sinh_r = v.fma(r * z, v.polynomial(z, v.pick(c.SINH_64, c.SINH_32)), tail)
    return ordered_sum(up, -down), ordered_sum(up, down), r, cosh_r, sinh_r


def sinh(v: Algebra, x: Any) -> Any:
    """sinh k ln 2 * cosh r + cosh k ln 2 * sinh r: exact near 0. Error below 1.4 ulp."""
    (s, s_low), (t, _), r, cosh_r, sinh_r = _hyperbolic(v, x)
    half = v.fma(t, r, s) + v.fma(s, cosh_r, v.fma(t, sinh_r, s_low))
    large = v.copysign(half + half, x)
    return v.select(v.abs(x) < 2.0 ** -(v.fraction // 2 + 2), x, large)


def cosh(v: Algebra, x: Any) -> Any:
    """cosh k ln 2 * cosh r + sinh k ln 2 * sinh r. Error below 1.2 ulp."""
    (s, _), (t, t_low), r, cosh_r, sinh_r = _hyperbolic(v, x)
    half = v.fma(s, r, t) + v.fma(t, cosh_r, v.fma(s, sinh_r, t_low))
    return half + half
