"""Interrupts: Ctrl-C at any moment, many times."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any


class Interrupt(BaseException):
    """Sends Ctrl-C to this process."""


def storm(action: Callable[[], Any], times: int) -> Iterator[None]:
    """Interrupts the action `times` times, at random moments, and yields after each."""
    armed = False

    def interrupt(*_: Any) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupt

    action()
    start = time.perf_counter()
    action()
    longest, draw = time.perf_counter() - start, random.Random(0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        while times:
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, longest))
                action()
                armed = False
            except Interrupt:
                times -= 1
            yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
