"""Arguments: what comes into a compiled function, as arrays."""

import inspect
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from micrograd.errors import ArgumentError
from micrograd.names import did_you_mean
from micrograd.ops import number
from micrograd.scalar import Scalar
from micrograd.structure import Structure

Array = NDArray[Any]


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The type of all numbers in native code. Raises TypeError for any but these two."""
    found: Any = dtype
    with suppress(TypeError):
        found = np.dtype(dtype)
    if found not in (np.float64, np.float32):
        hint = did_you_mean(dtype, ["float64", "float32"]) if isinstance(dtype, str) else ""
        raise TypeError(f"dtype must be float64 or float32, got {found!s:.60}; {hint}".rstrip("; "))
    return np.dtype(found)


def numbers(leaf: Any, dtype: DTypeLike, taker: Any) -> Array:
    """A number or an array of numbers as an array of this type. Raises ArgumentError."""
    try:
        return real(leaf).astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        why = f"{error}" if isinstance(error, _Unfit) else f"got {type(leaf).__name__} {leaf!r:.60}"
        raise ArgumentError(
            f"{taker!r} takes numbers and arrays of numbers, {why}{_in_place_of(leaf)}"
        ) from None


def real(leaf: Any) -> Array:
    """What stands for real numbers, as an array: numbers as a Value takes them, arrays of such.

    >>> from fractions import Fraction
    >>> real([Fraction(1, 2), True, 2**70])
    array([5.00000000e-01, 1.00000000e+00, 1.18059162e+21])

    Raises TypeError for anything else, and for masked numbers.
    """
    if isinstance(leaf, np.ndarray) and leaf.__class__ is not np.ndarray:
        _check_meaning(leaf)
    array = np.asarray(leaf)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind != "O":
        raise TypeError
    listed = [number(x) for x in array.ravel().tolist()]
    return np.array(listed, np.float64).reshape(array.shape)


class _Unfit(TypeError):
    """Says what is wrong with an array."""


def _check_meaning(array: Any) -> None:
    if isinstance(array, np.matrix):
        raise _Unfit("got a matrix, whose * is another than that of arrays; pass np.asarray(x)")
    if np.ma.is_masked(array):
        raise _Unfit("got masked numbers, which have no value; fill them, as x.filled(0.0) does")


def _in_place_of(leaf: Any) -> str:
    if not isinstance(leaf, Scalar):
        return ""
    return "; among Values, and within grad or compile, call the plain function"


def arranged(tree: Any) -> Any:
    """Arguments with lists of numbers as arrays; a list of arrays is a list."""
    if isinstance(tree, list) and not _holds_arrays(tree):
        with suppress(TypeError, ValueError):  # of different lengths
            return real(tree)
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


def spread(
    arrays: list[Array], shape: tuple[int, ...], shared: tuple[int, ...] = ()
) -> list[Array]:
    """The arrays as one number for each place of `shape`; a single number is shared, not copied,
    and so are those arrays, by number, that all places share."""
    fitting = 1, math.prod(shape)  # with as many numbers, they are in order as they are
    return [
        np.ascontiguousarray(a if a.size in fitting or k in shared else np.broadcast_to(a, shape))
        for k, a in enumerate(arrays)
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
