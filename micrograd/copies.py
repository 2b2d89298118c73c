"""Copies and pickles of graphs of any depth, without recursion.

`copy` and `pickle` recurse through the operands of a Value. So a Value is reduced to a list of all
nodes below it, in topological order: the operands of each are then already copied.
"""

import threading
from typing import Any
from weakref import WeakSet

from micrograd import graph


class _End:
    """Marks the end of the nodes below a Value. Until it is reduced, they are `known`."""

    def __init__(self, known: frozenset[int]):
        self.known = known

    def __reduce__(self) -> Any:
        self.known = frozenset()
        return int, ()


class _Active(threading.local):
    """The graphs that this thread is copying; weak references drop those of failed copies."""

    def __init__(self) -> None:
        self.ends: WeakSet[_End] = WeakSet()


_active = _Active()


def reduced(value: Any, plain: Any) -> Any:
    """The result of `__reduce_ex__` for a Value; `plain`, the default one, would recurse."""
    if value.op is None or any(id(value) in end.known for end in _active.ends):
        return plain
    below = graph.topological_order(value)[:-1]
    if not below:
        return plain
    end = _End(frozenset(map(id, below)))
    _active.ends.add(end)
    return (_after, (type(value), [*below, end]), *plain[2:])


def _after(kind: Any, below: list[Any]) -> Any:
    """A new Value without attributes, after all nodes below it."""
    return kind.__new__(kind)
