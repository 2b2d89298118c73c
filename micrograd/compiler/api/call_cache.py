"""CallCache: what a compiled function keeps between calls, so that later calls are fast."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.trace.called import Shape
from micrograd.structure import Structure

KEPT = 64  # entries of a memo, at most

Key = TypeVar("Key")
Entry = TypeVar("Entry")


class Memo(dict[Key, Entry], Generic[Key, Entry]):
    """A dict of the newest entries: beyond KEPT, the oldest is dropped. It is thread-safe.

    >>> memo = Memo()
    >>> for n in range(100):
    ...     _ = memo.keep(n, str(n))
    >>> len(memo), 0 in memo, 99 in memo
    (64, False, True)
    """

    def keep(self, key: Key, entry: Entry) -> Entry:
        """Adds the entry and returns it, or the one that another thread has added before."""
        entry = self.setdefault(key, entry)
        while len(self) > KEPT:
            with suppress(RuntimeError):  # another thread changed it during the iteration: retry
                self.pop(next(iter(self)), None)
        return entry


class CallCache:
    """Specializations, and shortcuts to them. No entry depends on the order of calls."""

    def __init__(self) -> None:
        self.specializations: Memo[tuple[Structure, tuple[Shape, ...]], Specialization] = Memo()
        # Key: the layout of positional arrays that need no conversion.
        self.by_layout: Memo[Any, Specialization] = Memo()
        # Key: structure and numbers of axes. Entry: the elementwise one, or why there is none.
        self.elementwise: Memo[Any, Specialization | Exception] = Memo()
        # Key: the number of positional floats. Entry: a native function, or None.
        self.values: Memo[int, Callable[..., Any] | None] = Memo()
        self.gradients: Memo[int, Callable[..., Any] | None] = Memo()

    def replace(self, old: Specialization, new: Specialization) -> None:
        """Puts a specialization that knows more paths in the place of an older one."""
        memos: list[Memo[Any, Any]] = [self.specializations, self.by_layout, self.elementwise]
        for memo in memos:
            for key, entry in list(memo.items()):
                if entry is old:
                    memo[key] = new
        self.values, self.gradients = Memo(), Memo()
