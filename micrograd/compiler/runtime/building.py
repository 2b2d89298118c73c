"""Building: one thread at a time compiles, while the garbage collector is paused.

    with one_builder(), collector_paused():

Neither outlasts its block, whatever interrupts it: Ctrl-C, another exception from outside, a fork.
"""

import gc
import io
import os
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Any
from weakref import ref

_lock = RLock()
_paused: Any = None  # a weak reference to the pause that is on, or was


def one_builder() -> AbstractContextManager[Any]:
    """Held by the thread that compiles; it may be taken again within."""
    return _lock


class _Pause(io.IOBase):
    """Pauses the collector from the start of a `with` block to its end.

    To enter and to leave the block is C code throughout, so that no exception from outside can come
    in between: the methods of IOBase, which call `close`. So does its destructor, if the block is
    left before it was entered.
    """

    __enter__: Any = gc.disable
    close: Any = gc.enable


def collector_paused() -> AbstractContextManager[Any]:
    """The collector would walk the growing graph again and again. Call it as the one builder."""
    global _paused
    if not gc.isenabled():
        return nullcontext()
    pause: Any = _Pause()
    _paused = ref(pause)
    return pause


def _free_in_child() -> None:
    """In a forked process there is no other thread that would go on compiling."""
    global _lock
    if _lock.acquire(blocking=False):
        _lock.release()
        return
    _lock = RLock()
    if _paused is not None and _paused() is not None:
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)
