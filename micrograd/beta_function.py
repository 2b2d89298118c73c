"""The beta function, of any operands, and its derivatives."""

import math
from functools import reduce
from typing import Any

from micrograd import machine
from micrograd.operation import composed
from micrograd.ops import (
    div,
    exp,
    floor,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    pow,
    select,
    sin,
    sqrt,
)  # fmt: skip
from micrograd.special import SHIFT, digamma, lgamma, psi_rest, raised, stirling_rest

_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


# B(a, b): where both are at least 8, by Stirling's series of all three gamma functions; where only
# the larger is, by that of two; the larger is raised to 8 by B(a, b) = B(a, b + 1) (a + b) / b.
# A. R. DiDonato and A. H. Morris, Algorithm 708, ACM Transactions on Mathematical Software 18
# (1992). The error is that of some units in the last place of a or b.


def _positive_beta(a: Any, b: Any) -> Any:
    p, q = minimum(a, b), maximum(a, b)
    small, t = raised(q)
    above = reduce(machine.mul, [p + q + k for k in range(SHIFT)])
    below = reduce(machine.mul, [q + k for k in range(SHIFT)])
    rest, tail = stirling_rest(1.0 / t) - stirling_rest(1.0 / (p + t)), log1p(p / t)
    low = p < SHIFT
    x = select(low, p, 1.0)
    few = exp(lgamma(x + 1.0) - x * log(t) - (x + t - 0.5) * tail + x + rest)
    y = select(low, 8.0, p)
    both = exp(stirling_rest(1.0 / y) + rest + _LOG_ROOT - t * tail) / sqrt(t)
    value = select(low, div(few, x), pow(y / (y + t), y - 0.5) * both)
    value = value * select(small, above / below, 1.0)
    return select(q == 0, math.inf, select(q == math.inf, 0.0, value))


def _fall(a: Any, b: Any) -> Any:
    """ψ(a) - ψ(a + b) for positive a and b, without cancellation."""
    small, s = raised(a)
    t = s + b
    shift = reduce(machine.add, [b / (a + k) / (a + b + k) for k in range(SHIFT)])
    r, u = 1.0 / s, 1.0 / t
    apart = b * r * u
    series = log1p(b / s) + 0.5 * apart + apart * (r + u) * psi_rest(r * r, u * u)
    return -series - select(small, shift, 0.0)


def _beta(g: Any, z: Any, a: Any, b: Any) -> Any:
    good = logical_and(a > 0, b > 0)
    x, y = select(good, a, 1.0), select(good, b, 1.0)
    c, d = select(good, 1.25, a), select(good, 1.25, b)
    slope = g * z
    whole = digamma(c + d)
    by_a = select(good, _fall(x, y), digamma(c) - whole)
    return slope * by_a, slope * select(good, _fall(y, x), digamma(d) - whole)


def _sine(x: Any) -> Any:
    """sin πx, exactly 0 for an integer."""
    n = floor(x + 0.5)
    return _alternating(n) * sin(math.pi * (x - n))


def _alternating(n: Any) -> Any:
    """(-1)ⁿ"""
    return select(n == 2.0 * floor(0.5 * n), 1.0, -1.0)


@composed(_beta)
def beta(a, b):
    """the beta function, Γ(a) Γ(b) / Γ(a + b)"""
    c, d = maximum(a, b), minimum(a, b)
    left, both, short = d < 0, c < 0, c + d <= 0
    p, q = 1.0 - d, select(both, 1.0 - c, c + d)
    x = select(left, select(both, p, select(short, c, p)), c)
    y = select(left, select(both, q, select(short, 1.0 - (c + d), q)), d)
    value = _positive_beta(x, y)
    reflected = _reflected(select(left, c, 1.5), select(left, d, -0.5), value)
    return select(left, select(d == -math.inf, math.nan, reflected), value)


def _reflected(c: Any, d: Any, value: Any) -> Any:
    """B(c, d) of negative d by Γ(x) Γ(1 - x) = π / sin πx of all gamma functions of negative
    numbers, which leaves a beta function of positive ones; at a pole of Γ(d) alone, infinity."""
    both, whole, sine = c < 0, floor(c) == c, _sine(d)
    pole = sine == 0
    # sin π(c + d) / sin πd, without the rounding of c + d
    ratio = _sine(c + 0.5) + select(whole, 0.0, _sine(c) * div(_sine(d + 0.5), sine))
    short = select(logical_and(pole, logical_not(whole)), math.inf, ratio * value)
    long = div(math.pi, sine * select(c == math.inf, 1.0, c * value))
    long = select(pole, math.inf, select(c == math.inf, math.inf * long, long))
    two = div(math.pi * ratio, _sine(c) * (1.0 - (c + d)) * value)
    two = select(logical_or(pole, whole), math.inf, two)
    return select(both, two, select(c + d <= 0, short, long))
