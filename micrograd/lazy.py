"""Lazy: attributes that are computed at their first use, without a lock; modules that are imported
at their first use, under one."""

from contextlib import AbstractContextManager
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from micrograd import forks

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property:
        """`functools.cached_property` without its lock.

        In Python 3.11 one lock serves all objects of a class, and is held during the computation: a
        process that is forked meanwhile would wait for it for ever. Two threads may both compute;
        the first result is kept.

        >>> class Circle:
        ...     @cached_property
        ...     def area(self):
        ...         return 3.0
        >>> Circle().area
        3.0
        """

        def __init__(self, compute: Any):
            self.compute, self.__doc__ = compute, compute.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self
            known = vars(instance)  # has priority over this descriptor from now on
            if self.name in known:
                return known[self.name]
            return known.setdefault(self.name, self.compute(instance))


_imports = RLock()


def importing() -> AbstractContextManager[Any]:
    """The lock for an import within a function, which may run at any time.

    A fork waits for a thread that holds it: Python keeps the lock of an import in the child, where
    that thread does not exist.
    """
    return _imports


def imported(name: str) -> ModuleType:
    """The module of this name, imported under that lock."""
    with importing():
        return import_module(name)


def _forget() -> None:
    global _imports
    _imports = RLock()


forks.wait_for(_imports, _forget)

__all__ = ["cached_property", "imported", "importing"]
