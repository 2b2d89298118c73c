"""Covariance: the inverse of the normal matrix, by an SVD of the Jacobian if near singular."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.api.function import vectorize
from micrograd.fitting.kernels import LEAST_CURVATURE, Kernels, packed
from micrograd.fitting.levenberg_marquardt import factor, forward, size, symmetric
from micrograd.fitting.measurements import Measurements
from micrograd.fitting.robust import loss_named
from micrograd.fitting.solution import Solution
from micrograd.functions import sum as total
from micrograd.sequences import prod

SOUND = 1e-8  # scaled normal matrices with a larger least eigenvalue are inverted directly
EPSILON = float(np.finfo(float).eps)
NUMBERS = 1 << 22  # of the Jacobians that are in memory at once, about

Array = np.ndarray[Any, Any]


def inverses(kernels: Kernels, data: Measurements, solution: Solution) -> Array:
    """The inverse of each normal matrix: infinite where it is singular, NaN where there is none."""
    result, doubtful = sound_inverses(solution.triangle, kernels.m)
    result[np.isnan(solution.chi2)] = np.nan
    for rows in pieces(doubtful, data.y.shape[1] * kernels.m):
        result[rows] = _by_svd(kernels, data.take(rows), solution.free[rows])
    return result


def sound_inverses(triangle: Array, m: int) -> tuple[Array, Array]:
    """The inverses of normal matrices, infinite for those that are not finite, and the rows of
    those that are near singular, so that their inverses are not exact enough."""
    answers = _inversion(m)(triangle)
    result = answers[:, _places(m) + 1]
    unsure = np.flatnonzero(~(answers[:, 0] > 3.0 * SOUND))
    if not len(unsure):
        return result, unsure
    a = triangle[unsure][:, _places(m)]
    a = _scaled(a, np.sqrt(a.diagonal(axis1=1, axis2=2)))
    known = np.isfinite(a).all((1, 2))
    result[unsure[~known]] = np.inf
    unsure = unsure[known]
    return result, unsure[np.linalg.eigvalsh(a[known])[:, 0] <= SOUND]


@cache
def _inversion(m: int) -> Callable[[Array], Array]:
    """The determinant of a normal matrix that is scaled to a diagonal of ones, and the triangle of
    the inverse, for each row. The least eigenvalue is more than a third of the determinant, since
    the product of the others, whose sum is at most m, is less than e."""

    def inversion(triangle: Array) -> Array:
        a = symmetric([*triangle], m)
        scales = [ops.sqrt(a[k][k]) for k in range(m)]
        scaled = [[a[i][j] / (scales[i] * scales[j]) for j in range(m)] for i in range(m)]
        lower, inverse = factor(scaled, [0.0] * m)
        determinant = 1.0 / prod([x * x for x in inverse])
        units = [[1.0 if i == j else 0.0 for i in range(m)] for j in range(m)]
        z = [forward(lower, inverse, unit) for unit in units]
        products = [
            total([x * y for x, y in zip(z[i], z[j])]) / (scales[i] * scales[j])
            for i in range(m)
            for j in range(i, m)
        ]
        return packed([determinant, *products])

    return vectorize(inversion, each="row")


@cache
def _places(m: int) -> Array:
    """The index in the triangle of each entry of the symmetric matrix."""
    return np.array(symmetric(range(size(m)), m))


def _scaled(a: Array, scales: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / (scales[:, :, None] * scales[:, None, :])


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
        result = _scaled(np.einsum("nki,nkj->nij", v, v), scales)
    result[singular | ~np.isfinite(result).all((1, 2))] = np.inf
    return result
