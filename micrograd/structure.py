"""Structures of arguments and results: lists, tuples and dicts of numbers and arrays, nested.

`flatten` takes such a structure apart into its leaves, numbers and arrays; `Structure.build` is the
inverse. The transformations of functions handle nesting by these two only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Structure:
    """The nested containers without their leaves. Hashable, as a key of caches."""

    kind: type | None  # list, tuple or dict; None for a leaf
    keys: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()
    row: type | None = None  # of a leaf that is an array: the list or tuple that it stands for

    def build(self, leaves: Iterator[Any]) -> Any:
        """The containers filled with `leaves`, in order."""
        if self.kind is None:
            leaf = next(leaves)
            return leaf if self.row is None or leaf is None else self.row(leaf.tolist())
        parts = [child.build(leaves) for child in self.children]
        if self.kind is dict:
            return dict(zip(self.keys, parts, strict=True))
        if hasattr(self.kind, "_fields"):  # a named tuple
            return self.kind(*parts)
        return self.kind(parts)

    def __len__(self) -> int:
        return 1 if self.kind is None else sum(map(len, self.children))


LEAF = Structure(None)


def _never(part: Any) -> bool:
    return False


def flatten(tree: Any, is_row: Callable[[Any], bool] = _never) -> tuple[list[Any], Structure]:
    """The leaves of `tree`, in order, and its structure.

    A list or tuple for which `is_row` holds is a leaf; the structure is built with an array for it.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> structure.build(iter([10, 20, 30]))
    {'w': [10, 20], 'b': 30}
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves.append, is_row)


def _flatten(tree: Any, leaf: Callable[[Any], None], is_row: Callable[[Any], bool]) -> Structure:
    if isinstance(tree, dict):
        keys = tuple(tree)
        return Structure(dict, keys, tuple([_flatten(tree[key], leaf, is_row) for key in keys]))
    if isinstance(tree, (list, tuple)):
        kind = list if isinstance(tree, list) else type(tree)
        if is_row(tree):
            leaf(tree)
            return Structure(None, row=kind)
        return Structure(kind, (), tuple([_flatten(part, leaf, is_row) for part in tree]))
    leaf(tree)
    return LEAF
