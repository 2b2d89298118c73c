"""Refinement: last steps by an SVD of the Jacobian, where the normal equations are near singular.

The normal equations have the square of the Jacobian's condition number: a direction in which χ² is
nearly flat is lost in rounding errors. A factorisation of the Jacobian itself keeps it.
"""

from typing import Any

import numpy as np

from micrograd.fitting.covariance import jacobian, pieces
from micrograd.fitting.kernels import Kernels
from micrograd.fitting.measurements import Measurements
from micrograd.fitting.solution import CONVERGED, Solution

STEPS = 20
SHORT = 1e-9  # standard errors: a shorter step ends the refinement

Array = np.ndarray[Any, Any]


def refined(kernels: Kernels, data: Measurements, free: Array, bounds: list[Array]) -> Array:
    """Parameters of smaller χ²: full Gauss-Newton steps, as long as these decrease it."""
    free = free.copy()
    rows = np.arange(len(free))
    r, j = jacobian(kernels, data, free)
    for _ in range(STEPS):
        step, length = _step(r, j, free[rows], bounds)
        trial = free[rows] + step
        part = data.take(rows)
        new_r, new_j = jacobian(kernels, part, trial)
        with np.errstate(invalid="ignore"):
            better = _squares(new_r) <= _squares(r)
        better &= np.isfinite(new_j).all((1, 2))
        free[rows[better]] = trial[better]
        more = better & (length > SHORT * np.sqrt(_squares(r)))
        if not more.any():
            break
        rows, r, j = rows[more], new_r[more], new_j[more]
    return free


def _squares(r: Array) -> Array:
    return np.einsum("np,np->n", r, r)


def _step(r: Array, j: Array, free: Array, bounds: list[Array]) -> tuple[Array, Array]:
    """The full step of the parameters that are within their bounds, and the norm of the change of
    the weighted model."""
    if bounds:
        low, high = bounds
        j = ((free > low) & (free < high))[:, None, :] * j
    scales = np.sqrt(np.einsum("npi,npi->ni", j, j))
    scales[scales == 0.0] = 1.0
    u, s, vt = np.linalg.svd(j / scales[:, None, :], full_matrices=False)
    along = np.einsum("npk,np->nk", u, r)
    cut = s > np.finfo(float).eps * max(j.shape[1:]) * s[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.einsum("nki,nk->ni", vt, np.where(cut, along / s, 0.0)) / scales
    if bounds:
        step = np.clip(free + step, *bounds) - free
    return step, np.sqrt((np.where(cut, along, 0.0) ** 2).sum(1))


def refine(kernels: Kernels, data: Measurements, solution: Solution, bounds: list[Array]) -> None:
    """Refines the fits that have converged and whose normal matrix is near singular."""
    _, rows = solution.inverses
    rows = rows[solution.status[rows] == CONVERGED]
    for part in pieces(rows, data.y.shape[1] * kernels.m):
        free = refined(kernels, data.take(part), solution.free[part], bounds)
        r, _ = jacobian(kernels, data.take(part), free)
        solution.free[part], solution.chi2[part] = free, _squares(r)
