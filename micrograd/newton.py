"""Newton's method, safeguarded: steps written for one example without a branch.

One unknown: a Newton step is taken if it stays between two points where f has opposite signs and is
at most half as long as the step before; else the interval is bisected (rtsafe of Numerical Recipes,
after Dekker, 1969). Until such points are known, a step that does not make |f| smaller is cut to a
quarter, several times; then points ever farther away are tried on both sides. Where each step is
nearly as long as the one before, one is taken that is as long as the sum of their geometric series
(Aitken, 1926), or a little shorter.

Several unknowns: a Newton step that does not make the sum of squares smaller is cut to a quarter
(Dennis and Schnabel, 1983, with the simplest of their rules). Where the Jacobian is singular, the
step is along the gradient of that sum (Cauchy, 1847).

Both end where a step does not change the last two bits of x, or where rounding ends the quadratic
convergence: after a step that was 16 times shorter than the one before it, the next is not 4 times
shorter. With several unknowns, it is enough that a step does not change the last two bits of the
largest, where f does not become smaller. If no root is found, the result is NaN.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from micrograd import linear, ops
from micrograd.iteration import Iteration, State
from micrograd.ops import logical_and, logical_or, select

ROUNDS = 200  # evaluations of f, at most
CUTS = 6  # how often a step is cut before points on both sides are tried
TRIALS = 60  # that do not make f smaller, at most
LESS = 0.95  # |f| of a better point, relative to that of the best one
SLOW = 0.4  # a step relative to the one before: convergence is linear
SHORT, LONGER = 0.9, 8.0  # of the sum of such steps, and times a step: how far one goes
FAR = 1e3  # times the unknown, or 1: the longest step
SMALL = 2.0**-20  # relative to x: a step that may end the iteration
SMALLER = 2.0**-10  # |f| where its sign changes, relative to the largest |f| before

Evaluate = Callable[..., tuple[Any, Any]]  # f and its derivatives, of the unknowns and what is free


class Search(NamedTuple):
    """The state of an iteration for one unknown."""

    x: Any  # the point to try
    p: Any  # the best point so far
    at_p: Any  # f there; NaN: not known
    q: Any  # the latest point where f has the other sign; NaN: not known
    step: Any  # that led to x
    last: Any  # its length; if it was lengthened, that of Newton's
    before: Any  # the same of the step before it
    largest: Any  # |f| until its sign changed
    trials: Any  # how many points were no better than p
    rounds: Any  # how many are left


def iteration(evaluate: Evaluate, n: int) -> Iteration:
    """The iteration for n unknowns, which are its result, in a list."""
    return one_unknown(evaluate) if n == 1 else several_unknowns(evaluate, n)


def one_unknown(evaluate: Evaluate) -> Iteration:
    """The iteration for one unknown. Its operands are the guess, and what is free in f."""

    def start(guess: Any, *free: Any) -> State:
        nan, step = math.nan, 0.1 * (1.0 + ops.abs(guess))
        return Search(guess, guess, nan, nan, step, step, math.inf, 0.0, 0.0, 1.0 * ROUNDS)

    def step(state: State, operands: Sequence[Any]) -> State:
        old = Search(*state)
        f, slope = evaluate(old.x, *operands[1:])
        newton = -ops.div(f, slope)
        better, new = _compared(old, f)
        middle = _middle(new.p, new.q)
        y, next_step = _next(old, new, better, f, newton, middle)
        found, root, failed = _judged(old, new, f, newton, middle)
        return new._replace(
            x=select(found, root, select(failed, math.nan, y)),
            step=next_step,
            last=ops.minimum(ops.abs(next_step), select(better, ops.abs(newton), math.inf)),
            before=select(better, old.last, old.before),
            rounds=select(logical_or(found, failed), 0.0, old.rounds - 1.0),
        )

    return Iteration(start, step, lambda state: state[-1] > 0.0, lambda state: [state[0]])


def _compared(old: Search, f: Any) -> tuple[Any, Search]:
    """Whether x is better than p, and then in its place."""
    size, bracketed = ops.abs(f), old.q == old.q
    crossed = _opposite(f, old.at_p)
    better = logical_or(crossed, logical_or(bracketed, _not(size >= LESS * ops.abs(old.at_p))))
    better = logical_and(better, size == size)
    counts = logical_and(_not(bracketed), size < math.inf)
    return better, old._replace(
        p=select(better, old.x, old.p),
        at_p=select(better, f, old.at_p),
        q=select(crossed, old.p, old.q),
        largest=select(counts, ops.maximum(old.largest, size), old.largest),
        trials=select(better, 0.0, old.trials + 1.0),
    )


def _next(
    old: Search, new: Search, better: Any, f: Any, newton: Any, middle: Any
) -> tuple[Any, Any]:
    """The next point to try, and the step to it."""
    cut = select(new.trials <= CUTS, 0.25 * old.step, -2.0 * old.step)
    beyond_zero = logical_and(f != f, _opposite(old.x, old.p))  # as by log, by powers
    cut = select(beyond_zero, -0.9375 * old.p, cut)
    lengthened = select(new.q == new.q, newton, _lengthened(newton, old))
    step = select(better, _limited(lengthened, old.x), cut)
    y = new.p + step
    inside = logical_or(_between(new.p, y, new.q), _between(new.q, y, new.p))
    shorter = ops.abs(step) <= 0.5 * ops.abs(old.step)
    bisected = logical_and(new.q == new.q, _not(logical_and(inside, shorter)))
    return select(bisected, middle, y), select(bisected, middle - new.p, step)


def _judged(old: Search, new: Search, f: Any, newton: Any, middle: Any) -> tuple[Any, Any, Any]:
    """Whether the root is found; the root; whether the iteration has failed."""
    x, solved = old.x, f == 0.0
    not_a_pole = ops.abs(f) <= 4.0 * new.largest
    exact = logical_and(not_a_pole, x + 0.25 * newton == x)
    ended = logical_and(old.trials == 0.0, _ended(newton, old.last, old.before, x))
    collapsed = logical_and(new.q == new.q, logical_or(middle == new.p, middle == new.q))
    surely = logical_or(
        ops.abs(new.at_p) <= SMALLER * new.largest,
        logical_and(not_a_pole, ops.abs(newton) <= SMALL * ops.abs(x)),
    )
    failed = logical_or(new.trials > TRIALS, logical_and(collapsed, _not(surely)))
    failed = logical_and(_not(solved), logical_or(failed, old.rounds <= 1.0))
    found = logical_or(exact, logical_or(logical_and(not_a_pole, ended), collapsed))
    found = logical_or(solved, logical_and(found, _not(failed)))
    return found, select(solved, x, select(exact, x + newton, new.p)), failed


def _not(condition: Any) -> Any:
    return not condition if condition.__class__ is bool else ops.logical_not(condition)


def _opposite(x: Any, y: Any) -> Any:
    """Whether the signs of x and y differ."""
    return logical_or(logical_and(x < 0.0, y > 0.0), logical_and(x > 0.0, y < 0.0))


def _between(a: Any, x: Any, b: Any) -> Any:
    return logical_and(a < x, x < b)


def _lengthened(newton: Any, old: Search) -> Any:
    """A step as long as the next ones together, where each is nearly as long as the one before."""
    ratio = ops.div(newton, old.step)
    slow = logical_and(logical_and(ratio >= SLOW, ratio <= 1.1), old.before < math.inf)
    factor = select(ratio < 1.0 - SHORT / LONGER, ops.div(SHORT, 1.0 - ratio), LONGER)
    return select(slow, factor * newton, newton)


def _limited(step: Any, x: Any) -> Any:
    """A step that is not too long; if it is NaN, one to the right."""
    limit = FAR * ops.maximum(ops.abs(x), 1.0)
    return select(ops.abs(step) <= limit, step, select(step < 0.0, -limit, limit))


def _middle(p: Any, q: Any) -> Any:
    """The arithmetic mean; the geometric one of numbers that differ by more than a factor of 4."""
    a, b = ops.abs(p), ops.abs(q)
    apart = logical_or(a > 4.0 * b, b > 4.0 * a)
    same = _not(logical_or(_opposite(p, q), logical_or(p == 0.0, q == 0.0)))
    mean = ops.sqrt(a) * ops.sqrt(b)
    return select(logical_and(apart, same), select(p < 0.0, -mean, mean), 0.5 * p + 0.5 * q)


def _ended(step: Any, last: Any, before: Any, x: Any) -> Any:
    """Whether rounding has ended the quadratic convergence."""
    sharp = logical_and(before < math.inf, 16.0 * last <= before)
    small = last <= SMALL * ops.maximum(ops.abs(x), before)
    return logical_and(logical_and(sharp, small), 4.0 * ops.abs(step) > last)


def several_unknowns(evaluate: Evaluate, n: int) -> Iteration:
    """The iteration for n unknowns. Its operands are the guesses, and what is free in f.

    The state: the point to try, the best point, the step between them, the sum of squares at the
    best point; the length of the step before; how many points were no better; the rounds left.
    """

    def start(*operands: Any) -> State:
        guess = operands[:n]
        return (*guess, *guess, *[0.0] * n, math.nan, math.inf, 0.0, 1.0 * ROUNDS)

    def step(state: State, operands: Sequence[Any]) -> State:
        x, p, last = state[:n], state[n : 2 * n], state[2 * n : 3 * n]
        least, before, trials, rounds = state[3 * n :]
        f, jacobian = evaluate(*x, *operands[n:])
        squares = _dot(f, f)
        newton = linear.solve(jacobian, [-y for y in f])
        regular = _largest(newton) < math.inf
        newton = [select(regular, d, c) for d, c in zip(newton, _downhill(jacobian, f))]
        better = logical_and(_not(squares >= 0.98 * least), squares == squares)
        exact = _all([a + 0.25 * d == a for a, d in zip(x, newton)])
        length, last_length, size = _largest(newton), _largest(last), _largest(x)
        ended = logical_and(trials == 0.0, _ended(length, last_length, before, size))
        short = logical_and(_not(better), size + 0.25 * length == size)
        solved = squares == 0.0
        near = logical_and(regular, logical_or(exact, logical_or(short, ended)))
        found = logical_or(solved, near)
        trials = select(better, 0.0, trials + 1.0)
        failed = logical_and(_not(found), logical_or(trials > TRIALS, rounds <= 1.0))

        p = [select(better, a, b) for a, b in zip(x, p)]
        steps = [select(better, d, 0.25 * s) for d, s in zip(newton, last)]
        root = [select(exact, a + d, a) for a, d in zip(x, newton)]
        y = [
            select(found, select(solved, a, r), select(failed, math.nan, b + d))
            for a, r, b, d in zip(x, root, p, steps)
        ]
        return (
            *y, *p, *steps,
            select(better, squares, least), select(better, last_length, before), trials,
            select(logical_or(found, failed), 0.0, rounds - 1.0),
        )  # fmt: skip

    return Iteration(start, step, lambda state: state[-1] > 0.0, lambda state: state[:n])


def _downhill(jacobian: Sequence[Any], f: Sequence[Any]) -> list[Any]:
    """The step along the gradient of the sum of squares to the minimum of the linear model."""
    slopes = [_dot(column, f) for column in zip(*jacobian)]
    along = [_dot(row, slopes) for row in jacobian]
    length = ops.div(_dot(slopes, slopes), _dot(along, along))
    return [-length * slope for slope in slopes]


def _dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    return ops.sum(*[a * b for a, b in zip(x, y)])


def _all(conditions: Sequence[Any]) -> Any:
    result = conditions[0]
    for condition in conditions[1:]:
        result = logical_and(result, condition)
    return result


def _largest(x: Sequence[Any]) -> Any:
    result = ops.abs(x[0])
    for y in x[1:]:
        result = ops.maximum(result, ops.abs(y))
    return result
