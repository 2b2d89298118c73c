"""A step of the Levenberg-Marquardt method for one data set, in scalars without a branch.

A step evaluates the trial point, accepts it if χ² has decreased, and computes the next trial point
from the damped normal equations. The damping follows Nielsen (1999). It is scaled by the largest
diagonal so far (Moré, 1978), which decays at each step that is accepted. A parameter at a bound
stays there if χ² decreases outwards; the step of the others is clipped.

A fit has converged when the full Gauss-Newton step is short compared with the standard errors: this
is the relative offset of Bates and Watts (1981), which does not depend on the scale of χ² or of the
parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from micrograd import ops
from micrograd.functions import sum as total

OFFSET = 1e-8  # the relative offset of a converged fit, at most
ROUNDING = 1e-4  # the offset below which only rounding errors keep all steps from decreasing χ²
NOISE = 1e-14  # a relative increase of χ² that may be a rounding error
LINEAR = 0.9  # the part of the predicted decrease from which on the model is nearly linear
DECAY = 0.1  # the factor by which an accepted step multiplies the largest diagonal
LEAST_DAMPING, LARGEST_DAMPING = 1e-16, 1e20
PIVOT = 1e-15  # relative to the diagonal: smaller pivots are rounding errors

GOES_ON, CONVERGED, STUCK, NOT_FINITE = 0.0, 1.0, 2.0, 3.0  # the status of a state

Numbers = Sequence[Any]


@dataclass(frozen=True)
class Equations:
    """χ² at a point, and its normal equations: a · step = g.

    With a robust loss, points far from the curve add next to nothing to `a`. So the damping is
    relative to `weighted`, the diagonal for weighted squares with the same slopes of χ².
    """

    chi2: Any
    g: Numbers
    a: list[list[Any]]  # the rows of a symmetric matrix
    weighted: Numbers = ()

    @property
    def scales(self) -> Numbers:
        """The sizes that the damping of each parameter multiplies."""
        return self.weighted or [row[k] for k, row in enumerate(self.a)]

    @property
    def finite(self) -> Any:
        """Whether all of it is finite."""
        return ops.abs(total([self.chi2, *[row[k] for k, row in enumerate(self.a)]])) < INFINITY


INFINITY = float("inf")


@dataclass(frozen=True)
class State:
    """The state before a step, and after it."""

    point: Numbers  # the best so far
    trial: Numbers  # the point to evaluate
    equations: Equations  # at the point
    scales: Numbers  # the largest diagonal so far
    damping: Any
    growth: Any  # the factor of the damping if the trial point is rejected
    predicted: Any  # the decrease of χ² at the trial point, if the model were linear
    floor: Any  # smaller decreases of χ² are rounding errors
    status: Any

    def columns(self) -> list[Any]:
        """All numbers, in their order in memory."""
        e = self.equations
        triangle = [x for k, row in enumerate(e.a) for x in row[k:]]
        return [
            *self.point, *self.trial, *e.g, *triangle, *self.scales,
            e.chi2, self.damping, self.growth, self.predicted, self.floor, self.status,
        ]  # fmt: skip

    @classmethod
    def of(cls, columns: Numbers, m: int) -> "State":
        """The state of `m` parameters that these columns hold."""
        rest = iter(columns)
        take = lambda n: [next(rest) for _ in range(n)]  # noqa: E731
        point, trial, g = take(m), take(m), take(m)
        a = symmetric(take(m * (m + 1) // 2), m)
        scales, (chi2, *others) = take(m), take(6)
        return cls(point, trial, Equations(chi2, g, a), scales, *others)


def size(m: int) -> int:
    """The number of columns of a state of `m` parameters."""
    return 4 * m + m * (m + 1) // 2 + 6


def symmetric(triangle: Numbers, m: int) -> list[list[Any]]:
    """The symmetric matrix whose rows, from the diagonal on, are `triangle`.

    >>> symmetric([1, 2, 3], 2)
    [[1, 2], [2, 3]]
    """
    rest = iter(triangle)
    a: list[list[Any]] = [[None] * m for _ in range(m)]
    for i in range(m):
        for j in range(i, m):
            a[i][j] = a[j][i] = next(rest)
    return a


def step(old: State, new: Equations, low: Numbers | None, high: Numbers | None) -> State:
    """The next state, given the equations at the trial point."""
    better = ops.logical_and(
        new.finite, new.chi2 <= old.equations.chi2 + NOISE * ops.abs(old.equations.chi2)
    )
    point = _chosen(better, old.trial, old.point)
    equations = Equations(
        ops.where(better, new.chi2, old.equations.chi2),
        _chosen(better, new.g, old.equations.g),
        [_chosen(better, a, b) for a, b in zip(new.a, old.equations.a)],
    )
    damping, growth = _damped(old, new.chi2, better)
    free = _free(point, equations.g, low, high)
    larger = [ops.maximum(DECAY * s, x) for s, x in zip(old.scales, new.scales)]
    scales = _chosen(better, larger, old.scales)
    a, g = _of_free(equations, free)
    change = solution([*map(list, a)], g, [damping * s for s in scales])
    trial = [x + d for x, d in zip(point, change)]
    if low is not None and high is not None:
        trial = [ops.minimum(ops.maximum(x, a), b) for x, a, b in zip(trial, low, high)]
        change = [t - x for t, x in zip(trial, point)]
    predicted = _decrease(equations, change)
    status = _status(old, equations, better, damping, newton_decrease(a, g))
    return State(point, trial, equations, scales, damping, growth, predicted, old.floor, status)


def _chosen(condition: Any, x: Numbers, y: Numbers) -> list[Any]:
    return [ops.where(condition, a, b) for a, b in zip(x, y)]


def _damped(old: State, chi2: Any, better: Any) -> tuple[Any, Any]:
    """The next damping, and its growth if the next trial point is rejected."""
    first = old.equations.chi2 == INFINITY
    moved = old.predicted > 0.0  # else the step was shorter than rounding
    gain = ops.where(moved, (old.equations.chi2 - chi2) / old.predicted, 0.0)
    excess = 2.0 * gain - 1.0
    slower = ops.maximum(1.0 / 3.0, 1.0 - excess * excess * excess)
    smaller = old.damping * ops.where(gain > LINEAR, 0.1, slower)
    less = ops.where(first, old.damping, ops.maximum(smaller, LEAST_DAMPING))
    damping = ops.where(better, less, old.damping * old.growth)
    return damping, ops.where(better, 2.0, 2.0 * old.growth)


def _free(point: Numbers, g: Numbers, low: Numbers | None, high: Numbers | None) -> list[Any]:
    """Whether each parameter may move: it is within its bounds, or moves inwards."""
    if low is None or high is None:
        return []
    return [
        ops.logical_not(
            ops.logical_or(
                ops.logical_and(x <= a, slope < 0.0), ops.logical_and(x >= b, slope > 0.0)
            )
        )
        for x, slope, a, b in zip(point, g, low, high)
    ]


def _of_free(equations: Equations, free: list[Any]) -> tuple[list[list[Any]], list[Any]]:
    """The normal equations of the free parameters; the step of the others is 0."""
    a, g = [[*row] for row in equations.a], [*equations.g]
    for i, moves in enumerate(free):
        g[i] = ops.where(moves, g[i], 0.0)
        for j in range(len(free)):
            if i != j:
                a[i][j] = a[j][i] = ops.where(moves, a[i][j], 0.0)
    return a, g


def _subtracted(x: Any, products: list[Any]) -> Any:
    return reduce(ops.sub, products, x)


def factor(a: list[list[Any]], added: Numbers) -> tuple[list[list[Any]], list[Any]]:
    """The Cholesky factor of a + diag(added), below its diagonal, and the inverse of its diagonal.

    A pivot as small as the rounding errors of the diagonal is replaced, so that all is finite.
    """
    m = len(a)
    lower: list[list[Any]] = [[None] * m for _ in range(m)]
    inverse: list[Any] = []
    for i in range(m):
        for j in range(i):
            products = [lower[i][k] * lower[j][k] for k in range(j)]
            lower[i][j] = _subtracted(a[i][j], products) * inverse[j]
        diagonal = a[i][i] + added[i]
        pivot = _subtracted(diagonal, [lower[i][k] * lower[i][k] for k in range(i)])
        least = ops.where(diagonal > 0.0, PIVOT * diagonal, 1.0)
        inverse.append(1.0 / ops.sqrt(ops.maximum(pivot, least)))
    return lower, inverse


def forward(lower: list[list[Any]], inverse: list[Any], g: Numbers) -> list[Any]:
    z: list[Any] = []
    for i, x in enumerate(g):
        z.append(_subtracted(x, [lower[i][k] * z[k] for k in range(i)]) * inverse[i])
    return z


def solution(a: list[list[Any]], g: Numbers, added: Numbers) -> list[Any]:
    """The step of the damped equations."""
    m = len(a)
    lower, inverse = factor(a, added)
    z = forward(lower, inverse, g)
    change: list[Any] = [None] * m
    for i in reversed(range(m)):
        products = [lower[k][i] * change[k] for k in range(i + 1, m)]
        change[i] = _subtracted(z[i], products) * inverse[i]
    return change


def newton_decrease(a: list[list[Any]], g: Numbers) -> Any:
    """The decrease of χ² by a full step, if the model were linear."""
    z = forward(*factor(a, [0.0] * len(g)), g)
    return total([x * x for x in z])


def _decrease(equations: Equations, change: Numbers) -> Any:
    """The decrease of χ² by this step, if the model were linear."""
    products = [
        d * (2.0 * slope - total([x * e for x, e in zip(row, change)]))
        for d, slope, row in zip(change, equations.g, equations.a)
    ]
    return total(products)


def _status(old: State, now: Equations, better: Any, damping: Any, decrease: Any) -> Any:
    unseen = ops.where(better, 0.0, ops.sqrt(now.chi2 * old.floor))  # the rounding errors of χ²
    short = decrease <= OFFSET * OFFSET * now.chi2 + unseen + old.floor
    stuck = damping > LARGEST_DAMPING
    near = ops.logical_and(stuck, decrease <= ROUNDING * ROUNDING * now.chi2)
    converged = ops.logical_or(short, near)
    status = ops.where(converged, CONVERGED, ops.where(stuck, STUCK, GOES_ON))
    return ops.where(now.chi2 < INFINITY, status, NOT_FINITE)
