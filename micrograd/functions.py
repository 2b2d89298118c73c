"""Functions of many operands, composed of rows of the table: sum, mean, norm, softmax and others.

Each takes a sequence: a list, a tuple, a generator, an array of numbers or of Values.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from micrograd import ops
from micrograd.annotations import Number, Numbers, Result

_INF = float("inf")


def operands(values: Iterable[object], function: str) -> list[Any]:
    """The scalars of a sequence; of an array of any shape, all its elements."""
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{function} expects a sequence of numbers, got {values!r:.60}")
    return values.ravel().tolist() if hasattr(values, "ravel") else [*values]  # type: ignore[attr-defined]


def at_least_one(values: Numbers, function: str) -> list[Any]:
    scalars = operands(values, function)
    if not scalars:
        raise ValueError(f"{function} of an empty sequence has no value; pass at least one number")
    return scalars


def sum(values: Numbers) -> Result:
    """The sum of `values`, added from left to right, as one node; 0.0 for none.

    >>> from micrograd import Value
    >>> x = [Value(1.0), Value(2.0), Value(3.0)]
    >>> total = sum(v * v for v in x)
    >>> total.backward()
    >>> total.data, x[2].grad
    (14.0, 6.0)
    """
    return ops.sum(*operands(values, "sum"))


def mean(values: Numbers) -> Result:
    """The arithmetic mean of `values`. Raises ValueError for none.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    scalars = at_least_one(values, "mean")
    return ops.sum(*scalars) / len(scalars)


def norm(values: Numbers) -> Result:
    """The Euclidean length of the vector `values`; its gradient at the origin is 0.

    >>> norm([3.0, 4.0])
    5.0
    """
    return ops.norm(*operands(values, "norm"))


def hypot(x: Number, y: Number) -> Result:
    """The length of the vector (x, y), infinite where either is; see `norm`.

    >>> hypot(3.0, 4.0)
    5.0
    """
    far = ops.logical_or(ops.abs(x) == _INF, ops.abs(y) == _INF)
    return ops.where(far, _INF, norm([x, y]))


def logsumexp(values: Numbers) -> Result:
    """log(exp(v1) + exp(v2) + ...), without overflow: the largest is subtracted first.

    Raises ValueError for an empty sequence.

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    scalars = at_least_one(values, "logsumexp")
    largest = _largest(scalars)
    return ops.log(ops.sum(*[ops.exp(x - largest) for x in scalars])) + largest


def softmax(values: Numbers) -> list[Result]:
    """exp(v) / (exp(v1) + exp(v2) + ...) for each v, as a list: positive numbers that sum to one.

    Raises ValueError for an empty sequence.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    scalars = at_least_one(values, "softmax")
    largest = _largest(scalars)
    powers = [ops.exp(x - largest) for x in scalars]
    total = ops.sum(*powers)
    return [ops.div(power, total) for power in powers]


def log_softmax(values: Numbers) -> list[Result]:
    """The logarithm of each softmax, precise even if that is tiny. Raises ValueError for none.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    """
    scalars = at_least_one(values, "log_softmax")
    total = logsumexp(scalars)
    return [x - total for x in scalars]


def _largest(scalars: list[Any]) -> Any:
    """The largest, as a constant; 0 if it is infinite, since inf - inf would be NaN."""
    largest = ops.stop_gradient(reduce(ops.maximum, scalars))
    return ops.where(ops.abs(largest) < float("inf"), largest, 0.0)


def take(values: Iterable[Number | Sequence[Number]], index: Number) -> Result:
    """`values[index]`, where `index` may be an input of the program. A row of a table is a list.

    Raises IndexError if `index` is not an integer from 0 to `len(values) - 1`, in compiled code
    too, and even if no result depends on it. `source("c")` has no exceptions: there it is NaN.

    >>> take([10.0, 20.0, 30.0], 1)
    20.0
    >>> take([[1.0, 2.0], [3.0, 4.0]], 1)
    [3.0, 4.0]
    """
    rows: list[Any] = operands(values, "take") if not hasattr(values, "ravel") else [*values]
    if rows and hasattr(rows[0], "__len__") and not isinstance(rows[0], (str, bytes)):
        return [take(column, index) for column in zip(*rows, strict=True)]
    result = ops.take(*rows, index)
    if getattr(index, "dtype", "O") != "O" and hasattr(result, "dtype"):
        check_indices(index, len(rows))
    return result


def outside(indices: Any, count: int) -> Any:
    """Which elements of an array are no integer from 0 to `count` - 1."""
    import numpy as np

    numbers = np.asarray(indices, float)
    return ~((numbers >= 0) & (numbers < count) & (numbers == np.floor(numbers)))


def check_indices(indices: Any, count: int, examples: Any = None) -> None:
    """Raises IndexError, which names the first, if one is no index of `count` numbers. `examples`
    are the numbers of the examples, if these are not all."""
    import numpy as np

    numbers = np.ravel(indices)
    wrong = outside(numbers, count)
    if wrong.any():
        row = int(wrong.argmax())
        number = row if examples is None else examples[row]
        where = f" in example {number}" if len(numbers) > 1 or number else ""
        raise IndexError(
            f"take expects an integer from 0 to {count - 1}, got {numbers[row].item()!r}{where}"
        )


def greater(x: Number, y: Number) -> Result:
    """Whether x is above y: a truth, for `where`. Of arrays, element by element.

    >>> greater(2.0, 1.0)
    True
    """
    return ops.less(y, x)


def greater_equal(x: Number, y: Number) -> Result:
    """Whether x is at least y: a truth, for `where`. Of arrays, element by element.

    >>> greater_equal(2.0, 2.0)
    True
    """
    return ops.less_equal(y, x)
