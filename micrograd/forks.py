"""Forks: a process that forks waits until no other thread holds one of some locks.

In the child only the thread that forked exists: a lock that another one held would stay held.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0  # seconds: the time-out of a fork that waits

_locks: list[tuple[Any, Callable[[], None]]] = []
_forking = threading.local()  # `held`: of each lock, whether the forking thread holds it


def wait_for(lock: Any, given_up: Callable[[], None]) -> None:
    """Makes forks wait for a lock. In a child of one that could not, `given_up` is called."""
    _locks.append((lock, given_up))


def _before() -> None:
    _forking.held = []
    for lock, _ in _locks:  # and those that are added meanwhile
        _forking.held.append(lock.acquire(timeout=PATIENCE))


def _after() -> None:
    for (lock, _), held in reversed([*zip(_locks, _forking.held)]):
        if held:
            lock.release()


def _after_in_child() -> None:
    _after()
    lost = [entry for entry, held in zip(_locks, _forking.held) if not held]
    for entry in lost:
        _locks.remove(entry)
        entry[1]()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
