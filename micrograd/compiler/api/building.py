"""Building: one thread traces and compiles at a time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_one_at_a_time = RLock()  # a trace watches which Values are made, in all threads


@contextmanager
def building() -> Iterator[None]:
    """One builds at a time; the collector of cycles waits: it would walk all, again and again.

    Afterwards all of that counts as old, or the next collection of what is young would walk it.
    """
    with _one_at_a_time:
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                if not gc.get_freeze_count():  # else some are frozen, and shall stay so
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()
