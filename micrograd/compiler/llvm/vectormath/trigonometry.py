"""sin, cos, tan: polynomials of x reduced modulo π, for all x.

The reduction subtracts multiples of π in three parts (Cody & Waite, 1980, chapter 8; with fma:
Muller, "Elementary Functions", 3rd ed., section 11.2), and keeps its rounding error. Where x is
too large for that, it looks up the digits of 2/π that matter (Payne & Hanek, "Radian reduction for
trigonometric functions", SIGNUM Newsletter, 1983).
"""

import math
from functools import cache
from typing import Any

from micrograd.compiler.llvm.vectormath import coefficients as c
from micrograd.compiler.llvm.vectormath.algebra import (
    Algebra,
    ordered_sum,
    quotient,
    two_product,
    two_sum,
)

PI_64 = (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33)  # π is their sum
PI_32 = (3.1415927, -8.742278e-08, -3.4302490e-15)


def _reduced(v: Algebra, x: Any, far: Any, turn: float, start: float = 0.0) -> tuple[Any, ...]:
    """(n, r, tail): x = (k + start) turn + r + tail, |r| <= turn / 2, k in the last bits of n.

    `turn` is in units of π. Three parts of π suffice up to 2^30 in float64 and 2^18 in float32; for
    a larger |x|, (k, r, tail) = far(v, x).
    """
    head, middle, last = (turn * part for part in v.pick(PI_64, PI_32))
    turns = 1 / (turn * math.pi)
    n = v.fma(x, turns, -start) + v.magic if start else v.fma(x, turns, v.magic)
    k = n - v.magic
    h = k + start
    a = v.fma(h, -head, x)  # exact: x is near h * head
    product, product_low = two_product(v, h, middle)
    r = a - product
    tail = v.fma(h, -last, ((a - r) - product) - product_low)
    magnitude = v.abs(x)
    beyond = (magnitude > v.pick(2.0**30, 2.0**18)) & (magnitude < math.inf)
    k, r, tail = v.rarely(beyond, (k, r, tail), far, x)
    return v.bits(k + v.magic), r, tail


def _sine(v: Algebra, n: Any, r: Any, tail: Any) -> Any:
    """(-1)^n sin(r + tail), |r| <= π/2: r + (r³ P(r²) + tail cos r), with cos r about 1 - 0.4 r².

    r² and r³ are sums of two numbers, as r near π/2 needs.
    """
    z, z_low = two_product(v, r, r)
    cube, cube_low = two_product(v, r, z)
    p = v.polynomial(z, v.pick(c.SIN_64, c.SIN_32))
    tail = tail * v.fma(z, -4 / math.pi**2, 1.0)
    small = v.fma(cube, p, v.fma(v.fma(r, z_low, cube_low), p, tail))
    return v.negate_if_odd(r + small, n)


def sin(v: Algebra, x: Any) -> Any:
    """x = kπ + r, and sin x = (-1)^k sin r. Error below 1.2 ulp."""
    return v.select(x == 0.0, x, _sine(v, *_reduced(v, x, far_sine, 1.0)))


def cos(v: Algebra, x: Any) -> Any:
    """x = (k + ½)π + r, and cos x = (-1)^(k+1) sin r. Error below 1.3 ulp."""
    n, r, tail = _reduced(v, x, far_cosine, 1.0, 0.5)
    return _sine(v, n + 1, r, tail)


def tan(v: Algebra, x: Any) -> Any:
    """x = kπ/2 + r, and tan x is tan r, or -1 / tan r if k is odd. Error below 1.2 ulp."""
    n, r, tail = _reduced(v, x, far_tangent, 0.5)
    z = r * r
    p = v.polynomial(z, v.pick(c.SIN_SHORT_64, c.SIN_SHORT_32))
    q = v.polynomial(z, v.pick(c.COS_SHORT_64, c.COS_SHORT_32))
    sine = ordered_sum(r, v.fma(r * z, p, tail))
    cosine = ordered_sum(1.0, v.fma(z, -0.5, v.fma(z * z, q, -r * tail)))
    odd = (n & 1) == 1
    above = (v.select(odd, y, x) for x, y in zip(sine, cosine))
    below = (v.select(odd, -x, y) for x, y in zip(sine, cosine))
    return v.select(x == 0.0, x, quotient(v, *above, *below))


# The reduction of large numbers, in units of π/2. We need x * 2/π modulo 4 to about 2^-120, as x
# may be within 2^-62 of a multiple of π/2. So x is split into 2^(16 i - 48) times an integer below
# 2^69, which is multiplied by four doubles: 2^(16 i - 48) * 2/π modulo 4, to 2^-210.

STEP, FIRST, PARTS = 16, -48, 4


@cache
def two_over_pi() -> tuple[tuple[float, ...], ...]:
    """Row i: 2^(16 i - 48) * 2/π modulo 4 as a sum of doubles, and 2^(48 - 16 i)."""
    bits = 1400
    table = []
    two_over_pi = (2 << 2 * bits) // _pi(bits)
    for shift in range(FIRST, 1024 - 52, STEP):
        rest = (two_over_pi << (shift - FIRST)) % (4 << (bits - FIRST))
        row = []
        for _ in range(PARTS):
            drop = max(rest.bit_length() - 53, 0)
            row.append(math.ldexp(rest >> drop, drop - bits + FIRST))
            rest -= rest >> drop << drop
        table.append((*row, 2.0**-shift))
    return tuple(table)


def _pi(bits: int) -> int:
    """π * 2^bits, by Machin's formula: π = 16 atan(1/5) - 4 atan(1/239)."""

    def atan_of_inverse(n: int) -> int:
        power, total, i = (1 << bits + 32) // n, 0, 1
        while power:
            total += power // i if i % 4 == 1 else -(power // i)
            power, i = power // (n * n), i + 2
        return total

    return 16 * atan_of_inverse(5) - 4 * atan_of_inverse(239) >> 32


def _distilled(terms: list[Any]) -> tuple[Any, Any]:
    """The sum as two numbers, as if in triple precision (Ogita, Rump & Oishi, 2005)."""
    for _ in range(3):
        for i in range(len(terms) - 1):
            terms[i + 1], terms[i] = two_sum(terms[i], terms[i + 1])
    *rest, high = terms
    low = rest[0]
    for term in rest[1:]:
        low = low + term
    return high, low


def _far(v: Algebra, x: Any, turn: float, start: float) -> tuple[Any, Any, Any]:
    """(k, r, tail): x = (k + start) turn π + r + tail up to a multiple of 2π, for any |x| >= 16."""
    if v.width == 32:
        w = v.wide()
        k, r, tail = _far(w, v.widen(x), turn, start)
        narrow = v.narrow(r)
        return v.narrow(k), narrow, v.narrow((r - v.widen(narrow)) + tail)
    x = v.select(v.abs(x) >= 16.0, x, 16.0)  # unused lanes must not index outside the table
    row = ((v.bits(v.abs(x)) >> 52) - (1023 + 52 + FIRST)) >> 4
    *parts, scale = v.lookup("two_over_pi", two_over_pi(), row)
    x = x * scale
    terms = [term for part in parts for term in two_product(v, x, part)]
    terms[:3] = (term - 4.0 * v.round(term * 0.25) for term in terms[:3])
    first = terms[0] + terms[1] + terms[2]
    k = v.round((first - 2 * start * turn) * (0.5 / turn))
    high, low = _distilled([(k + start) * (-2 * turn), *terms])
    a, b = PI_64[0] / 2, PI_64[1] / 2
    r, tail = two_product(v, high, a)
    return k, *ordered_sum(r, tail + v.fma(high, b, low * a))


def far_sine(v: Algebra, x: Any) -> tuple[Any, Any, Any]:
    return _far(v, x, 1.0, 0.0)


def far_cosine(v: Algebra, x: Any) -> tuple[Any, Any, Any]:
    return _far(v, x, 1.0, 0.5)


def far_tangent(v: Algebra, x: Any) -> tuple[Any, Any, Any]:
    return _far(v, x, 0.5, 0.0)
