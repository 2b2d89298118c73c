"""Ctrl-C for a command: the first one interrupts it; later ones do not disturb the cleanup."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def interrupt(number: int, frame: Any) -> None:
    """Raises KeyboardInterrupt, and ignores Ctrl-C from then on, while the command cleans up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen() -> bool:
    """Installs `interrupt` as the handler, if it is still Python's own; returns whether it was."""
    ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, interrupt)
        sys.unraisablehook = _listen_again
    return ours


def _listen_again(unraisable: Any) -> None:
    """Installs `interrupt` again if a KeyboardInterrupt was lost, for example in a finaliser."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.signal(signal.SIGINT, interrupt)
    else:
        sys.__unraisablehook__(unraisable)


def deafen() -> None:
    """Ignores Ctrl-C once the work is done: only the final message is left to print."""
    if signal.getsignal(signal.SIGINT) is interrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def once() -> Iterator[None]:
    """Installs the handler for the length of a block, unless another one is installed."""
    hook, ours = sys.unraisablehook, listen()
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.unraisablehook = hook
