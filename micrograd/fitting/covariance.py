"""Covariance: the inverse of the normal matrix, by an SVD of the Jacobian if near singular."""

from typing import Any

import numpy as np

from micrograd import ops
from micrograd.fitting.kernels import LEAST_CURVATURE, Kernels
from micrograd.fitting.measurements import Measurements
from micrograd.fitting.normal_matrices import scaled
from micrograd.fitting.robust import loss_named
from micrograd.fitting.solution import Solution

EPSILON = float(np.finfo(float).eps)
NUMBERS = 1 << 22  # of the Jacobians that are in memory at once, about

Array = np.ndarray[Any, Any]


def inverses(kernels: Kernels, data: Measurements, solution: Solution) -> Array:
    """The inverse of each normal matrix: infinite where it is singular, NaN where there is none."""
    sound, doubtful = solution.inverses
    result = sound.copy()
    result[np.isnan(solution.chi2)] = np.nan
    for rows in pieces(doubtful, data.y.shape[1] * kernels.m):
        result[rows] = _by_svd(kernels, data.take(rows), solution.free[rows])
    return result


def pieces(rows: Array, numbers: int) -> list[Array]:
    size = max(NUMBERS // numbers, 1)
    return [rows[k : k + size] for k in range(0, len(rows), size)]


def columns_of(free: Array) -> list[Array]:
    """The parameters, each as a column that broadcasts over points."""
    return [free[:, k : k + 1] for k in range(free.shape[1])]


def jacobian(kernels: Kernels, data: Measurements, free: Array) -> tuple[Array, Array]:
    """The weighted residuals, and the derivatives of the weighted model: (n, points, m)."""
    f, *slopes = kernels.slopes(*columns_of(free), *data.inputs)
    j = np.stack([np.broadcast_to(s, data.y.shape) for s in slopes], axis=2)
    r = data.y - f
    if data.weights is not None:
        r, j = r * data.weights, j * data.weights[:, :, None]
    return r, j


def _by_svd(kernels: Kernels, data: Measurements, free: Array) -> Array:
    """The inverses from the singular values of the Jacobian, whose condition number is only the
    square root of that of the normal matrix."""
    r, j = jacobian(kernels, data, free)
    rho = loss_named(kernels.loss)
    if rho is not None:
        z = r * r
        _, slope, second = rho(z)
        curvature = ops.maximum(slope + 2.0 * second * z, LEAST_CURVATURE)
        j = j * np.sqrt(curvature)[:, :, None]
    scales = np.sqrt(np.einsum("npi,npi->ni", j, j))
    _, s, vt = np.linalg.svd(j / scales[:, None, :], full_matrices=False)
    singular = s[:, -1] <= EPSILON * max(j.shape[1:]) * s[:, 0]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        v = vt / s[:, :, None]
        result = scaled(np.einsum("nki,nkj->nij", v, v), scales)
    result[singular | ~np.isfinite(result).all((1, 2))] = np.inf
    return result
