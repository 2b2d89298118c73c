"""NumPy's functions of whole arrays that compare elements: where, sort, median, norm, interp."""

from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd import elementary, functions, linear, ops, sequences
from micrograd.arrays.ufuncs import holds, unsupported
from micrograd.errors import NumPyError


def _elementwise(formula: Callable[..., Any], *arrays: Any) -> Any:
    objects = [np.asarray(x, object).view(np.ndarray) for x in arrays]
    return np.frompyfunc(formula, len(arrays), 1)(*objects)


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y, elementwise."""
    return _elementwise(lambda c, x, y: ops.where(holds(c), x, y), condition, x, y)


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise NumPyError(
            "np.where finds places, which are not known while a function is traced. Instead, write "
            "a choice: np.where(x > 0, x, 0.0)"
        )
    return chosen(condition, *choices)


def sort(a: Any, axis: Any = -1, **_: Any) -> Any:
    """A copy in ascending order along an axis; None sorts all elements."""
    a = np.array(a, object)
    if axis is None:
        a, axis = a.ravel(), 0
    rows = np.moveaxis(a, axis, -1)
    for index in np.ndindex(rows.shape[:-1]):
        rows[index] = sequences.sort(rows[index].tolist())
    return a


def _median(a: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    given = np.asarray(a, object)
    rows = given.ravel() if axis is None else np.moveaxis(given, axis, -1)
    rows, n = sort(rows), rows.shape[-1]
    middle = rows[..., n // 2]
    middle = middle if n % 2 else (rows[..., n // 2 - 1] + middle) / 2.0
    last = rows[..., -1]  # NaN, if there is one
    median = chosen(_elementwise(ops.not_equal, last, last), last, middle)
    if not keepdims:
        return median
    return np.reshape(median, [1] * given.ndim) if axis is None else np.expand_dims(median, axis)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The Euclidean length, with a gradient of 0 at the origin and without overflow."""
    a = np.asarray(x, object)
    if ord is not None and not (ord == 2 and (axis is not None or a.ndim == 1)):
        if ord == "fro" and (axis is not None or a.ndim == 2):
            return _norm(x, None, axis, keepdims)
        if ord not in (1, np.inf, -np.inf) or (a.ndim != 1 and axis is None):
            raise NumPyError(unsupported(f"np.linalg.norm of order {ord}"))
        magnitudes = np.abs(x)
        reduced = {1: np.add, np.inf: np.maximum, -np.inf: np.minimum}[ord]
        return reduced.reduce(magnitudes, axis=axis if a.ndim > 1 else 0, keepdims=keepdims)
    axes = tuple(range(a.ndim)) if axis is None else np.atleast_1d(axis).tolist()
    last = np.moveaxis(a, axes, range(-len(axes), 0))
    lengths = np.empty(last.shape[: a.ndim - len(axes)], object)
    for index in np.ndindex(lengths.shape):
        lengths[index] = functions.norm(last[index])
    return np.expand_dims(lengths, axes) if keepdims else lengths[()]


def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    scale = 10.0**decimals
    return _elementwise(lambda x: elementary.round(x * scale) / scale, a)


def _select(conditions: Any, choices: Any, default: Any = 0.0) -> Any:
    if len(conditions) != len(choices):
        raise NumPyError("np.select takes as many conditions as choices")
    result = default
    for condition, choice in zip(reversed(conditions), reversed(choices)):
        result = chosen(condition, choice, result)
    return result


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Between the points, and at either end the first and the last value."""
    if np.asarray(xp).dtype == object:
        raise NumPyError(
            "np.interp takes Values as x and fp; the places xp are numbers. Instead, write "
            "micrograd.interp(x, xp, fp), where xp must ascend"
        )
    places, values = np.asarray(xp).tolist(), np.asarray(fp).tolist()
    return _elementwise(lambda x: sequences.interp(x, places, values, left, right), x)


def _quantile(a: Any, q: Any, axis: Any = None, **keywords: Any) -> Any:
    """Between the two numbers in order that are next to it, on a line."""
    if keywords.keys() - {"out", "overwrite_input"} or np.asarray(q).dtype == object:
        raise NumPyError(unsupported("np.quantile of other methods"))
    given = np.asarray(a, object)
    rows = sort(given.ravel() if axis is None else np.moveaxis(given, axis, -1))
    places = np.asarray(q, float) * (rows.shape[-1] - 1)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, rows.shape[-1] - 1)
    low, high = np.take(rows, below, axis=-1), np.take(rows, above, axis=-1)
    nan = rows[..., -1:] if places.ndim else rows[..., -1]  # the last one, if there is one
    line = low + (high - low) * (places - below)
    line = chosen(_elementwise(ops.not_equal, nan, nan), nan, line)
    return np.moveaxis(line, -1, 0) if places.ndim else line


def _percentile(a: Any, q: Any, *rest: Any, **keywords: Any) -> Any:
    return _quantile(a, np.asarray(q) / 100.0, *rest, **keywords)


def _place_of(find: Callable[..., Any]) -> Callable[..., Any]:
    """The index of the largest or smallest along an axis, as a number that is not known yet."""

    def places(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        given = np.asarray(a, object)
        rows = given.ravel() if axis is None else np.moveaxis(given, axis, -1)
        found = np.empty(rows.shape[:-1], object)
        for index in np.ndindex(found.shape):
            found[index] = find(rows[index].tolist())
        if not keepdims:
            return found[()]
        kept = [1] * given.ndim if axis is None else np.expand_dims(found, axis).shape
        return np.reshape(found, kept)

    return places


def _places_now(find: Callable[..., Any]) -> Callable[..., Any]:
    """The same of known numbers, as integers; NumPy itself misses a NaN among objects."""
    places = _place_of(find)

    def integers(*args: Any, **kwargs: Any) -> Any:
        return np.asarray(places(*args, **kwargs), float).astype(np.intp)[()]

    return integers


def _count_nonzero(a: Any, axis: Any = None, **keywords: Any) -> Any:
    return np.sum(_elementwise(lambda x: ops.where(holds(x), 1.0, 0.0), a), axis=axis, **keywords)


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, **_: Any) -> Any:
    """The last one is `stop` itself, as in NumPy."""
    parts = max(num - 1, 1) if endpoint else num
    first, last = np.asarray(start, object), np.asarray(stop, object)
    rows = [first + (last - first) * (k / parts) for k in range(num)]
    return np.stack([*rows[:-1], last + 0.0 * first] if endpoint and num > 1 else rows)


def _of_matrices(name: str) -> Callable[..., Any]:
    """A function of `linear.py` on arrays."""

    def function(*matrices: Any) -> Any:
        if any(np.ndim(a) > 2 for a in matrices):
            raise NumPyError(unsupported(f"np.linalg.{name} of a stack of matrices", "a loop"))
        result = getattr(linear, name)(*[np.asarray(a).tolist() for a in matrices])
        return np.array(result, object) if isinstance(result, list) else result

    return function


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    large = float(np.finfo(float).max)
    high, low = (large if posinf is None else posinf), (-large if neginf is None else neginf)

    def finite(x: Any) -> Any:
        inside = ops.where(x == np.inf, high, ops.where(x == -np.inf, low, x))
        return ops.where(ops.not_equal(x, x), nan, inside)

    return _elementwise(finite, x)


def _copyto(target: Any, source: Any, casting: str = "", where: Any = True) -> None:
    if target.dtype != object:
        raise NumPyError(
            f"an array of {target.dtype} cannot hold Values and traced numbers. Instead, make it "
            "by np.zeros(shape, object)"
        )
    target[...] = source if where is True else chosen(where, source, target)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "where": _where, "sort": sort, "partition": lambda a, kth, axis=-1, **_: sort(a, axis),
    "median": _median, "norm": _norm, "nan_to_num": _nan_to_num, "copyto": _copyto,
    **{name: _of_matrices(name) for name in ("solve", "inv", "det", "cholesky")},
    "quantile": _quantile, "percentile": _percentile,
    "argmax": _places_now(sequences.argmax), "argmin": _places_now(sequences.argmin),
    "round": _round, "around": _round, "select": _select, "interp": _interp,
}  # fmt: skip

# In a trace, where NumPy would ask for the numbers; Values tell them.
TRACED: dict[str, Callable[..., Any]] = {
    "argmax": _place_of(sequences.argmax), "argmin": _place_of(sequences.argmin),
    "count_nonzero": _count_nonzero, "linspace": _linspace,
}  # fmt: skip
