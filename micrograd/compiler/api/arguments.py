"""Arguments: what comes into a compiled function, as arrays."""

import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd.errors import ArgumentError
from micrograd.scalar import Scalar
from micrograd.structure import Structure

Array = NDArray[Any]


def numbers(leaf: Any, dtype: Any, taker: Any) -> Array:
    """A number or an array of numbers as an array of this type. Raises ArgumentError."""
    try:
        array = np.asarray(leaf)
        if array.dtype.kind not in "fiub":
            raise TypeError
        return array.astype(dtype, copy=False)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{taker!r} takes numbers and arrays of numbers, got {type(leaf).__name__} "
            f"{leaf!r:.60}{_in_place_of(leaf)}"
        ) from None


def _in_place_of(leaf: Any) -> str:
    if not isinstance(leaf, Scalar):
        return ""
    return "; among Values, and within grad or compile, call the plain function"


def arranged(tree: Any) -> Any:
    """Arguments with lists of numbers as arrays; a list of arrays is a list."""
    if isinstance(tree, list) and not _holds_arrays(tree):
        try:
            array = np.asarray(tree)
        except ValueError:  # of different lengths
            array = np.empty(0, object)
        if array.dtype.kind in "fiub":
            return array
    if isinstance(tree, dict):
        return {key: arranged(part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        return type(tree)(map(arranged, tree))
    return tree


def _holds_arrays(tree: list[Any] | tuple[Any, ...]) -> bool:
    return any(
        isinstance(part, np.ndarray) or (isinstance(part, (list, tuple)) and _holds_arrays(part))
        for part in tree
    )


def broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of arrays of these shapes together, as in a NumPy ufunc; None if they do not fit.

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


def spread(arrays: list[Array], shape: tuple[int, ...]) -> list[Array]:
    """The arrays as one number for each place of `shape`; a single number is shared, not copied."""
    fitting = 1, math.prod(shape)  # with as many numbers, they are in order as they are
    return [
        np.ascontiguousarray(a if a.size in fitting else np.broadcast_to(a, shape)) for a in arrays
    ]


def check_names(function: Callable[..., Any], structure: Structure, taker: Any) -> None:
    """Raises ArgumentError where the function does not take so many arguments, or such names."""
    args, kwargs = structure.build(itertools.repeat(None))
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a function in C, which has none
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"{taker!r} takes the arguments {signature}, got {len(args)} and the keywords "
            f"{list(kwargs)}: {error}"
        ) from None
