"""@op: operations that users add to the table, checked so that a mistake names them."""

import functools
import inspect
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any, cast

from micrograd import machine
from micrograd.annotations import Function
from micrograd.names import names_keywords
from micrograd.operation import Op, composed
from micrograd.real import number


@names_keywords()
def op(
    *misplaced: object,
    derivative: Function | None = None,
    name: str = "",
    opaque: bool = False,
) -> Callable[[Function], Op]:
    """Adds an operation: decorates its meaning, a function of one or more numbers.

    `derivative(g, z, *operands)` is passed the gradient `g` of the result, the result `z` and the
    operands; it returns the term that each operand's gradient gains: a tuple, or a single number
    for a single operand. Write both in arithmetic and functions of `micrograd`, so that they run on
    numbers, on Values (second derivatives) and in compiled programs; for a choice between two
    numbers use `where`. Where Python's arithmetic would raise, the result is infinite or NaN.

    A meaning that calls a library, or loops until something holds, is `opaque`: it runs in Python,
    and compiled programs call it back. If it takes arrays, it is passed whole columns of numbers,
    else each number alone. The derivative is traced as usual, and may contain opaque operations;
    without one, the operation can be computed but not differentiated.

    An operation of your own may be defined again, as when a cell of a notebook runs twice: graphs
    and compiled programs keep the one that they were made with.

    Raises TypeError for a meaning that does not take a fixed number of operands, and ValueError
    if micrograd has an operation of this name.

    >>> import micrograd as mg
    >>> @mg.op(derivative=lambda g, z, x: 3 * g * x**2)
    ... def cube(x):
    ...     return x**3
    >>> x = mg.Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad
    (8.0, 12.0)

    >>> import math
    >>> @mg.op(derivative=lambda g, z, x: g * z * mg.digamma(x), opaque=True)
    ... def gamma(x):
    ...     return math.gamma(x)
    >>> mg.compile(lambda x: 2 * gamma(x))(5.0)
    48.0
    """
    if misplaced or (derivative is None and not opaque):
        raise TypeError(
            "an operation needs its derivative: @mg.op(derivative=lambda g, z, x: ...), where g is "
            "the gradient of the result z"
        )

    def add_row(meaning: Callable[..., Any]) -> Op:
        called = name or meaning.__name__
        if derivative is not None and not callable(derivative):
            raise TypeError(
                f"the derivative of {called} must be a function, got {derivative!r:.60}"
            )
        if not _takes_operands(meaning):
            raise TypeError(
                f"{called} must take a fixed number of operands, at least one; of a function that "
                "takes more, write lambda x: function(x)"
            )
        rule = _no_derivative(called) if derivative is None else derivative
        row = composed(_guarded_derivative(called, rule), called, library=False, opaque=opaque)
        guarded = _guarded(called, meaning)
        return row(_Opaque(guarded, meaning) if opaque else guarded)

    return add_row


def _takes_operands(meaning: Callable[..., Any]) -> bool:
    """Whether a function takes a known number of operands, at least one."""
    try:
        kinds = {p.kind for p in inspect.signature(meaning).parameters.values()}
    except ValueError:  # some functions in C do not say
        return False
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return bool(kinds) and kinds <= {*positional}


def _guarded(name: str, meaning: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `meaning`, checked: on floats it returns a float, or raises with an explanation."""

    @functools.wraps(meaning)
    def guarded(*operands: Any) -> Any:
        try:
            result = machine.run(meaning, operands)
        except TypeError as error:
            raise _explained(error, name) from None
        if result.__class__ is float or any(x.__class__ is not float for x in operands):
            return result
        try:
            return number(result.item() if getattr(result, "shape", None) == () else result)
        except TypeError as error:
            raise TypeError(f"the result of {name}: {error}") from None

    return guarded


def _explained(error: TypeError, name: str) -> TypeError:
    """The error with a hint, if a function of Python's `math` was called on something else than a
    float."""
    from micrograd.ops import TABLE  # complete only once this file is imported

    place = traceback.extract_tb(error.__traceback__)[-1]
    called = re.search(r"\b(?:math|cmath)\.(\w+)", place.line or "")
    ours = called and called[1] in TABLE and TABLE[called[1]].library
    if not called or not ours or "must be real number" not in str(error):
        return error
    return TypeError(
        f"{name} calls math.{called[1]}, which takes floats only; write mg.{called[1]}, at "
        f"{place.filename}:{place.lineno}"
    )


def _guarded_derivative(name: str, derivative: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `derivative`, checked: it returns one gradient for each operand."""

    def as_tuple(*arguments: Any) -> tuple[Any, ...]:
        answer = derivative(*arguments)
        if isinstance(answer, (tuple, list)):
            return tuple(cast(Iterable[Any], answer))
        return (answer,)

    def guarded(g: Any, z: Any, *operands: Any) -> Any:
        try:
            gradients = machine.run(as_tuple, (g, z, *operands))
        except Exception as error:
            if any(hasattr(x, "rank") for x in (g, z, *operands)):
                error.add_note(
                    f"raised in the derivative of {name}, which must run on scalars that are no "
                    "numbers: write it in functions of micrograd, and what a library computes as "
                    "an operation of its own, @mg.op(..., opaque=True)"
                )
            raise
        for i, gradient in enumerate(gradients):
            if gradient is None:
                raise TypeError(f"the derivative of {name} returned None for operand {i}")
        if len(gradients) != len(operands):
            raise TypeError(
                f"the derivative of {name} must return one gradient for each of its "
                f"{len(operands)} operands, got {len(gradients)}"
            )
        return [x if hasattr(x, "rank") else number(x) for x in gradients]

    return guarded


def _no_derivative(name: str) -> Callable[..., Any]:
    def derivative(g: Any, z: Any, *operands: Any) -> Any:
        raise TypeError(
            f"{name} is opaque and has no derivative; give it one: "
            "@mg.op(derivative=lambda g, z, x: ..., opaque=True)"
        )

    return derivative


class _Opaque:
    """An opaque meaning, of numbers and of columns of numbers.

    Whether the user's function takes arrays shows at the first column: some of the results must be
    those of single numbers.
    """

    def __init__(self, of_numbers: Callable[..., Any], function: Callable[..., Any]):
        self.of_numbers, self.function = of_numbers, function
        self.takes_arrays: bool | None = None  # not known yet
        functools.update_wrapper(self, function)

    def __call__(self, *operands: Any) -> Any:
        if not any(getattr(x, "ndim", 0) for x in operands):
            return self.of_numbers(*operands)
        import numpy as np

        arrays = np.broadcast_arrays(*[np.asarray(x, float) for x in operands])
        result = self.of_columns([x.ravel() for x in arrays])
        return result.reshape(arrays[0].shape)

    def of_columns(self, columns: list[Any], one_by_one: bool = False) -> Any:
        """The results for columns of equal length. The function is passed copies of them."""
        if columns[0].size > 1 and self.takes_arrays is not False and not one_by_one:
            result = self._at_once(columns)
            if self.takes_arrays is None:
                self.takes_arrays = result is not None and self._is_right(columns, result)
            if self.takes_arrays and result is not None:
                return result
        import numpy as np

        rows = zip(*[column.tolist() for column in columns])
        return np.array([self.of_numbers(*row) for row in rows], float)

    def _at_once(self, columns: list[Any]) -> Any:
        """The results of one call; None if the function does not take arrays."""
        import numpy as np

        try:
            with np.errstate(all="ignore"):
                result = np.asarray(self.function(*[np.array(x) for x in columns]))
        except (TypeError, ValueError, AttributeError):
            return None
        real = result.shape == columns[0].shape and result.dtype.kind in "fiub"
        return result.astype(float) if real else None

    def _is_right(self, columns: list[Any], result: Any) -> bool:
        import numpy as np

        some = [0, len(result) // 2, len(result) - 1]
        alone = [self.of_numbers(*[float(x[k]) for x in columns]) for k in some]
        return bool(np.allclose(result[some], alone, rtol=1e-6, atol=0.0, equal_nan=True))
