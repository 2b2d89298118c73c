"""The incomplete gamma function, with its derivatives in both arguments."""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

from micrograd import machine
from micrograd.elementary import xlogy
from micrograd.iteration import Iteration, State
from micrograd.operation import Op, composed
from micrograd.ops import (
    abs,
    exp,
    log,
    log1p,
    logical_and,
    logical_or,
    maximum,
    select,
    sqrt,
)
from micrograd.special import (
    SHIFT,
    digamma,
    lgamma,
    raised,
    stirling_rest,
    trigamma_rest,
)

_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


# P(a, x), the regularised lower incomplete gamma function: below a + 1 by the series of positive
# terms, above by the continued fraction of 1 - P (Abramowitz & Stegun (1964) 6.5.29, 6.5.31), each
# until the last term is negligible. To differentiate by a, both are computed on Taylor polynomials
# in a, which are truncated after the wanted order. Both take about 5 √a steps where x is near a.
_STEPS, _NOTHING, _ROUNDING = 1e6, 1e-17, 2.0**-52
_BEYOND = 2.0  # from a + 2 on the fraction

Taylor = Sequence[Any]  # coefficients


def _over(x: Taylor, c: Any) -> list[Any]:
    """x / (c + da)"""
    result: list[Any] = []
    for k, coefficient in enumerate(x):
        result.append((coefficient - result[k - 1] if k else coefficient) / c)
    return result


def _quotient(x: Taylor, y: Taylor) -> list[Any]:
    result: list[Any] = []
    for k in range(len(x)):
        known = [result[j] * y[k - j] for j in range(k)]
        result.append((x[k] - reduce(machine.add, known, 0.0)) / y[0])
    return result


def _series(order: int) -> Iteration:
    """The sum of x^n / ((a + 1) ... (a + n)), and its Taylor coefficient of this order."""
    m = order + 1

    def start(a: Any, x: Any) -> State:
        one = [1.0, *[0.0] * order]
        return [1.0, *one, *one]

    def step(state: State, operands: Sequence[Any]) -> State:
        (n, *rest), (a, x) = state, operands
        term, total = rest[:m], rest[m:]
        term = _over([x * t for t in term], a + n)
        return [n + 1.0, *term, *[s + t for s, t in zip(total, term)]]

    def goes_on(state: State) -> Any:
        n, term, total = state[0], state[m], state[-1]
        counts = logical_or(n <= m, abs(term) > _NOTHING * abs(total))
        return logical_and(n < _STEPS, counts)

    return Iteration(start, step, goes_on, lambda state: math.factorial(order) * state[-1])


def _fraction(order: int) -> Iteration:
    """1/(x+1-a- 1(1-a)/(x+3-a- 2(2-a)/(x+5-a- ...))), and its coefficient of this order."""
    m, no = order + 1, [0.0] * order

    def start(a: Any, x: Any) -> State:
        b = x + 1.0 - a
        one = [1.0 / b, *no]
        q = [1.0, -1.0 / b, *no][:m]
        limit = 100.0 + 2.0 * sqrt(a)  # about twice what is necessary
        return [1.0, 0.0, *no, *one, *one, *q, _quotient(one, q)[-1], 1.0, limit]

    def step(state: State, operands: Sequence[Any]) -> State:
        (n, *rest), (a, x) = state, operands
        before, p, other, q = (rest[k * m : (k + 1) * m] for k in range(4))
        b, c = x + 2.0 * n + 1.0 - a, -n * (n - a)

        def following(now: Taylor, last: Taylor) -> list[Any]:
            return [
                b * now[k] + c * last[k] + (n * last[k - 1] - now[k - 1] if k else 0.0)
                for k in range(m)
            ]

        up, down = following(p, before), following(q, other)
        scale = 1.0 / down[0]
        value, change, limit = rest[-3:]
        columns = [[y * scale for y in column] for column in (p, up, q, down)]
        new = _quotient(up, down)[-1]
        change = maximum(abs(new - value), change / 16.0)  # of which one may be 0 by chance
        return [n + 1.0, *[y for column in columns for y in column], new, change, limit]

    def goes_on(state: State) -> Any:
        n, numerator, (value, change, limit) = state[0], state[2 * m], state[-3:]
        counts = logical_or(n <= m, change > _ROUNDING * (abs(value) + abs(numerator)))
        return logical_and(n < limit, counts)

    return Iteration(start, step, goes_on, lambda state: math.factorial(order) * state[-3])


def _row(name: str, iteration: Iteration) -> Op:
    def no_derivative(g: Any, z: Any, a: Any, x: Any) -> Any:
        raise AssertionError("only composite rows are differentiated")

    return Op(
        name, 2, iteration, no_derivative, "a sum for gammainc", iteration=iteration, library=True
    )


_SERIES = [_row(f"gammainc_series_{m}", _series(m)) for m in range(3)]
_FRACTION = [_row(f"gammainc_fraction_{m}", _fraction(m)) for m in range(3)]


def _power(a: Any, x: Any) -> Any:
    """x^a exp(-x) / Γ(a + 1), for large a by Stirling's series; no cancellation near x = a."""
    large = a >= SHIFT
    b, c = select(large, a, SHIFT * 1.0), select(large, 1.0, a)
    y = select(large, x, b)
    d = (y - b) / b
    far = d < -0.5
    gap = d - select(far, log(y / b), log1p(select(far, 0.0, d)))
    by_stirling = exp(-b * gap - stirling_rest(1.0 / b) - _LOG_ROOT) / sqrt(b)
    return select(large, by_stirling, exp(xlogy(c, x) - x - lgamma(c + 1.0)))


def _slopes_of_density(g: Any, z: Any, a: Any, x: Any) -> Any:
    power = select(a == 1, 0.0, (a - 1.0) / select(a == 1, 1.0, x))
    return g * z * (log(x) - digamma(a)), g * z * (power - 1.0)


@composed(_slopes_of_density, listed=False)
def gammainc_by_x(a, x):
    """the derivative of gammainc by x, x^(a - 1) exp(-x) / Γ(a)"""
    small = a < SHIFT
    b = select(small, a, 1.0)
    direct = exp(xlogy(b - 1.0, x) - x - lgamma(b))
    y = select(x == 0, 1.0, x)
    return select(small, direct, select(x == 0, 0.0, a / y * _power(a, y)))


def _trigamma(x: Any) -> Any:
    """ψ' for positive x."""
    small, s = raised(x)
    shift = reduce(machine.add, [1.0 / ((x + k) * (x + k)) for k in range(SHIFT)])
    return trigamma_rest(1.0 / s) + select(small, shift, 0.0)


def _by_a(order: int, a: Any, x: Any) -> Any:
    """The derivative of P(a, x) of this order by a, for ordinary a and x."""
    low = x < a + _BEYOND
    u, v = select(low, x, 0.5 * a), select(low, a + _BEYOND, x)
    series = [_SERIES[m](a, u) for m in range(order + 1)]
    fraction = [_FRACTION[m](a, v) for m in range(order + 1)]
    if order == 0:
        return select(low, _power(a, u) * series[0], 1.0 - a * _power(a, v) * fraction[0])
    r, s = log(u) - digamma(a + 1.0), log(v) - digamma(a)
    if order == 1:
        below, above = series[1] + r * series[0], fraction[1] + s * fraction[0]
    else:
        below = series[2] + 2.0 * r * series[1] + (r * r - _trigamma(a + 1.0)) * series[0]
        above = fraction[2] + 2.0 * s * fraction[1] + (s * s - _trigamma(a)) * fraction[0]
    return select(low, _power(a, u) * below, -a * _power(a, v) * above)


def _within(order: int, a: Any, x: Any) -> Any:
    """`_by_a`, and what it is at the ends of its domain."""
    inside = logical_and(logical_and(a > 0, x > 0), logical_and(a < math.inf, x < math.inf))
    value = _by_a(order, select(inside, a, 1.0), select(inside, x, 1.0))
    outside = logical_or(logical_or(a < 0, x < 0), logical_or(a != a, x != x))
    both = logical_or(logical_and(a == 0, x == 0), logical_and(a == math.inf, x == math.inf))
    end = select(logical_or(a == 0, x == math.inf), 1.0, 0.0) if order == 0 else 0.0
    return select(inside, value, select(logical_or(outside, both), math.nan, end))


def _no_more(g: Any, z: Any, a: Any, x: Any) -> Any:
    e = log(x) - digamma(a)
    return math.nan, g * gammainc_by_x(a, x) * (e * e - _trigamma(a))


@composed(_no_more, listed=False)
def gammainc_by_a_twice(a, x):
    """the second derivative of gammainc by a; its own by a is NaN"""
    return _within(2, a, x)


def _by_a_once(g: Any, z: Any, a: Any, x: Any) -> Any:
    return g * gammainc_by_a_twice(a, x), g * gammainc_by_x(a, x) * (log(x) - digamma(a))


@composed(_by_a_once, listed=False)
def gammainc_by_a(a, x):
    """the derivative of gammainc by a"""
    return _within(1, a, x)


@composed(lambda g, z, a, x: (g * gammainc_by_a(a, x), g * gammainc_by_x(a, x)))
def gammainc(a, x):
    """the regularised lower incomplete gamma function"""
    return _within(0, a, x)
