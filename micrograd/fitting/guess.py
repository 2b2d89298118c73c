"""Guess: starts of parameters of which nothing is known but the formula and the data.

Parameters in which the formula is linear follow from the others by linear least squares. The others
are drawn on the scales of x; the draws of smallest χ² are the guesses.
"""

from typing import Any

import numpy as np

from micrograd.fitting.kernels import Kernels
from micrograd.fitting.measurements import Measurements

DRAWS, PROBES = 2000, 100  # draws of the parameters; draws that show which are linear
SAMPLED = 24  # data sets on which the draws are compared
POINTS = 60  # points of a data set that are used, at most
NUMBERS = 1 << 20  # of a matrix, at once, about
RIDGE = 1e-12

Array = np.ndarray[Any, Any]


def guesses(kernels: Kernels, data: Measurements, given: Array) -> Array:
    """A start for each data set: a row of all parameters. `given` has those that are known, and NaN
    for the others."""
    data = _thinned(data)
    n, drawn = len(data), _draws(data, given)
    linear = _linear(kernels, data, given, drawn[:PROBES])
    drawn[:, linear] = 0.0
    sample = np.unique(np.linspace(0, n - 1, min(n, SAMPLED)).astype(int))
    best, _ = _best(kernels, data.take(sample), drawn, linear)
    if len(sample) == n:
        return best
    return _best(kernels, data, best, linear)[0]


def _thinned(data: Measurements) -> Measurements:
    """Some points of each data set, evenly chosen."""
    points = data.y.shape[1]
    if points <= POINTS:
        return data
    some = np.linspace(0, points - 1, POINTS).astype(int)
    return Measurements(
        tuple(x[:, some] for x in data.inputs),
        data.several,
        data.y[:, some],
        None if data.weights is None else data.weights[:, some],
    )


def _draws(data: Measurements, given: Array) -> Array:
    """Numbers that are places, widths and rates on the scale of x, or of size one."""
    random = np.random.default_rng(0)
    x = np.concatenate([array.ravel() for array in data.inputs])
    low, high = float(x.min()), float(x.max())
    width = (high - low) or abs(high) or 1.0
    shape = DRAWS, len(given)
    sizes = 10.0 ** random.uniform(-2.0, 2.0, shape)
    places = random.uniform(low - 0.2 * width, high + 0.2 * width, shape)
    kinds = np.stack([places, sizes / width, 0.1 * sizes * width, 0.2 * sizes, -0.5 * sizes])
    kind = random.choice(5, shape, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    drawn = np.take_along_axis(kinds, kind[None], 0)[0]
    drawn[0] = 1.0
    return np.where(np.isnan(given), drawn, given)


def _linear(kernels: Kernels, data: Measurements, given: Array, drawn: Array) -> Array:
    """The parameters in which the formula is linear, jointly: no derivative by one of them depends
    on one of them, as far as changes of the drawn parameters show."""
    m = kernels.m
    moved = np.stack([drawn, *[np.where(np.arange(m) == k, 1.3 * drawn, drawn) for k in range(m)]])
    few = data.take(np.arange(min(len(data), 4)))
    _, slopes = _slopes(kernels, few, moved.reshape(-1, m))
    slopes = slopes.reshape(m, m + 1, -1)
    with np.errstate(invalid="ignore"):
        changed = np.abs(slopes[:, 1:] - slopes[:, :1]) > 1e-9 * np.abs(slopes[:, :1])
    depends = np.asarray(changed.any(2))
    found: list[int] = []
    for k in np.flatnonzero(np.isnan(given)).tolist():
        if not any(depends[i, k] or depends[k, i] for i in [*found, k]):
            found.append(k)
    return np.array(found, int)


def _slopes(kernels: Kernels, data: Measurements, candidates: Array) -> tuple[Array, Array]:
    """The curves of all candidates, (candidates, n, points), and their derivatives by each."""
    columns = [candidates[:, k, None, None] for k in range(kernels.m)]
    with np.errstate(all="ignore"):
        f, *slopes = kernels.slopes(*columns, *[x[None] for x in data.inputs])
    shape = len(candidates), *data.y.shape
    return np.broadcast_to(f, shape), np.stack([np.broadcast_to(s, shape) for s in slopes])


def _best(
    kernels: Kernels, data: Measurements, candidates: Array, linear: Array
) -> tuple[Array, Array]:
    """For each data set, the candidate of smallest χ², with its linear parameters; and this χ²."""
    n, points = data.y.shape
    best, least = np.tile(candidates[0], (n, 1)), np.full(n, np.inf)
    size = max(NUMBERS // (points * (len(linear) + 1)), 1)  # pairs of candidates and data sets
    for rows in np.array_split(np.arange(n), -(-n // size)):
        part = data.take(rows)
        for some in np.array_split(candidates, -(-len(candidates) * len(rows) // size)):
            starts, chi2 = _solved(kernels, part, some, linear)
            k = chi2.argmin(0)
            found = chi2[k, np.arange(len(rows))]
            better = found < least[rows]
            best[rows[better]], least[rows[better]] = (
                starts[k, np.arange(len(rows))][better],
                found[better],
            )
    return best, least


def _solved(
    kernels: Kernels, data: Measurements, candidates: Array, linear: Array
) -> tuple[Array, Array]:
    """The candidates for each data set, their linear parameters solved for, and χ²."""
    f, slopes = _slopes(kernels, data, candidates)
    weights = np.ones((1, 1)) if data.weights is None else data.weights
    starts = np.repeat(candidates[:, None], len(data), axis=1)
    with np.errstate(all="ignore"):
        r = (data.y - f) * weights
        s = slopes[linear] * weights
        if len(linear):
            a = np.einsum("icnp,jcnp->cnij", s, s)
            g = np.einsum("icnp,cnp->cni", s, r)
            a += RIDGE * np.einsum("cnii->cn", a)[..., None, None] * np.eye(len(linear))
            bad = ~(np.isfinite(a).all((2, 3)) & np.isfinite(g).all(2))
            a[bad] = np.eye(len(linear))
            found = np.linalg.solve(_regular(a), g[..., None])[..., 0]
            starts[:, :, linear] += found
            r = r - np.einsum("icnp,cni->cnp", s, found)
        chi2 = np.einsum("cnp,cnp->cn", r, r)
    return starts, np.where(np.isfinite(chi2), chi2, np.inf)


def _regular(a: Array) -> Array:
    """The matrices; ones in place of diagonals that are zero."""
    diagonal = np.einsum("cnii->cni", a)  # a view
    diagonal[diagonal == 0.0] = 1.0
    return a
