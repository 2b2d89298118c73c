"""scan: a loop that is written as one step. Python runs it; compiled, the step occurs once.

>>> from micrograd import compile
>>> decay = compile(lambda x, a: scan(lambda h, x: (a * h + x, h), 0.0, x)[0])
>>> decay([1.0, 2.0, 3.0], 0.5)
4.25
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from micrograd import watch
from micrograd.annotations import Tree
from micrograd.arrays.array import array
from micrograd.errors import ShapeError
from micrograd.names import names_keywords
from micrograd.point import scalars_of
from micrograd.structure import Structure, flatten

Step = Callable[[Tree, Tree], tuple[Tree, Tree]]


@names_keywords()
def scan(
    step: Step, carry: Tree, xs: Tree | None = None, length: int | None = None
) -> tuple[Tree, Tree]:
    """Calls `carry, y = step(carry, x)` for each x of `xs`. Returns the last carry, and all y.

    It has the meaning of this loop, also for derivatives:

        ys = []
        for x in xs:
            carry, y = step(carry, x)
            ys.append(y)

    `carry` and `y` are numbers, arrays, or lists, tuples and dicts of them. `carry` keeps its
    structure and its shapes. `xs` is an array or a list of the x; or a tuple or dict of such
    sequences, and then x is a tuple or dict with one element of each. Without `xs`,
    `step(carry, None)` is called `length` times. The y are stacked: for each number of y the second
    result has an array of `length` numbers. It is None if y is None, or if there are no steps.

    Raises ShapeError if sequences have different lengths, or if the step changes the structure or
    a shape of the carry; TypeError if it is no function, or does not return a pair, or if the carry
    holds anything but numbers.

    >>> import micrograd as mg
    >>> rate = mg.Value(0.1)
    >>> def grow(n, birth):
    ...     n = n + rate * n + birth
    ...     return n, n
    >>> last, all_ = mg.scan(grow, 100.0, [1.0, 2.0])
    >>> f"{last.data:.1f}", [f"{n.data:.1f}" for n in all_]
    ('124.1', ['111.0', '124.1'])
    >>> last.backward()
    >>> f"{rate.grad:.1f}"
    '221.0'
    """
    if not callable(step):
        raise TypeError(
            "scan: expected a function step(carry, x) that returns (carry, y), got "
            f"{type(step).__name__} {step!r:.60}"
        )
    _check_numbers(carry)
    items = items_of(xs, length)
    innermost = watch.watching()
    if innermost is not None and len(items) > 1:
        rolled = innermost.scan(step, carry, items)
        if rolled is not None:
            return rolled
    return run(step, carry, items)


def run(step: Step, carry: Any, items: Sequence[Any]) -> tuple[Any, Any]:
    """The loop, run by Python."""
    before, ys = carry, list[Any]()
    for x in items:
        carry, y = pair(step(carry, x))
        check_carry(before, carry)
        ys.append(y)
    return carry, stacked(ys)


def pair(answer: Any) -> tuple[Any, Any]:
    """The two results of a step. Raises TypeError for anything else."""
    if isinstance(answer, (tuple, list)) and len(answer) == 2:
        return answer[0], answer[1]
    raise TypeError(
        f"scan: the step must return a pair (carry, y), got {type(answer).__name__} "
        f"{answer!r:.60}. Without outputs, return carry, None"
    )


def items_of(xs: Any, length: int | None) -> list[Any]:
    """The x of each step."""
    if xs is None and length is None:
        raise TypeError("scan: expected xs, or the length of the loop; got neither")
    if length is not None and not (hasattr(length, "__index__") and length >= 0):
        raise TypeError(f"scan: length must be a whole number of at least 0, got {length!r}")
    if xs is None:
        return [None] * (length or 0)
    items = _items(xs)
    if length is not None and len(items) != length:
        raise ShapeError(f"scan: length is {length}, but xs has {len(items)} elements")
    return items


def _items(xs: Any) -> list[Any]:
    """The elements of a sequence; of several sequences, tuples or dicts of elements."""
    if not isinstance(xs, (tuple, dict)):
        if isinstance(xs, list) or getattr(xs, "ndim", 0) > 0:
            return [*xs]
        raise TypeError(
            "scan: xs must be an array or a list, or a tuple or dict of them; got "
            f"{type(xs).__name__} {xs!r:.60}"
        )
    columns = [*map(_items, xs.values() if isinstance(xs, dict) else xs)]
    lengths = [*map(len, columns)]
    if len({*lengths}) != 1:
        raise ShapeError(f"scan: all sequences must be equally long, got lengths {lengths}")
    if isinstance(xs, dict):
        return [dict(zip(xs, row)) for row in zip(*columns)]
    return [*zip(*columns)]


def _check_numbers(carry: Any) -> None:
    """Raises TypeError unless the carry is made of numbers."""
    try:
        scalars_of(carry)
    except TypeError as error:
        raise TypeError(
            "scan: the carry is made of numbers, arrays, and lists, tuples and dicts of them "
            f"({error}). Without a carry, pass ()"
        ) from None


def check_carry(before: Any, after: Any) -> None:
    """Raises ShapeError unless the carry has kept its structure and the shapes of its arrays, and
    TypeError unless it is made of numbers."""
    _check_numbers(after)
    (old, structure), (new, other) = flatten(before), flatten(after)
    if structure != other:
        raise ShapeError(
            f"scan: the step must return a carry of the structure that it is passed, "
            f"{before!r:.60}; got {after!r:.60}"
        )
    shapes = [[getattr(x, "shape", ()) for x in leaves] for leaves in (old, new)]
    for k, (a, b) in enumerate(zip(*shapes)):
        if a != b:
            raise ShapeError(
                f"scan: the step must not change the shapes of the carry; part {k} of {len(old)} "
                f"had the shape {a}, and has the shape {b}"
            )


def stacked(ys: list[Any]) -> Any:
    """The outputs of all steps, stacked along a new first axis."""
    if not ys or ys[0] is None:
        return None
    columns = [scalars_of(y) for y in ys]
    _, structure, shapes = columns[0]
    if any(column[1:] != (structure, shapes) for column in columns):
        raise ShapeError("scan: y must have the same structure and shapes in each step")
    return arranged_rows([column[0] for column in columns], structure, shapes)


def arranged_rows(scalars: list[list[Any]], structure: Structure, shapes: list[Any]) -> Any:
    """The structure of y, filled with the columns of scalars, of which each step has a row."""
    rows = array(scalars)
    leaves, start = [], 0
    for shape in shapes:
        size = 1 if shape is None else math.prod(shape)
        leaves.append(rows[:, start : start + size].reshape(len(rows), *(shape or ())))
        start += size
    return structure.build(iter(leaves))
