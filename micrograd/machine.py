"""The machine's own arithmetic: IEEE 754 on floats, where Python would raise an exception.

`1 / 0` is infinite, `log(-1)` is not a number, `exp(1000)` is infinite. Nothing here knows about
derivatives; `ops.py` gives these functions their rows in the table.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

inf, nan = math.inf, math.nan

add, sub, mul, neg, abs = operator.add, operator.sub, operator.mul, operator.neg, operator.abs
less, less_equal, equal, not_equal = operator.lt, operator.le, operator.eq, operator.ne


def div(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0 or x != x else math.copysign(inf, x) * math.copysign(1.0, y)


def pow(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        if x < 0 and not float(y).is_integer():
            return nan
        negative = math.copysign(1.0, x) < 0 and y % 2 == 1
        return -inf if negative else inf


def _ieee(function: Callable[[float], float]) -> Callable[[float], float]:
    """`function` of the C library, with infinity on overflow and NaN outside its domain."""

    def meaning(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.copysign(inf, x) if function is math.sinh else inf
        except ValueError:
            return nan

    meaning.__name__ = function.__name__
    return meaning


exp, expm1, cosh, sinh = map(_ieee, (math.exp, math.expm1, math.cosh, math.sinh))
sin, cos, tan, asin, acos = map(_ieee, (math.sin, math.cos, math.tan, math.asin, math.acos))
sqrt = _ieee(math.sqrt)
atan, atan2, tanh, erf, erfc = math.atan, math.atan2, math.tanh, math.erf, math.erfc


def fmod(x: float, y: float) -> float:
    try:
        return math.fmod(x, y)
    except ValueError:
        return nan


def log(x: float) -> float:
    return math.log(x) if x > 0 else -inf if x == 0 else nan


def log1p(x: float) -> float:
    return math.log1p(x) if x > -1 else -inf if x == -1 else nan


def floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) and x else x  # keeps -0.0


def where(c: Any, x: float, y: float) -> float:
    return x if c else y


def logical_and(a: Any, b: Any) -> bool:
    return bool(a) and bool(b)


def logical_or(a: Any, b: Any) -> bool:
    return bool(a) or bool(b)


def logical_not(a: Any) -> bool:
    return not a


def take(*operands: float) -> float:
    """The last operand is an index into the others; returns the operand there."""
    *values, index = operands
    if not (float(index).is_integer() and 0 <= index < len(values)):
        raise IndexError(f"take expects an integer from 0 to {len(values) - 1}, got {index!r}")
    return values[int(index)]


# NumPy's names of functions, if they differ from ours; None: NumPy has no such function.
_numpy_names = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative",
    "pow": "float_power",  # `power` uses sqrt for the exponent 0.5, which differs at -inf
    "erf": None, "erfc": None,
}  # fmt: skip


def on_arrays(name: str) -> Callable[..., Any]:
    """The function called `name`, element by element on NumPy arrays."""
    import numpy as np

    if name == "take":
        return _take_on_arrays
    numpy_name = _numpy_names.get(name, name)
    if numpy_name is not None:
        return getattr(np, numpy_name)
    function = globals()[name]

    def elementwise(*operands: Any) -> Any:
        result = np.frompyfunc(function, len(operands), 1)(*operands)
        return np.asarray(result, dtype=np.float64)[()]

    return elementwise


def _take_on_arrays(*operands: Any) -> Any:
    """`take` on arrays: NaN for an index out of range, as in compiled code."""
    import numpy as np

    *values, index = operands
    valid = (index >= 0) & (index < len(values)) & (index == np.floor(index))
    place = np.where(valid, index, 0).astype(np.int64)
    rows = np.stack(np.broadcast_arrays(*values))
    rows = rows.reshape(len(rows), *[1] * (place.ndim + 1 - rows.ndim), *rows.shape[1:])
    shape = np.broadcast_shapes(place.shape, rows.shape[1:])
    places = np.broadcast_to(place, shape)[None]
    found = np.take_along_axis(rows, places, axis=0)[0] if shape else rows[place]
    return np.where(valid, found, np.nan)[()]


def _operators(function: Callable[[float, float], float]) -> tuple[Any, Any]:
    """The operator method of `function` on a Float, and the reflected one."""

    def method(x: float, y: Any, *_: None) -> Any:
        return Float(function(float(x), y)) if isinstance(y, (float, int)) else NotImplemented

    def reflected(x: float, y: Any, *_: None) -> Any:
        return Float(function(y, float(x))) if isinstance(y, (float, int)) else NotImplemented

    return method, reflected


class Float(float):
    """A float with IEEE 754 operators: `Float(1) / 0` is infinite.

    Python's own floats are faster, but raise; a formula that raises on them is run again on Floats.

    >>> Float(1) / 0, Float(-8) ** 0.5
    (inf, nan)
    """

    __add__, __radd__ = _operators(add)
    __sub__, __rsub__ = _operators(sub)
    __mul__, __rmul__ = _operators(mul)
    __truediv__, __rtruediv__ = _operators(div)
    __pow__, __rpow__ = _operators(pow)

    def __neg__(self) -> "Float":
        return Float(-float(self))

    def __abs__(self) -> "Float":
        return Float(abs(float(self)))


def run(formula: Callable[..., Any], operands: Any) -> Any:
    """`formula(*operands)` in IEEE 754 arithmetic, without Python's exceptions."""
    try:
        result = formula(*operands)
        if not _complex(result):
            return result
    except (ZeroDivisionError, OverflowError):
        pass
    return _plain(formula(*[Float(x) if x.__class__ is float else x for x in operands]))


def _complex(result: Any) -> bool:
    """Whether Python left the real numbers, as in `(-8.0) ** 0.5`."""
    if result.__class__ is tuple or result.__class__ is list:
        return complex in map(type, result)
    return result.__class__ is complex


def _plain(result: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return [*map(_plain, result)]
    return float(result) if result.__class__ is Float else result
