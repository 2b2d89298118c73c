"""Arguments: the arguments of a compiled function, converted to arrays."""

import inspect
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd.errors import ArgumentError, ShapeError
from micrograd.names import did_you_mean
from micrograd.real import MASKED, is_masked, is_real, real_array, without_masks
from micrograd.scalar import Scalar
from micrograd.structure import Structure

Array = np.ndarray


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of native code. Raises TypeError for any but float64 and float32."""
    found: Any = dtype
    with suppress(TypeError):
        found = np.dtype(dtype)
    if found not in (np.float64, np.float32):
        hint = did_you_mean(dtype, ["float64", "float32"]) if isinstance(dtype, str) else ""
        raise TypeError(f"dtype must be float64 or float32, got {found!s:.60}; {hint}".rstrip("; "))
    return np.dtype(found)


def numbers(leaf: Any, dtype: DTypeLike, taker: Any) -> Array:
    """A number or an array of numbers as an array of this dtype. Raises ArgumentError."""
    try:
        if not isinstance(leaf, np.matrix):
            return real_array(leaf).astype(dtype, copy=False)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(
        f"{taker!r} takes numbers and arrays of numbers, {_why_not(leaf)}{_in_place_of(leaf)}"
    )


def converted(args: tuple[Any, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Arrays of integers, of truths and of other floats as arrays of this dtype, at once.

    >>> converted((np.array([1, 2]), 3, [True]), np.dtype(np.float64))
    (array([1., 2.]), 3, [True])
    """
    return tuple([
        np.ascontiguousarray(x, dtype)
        if x.__class__ is np.ndarray and x.ndim and x.dtype.kind in "fiub"
        else x
        for x in args
    ])  # fmt: skip


def _why_not(leaf: Any) -> str:
    if isinstance(leaf, np.matrix):
        return "got a matrix, whose * is another than that of arrays; pass np.asarray(x)"
    return MASKED if is_masked(leaf) else f"got {type(leaf).__name__} {leaf!r:.60}"


def _in_place_of(leaf: Any) -> str:
    if not isinstance(leaf, Scalar):
        return ""
    return "; among Values, and within grad or compile, call the plain function"


def arranged(tree: Any) -> Any:
    """Arguments with lists of numbers turned into arrays; a list of arrays stays a list."""
    if isinstance(tree, list) and not _holds_arrays(tree):
        with suppress(TypeError, ValueError):
            return without_masks(tree)
        _check_rows(tree)
    if isinstance(tree, dict):
        return {key: arranged(part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [*map(arranged, tree)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def is_row(part: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list or tuple, of no class of its own, holds numbers only."""
    kinds = {*map(type, part)}
    return part.__class__ in (list, tuple) and bool(kinds) and all(map(is_real, kinds))


def unlisted(leaf: Any) -> Any:
    """The numbers of a list, in which `is_row` has seen no array; anything else as it is."""
    return without_masks(leaf) if leaf.__class__ in (list, tuple) else leaf


def _check_rows(rows: list[Any]) -> None:
    """Raises ShapeError for a list of rows of numbers whose lengths differ."""
    if not all(isinstance(row, list) for row in rows):
        return
    lengths = {*map(len, rows)}
    if len(lengths) > 1 and all(is_real(type(x)) for row in rows for x in row):
        raise ShapeError(
            f"the rows of a list must be equally long, got lengths from {min(lengths)} to "
            f"{max(lengths)}; pad them, or pass each as an argument of its own"
        )


def _holds_arrays(tree: list[Any] | tuple[Any, ...]) -> bool:
    return any(
        isinstance(part, np.ndarray) or (isinstance(part, (list, tuple)) and _holds_arrays(part))
        for part in tree
    )


def broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The broadcast shape of these shapes, as in a NumPy ufunc; None if they do not fit.

    >>> broadcast([(100, 1), (50,), ()])
    (100, 50)
    """
    different = {*shapes} - {()}
    if len(different) < 2:
        return different.pop() if different else ()
    try:
        return np.broadcast_shapes(*different)
    except ValueError:
        return None


def spread(
    arrays: list[Array], shape: tuple[int, ...], shared: tuple[int, ...] = ()
) -> list[Array]:
    """The arrays, broadcast to `shape`. Single numbers, and the arrays whose indices are in
    `shared`, are not copied."""
    fitting = 1, math.prod(shape)  # an array with so many numbers needs no copy
    return [
        np.ascontiguousarray(a if a.size in fitting or k in shared else np.broadcast_to(a, shape))
        for k, a in enumerate(arrays)
    ]


def check_names(function: Callable[..., Any], structure: Structure, taker: Any) -> None:
    """Raises ArgumentError if the arguments do not fit the function's signature."""
    args, kwargs = structure.build(itertools.repeat(None))
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C have no signature
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"{taker!r} takes the arguments {signature}, got {len(args)} and the keywords "
            f"{list(kwargs)}: {error}"
        ) from None
