"""CallCache: what a compiled function keeps from its calls, so that the next one is short."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.trace.trace import Shape
from micrograd.structure import Structure

KEPT = 64  # entries of a memo

Key = TypeVar("Key")
Entry = TypeVar("Entry")


class Memo(dict[Key, Entry], Generic[Key, Entry]):
    """The newest entries; the oldest goes first. Any thread may add to it.

    >>> memo = Memo()
    >>> for n in range(100):
    ...     _ = memo.keep(n, str(n))
    >>> len(memo), 0 in memo, 99 in memo
    (64, False, True)
    """

    def keep(self, key: Key, entry: Entry) -> Entry:
        """The entry, or what another thread kept under this key before."""
        entry = self.setdefault(key, entry)
        while len(self) > KEPT:
            with suppress(RuntimeError):  # another thread changes it: then again
                self.pop(next(iter(self)), None)
        return entry


class CallCache:
    """Specializations, and the ways to find them. No entry depends on which call came last."""

    def __init__(self) -> None:
        self.specializations: Memo[tuple[Structure, tuple[Shape, ...]], Specialization] = Memo()
        # By the layout of positional arrays that need no conversion.
        self.by_layout: Memo[Any, Specialization] = Memo()
        # By structure and numbers of axes: the elementwise one, or why there is none.
        self.elementwise: Memo[Any, Specialization | Exception] = Memo()
        # By the number of positional floats: the C function of them, or None where there is none.
        self.values: Memo[int, Callable[..., Any] | None] = Memo()
        self.gradients: Memo[int, Callable[..., Any] | None] = Memo()
