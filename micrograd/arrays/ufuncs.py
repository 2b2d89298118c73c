"""NumPy's elementwise functions, as formulas of scalars.

On arrays of objects NumPy would convert each comparison to bool, which a traced number refuses; and
of two equal numbers it would choose one, and only its derivative. So each ufunc is replaced by a
formula of the table. A ufunc without one raises an error that says what to write.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.arrays.formulas import formula_of, signbit, xor
from micrograd.arrays.instead import INSTEAD
from micrograd.errors import NumPyError
from micrograd.operation import check_condition


def holds(x: Any) -> Any:
    """A condition itself; for a number, whether it differs from 0."""
    check_condition(x, "np.where, or another choice,")
    return x if x.__class__ is bool or _is_condition(x) else ops.not_equal(x, 0.0)


def _is_condition(x: Any) -> bool:
    op = getattr(x, "op", None)
    return op is not None and op.boolean


def _of_truths(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *x: op(*map(holds, x))


def _connective(op: Callable[..., Any], name: str) -> Callable[..., Any]:
    def connective(*operands: Any) -> Any:
        if all(x.__class__ is bool or _is_condition(x) for x in operands):
            return op(*operands)
        raise NumPyError(
            f"np.{name} takes conditions, such as x > 0; among numbers it has no slope"
        )

    return connective


# fmt: off
_TRUTHS: dict[str, Callable[..., Any]] = {
    "less": ops.less, "less_equal": ops.less_equal, "equal": ops.equal,
    "not_equal": ops.not_equal,
    "greater": lambda x, y: ops.less(y, x), "greater_equal": lambda x, y: ops.less_equal(y, x),
    "isnan": lambda x: ops.not_equal(x, x), "isfinite": lambda x: ops.less(ops.abs(x), np.inf),
    "isinf": lambda x: ops.equal(ops.abs(x), np.inf), "signbit": signbit,
    "logical_and": _of_truths(ops.logical_and), "logical_or": _of_truths(ops.logical_or),
    "logical_xor": _of_truths(xor), "logical_not": _of_truths(ops.logical_not),
    "bitwise_and": _connective(ops.logical_and, "bitwise_and"),
    "bitwise_or": _connective(ops.logical_or, "bitwise_or"),
    "bitwise_xor": _connective(xor, "bitwise_xor"),
    "invert": _connective(ops.logical_not, "invert"),
}
_IDENTITIES = {"logical_and": True, "logical_or": False, "logical_xor": False}
# NumPy's own loops add and multiply objects correctly.
_NATIVE = {"add", "subtract", "multiply", "matmul", "vecdot", "matvec", "vecmat"}
# fmt: on


@cache
def _replaced(name: str, inputs: int, outputs: int) -> Any:
    """The formula for the NumPy ufunc of this name, as a ufunc."""
    formula = formula_of(name) or _TRUTHS[name]
    return np.frompyfunc(formula, inputs, outputs, identity=_IDENTITIES.get(name))


def _formula(ufunc: Any) -> Any:
    name = ufunc.__name__
    if formula_of(name) or name in _TRUTHS:
        return _replaced(name, ufunc.nin, ufunc.nout)
    if name not in _NATIVE and any(set(kind) - {*"O->"} for kind in ufunc.types):
        called = f"np.{name}" if hasattr(np, name) else name  # SciPy's are ufuncs, too
        raise NumPyError(unsupported(called))
    return ufunc


def call(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`ufunc` on numbers and plain arrays, with our scalars among them. Raises NumPyError."""
    name = ufunc.__name__
    kwargs = {key: x for key, x in kwargs.items() if not _says_nothing(key, x, name)}
    places = inputs[1:2] if method in ("at", "reduceat") else ()
    operands = inputs[:1] + inputs[2:] if places else inputs
    _can_hold_scalars(kwargs.get("out", ()), inputs[:1] if method == "at" else ())
    first, *others = arrays = [*map(_objects, operands)]
    if name in ("add", "subtract") and method == "__call__" and all(map(_of_conditions, arrays)):
        raise NumPyError(
            f"np.{name} of two arrays of conditions: NumPy does not count there. Instead, write "
            "c | d, or np.where(c, 1.0, 0.0) of each"
        )
    if "where" in kwargs:
        first = _filled(first, ufunc, method, kwargs)
    result = getattr(_formula(ufunc), method)(first, *places, *others, **kwargs)
    return as_truths(result) if name in _TRUTHS else result


def _filled(x: Any, ufunc: Any, method: str, kwargs: dict[str, Any]) -> Any:
    """The array to reduce, with a neutral number where the condition is false. Removes the keyword
    `where`."""
    fill = kwargs.get("initial") if ufunc.identity is None else ufunc.identity
    if method != "reduce" or fill is None:
        raise NumPyError(
            f"np.{ufunc.__name__} has no value where its `where` does not hold. Instead, choose: "
            "np.where(condition, x, 0.0), say; or give `initial` to a maximum or minimum"
        )
    choose = np.frompyfunc(lambda c, x: ops.where(holds(c), x, fill), 2, 1)
    return choose(_objects(np.asarray(kwargs.pop("where"))), x)


def _says_nothing(key: str, x: Any, name: str) -> bool:
    """Whether a keyword of a ufunc can be ignored: it asks for the dtype that scalars have."""
    if key == "casting" or (key == "where" and x is True):
        return True
    return key == "dtype" and np.dtype(x) in ((bool,) if name in _TRUTHS else (float, object))


def _can_hold_scalars(*arrays: Any) -> None:
    for array in (a for some in arrays for a in some):
        if array is not None and array.dtype != object:
            raise NumPyError(
                f"an array of {array.dtype} cannot hold Values and traced numbers. Instead, make "
                "a new one, or np.zeros(shape, object)"
            )


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def _objects(x: Any) -> Any:
    """An operand as an array of objects, with Python's floats instead of NumPy's."""
    if not is_array(x):
        x = np.asarray(x, object if hasattr(type(x), "interpreter") else None)
    return x.astype(object, copy=False)


def _of_conditions(a: Any) -> bool:
    return a.ndim > 0 and a.size > 0 and (a.flat[0].__class__ is bool or _is_condition(a.flat[0]))


def as_truths(result: Any) -> Any:
    """Conditions as an array of bool, which can be a mask, if all of them are known."""
    known = isinstance(result, np.ndarray) and all(x.__class__ is bool for x in result.flat)
    return result.astype(bool) if known else result


def unsupported(name: str, instead: str | None = None) -> str:
    """The message for a NumPy function that is not a formula of scalars."""
    instead = instead or INSTEAD.get(name.rpartition(".")[2])
    return (
        f"{name} does not take Values and traced numbers. Instead, write "
        f"{instead or 'it in operations of micrograd, or add it with @micrograd.op(opaque=True)'}"
    )
