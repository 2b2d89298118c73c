"""Real numbers: which types are real, one of them as a float, several as an array."""

import math
import numbers
from typing import Any


def number(x: Any) -> float:
    """`x` as a float. Raises TypeError if it is not one real number."""
    if isinstance(x, float):  # or a subclass, such as NumPy's float64
        return float(x)
    if x.__class__ is not int and not is_real(type(x)):  # pyright: ignore[reportUnknownArgumentType] - x may be anything
        raise TypeError(f"expected one real number, got {type(x).__name__} {x!r:.60}")
    try:
        return float(x)
    except OverflowError:  # an integer too large for a float rounds to infinity
        return math.inf if x > 0 else -math.inf


def is_real(kind: type) -> bool:
    """Whether `kind` is a type of real numbers. Decimal is only a Number, and np.bool not even
    that."""
    if issubclass(kind, numbers.Complex):
        real = issubclass(kind, numbers.Real)
        return real and kind.__name__ != "timedelta64"  # NumPy calls it an integer
    is_bool = kind.__module__ == "numpy" and kind.__name__.startswith("bool")
    return is_bool or issubclass(kind, numbers.Number)


def instead_of(x: Any) -> str:
    """What to write instead of x, which is no real number."""
    if isinstance(x, (str, bytes)):
        return "write float(x)"
    return "write one number for each Value" if hasattr(x, "__len__") else "write a number"


def real_array(x: Any) -> Any:
    """Real numbers as an array. They may be anything that a Value takes, and arrays of these.

    >>> from fractions import Fraction
    >>> real_array([Fraction(1, 2), True, 2**70])
    array([5.00000000e-01, 1.00000000e+00, 1.18059162e+21])

    Raises TypeError for anything else, and for masked numbers; ValueError for rows whose lengths
    differ.
    """
    check_masks(x)
    return without_masks(x)


def without_masks(x: Any) -> Any:
    """`real_array` of what is known to hold no array with a mask."""
    import numpy as np

    array = np.asarray(x)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind != "O":
        raise TypeError(f"expected real numbers, got {type(x).__name__} {x!r:.60}")
    listed = [number(y) for y in array.ravel().tolist()]
    return np.array(listed, np.float64).reshape(array.shape)


def may_be_masked(kind: type) -> bool:
    """Whether it is NumPy's type of arrays with a mask, or derived from it."""
    return hasattr(kind, "harden_mask")


MASKED = "got masked numbers, which have no value; fill them, as x.filled(0.0) does"


def is_masked(x: Any) -> bool:
    """Whether there are masked numbers in an array, or in the arrays of a list: NumPy would drop
    their masks."""
    if may_be_masked(x.__class__):
        import numpy as np

        return np.ma.is_masked(x)
    several = isinstance(x, (list, tuple)) and any(map(may_be_masked, {*map(type, x)}))
    return several and any(map(is_masked, x))


def check_masks(x: Any) -> None:
    """Raises TypeError for masked numbers."""
    if is_masked(x):
        raise TypeError(MASKED)
