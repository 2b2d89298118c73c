"""Building: one thread at a time compiles, while the garbage collector is paused.

    with one_builder(), collector_paused():

A function is traced without the lock, because it may wait for a thread that compiles. Both end
with their block, whatever interrupts it: Ctrl-C, another asynchronous exception, a fork.
"""

import gc
import io
import os
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from operator import call
from threading import RLock
from typing import Any
from weakref import WeakSet

_lock = RLock()
_pauses: WeakSet[Any] = WeakSet()  # those of all threads


def one_builder() -> AbstractContextManager[Any]:
    """The lock that the compiling thread holds. It is reentrant."""
    return _lock


class _Pause(io.IOBase):
    """Pauses the garbage collector during a `with` block.

    The block is entered and left in C code, the methods of IOBase, so that no asynchronous
    exception can come in between. These methods call `close`. So does the destructor, if an
    exception comes before the block is entered.

    What was made in the block counts as old, so that the collector does not scan it at once: it is
    frozen and unfrozen. If the user has frozen objects, they stay so.
    """

    __enter__: Any = gc.disable

    def __init__(self) -> None:
        aged = [] if gc.get_freeze_count() else [gc.freeze, gc.unfreeze]
        end = map(call, [*aged, gc.enable])
        self.close: Any = partial(deque[None](maxlen=0).extend, end)


def collector_paused() -> AbstractContextManager[Any]:
    """Pauses the garbage collector: it would rescan the growing graph.

    Of several threads, the first one that pauses it also ends the pause, perhaps before the others
    are done: that only costs time.
    """
    if not gc.isenabled():
        return nullcontext()
    pause: Any = _Pause()
    _pauses.add(pause)
    return pause


def _free_in_child() -> None:
    """Releases the lock and the pauses of threads that do not exist in the forked process."""
    global _lock
    if _lock.acquire(blocking=False):
        _lock.release()
    else:
        _lock = RLock()
    if len(_pauses):
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)
