"""Axes: which axis of an argument is that of the examples, and which arguments they share."""

from typing import Any, Literal

from micrograd.compiler.api.arguments import broadcast
from micrograd.errors import ArgumentError
from micrograd.structure import Structure

Each = Literal["number", "row"]
Dims = tuple[int, ...]


def check_each(each: Any) -> None:
    """Raises ValueError for anything but "number", "row" and None."""
    if each not in (None, "number", "row"):
        raise ValueError(f'each must be "number" or "row", got {each!r:.60}')


def shared_leaves(in_axes: Any, structure: Structure) -> tuple[int, ...]:
    """The indices of the argument leaves that all examples share: those whose axis is None.

    `in_axes` is 0 or None for each positional argument, or has the structure of that argument.
    Raises ArgumentError if it does not fit the arguments, or leaves no examples.
    """
    args, kwargs = structure.children
    if isinstance(in_axes, (tuple, list)) and len(in_axes) != len(args.children):
        raise ArgumentError(
            f"in_axes must have an entry for each of {len(args.children)} positional arguments, "
            f"got {in_axes!r:.80}"
        )
    shared = [*_shares(in_axes, args), *_shares(0, kwargs)]
    if shared and all(shared):
        raise ArgumentError(
            f"in_axes must be 0 for one argument at least, or there are no examples; got "
            f"{in_axes!r:.80}. micrograd.compile is for one example a call"
        )
    return tuple([k for k, is_shared in enumerate(shared) if is_shared])


def _shares(axis: Any, structure: Structure) -> list[bool]:
    """Whether each leaf is shared."""
    if axis is None or (axis == 0 and isinstance(axis, int)):
        return [axis is None] * len(structure)
    if isinstance(axis, dict) and structure.kind is dict and set(axis) == set(structure.keys):
        axis = [axis[key] for key in structure.keys]
    elif not (isinstance(axis, (tuple, list)) and len(axis) == len(structure.children)):
        raise ArgumentError(
            "in_axes must be 0, where the first axis counts the examples, or None, where all share "
            f"the argument; got {axis!r:.80}. np.moveaxis(x, axis, 0) brings another axis to the "
            "front"
        )
    parts = zip(axis, structure.children)
    return [shared for part, child in parts for shared in _shares(part, child)]


def differ_by_reading(shapes: list[Dims]) -> bool:
    """Whether arrays of these shapes can be matched both by their last axes and by their first,
    with different results. For arrays of one number both are the same.

    >>> differ_by_reading([(3, 3), (3,)]), differ_by_reading([(4, 3), (3,)])
    (True, False)
    """
    shapes = [shape for shape in shapes if set(shape) - {1}]
    most = max(map(len, shapes), default=0)
    by_last = [(1,) * (most - len(shape)) + shape for shape in shapes]
    by_first = [shape[:1] + (1,) * (most - len(shape)) + shape[1:] for shape in shapes]
    return by_last != by_first and broadcast(by_first) is not None
