"""Downhill: a search for a minimum of a function of one unknown, in steps without a branch.

It looks for the point where the slope turns from negative to positive. Where the function is
convex, it takes a Newton step, but at most four times the length of the step before; elsewhere it
takes a step of this length downhill. Once it knows points with slopes of both signs, the minimum is
between them: a step that would leave this interval, or that is longer than half of the step before,
is replaced by a step to the middle. The search ends if a step does not change x, if rounding errors
end the quadratic convergence, if the interval has collapsed, or at a bound beyond which the
function still falls.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from micrograd import ops
from micrograd.iteration import Iteration, State
from micrograd.ops import logical_and, logical_or, select

ROUNDS = 200  # evaluations, at most
LONGER = 4.0  # a step is at most so many times as long as the one before
SMALL = 2.0**-20  # times x: only shorter steps end the search by their convergence


class Search(NamedTuple):
    """The state of the iteration."""

    x: Any  # the point to try
    p: Any  # the latest point where the slope is not NaN
    a: Any  # the latest point where the function falls
    b: Any  # the latest point where it rises
    last: Any  # the length of the step to x
    before: Any  # the length of the step before that
    rounds: Any  # evaluations that are left


def descent(evaluate: Callable[..., tuple[Any, Any]]) -> Iteration:
    """The iteration. Its operands are the guess, a lower and an upper bound, and the free operands
    of `evaluate(x, *free)`, which returns the slope and the curvature."""

    def start(guess: Any, low: Any, high: Any, *free: Any) -> State:
        x = ops.minimum(ops.maximum(guess, low), high)
        length = 0.1 * (1.0 + ops.abs(x))
        return Search(x, x, -math.inf, math.inf, length, math.inf, 1.0 * ROUNDS)

    def step(state: State, operands: Sequence[Any]) -> State:
        old, (_, low, high, *free) = Search(*state), operands
        slope, curvature = evaluate(old.x, *free)
        newton = -ops.div(slope, curvature)
        known = slope == slope
        a, b = select(slope < 0.0, old.x, old.a), select(slope > 0.0, old.x, old.b)
        y, convex = _next(old, slope, curvature, newton, a, b)
        y = ops.minimum(ops.maximum(y, low), high)
        at_bound = logical_or(
            logical_and(old.x <= low, slope >= 0.0), logical_and(old.x >= high, slope <= 0.0)
        )
        exact = logical_and(convex, old.x + 0.25 * newton == old.x)
        ended = logical_or(exact, logical_and(convex, _ended(newton, old)))
        found = logical_and(known, logical_or(at_bound, logical_or(ended, y == old.x)))
        failed = logical_and(_not(found), old.rounds <= 1.0)
        y = select(known, y, old.p + 0.25 * (old.x - old.p))
        done = logical_or(found, failed)
        return Search(
            x=select(found, old.x, select(failed, math.nan, y)),
            p=select(known, old.x, old.p),
            a=a,
            b=b,
            last=ops.abs(y - select(known, old.x, old.p)),
            before=select(known, old.last, math.inf),
            rounds=select(done, 0.0, old.rounds - 1.0),
        )

    return Iteration(start, step, lambda state: state[-1] > 0.0, lambda state: state[0])


def _next(old: Search, slope: Any, curvature: Any, newton: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """The next point to try, and whether a Newton step leads downhill."""
    longest = LONGER * old.last
    convex = logical_and(curvature > 0.0, ops.abs(newton) < math.inf)
    downhill = select(slope < 0.0, longest, -longest)
    step = select(logical_and(convex, ops.abs(newton) <= longest), newton, downhill)
    bracketed = logical_and(a > -math.inf, b < math.inf)
    y = old.x + step
    inside = logical_and(a < y, y < b)
    fits = logical_and(inside, ops.abs(step) <= 0.5 * old.last)
    middle = 0.5 * a + 0.5 * b
    collapsed = logical_or(middle <= a, middle >= b)
    y = select(logical_and(bracketed, _not(fits)), select(collapsed, old.x, middle), y)
    return y, convex


def _ended(newton: Any, old: Search) -> Any:
    """Whether rounding has ended the quadratic convergence."""
    sharp = logical_and(old.before < math.inf, 16.0 * old.last <= old.before)
    small = old.last <= SMALL * ops.maximum(ops.abs(old.x), old.before)
    return logical_and(logical_and(sharp, small), 4.0 * ops.abs(newton) > old.last)


def _not(condition: Any) -> Any:
    return not condition if condition.__class__ is bool else ops.logical_not(condition)
