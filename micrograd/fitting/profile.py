"""Profile: the smallest χ² for each number of one parameter, and the interval in which it is near
that of the fit; for many fits at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from micrograd.fitting.covariance import columns_of, pieces
from micrograd.fitting.kernels import Kernels
from micrograd.fitting.measurements import Measurements
from micrograd.fitting.robust import loss_named
from micrograd.fitting.solution import solve

DOUBLINGS, STEPS = 30, 60  # of the search for a bracket, and within it
CLOSE = 1e-9  # to the number of errors that is asked for
ITERATIONS = 1000

Array = np.ndarray[Any, Any]


class Profile:
    """χ² of each fit as a function of its free parameter k, minimised over the others.

    The number is one more input of the formula, so that one program serves all of them.
    """

    def __init__(
        self, kernels: Kernels, data: Measurements, free: Array, limits: list[Array], k: int
    ):
        self.kernels, self.data = kernels.with_input(k), data
        self.others = np.delete(free, k, axis=1)
        self.limits = [np.delete(limit, k, axis=1) for limit in limits]

    def __call__(self, rows: Array, numbers: Array) -> Array:
        """χ² of these fits at these numbers; infinite where no fit is found. The next search begins
        where this one ends."""
        data = self.data.take(rows)
        more = np.repeat(numbers[:, None], data.y.shape[1], axis=1)
        data = replace(data, inputs=(*data.inputs, more), several=True)
        if not self.kernels.m:
            return self._alone(data)
        found = solve(self.kernels, data, self.others[rows], self.limits, ITERATIONS)
        known = np.isfinite(found.chi2)
        self.others[rows[known]] = found.free[known]
        return np.where(known, found.chi2, np.inf)

    def _alone(self, data: Measurements) -> Array:
        """χ² of a model without other parameters."""
        r = data.y - self.kernels.curve(*columns_of(np.empty((1, 0))), *data.inputs)
        z = (r if data.weights is None else r * data.weights) ** 2
        rho = loss_named(self.kernels.loss)
        total = np.sum(z if rho is None else rho(z)[0], axis=1)
        return np.where(np.isfinite(total), total, np.inf)


def intervals(fits: Any, rows: Array, k: int, variance: Array, errors: float) -> Array:
    """The ends of the intervals of free parameter k of these fits: see `Fit.interval`."""
    parts = pieces(rows, fits.data.y.shape[1] * fits.kernels.m)
    found = [_intervals(fits, part, k, variance[part], errors) for part in parts]
    return np.concatenate(found) if found else np.empty((0, 2))


def _intervals(fits: Any, rows: Array, k: int, variance: Array, errors: float) -> Array:
    p, free, least = fits.parameters, fits.solution.free[rows], fits.solution.chi2[rows]
    limits = [np.array([x]) for x in (p.low, p.high) if p.bounded]
    data, start = fits.data.take(rows), free[:, k]
    error = fits.errors[rows, fits.names.index(p.free[k])]
    known = (error > 0.0) & np.isfinite(error)
    step = np.where(known, errors * error, np.where(start == 0.0, 1.0, np.abs(start)))

    def end(sign: float, bound: float) -> Array:
        profile = Profile(fits.kernels, data, free, limits, k)

        def reached(some: Array, numbers: Array) -> Array:
            excess = np.maximum(profile(some, numbers) - least[some], 0.0)
            return np.sqrt(excess / variance[some]) * fits.loss_scale

        return distances(reached, start, start + sign * step, bound, errors)

    return np.stack([end(-1.0, p.low[k]), end(1.0, p.high[k])], axis=1)


def distances(
    errors: Callable[[Array, Array], Array], start: Array, first: Array, end: float, wanted: float
) -> Array:
    """The numbers between `start` and `end` at which functions, 0 at the start, reach `wanted`; the
    end where they do not. `first` has numbers beyond the start to begin with.

    `errors(rows, numbers)` returns the values of the functions with these indices.
    """
    low, high = np.stack([start, np.zeros_like(start)]), np.stack([first, np.zeros_like(start)])
    rows = _bracket(errors, low, high, end, wanted)
    found = np.full(len(start), end)
    for step in range(STEPS):
        if not len(rows):
            break
        (a, below), (b, above) = low[:, rows], high[:, rows]
        with np.errstate(invalid="ignore"):
            part = (wanted - below) / (above - below)
        unsure = (step % 3 == 2) | ~((part > 0.0) & (part < 1.0))  # also where errors are infinite
        middle = a + np.where(unsure, 0.5, part) * (b - a)
        reached = errors(rows, middle)
        found[rows] = middle
        more = (np.abs(reached - wanted) > CLOSE * wanted) & (middle != a) & (middle != b)
        for side, here in ((low, reached < wanted), (high, reached >= wanted)):
            side[:, rows[here]] = middle[here], reached[here]
        rows = rows[more]
    return found


def _bracket(
    errors: Callable[[Array, Array], Array], low: Array, high: Array, end: float, wanted: float
) -> Array:
    """Moves numbers away from the start, twice as far each time, until they reach `wanted`; returns
    the rows that do. `low` and `high` hold the numbers and the values there."""
    start, rows = low[0].copy(), np.arange(low.shape[1])
    reaching: list[Array] = []
    for _ in range(DOUBLINGS):
        numbers = np.clip(high[0, rows], np.minimum(start, end)[rows], np.maximum(start, end)[rows])
        values = errors(rows, numbers)
        high[:, rows] = numbers, values
        reaching.append(rows[values >= wanted])
        more = (values < wanted) & (numbers != end)
        rows = rows[more]
        low[:, rows] = numbers[more], values[more]
        high[0, rows] = start[rows] + 2.0 * (numbers[more] - start[rows])
        if not len(rows):
            break
    return np.sort(np.concatenate(reaching))
