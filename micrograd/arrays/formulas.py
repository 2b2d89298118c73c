"""NumPy's elementwise functions as formulas of scalars: rows of the table, or composites."""

import math
from collections.abc import Callable
from typing import Any

from micrograd import elementary, functions, normal, ops, special  # noqa: F401 - normal's rows

INF, LN2 = math.inf, math.log(2.0)


# The formulas that are not rows of the table.


def _trunc(x: Any) -> Any:
    return ops.where(x < 0, elementary.ceil(x), ops.floor(x))


def _modf(x: Any) -> tuple[Any, Any]:
    whole = _trunc(x)
    return ops.where(ops.abs(x) == INF, 0.0, x - whole), whole


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return elementary.floor_divide(x, y), elementary.mod(x, y)


def _fmax(x: Any, y: Any) -> Any:
    return ops.where(x != x, y, ops.where(y != y, x, ops.maximum(x, y)))


def _fmin(x: Any, y: Any) -> Any:
    return ops.where(x != x, y, ops.where(y != y, x, ops.minimum(x, y)))


def signbit(x: Any) -> Any:
    return ops.logical_or(x < 0, ops.logical_and(x == 0, ops.div(1.0, x) < 0))


def _copysign(x: Any, y: Any) -> Any:
    a = ops.abs(x)
    return ops.where(signbit(y), -a, a)


def _heaviside(x: Any, at_zero: Any) -> Any:
    return ops.where(x < 0, 0.0, ops.where(x > 0, 1.0, ops.where(x == 0, at_zero, x)))


def _logaddexp2(x: Any, y: Any) -> Any:
    return elementary.logaddexp(x * LN2, y * LN2) / LN2


def xor(x: Any, y: Any) -> Any:
    either, both = ops.logical_or(x, y), ops.logical_and(x, y)
    return ops.logical_and(either, ops.logical_not(both))


# fmt: off
# Where NumPy or SciPy has another name than the table, or the table has no row.
_NAMED: dict[str, Callable[..., Any]] = {
    "divide": ops.div, "true_divide": ops.div, "power": ops.pow, "float_power": ops.pow,
    "negative": ops.neg, "positive": lambda x: x, "conjugate": lambda x: x,
    "square": lambda x: x * x, "reciprocal": lambda x: ops.div(1.0, x),
    "absolute": ops.abs, "fabs": ops.abs, "copysign": _copysign, "fmax": _fmax, "fmin": _fmin,
    "heaviside": _heaviside, "trunc": _trunc, "rint": elementary.round, "modf": _modf,
    "remainder": elementary.mod, "divmod": _divmod, "hypot": functions.hypot,
    "logaddexp2": _logaddexp2,
    "arcsin": ops.asin, "arccos": ops.acos, "arctan": ops.atan, "arctan2": ops.atan2,
    "arcsinh": elementary.asinh, "arccosh": elementary.acosh, "arctanh": elementary.atanh,
    "deg2rad": lambda x: x * (math.pi / 180.0), "radians": lambda x: x * (math.pi / 180.0),
    "rad2deg": lambda x: x * (180.0 / math.pi), "degrees": lambda x: x * (180.0 / math.pi),
    # SciPy's
    "gammaln": special.lgamma, "psi": special.digamma,
    "expit": ops.sigmoid, "log_expit": elementary.log_sigmoid,
}
# fmt: on


def formula_of(name: str) -> Callable[..., Any] | None:
    """The formula for the ufunc of this name: the row that has it, or one with another name."""
    row = ops.TABLE.get(name)
    return row if row is not None and row.library and not row.boolean else _NAMED.get(name)


# NumPy calls these as methods on the elements of an array of objects, by its own names.
METHODS = (
    "rint", "hypot", "arcsinh", "arccosh", "arctanh", "deg2rad", "radians", "rad2deg", "degrees",
)  # fmt: skip
