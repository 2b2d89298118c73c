"""Functions that compare or run along a sequence: prod, cumsum, max, sort, argmax, interp."""

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from typing import Any

from micrograd import ops
from micrograd.annotations import Number, Numbers, Result
from micrograd.errors import ShapeError
from micrograd.functions import at_least_one, operands
from micrograd.names import names_keywords
from micrograd.ops import select


def prod(values: Numbers) -> Result:
    """The product of `values`, 1.0 for none; its derivative is right where some are 0.

    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    return reduce(ops.mul, operands(values, "prod"), 1.0)


def cumsum(values: Numbers) -> list[Result]:
    """The sums of the first one, two, three, ... of `values`, as a list.

    >>> cumsum([1.0, 2.0, 3.0])
    [1.0, 3.0, 6.0]
    """
    return [*accumulate(operands(values, "cumsum"), ops.add)]


def max(values: Numbers) -> Result:
    """The largest of `values`, by `maximum` from left to right: a tie shares the gradient.

    NaN if any is NaN. Raises ValueError for none.

    >>> max([1.0, 3.0, 2.0])
    3.0
    """
    return reduce(ops.maximum, at_least_one(values, "max"))


def min(values: Numbers) -> Result:
    """The smallest of `values`, by `minimum` from left to right: a tie shares the gradient.

    NaN if any is NaN. Raises ValueError for none.

    >>> min([1.0, 3.0, 2.0])
    1.0
    """
    return reduce(ops.minimum, at_least_one(values, "min"))


def argmax(values: Numbers) -> Result:
    """The index of the first largest of `values`, as a float: a constant for the derivative.

    The first NaN, if there is one, as in NumPy. Raises ValueError for none.

    >>> argmax([1.0, 3.0, 3.0])
    1.0
    """
    return _place(at_least_one(values, "argmax"), lambda best, x: ops.less(best, x))


def argmin(values: Numbers) -> Result:
    """The index of the first smallest of `values`, as a float: a constant for the derivative.

    The first NaN, if there is one, as in NumPy. Raises ValueError for none.

    >>> argmin([2.0, 1.0, 3.0])
    1.0
    """
    return _place(at_least_one(values, "argmin"), lambda best, x: ops.less(x, best))


def _place(scalars: list[Any], beats: Any) -> Any:
    best, place = scalars[0], 0.0
    for k, x in enumerate(scalars[1:], start=1):
        first_nan = ops.logical_and(ops.not_equal(x, x), ops.equal(best, best))
        better = ops.logical_or(beats(best, x), first_nan)
        best, place = select(better, x, best), select(better, float(k), place)
    return place


def _exchanged(x: Any, y: Any) -> tuple[Any, Any]:
    """The two in order; NaN comes last, as in NumPy."""
    swap = ops.logical_or(ops.less(y, x), ops.not_equal(x, x))
    return select(swap, y, x), select(swap, x, y)


def sort(values: Numbers) -> list[Result]:
    """`values` in ascending order, as a list; NaN comes last.

    By Batcher's network (Knuth, volume 3, algorithm 5.2.2M), whose steps are the same for all
    numbers, so that it compiles.

    >>> sort([3.0, 1.0, 2.0])
    [1.0, 2.0, 3.0]
    """
    x = operands(values, "sort")
    n = len(x)
    top = 1 << (n - 1 or 1).bit_length() - 1 if n else 0
    p = top
    while p:
        q, r, d = top, 0, p
        while d:
            for i in range(n - d):
                if i & p == r:
                    x[i], x[i + d] = _exchanged(x[i], x[i + d])
            d, q, r = (q - p, q >> 1, p) if q != p else (0, q, r)
        p >>= 1
    return x


@names_keywords()
def interp(
    x: Number,
    xp: Sequence[Number],
    fp: Sequence[Number],
    left: Number | None = None,
    right: Number | None = None,
) -> Result:
    """The number at x of the line through the points (xp, fp), whose `xp` ascend.

    Below the first point it is `left`, or else the first of `fp`; above the last one, `right`, or
    else the last. It has derivatives in x and in all points; at a point, the slope in x is that of
    the segment at its right. Raises ShapeError if there are not as many `fp` as `xp`, or none.

    >>> interp(1.5, [0.0, 1.0, 2.0], [10.0, 20.0, 40.0])
    30.0
    """
    places, values = operands(xp, "interp"), operands(fp, "interp")
    if not places or len(places) != len(values):
        raise ShapeError(f"interp expects as many fp as xp, got {len(values)} and {len(places)}")
    result = values[-1] if right is None else right
    result = ops.where(ops.equal(x, places[-1]), values[-1], result)
    pairs = [*zip(places, values)]
    for (p, u), (q, v) in zip(pairs[-2::-1], pairs[:0:-1]):
        result = ops.where(ops.less(x, q), u + (x - p) * ops.div(v - u, q - p), result)
    result = ops.where(ops.less(x, places[0]), values[0] if left is None else left, result)
    return ops.where(ops.not_equal(x, x), x, result)
