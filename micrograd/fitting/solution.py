"""Solution: the free parameters of all data sets, found block by block."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from micrograd.fitting import levenberg_marquardt as method
from micrograd.fitting.kernels import Kernels, first_states
from micrograd.fitting.measurements import Measurements, rows_of
from micrograd.fitting.normal_matrices import sound_inverses
from micrograd.lazy import cached_property

NUMBERS = 1 << 20  # of a block, about: a block should fit into the cache
LEAST, LARGEST_SQUARES = 1e-250, 1e300  # sums of squares of which parts can be computed
ROUNDING = (4.0 * float(np.finfo(float).eps)) ** 2  # of χ², relative to the squares of the data
LARGEST = 1 << 14  # rows of a block
DAMPINGS = (0.05, 100.0, 1e-3)  # at the start of the first attempt, and of the next ones

# The status of a fit.
LIMIT, CONVERGED, STUCK, NOT_FINITE, TOO_FEW, INTERRUPTED, EXTREME = 0, 1, 2, 3, 4, 5, 6
MESSAGES = {
    CONVERGED: "converged",
    LIMIT: "not converged: the limit of iterations was reached; try a better start",
    STUCK: "not converged: no step decreases χ²; try another start, or parameters of size about 1",
    NOT_FINITE: "not fitted: the model or a derivative is not finite at the start; try another",
    TOO_FEW: "not fitted: fewer points than free parameters",
    INTERRUPTED: "not fitted: interrupted",
    EXTREME: "not fitted: the squares of y / sigma are too small or too large for floats; scale y",
}

Array = np.ndarray[Any, Any]


@dataclass
class Solution:
    """Arrays with a row for each data set."""

    numbers: Array  # the free parameters, the triangle of the normal matrix, and χ²
    status: Array
    iterations: Array
    free: Array
    triangle: Array
    chi2: Array

    @classmethod
    def empty(cls, n: int, m: int) -> "Solution":
        numbers = np.full((n, m + m * (m + 1) // 2 + 1), np.nan)
        parts = numbers[:, :m], numbers[:, m:-1], numbers[:, -1]
        return cls(numbers, np.full(n, INTERRUPTED), np.zeros(n, int), *parts)

    def take(self, rows: Array) -> "Solution":
        """The solution of these data sets."""
        some = Solution.empty(len(rows), self.free.shape[1])
        some.numbers[:] = self.numbers[rows]
        some.status[:], some.iterations[:] = self.status[rows], self.iterations[rows]
        return some

    @cached_property
    def inverses(self) -> tuple[Array, Array]:
        """The inverses of the normal matrices, and the rows of those that are near singular."""
        return sound_inverses(self.triangle, self.free.shape[1])

    def put(self, rows: Any, states: Array, taken: Array) -> None:
        """Stores the final states of these rows."""
        m = self.free.shape[1]
        status = states[:, -1]
        if (lost := status == NOT_FINITE).any():
            states[lost, :-1] = np.nan
        self.numbers[rows] = states[:, _stored(m)]
        self.status[rows], self.iterations[rows] = status, taken


@cache
def _stored(m: int) -> Array:
    """The columns of a state that are stored."""
    columns = np.arange(method.size(m))
    return np.r_[columns[:m], columns[3 * m : 3 * m + m * (m + 1) // 2], columns[-6]]


def solve(
    kernels: Kernels, data: Measurements, starts: Array, bounds: list[Array], most: int,
    done: Callable[[int], None] = lambda count: None,
) -> Solution:  # fmt: skip
    """The solution from `starts`, which has a row for each data set or one for all.

    After each block, `done` is called with the number of data sets that are done. Ctrl-C ends the
    work: the data sets that are not done have the status INTERRUPTED.
    """
    n, m = len(data), kernels.m
    solution = Solution.empty(n, m)
    few = data.counts < m
    solution.status[few] = TOO_FEW
    enough = (~few).nonzero()[0]
    size = max(min(NUMBERS // data.y.shape[1], LARGEST), 1)
    try:
        for start in range(0, len(enough), size):
            rows = enough[start : start + size]
            part = data if len(rows) == n else data.take(rows)
            _solve_block(kernels, part, rows_of(starts, rows), bounds, most, solution, rows)
            done(int(rows[-1]) + 1)
        done(n)
    except KeyboardInterrupt:
        if n == 1:
            raise
    return solution


def _solve_block(
    kernels: Kernels, data: Measurements, starts: Array, bounds: list[Array], most: int,
    solution: Solution, rows: Array,
) -> None:  # fmt: skip
    squares = _squares(data)
    sound = (squares < LARGEST_SQUARES) & (squares > LEAST)
    if not sound.all():
        sound |= ~data.y.any(axis=1)  # zeros are not too small
        solution.status[rows[~sound]] = EXTREME
        if not sound.any():
            return
        rows, starts, data = rows[sound], rows_of(starts, sound), data.take(sound)
        squares = squares[sound]
    for attempt, damping in enumerate(DAMPINGS):
        states, taken = _attempt(kernels, data, starts, bounds, most, damping, squares)
        if attempt:
            better = states[:, -6] < solution.chi2[rows]
            solution.put(rows[better], states[better], taken[better])
        else:
            solution.put(rows, states, taken)
        status = solution.status[rows]
        again = (status == LIMIT) | (status == STUCK)
        if not again.any():
            return
        rows, starts, data = rows[again], rows_of(starts, again), data.take(again)
        squares = squares[again]


def _attempt(
    kernels: Kernels, data: Measurements, starts: Array, bounds: list[Array], most: int,
    damping: float, squares: Array,
) -> tuple[Array, Array]:  # fmt: skip
    states = first_states(starts, kernels.m, ROUNDING * squares, damping)
    return kernels.repeat(states, [*bounds, *data.arrays], most)


def _squares(data: Measurements) -> Array:
    """The sum of the squares of y / sigma of each data set."""
    if data.weights is None:
        return np.einsum("ij,ij->i", data.y, data.y)
    with np.errstate(over="ignore", under="ignore"):
        weighted = data.y * data.weights
    return np.einsum("ij,ij->i", weighted, weighted)
