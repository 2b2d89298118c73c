"""Ctrl-C for a command: it interrupts once; what is pressed after that does not disturb the end."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def interrupt(number: int, frame: Any) -> None:
    """Raises KeyboardInterrupt, and is deaf from then on: to clean up takes its time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen() -> bool:
    """Makes `interrupt` what Ctrl-C does, where it is Python's own KeyboardInterrupt: if it was."""
    ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, interrupt)
        sys.unraisablehook = _listen_again
    return ours


def _listen_again(unraisable: Any) -> None:
    """Where a KeyboardInterrupt was lost, in a finalizer say, the next one shall not be."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.signal(signal.SIGINT, interrupt)
    else:
        sys.__unraisablehook__(unraisable)


def deafen() -> None:
    """All is done but to say so: Ctrl-C changes nothing any more."""
    if signal.getsignal(signal.SIGINT) is interrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def once() -> Iterator[None]:
    """Listens for the length of a block, if nobody does."""
    hook, ours = sys.unraisablehook, listen()
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.unraisablehook = hook
