"""Profile: the smallest χ² for each number of one parameter, and the interval in which it is near
that of the fit."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from micrograd.fitting.covariance import columns_of
from micrograd.fitting.kernels import Kernels
from micrograd.fitting.measurements import Measurements
from micrograd.fitting.robust import loss_named
from micrograd.fitting.solution import solve

DOUBLINGS, STEPS = 30, 60  # of the search for a bracket, and within it
CLOSE = 1e-9  # to the number of errors that is asked for
ITERATIONS = 1000

Array = np.ndarray[Any, Any]


class Profile:
    """χ² as a function of free parameter k of one fit, minimised over the others.

    The number is one more input of the formula, so that one program serves all of them.
    """

    def __init__(
        self, kernels: Kernels, data: Measurements, free: Array, limits: list[Array], k: int
    ):
        self.data, self.k = data, k
        self.others = np.delete(free, k)
        self.limits = [np.delete(limit, k, axis=1) for limit in limits]
        formula, several = kernels.formula, kernels.several

        def fixed(x: Any, others: list[Any]) -> Any:
            *inputs, number = x
            parameters = [*others[:k], number, *others[k:]]
            return formula(tuple(inputs) if several else inputs[0], parameters)

        self.kernels = replace(
            kernels, formula=fixed, m=kernels.m - 1, inputs=kernels.inputs + 1, several=True,
            bounded=bool(self.limits) and kernels.m > 1,
        )  # fmt: skip

    def __call__(self, number: float) -> float:
        """χ² at this number; infinite if no fit is found. The next search begins where this one
        ends."""
        more = np.full((1, self.data.y.shape[1]), number)
        data = replace(self.data, inputs=(*self.data.inputs, more), several=True)
        if not self.kernels.m:
            return self._alone(data)
        found = solve(self.kernels, data, self.others[None], self.limits, ITERATIONS)
        if not np.isfinite(found.chi2[0]):
            return math.inf
        self.others = found.free[0]
        return float(found.chi2[0])

    def _alone(self, data: Measurements) -> float:
        r = data.y - self.kernels.curve(*columns_of(np.empty((1, 0))), *data.inputs)
        z = (r if data.weights is None else r * data.weights) ** 2
        rho = loss_named(self.kernels.loss)
        total = float(np.sum(z if rho is None else rho(z)[0]))
        return total if math.isfinite(total) else math.inf


def interval(fits: Any, row: int, k: int, variance: float, errors: float) -> tuple[float, float]:
    """The ends of the interval of free parameter k of a fit: see `Fit.interval`."""
    p, free = fits.parameters, fits.solution.free[row]
    limits = [np.array([x]) for x in (p.low, p.high) if p.bounded]
    data, least = fits.data.take([row]), float(fits.solution.chi2[row])
    error = fits.errors[row, fits.names.index(p.free[k])]
    step = errors * error if 0.0 < error < np.inf else abs(free[k]) or 1.0

    def end(sign: float, bound: float) -> float:
        profile = Profile(fits.kernels, data, free, limits, k)

        def reached(number: float) -> float:
            return math.sqrt(max(profile(number) - least, 0.0) / variance) * fits.loss_scale

        start = float(free[k])
        return distance(reached, start, float(start + sign * step), bound, errors)

    return end(-1.0, p.low[k]), end(1.0, p.high[k])


def distance(
    errors: Callable[[float], float], start: float, first: float, end: float, wanted: float
) -> float:
    """The number between `start` and `end` at which a function, 0 at the start, reaches `wanted`;
    the end if it does not. `first` is a number beyond the start to begin with."""
    low, low_errors, high = start, 0.0, first
    for _ in range(DOUBLINGS):
        high = min(max(high, min(start, end)), max(start, end))
        high_errors = errors(high)
        if high_errors >= wanted or high == end:
            break
        low, low_errors, high = high, high_errors, start + 2.0 * (high - start)
    else:
        return end
    if high_errors < wanted:
        return end
    for step in range(STEPS):
        part = (wanted - low_errors) / (high_errors - low_errors)
        if step % 3 == 2 or not 0.0 < part < 1.0:  # also where the errors are infinite
            part = 0.5
        middle = low + part * (high - low)
        found = errors(middle)
        if abs(found - wanted) <= CLOSE * wanted or middle in (low, high):
            return middle
        if found < wanted:
            low, low_errors = middle, found
        else:
            high, high_errors = middle, found
    return 0.5 * (low + high)
