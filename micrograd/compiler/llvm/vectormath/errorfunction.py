"""erf and erfc: the error function and its complement."""

from typing import Any

from micrograd.compiler.llvm.vectormath import coefficients as c
from micrograd.compiler.llvm.vectormath.algebra import Algebra, ordered_sum, two_product
from micrograd.compiler.llvm.vectormath.exponentials import reduced, with_tail


def erf(v: Algebra, x: Any) -> Any:
    """P(|x| - a), the polynomial of one of 16 pieces, with the sign of x; 1 from 5.93 on,
    in float32 from 3.93.

    Error below 1.6 ulp. The pieces are wider where erf is flat: 1/4 up to 2, then 1/2; in float32
    1/8 up to 5/8, 1/4 up to 21/8, then 1/2.
    """
    end, table = v.pick(5.93, 3.93), v.pick(c.ERF_PIECES_64, c.ERF_PIECES_32)
    curve = v.piecewise(v.minimum(v.abs(x), end), v.pick(2.0, 1.375), "erf", table)
    return v.copysign(v.select(v.abs(x) > end, 1.0, curve), x)


def erfc(v: Algebra, x: Any) -> Any:
    """1 - erf x if |x| < 0.65, else `_tail` for x > 0, and 2 minus that for x < 0.

    Error below 1.3 ulp.
    """
    high, low = ordered_sum(1.0, -x)
    near = high + v.fma(-x, v.polynomial(x * x, v.pick(c.ERF_64, c.ERF_32)), low)
    far = _tail(v, v.minimum(v.abs(x), v.pick(27.5, 10.5)))
    return v.select(v.abs(x) < 0.65, near, v.select(x < 0.0, 2.0 - far, far))


def _tail(v: Algebra, x: Any) -> Any:
    """erfc x for x >= 0.65: exp(-x²) (5/4 + P(t)) / (1 + 2x), t = (x - 3) / (x + 3).

    After Shepherd & Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc(x)", Mathematics
    of Computation 36 (1981). The square and the quotient are sums of two numbers.
    """
    d = x + 3.0
    e, e_low = ordered_sum(x + x, 1.0)
    both = 1.0 / (d * e)
    t = (x - 3.0) * (e * both)
    p, p_low = ordered_sum(1.25, v.polynomial(t, v.pick(c.ERFC_64, c.ERFC_32)))
    reciprocal = d * both
    q = p * reciprocal
    q_low = v.fma(-q, e_low, v.fma(-q, e, p) + p_low) * reciprocal
    square, square_low = two_product(v, x, x)
    n, k, a = reduced(v, -square, 2 * v.bias)
    r, tail = with_tail(v, k, a)
    r, lost = ordered_sum(r, -square_low)
    growth = r + v.fma(r * r, v.polynomial(r, v.pick(c.EXP_64, c.EXP_32)), tail + lost)
    result = q + v.fma(q, growth, v.fma(q_low, growth, q_low))
    half = n >> 1
    return result * v.power_of_two(half) * v.power_of_two(n - half)
