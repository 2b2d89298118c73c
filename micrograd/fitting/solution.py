"""Solution: the free parameters of all data sets, found block by block."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.fitting import levenberg_marquardt as method
from micrograd.fitting.kernels import Kernels, first_states
from micrograd.fitting.measurements import Measurements, rows_of

NUMBERS = 1 << 20  # of a block, about: a block should fit into the cache
LARGEST = 1 << 14  # rows of a block
DAMPINGS = (method.FIRST_DAMPING, 100.0)  # of the first attempt and the second

# The status of a fit.
LIMIT, CONVERGED, STUCK, NOT_FINITE, TOO_FEW, INTERRUPTED = 0, 1, 2, 3, 4, 5
MESSAGES = {
    CONVERGED: "converged",
    LIMIT: "not converged: the limit of iterations was reached; try a better start",
    STUCK: "not converged: no step decreases χ²; try another start, or parameters of size about 1",
    NOT_FINITE: "not fitted: the model or a derivative is not finite at the start; try another",
    TOO_FEW: "not fitted: fewer points than free parameters",
    INTERRUPTED: "not fitted: interrupted",
}

Array = np.ndarray[Any, Any]


@dataclass
class Solution:
    """Arrays with a row for each data set."""

    free: Array
    triangle: Array  # of the normal matrix
    chi2: Array
    status: Array
    iterations: Array

    @classmethod
    def empty(cls, n: int, m: int) -> "Solution":
        return cls(
            np.full((n, m), np.nan), np.full((n, m * (m + 1) // 2), np.nan), np.full(n, np.nan),
            np.full(n, INTERRUPTED), np.zeros(n, int),
        )  # fmt: skip

    def put(self, rows: Any, states: Array, taken: Array) -> None:
        """Stores the final states of these rows."""
        m = self.free.shape[1]
        states[states[:, -1] == NOT_FINITE, :-1] = np.nan
        self.free[rows] = states[:, :m]
        self.triangle[rows] = states[:, 3 * m : 3 * m + m * (m + 1) // 2]
        self.chi2[rows] = states[:, -6]
        self.status[rows], self.iterations[rows] = states[:, -1], taken


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
    enough = np.flatnonzero(~few)
    size = max(min(NUMBERS // data.y.shape[1], LARGEST), 1)
    try:
        for start in range(0, len(enough), size):
            rows = enough[start : start + size]
            part = data.take(rows)
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
    for attempt, damping in enumerate(DAMPINGS):
        states, taken = _attempt(kernels, data, starts, bounds, most, damping)
        if attempt:
            better = states[:, -6] < solution.chi2[rows]
            solution.put(rows[better], states[better], taken[better])
            return
        solution.put(rows, states, taken)
        status = solution.status[rows]
        again = (status == LIMIT) | (status == STUCK)
        if not again.any():
            return
        rows, starts, data = rows[again], rows_of(starts, again), data.take(again)


def _attempt(
    kernels: Kernels, data: Measurements, starts: Array, bounds: list[Array], most: int,
    damping: float,
) -> tuple[Array, Array]:  # fmt: skip
    weighted = data.y if data.weights is None else data.y * data.weights
    floor = (4.0 * np.finfo(float).eps) ** 2 * np.einsum("ij,ij->i", weighted, weighted)
    states = first_states(starts, kernels.m, floor, damping)
    return kernels.repeat(states, [*bounds, *data.arrays], most)
