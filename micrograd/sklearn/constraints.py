"""Constraints: what the arguments of an estimator may be, checked when it is fitted."""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from micrograd.names import unknown

Check = Callable[[str, Any], None]


def _number(low: float, high: float = math.inf, *, kind: Any = Real, ends: str = "[]") -> Check:
    """A number of this kind between `low` and `high`; `ends` are the brackets of the interval."""

    def check(name: str, x: Any) -> None:
        if isinstance(x, bool) or not isinstance(x, kind) or not _within(x, low, high, ends):
            what = "a whole number" if kind is Integral else "a number"
            raise ValueError(f"{name} must be {what} {_range(low, high, ends)}, got {x!r}")

    return check


def _within(x: Any, low: float, high: float, ends: str) -> bool:
    above = x > low if ends[0] == "(" else x >= low
    return above and (x < high if ends[1] == ")" else x <= high)


def _range(low: float, high: float, ends: str) -> str:
    if high == math.inf:
        return f"above {low:g}" if ends[0] == "(" else f"of at least {low:g}"
    return f"in {ends[0]}{low:g}, {high:g}{ends[1]}"


def _one_of(*names: str) -> Check:
    def check(name: str, x: Any) -> None:
        if x not in names:
            raise ValueError(unknown(name, x, names))

    return check


def _batch_size(name: str, x: Any) -> None:
    if x != "auto":
        _number(1, kind=Integral)(name, x)


def _patience(name: str, x: Any) -> None:
    if x != math.inf:
        _number(1, kind=Integral)(name, x)


CHECKS: dict[str, Check] = {
    "solver": _one_of("lbfgs", "sgd", "adam"),
    "alpha": _number(0),
    "batch_size": _batch_size,
    "learning_rate": _one_of("constant", "invscaling", "adaptive"),
    "learning_rate_init": _number(0, ends="(]"),
    "power_t": _number(0),
    "max_iter": _number(1, kind=Integral),
    "tol": _number(0),
    "momentum": _number(0, 1),
    "validation_fraction": _number(0, 1, ends="[)"),
    "beta_1": _number(0, 1, ends="[)"),
    "beta_2": _number(0, 1, ends="[)"),
    "epsilon": _number(0, ends="(]"),
    "n_iter_no_change": _patience,
    "max_fun": _number(1, kind=Integral),
    "dropout": _number(0, 1, ends="[)"),
}


def check_parameters(parameters: dict[str, Any]) -> None:
    """Raises ValueError for the first argument that no fit can have.

    >>> check_parameters({"momentum": 1.5})
    Traceback (most recent call last):
    ValueError: momentum must be a number in [0, 1], got 1.5
    """
    for name, check in CHECKS.items():
        if name in parameters:
            check(name, parameters[name])


def hidden_sizes(sizes: Any) -> tuple[int, ...]:
    """The sizes of the hidden layers. Raises ValueError unless they are whole numbers above 0.

    >>> hidden_sizes(100), hidden_sizes([5, 2])
    ((100,), (5, 2))
    """
    listed = tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)
    for size in listed:
        if isinstance(size, bool) or not isinstance(size, Integral) or size <= 0:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {list(listed)}")
    return tuple(int(size) for size in listed)


def checked_weights(sample_weight: Any, X: Any) -> np.ndarray:
    """The weights of the rows of `X`, one number for all or one for each.

    Raises ValueError for another shape, NaN, infinity, and negative weights.
    """
    rows = X.shape[0]
    if isinstance(sample_weight, Real):
        return np.full(rows, float(sample_weight), X.dtype)
    weights = check_array(sample_weight, ensure_2d=False, dtype=X.dtype, input_name="sample_weight")
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    if weights.min() < 0:
        raise ValueError("Negative values in data passed to `sample_weight`")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number, got zeros only")
    return weights
