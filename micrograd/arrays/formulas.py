"""NumPy's elementwise functions as formulas of scalars: rows of the table, or composites."""

import math
from collections.abc import Callable
from typing import Any

from micrograd import functions, ops, special
from micrograd.ops import select

INF, LN2 = math.inf, math.log(2.0)


# The formulas that are not rows of the table.


def _ceil(x: Any) -> Any:
    return -ops.floor(-x)


def _trunc(x: Any) -> Any:
    return select(x < 0, _ceil(x), ops.floor(x))


def _rint(x: Any) -> Any:
    """The nearest integer; the even one at a tie."""
    below = ops.floor(x)
    rest = x - below
    even = 2.0 * ops.floor(0.5 * (below + 1.0))
    return select(rest < 0.5, below, select(rest > 0.5, below + 1.0, even))


def _modf(x: Any) -> tuple[Any, Any]:
    whole = _trunc(x)
    return select(ops.abs(x) == INF, 0.0, x - whole), whole


def _cbrt(x: Any) -> Any:
    root = ops.pow(ops.abs(x), 1.0 / 3.0)
    return select(x < 0, -root, root)


def _arcsinh(x: Any) -> Any:
    a = ops.abs(x)
    far = a > 1e8
    near = select(far, 1.0, a)
    square = near * near
    z = select(far, ops.log(a) + LN2, ops.log1p(near + square / (1.0 + ops.sqrt(square + 1.0))))
    return select(x < 0, -z, z)


def _arccosh(x: Any) -> Any:
    far = x > 1e8
    t = select(far, 1.0, x) - 1.0
    return select(far, ops.log(x) + LN2, ops.log1p(t + ops.sqrt(t * (t + 2.0))))


def _arctanh(x: Any) -> Any:
    return 0.5 * (ops.log1p(x) - ops.log1p(-x))


def _fmax(x: Any, y: Any) -> Any:
    return select(x != x, y, select(y != y, x, ops.maximum(x, y)))


def _fmin(x: Any, y: Any) -> Any:
    return select(x != x, y, select(y != y, x, ops.minimum(x, y)))


def _clip(x: Any, low: Any, high: Any) -> Any:
    return ops.minimum(ops.maximum(x, low), high)


def signbit(x: Any) -> Any:
    return ops.logical_or(x < 0, ops.logical_and(x == 0, ops.div(1.0, x) < 0))


def _copysign(x: Any, y: Any) -> Any:
    a = ops.abs(x)
    return select(signbit(y), -a, a)


def _heaviside(x: Any, at_zero: Any) -> Any:
    return select(x < 0, 0.0, select(x > 0, 1.0, select(x == 0, at_zero, x)))


def _logaddexp2(x: Any, y: Any) -> Any:
    return functions.logsumexp([x * LN2, y * LN2]) / LN2


def xor(x: Any, y: Any) -> Any:
    either, both = ops.logical_or(x, y), ops.logical_and(x, y)
    return ops.logical_and(either, ops.logical_not(both))


# fmt: off
NUMBERS: dict[str, Callable[..., Any]] = {
    "divide": ops.div, "true_divide": ops.div, "power": ops.pow, "float_power": ops.pow,
    "negative": ops.neg, "positive": lambda x: x, "conjugate": lambda x: x,
    "square": lambda x: x * x, "reciprocal": lambda x: ops.div(1.0, x),
    "absolute": ops.abs, "fabs": ops.abs, "sign": ops.sign, "copysign": _copysign,
    "maximum": ops.maximum, "minimum": ops.minimum, "fmax": _fmax, "fmin": _fmin, "clip": _clip,
    "heaviside": _heaviside,
    "floor": ops.floor, "ceil": _ceil, "trunc": _trunc, "rint": _rint, "modf": _modf,
    "sqrt": ops.sqrt, "cbrt": _cbrt, "hypot": lambda x, y: functions.norm([x, y]),
    "exp": ops.exp, "exp2": lambda x: ops.pow(2.0, x), "expm1": ops.expm1,
    "log": ops.log, "log1p": ops.log1p,
    "log2": lambda x: ops.log(x) / LN2, "log10": lambda x: ops.log(x) / math.log(10.0),
    "logaddexp": lambda x, y: functions.logsumexp([x, y]), "logaddexp2": _logaddexp2,
    "sin": ops.sin, "cos": ops.cos, "tan": ops.tan,
    "arcsin": ops.asin, "arccos": ops.acos, "arctan": ops.atan, "arctan2": ops.atan2,
    "sinh": ops.sinh, "cosh": ops.cosh, "tanh": ops.tanh,
    "arcsinh": _arcsinh, "arccosh": _arccosh, "arctanh": _arctanh,
    "deg2rad": lambda x: x * (math.pi / 180.0), "radians": lambda x: x * (math.pi / 180.0),
    "rad2deg": lambda x: x * (180.0 / math.pi), "degrees": lambda x: x * (180.0 / math.pi),
    # SciPy's
    "erf": ops.erf, "erfc": ops.erfc, "gammaln": special.lgamma, "psi": special.digamma,
    "expit": ops.sigmoid,
}
# fmt: on

# NumPy calls these as methods on the elements of an array of objects.
METHODS = (
    "exp2", "log2", "log10", "cbrt", "rint", "hypot", "arcsinh", "arccosh", "arctanh",
    "deg2rad", "radians", "rad2deg", "degrees",
)  # fmt: skip
