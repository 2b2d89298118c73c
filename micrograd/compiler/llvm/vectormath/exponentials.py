"""exp and related functions: expm1, sinh, cosh, tanh.

All write x = k ln 2 + r, so that e^x = 2^k e^r (Cody & Waite, "Software Manual for the Elementary
Functions", 1980, chapter 6; Muller, "Elementary Functions", 3rd ed., chapter 11). k is a multiple
of 1/16, and 2^(i/16) is looked up (Tang, "Table-driven implementation of the exponential function",
ACM Transactions on Mathematical Software 15, 1989); for sinh and cosh it is an integer.
"""

import math
from typing import Any

from micrograd.compiler.llvm.vectormath import coefficients as c
from micrograd.compiler.llvm.vectormath.algebra import Algebra, ordered_sum, quotient

LOG2_E = 1 / math.log(2)
LN2_64 = (0.6931471805599453, 2.3190468138462996e-17)  # ln 2 = their sum, to twice the digits
LN2_32 = (0.6931472, -1.9046542e-09)


def reduced(v: Algebra, x: Any, offset: int) -> tuple[Any, Any, Any]:
    """(n, k, a) of x: n holds k + offset in its last bits, and a = x - k * the head of ln 2.

    With fma, a is exact: k has few bits, and x is near k ln 2 (Muller, section 11.2).
    """
    magic = v.magic + offset
    n = v.fma(x, LOG2_E, magic)
    k = n - magic
    return v.bits(n), k, v.fma(k, -v.pick(LN2_64, LN2_32)[0], x)


def with_tail(v: Algebra, k: Any, a: Any) -> tuple[Any, Any]:
    """r = x - k ln 2 of the above, and its rounding error."""
    low = v.pick(LN2_64, LN2_32)[1]
    r = v.fma(k, -low, a)
    return r, v.fma(k, -low, a - r)


def parts(v: Algebra, x: Any, coefficients: Any = None) -> tuple[Any, ...]:
    """(k, power, lost, r, P(r)): e^x = 2^⌊k⌋ power (1 + lost) (1 + r + r² P(r)), x as in `exp`.

    x = k ln 2 + r with k in sixteenths; power is 2^(i/16), i the last four bits of k.
    """
    magic = v.magic / 16
    n = v.fma(x, LOG2_E, magic)
    k = n - magic
    high, low = v.pick(LN2_64, LN2_32)
    r = v.fma(k, -low, v.fma(k, -high, x))
    power, lost = v.lookup("powers", v.pick(c.POWERS_64, c.POWERS_32), v.bits(n))
    p = v.polynomial(r, coefficients or v.pick(c.EXP_STEP_64, c.EXP_STEP_32))
    return k, power, lost, r, p


def exp(v: Algebra, x: Any) -> Any:
    """2^⌊k⌋ 2^(i/16) (1 + r + r² P(r)) of x = k ln 2 + r, |r| <= ln 2 / 32. Error below 1.2 ulp."""
    k, power, _, r, p = parts(v, _within(v, x))
    return v.scaled(v.fma(power, v.fma(r * r, p, r), power), k)


def _within(v: Algebra, x: Any) -> Any:
    """x, clamped to where e^x is neither 0 nor infinite, and a little beyond."""
    return v.minimum(v.maximum(x, v.pick(-746.0, -104.0)), v.pick(710.0, 89.0))


def _expm1(v: Algebra, x: Any, halvings: int) -> tuple[Any, Any]:
    """(e^x - 1) / 2^halvings as a sum of two numbers, the second the smaller one."""
    k, power, lost, r, p = parts(v, x, v.pick(c.EXPM1_STEP_64, c.EXPM1_STEP_32))
    scale = v.scaled(power, k - float(halvings))
    start, low = ordered_sum(-(0.5**halvings), scale)  # for a large scale, `low` does not matter
    return start, v.fma(scale, r, v.fma(scale, v.fma(r * r, p, lost), low))


def expm1(v: Algebra, x: Any) -> Any:
    """Twice (e^x - 1) / 2, which does not overflow too early. Error below 1.5 ulp."""
    start, rest = _expm1(v, v.minimum(v.maximum(x, -40.0), v.pick(710.0, 89.0)), 1)
    half = start + rest
    return v.select(v.abs(x) < 2.0 ** -(v.fraction + 2), x, half + half)  # keeps -0 and subnormals


def tanh(v: Algebra, x: Any) -> Any:
    """-t / (2 + t) for t = expm1(-2|x|), t and 2 + t each a sum of two numbers, with the sign of x.

    The quotient is corrected by its remainder. In float32, which needs few terms, it is P(|x| - a),
    the polynomial of one of 16 pieces, and 1 from 9.02 on. Error below 1.2 ulp.
    """
    if v.width == 32:
        y = v.minimum(v.abs(x), 9.02)
        curve = v.piecewise(y, 2.0, "tanh", c.TANH_PIECES_32, end=7.75)
        return v.copysign(v.select(v.abs(x) > 9.02, 1.0, curve), x)
    t, t_low = ordered_sum(*_expm1(v, v.minimum(v.abs(x), 22.0) * -2.0, 0))
    d, d_low = ordered_sum(2.0, t)
    return v.copysign(quotient(v, t, t_low, d, d_low + t_low), x)


def _hyperbolic(v: Algebra, x: Any) -> tuple[Any, ...]:
    """(s, s_low), (t, t_low), r, cosh r - 1, sinh r - r of |x| = k ln 2 + r.

    s and t are half of sinh and cosh of k ln 2, as sums of two numbers.
    """
    y = v.minimum(v.abs(x), v.pick(710.7, 89.6))  # 2^k stays finite; the result overflows
    n, k, a = reduced(v, y, v.bias - 2)
    up = v.power_of_two(n)
    # 2^(-k-2), or for a large k some other number that is negligible beside `up`.
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
