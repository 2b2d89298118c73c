"""watched: the first Ctrl-C waits until the current step is done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from micrograd.interrupt import interrupt


@contextmanager
def watched() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C is pressed; a second Ctrl-C interrupts at once."""
    pressed: list[int] = []

    def press(number: int, frame: Any) -> None:
        if pressed:
            before(number, frame)
        pressed.append(number)

    before: Any = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and (
        before in (signal.default_int_handler, interrupt)
    )
    if ours:
        signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        if ours and signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, before)
