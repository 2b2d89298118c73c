"""Normal matrices: their inverses, and which of them are near singular."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.api.function import vectorize
from micrograd.fitting.kernels import packed
from micrograd.fitting.levenberg_marquardt import factor, forward, size, symmetric
from micrograd.functions import sum as total
from micrograd.sequences import prod

SOUND = 1e-8  # scaled normal matrices with a larger least eigenvalue are inverted directly

Array = np.ndarray[Any, Any]


def sound_inverses(triangle: Array, m: int) -> tuple[Array, Array]:
    """The inverses of normal matrices, infinite for those that are not finite, and the rows of
    those that are near singular, so that their inverses are not exact enough."""
    answers = _inversion(m)(triangle)
    places = _places(m)
    result, sure = answers[:, 1:][:, places], answers[:, 0] > 3.0 * SOUND
    unsure = (~sure).nonzero()[0]
    if not len(unsure):
        return result, unsure
    a = triangle[unsure][:, places]
    a = scaled(a, np.sqrt(a.diagonal(axis1=1, axis2=2)))
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
        a = [[a[i][j] / (scales[i] * scales[j]) for j in range(m)] for i in range(m)]
        lower, inverse = factor(a, [0.0] * m)
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


def scaled(a: Array, scales: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / (scales[:, :, None] * scales[:, None, :])
