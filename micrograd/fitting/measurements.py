"""Measurements: the data of fits, checked, as arrays with a row for each data set."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrograd.errors import ArgumentError, ShapeError
from micrograd.lazy import cached_property
from micrograd.real import is_masked, real_array

LEAST_SIGMA = float(np.finfo(float).tiny)  # whose inverse is finite

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Measurements:
    """y has the shape (n, points). Inputs and weights have n rows, or one row for all data sets.

    A point of weight 0 is left out.
    """

    inputs: tuple[Array, ...]
    several: bool  # whether the model is passed a tuple of inputs
    y: Array
    weights: Array | None

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def counts(self) -> Array:
        """The number of points of each data set."""
        if self.weights is None:
            return np.full(len(self.y), self.y.shape[1])
        return np.broadcast_to((self.weights != 0.0).sum(1), len(self.y))

    @property
    def arrays(self) -> list[Array]:
        """The arguments of kernels after the parameters."""
        return [self.y, *([] if self.weights is None else [self.weights]), *self.inputs]

    def take(self, rows: Any) -> "Measurements":
        """The data sets of these rows: indices, a slice, or an array of bool."""
        return Measurements(
            tuple(rows_of(x, rows) for x in self.inputs),
            self.several,
            self.y[rows],
            None if self.weights is None else rows_of(self.weights, rows),
        )


def rows_of(array: Array, rows: Any) -> Array:
    """These rows of an array, which may have one row that all share."""
    return array[rows] if len(array) > 1 else array


def measurements(x: Any, y: Any, sigma: Any, weights: Any, nan: str, single: bool) -> Measurements:
    """The arguments of `curve_fit` (a single data set) or `curve_fits`, as Measurements.

    Raises ShapeError for arrays of other shapes, and ArgumentError for numbers that cannot be used.
    """
    if nan not in ("raise", "omit"):
        raise ArgumentError(f'nan must be "raise" or "omit", got {nan!r:.40}')
    y = real_numbers("y", y)
    if single:
        if y.ndim != 1:
            raise ShapeError(
                f"expected y of shape (points,), got {y.shape}; curve_fits takes many data sets"
            )
        y = y[None]
    if y.ndim != 2:
        raise ShapeError(f"expected y of shape (fits, points), got {y.shape}")
    if y.shape[1] == 0:
        raise ShapeError("y has no points: there is nothing to fit")
    several = isinstance(x, tuple) or (single and np.ndim(x) == 2)
    if several and np.ndim(x) == 2 and np.shape(x)[-1] != y.shape[1]:
        raise _unfit("x", np.shape(x), y)
    inputs = tuple(_rows("x", array, y) for array in (x if several else (x,)))
    scale = None if sigma is None else _rows("sigma", sigma, y)
    given = None if weights is None else _rows("weights", weights, y)
    arrays = {"x": inputs, "sigma": scale, "weights": given}
    lost = _lost(arrays, y, nan, single)
    if scale is not None and not np.all((scale >= LEAST_SIGMA) | np.isnan(scale)):
        raise ArgumentError(
            f"sigma must be greater than 0, at least {LEAST_SIGMA:g}; leave a point out by "
            "nan='omit'"
        )
    if given is not None and not np.all((given >= 0.0) | np.isnan(given)):
        raise ArgumentError("weights must be at least 0; a point of weight 0 is left out")
    return _without(lost, Measurements(inputs, several, y, _weights(scale, given)))


def inputs_of(x: Any, several: bool, n: int) -> tuple[Array, ...]:
    """Inputs at points that were not measured, each of shape (1, points) or (n, points)."""
    arrays = [np.atleast_2d(real_numbers("x", array)) for array in (x if several else (x,))]
    for array in arrays:
        if array.ndim != 2 or len(array) not in (1, n):
            raise ShapeError(f"expected x of shape (points,) or ({n}, points), got {array.shape}")
    return tuple(arrays)


def real_numbers(name: str, x: Any) -> Array:
    """x as an array of float. Raises ArgumentError for anything but real numbers."""
    if is_masked(x):
        raise ArgumentError(
            f"{name} has masked numbers, which have no value; fill them. nan='omit' leaves out the "
            "points where x.filled(np.nan) is NaN"
        )
    try:
        array = real_array(x)
    except (TypeError, ValueError):  # a ValueError for lists of different lengths
        raise ArgumentError(f"expected real numbers in {name}, got {x!r:.60}") from None
    return np.asarray(array, float, order="C")  # a single number stays one


def _rows(name: str, x: Any, y: Array) -> Array:
    """The array with a row for each data set, or one row for all."""
    array = real_numbers(name, x)
    n, points = y.shape
    if array.ndim == 0 and name != "x":
        array = np.full(points, array)
    if array.shape not in ((points,), (n, points), (1, points)):
        raise _unfit(name, array.shape, y)
    return array.reshape(-1, points)


def _unfit(name: str, shape: tuple[int, ...], y: Array) -> ShapeError:
    n, points = y.shape
    rows = f", or ({n}, {points}) with a row for each data set" if n > 1 else ""
    inputs = ", or a tuple of such arrays for a model of several inputs" if name == "x" else ""
    return ShapeError(f"expected {name} of shape ({points},){rows}, as y has{inputs}; got {shape}")


def _weights(scale: Array | None, given: Array | None) -> Array | None:
    if scale is None:
        return given
    weights = 1.0 / scale
    return weights if given is None else weights * given


def _lost(arrays: dict[str, Any], y: Array, nan: str, single: bool) -> Array:
    """Where a number is NaN and is left out. Raises ArgumentError for numbers that are not finite
    and may not be left out."""
    lost = np.zeros((1, y.shape[1]), bool)
    out = arrays["weights"]
    left_out = np.zeros((1, y.shape[1]), bool) if out is None else out == 0.0
    named = [("y", y), *[("x", a) for a in arrays["x"]]]
    named += [(k, arrays[k]) for k in ("sigma", "weights") if arrays[k] is not None]
    for name, array in named:
        if np.isfinite(array).all():
            continue
        bad = ~np.isfinite(array) & ~left_out
        wrong = bad & np.isinf(array) if nan == "omit" else bad
        if wrong.any():
            row, point = (int(k[0]) for k in np.nonzero(wrong))
            where = f"point {point}" if single else f"row {row}, point {point}"
            found = np.broadcast_to(array, wrong.shape)[row, point]
            omit = "" if np.isinf(found) else "; nan='omit' leaves such points out"
            raise ArgumentError(f"{name} is {found} at {where}{omit}")
        lost = lost | ~np.isfinite(array)
    return lost


def _without(lost: Array, data: Measurements) -> Measurements:
    """The measurements with weight 0 at the points that are lost."""
    if not lost.any():
        return data
    weights = np.ones((1, data.y.shape[1])) if data.weights is None else data.weights
    first = np.argmin(np.broadcast_to(lost, data.y.shape), axis=1)[:, None]  # that is not lost

    def filled(array: Array) -> Array:
        whole = np.broadcast_to(array, data.y.shape)
        return np.where(lost, np.nan_to_num(np.take_along_axis(whole, first, 1)), whole)

    return replace(
        data,
        inputs=tuple(map(filled, data.inputs)),
        y=np.where(lost, 0.0, data.y),
        weights=np.where(lost, 0.0, weights),
    )
