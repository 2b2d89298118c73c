"""log, log1p, and powers, which are exponentials of logarithms.

x = 2^k m, and m = c (1 + r), with a number c near m from a table: then log x is the sum of k ln 2,
log c and log(1 + r) (Tang, "Table-driven implementation of the logarithm function", ACM
Transactions on Mathematical Software 16, 1990). Near 1, c is 1. For powers, c is always 1, and
log m = 2 atanh s for s = f / (2 + f), f = m - 1 (Muller, "Elementary Functions", 3rd ed., ch. 11).
"""

import math
from typing import Any

from micrograd.compiler.llvm.vectormath import coefficients as c
from micrograd.compiler.llvm.vectormath.algebra import Algebra, ordered_sum, two_product
from micrograd.compiler.llvm.vectormath.exponentials import LN2_64, reduced

# ln 2 as a sum of two numbers, the first so short that its product with k, plus log c, is exact.
PARTS_64 = (0.6931471805598903, 5.497923018708371e-14)
PARTS_32 = (0.69314575, 1.4286068e-06)


def _sum(v: Algebra, k: Any, m: Any, lost: Any = None) -> Any:
    """k ln 2 + log(m + lost), for 3/4 <= m <= 3/2 and its rounding error; large terms come last."""
    row = v.bits(v.fma(m, 20.0, v.magic))
    inverse, logarithm = v.lookup("centers", v.pick(c.CENTERS_64, c.CENTERS_32), row)
    r = v.fma(m, inverse, -1.0)
    high, low = v.pick(PARTS_64, PARTS_32)
    p = v.polynomial(r, v.pick(c.LOG_64, c.LOG_32))
    if lost is None:
        series = r * r * p
    else:
        rest = lost * inverse
        series = v.fma(r * r, p, v.fma(-r, rest, rest))  # rest / (1 + r), nearly
    return v.fma(k, high, logarithm) + (r + v.fma(k, low, series))


def log(v: Algebra, x: Any) -> Any:
    """k ln 2 + log c + r + r² P(r). Error below 1.1 ulp."""
    return _sum(v, *v.split(x))


def _log1p(v: Algebra, x: Any) -> Any:
    """log(1 + x) for -1 < x < inf. The rounding error of 1 + x adds lost / (1 + x)."""
    u = v.fma(x, 0.5, 0.5)  # (1 + x) / 2, which cannot overflow
    high = u - 0.5
    lost = (0.5 - (u - high)) + (x * 0.5 - high)
    k, m = v.split(u, normal=True)
    smaller = v.power_of_two(v.bits((v.magic + v.bias) - k))  # 2^-k, or 0 if x is huge
    return _sum(v, k + 1.0, m, lost * smaller)


def log1p(v: Algebra, x: Any) -> Any:
    """log of 1 + x and its rounding error. Error below 1.1 ulp."""
    result = v.select(x < math.inf, _log1p(v, x), x)
    result = v.select(x > -1.0, result, v.select(x == -1.0, -math.inf, math.nan))
    return v.select(v.abs(x) < 2.0 ** -(v.fraction + 2), x, result)  # keeps -0 and subnormals


ROOT_HALF = {64: 0x3FE6A09E667F3BCD, 32: 0x3F3504F3}  # the bits of √½
ONE = {64: 0x3FF0000000000000, 32: 0x3F800000}
LN2_HEAD = 0.6931471805598903  # 42 bits: its product with an exponent is exact
LN2_REST = 5.497923018708371e-14
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)


def _split_at_root(v: Algebra, x: Any, exponent_of_one: Any) -> tuple[Any, Any]:
    """k and m of a normal x > 0: x = 2^k m, √½ <= m < √2.

    k is counted from `exponent_of_one`, which is 2^fraction + bias.
    """
    shifted = v.bits(x) + (ONE[v.width] - ROOT_HALF[v.width])
    counted = v.number((shifted >> v.fraction) | v.bits(2.0**v.fraction))
    m = v.number((shifted & ((1 << v.fraction) - 1)) + ROOT_HALF[v.width])
    return counted - exponent_of_one, m


def _normal(v: Algebra, x: Any) -> tuple[Any, Any]:
    """x, scaled up if it is subnormal, and the exponent of 1 on that scale."""
    tiny = x < v.smallest
    one = 2.0**v.fraction + v.bias
    shift = v.fraction + 2
    return v.select(tiny, x * 2.0**shift, x), v.select(tiny, one + shift, one)


def _precise_log(v: Algebra, x: Any) -> tuple[Any, Any]:
    """log x for 0 < x < inf as a sum of two numbers, with a relative error of about 2^-65."""
    k, m = _split_at_root(v, *_normal(v, x))
    f = m - 1.0
    d, d_low = ordered_sum(2.0, f)
    reciprocal = 1.0 / d
    s = f * reciprocal
    s_low = v.fma(-s, d_low, v.fma(-s, d, f)) * reciprocal
    # s² and 2/3 s³ with their rounding errors, and s⁵ P(s²)
    z, z_low = two_product(v, s, s)
    z_low = v.fma(s + s, s_low, z_low)
    cube, cube_low = two_product(v, z, s)
    cube_low = cube_low + v.fma(z, s_low, z_low * s)
    third, third_low = two_product(v, cube, TWO_THIRDS[0])
    third_low = third_low + v.fma(cube, TWO_THIRDS[1], cube_low * TWO_THIRDS[0])
    tail = v.fma(cube * z, v.polynomial(z, c.LOG_TAIL_64), third_low)
    high, low = ordered_sum(k * LN2_HEAD, s + s)
    high, lower = ordered_sum(high, third)
    return high, (low + lower) + v.fma(k, LN2_REST, v.fma(s_low, 2.0, tail))


def _power(v: Algebra, x: Any, y: Any) -> Any:
    """e^(y log x) for x >= 0; the logarithm and the product are sums of two numbers."""
    high, low = _precise_log(v, x)
    high = v.select(x < math.inf, v.select(x == 0.0, -math.inf, high), x)
    product, rest = two_product(v, y, high)
    rest = v.select(v.abs(product) < 1e4, v.fma(y, low, rest), 0.0)
    bounded = v.minimum(v.maximum(product, -746.0), 710.0)
    n, k, a = reduced(v, bounded, 2 * v.bias)
    r = v.fma(k, -LN2_64[1], a) + rest
    q = v.fma(r * r, v.polynomial(r, c.EXP_64), r)
    half = n >> 1
    scale = v.power_of_two(half)
    return v.fma(scale, q, scale) * v.power_of_two(n - half)


def _power_of_singles(v: Algebra, x: Any, y: Any) -> Any:
    """`_power` of float32, in float64: short polynomials suffice, and one step scales by 2^k."""
    w, x = v.wide(), v.widen(x)
    k, m = _split_at_root(w, x, 2.0**w.fraction + w.bias)
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    logarithm = w.fma(k, LN2_64[0], w.fma(s * z, w.polynomial(z, c.LOG_SHORT_64), s + s))
    logarithm = w.select(x < math.inf, w.select(x == 0.0, -math.inf, logarithm), x)
    bounded = w.minimum(w.maximum(v.widen(y) * logarithm, -110.0), 90.0)
    n, _, r = reduced(w, bounded, w.bias)
    q = w.fma(r * r, w.polynomial(r, c.EXP_SHORT_64), r)
    scale = w.power_of_two(n)
    return v.narrow(w.fma(scale, q, scale))


def pow(v: Algebra, x: Any, y: Any) -> Any:
    """|x|^y with the sign and the exceptions of C's pow (C17, F.10.4.4). Error below 1.1 ulp."""
    magnitude = v.abs(x)
    result = v.pick(_power, _power_of_singles)(v, magnitude, y)
    integer = v.floor(y) == y
    odd = integer & (v.floor(y * 0.5) != y * 0.5)
    result = v.select(odd, v.copysign(result, x), result)
    result = v.select((x < 0.0) & (x > -math.inf) & ~integer, math.nan, result)
    one = (y == 0.0) | (x == 1.0) | ((magnitude == 1.0) & (v.abs(y) == math.inf))
    return v.select(one, 1.0, result)
