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

    def build(self, leaves: Iterator[Any]) -> Any:
        """The containers filled with `leaves`, in order."""
        if self.kind is None:
            return next(leaves)
        parts = [child.build(leaves) for child in self.children]
        if self.kind is dict:
            return dict(zip(self.keys, parts, strict=True))
        if hasattr(self.kind, "_fields"):  # a named tuple
            return self.kind(*parts)
        return self.kind(parts)

    def __len__(self) -> int:
        return 1 if self.kind is None else sum(map(len, self.children))


LEAF = Structure(None)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree`, in order, and its structure.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> structure.build(iter([10, 20, 30]))
    {'w': [10, 20], 'b': 30}
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves.append)


def _flatten(tree: Any, leaf: Callable[[Any], None]) -> Structure:
    if isinstance(tree, dict):
        keys = tuple(tree)
        return Structure(dict, keys, tuple([_flatten(tree[key], leaf) for key in keys]))
    if isinstance(tree, (list, tuple)):
        kind = list if isinstance(tree, list) else type(tree)
        return Structure(kind, (), tuple([_flatten(part, leaf) for part in tree]))
    leaf(tree)
    return LEAF
