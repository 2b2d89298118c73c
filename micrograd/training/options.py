"""Arguments: numbers of any library, NumPy's say, checked at the door and made Python's own."""

import math
from collections.abc import Callable
from contextlib import suppress
from numbers import Real
from operator import index
from typing import Any


def whole(name: str, number: Any, least: int = 1) -> int:
    """A whole number from `least` on. Raises ValueError for anything else.

    >>> whole("epochs", 2.5)
    Traceback (most recent call last):
    ValueError: epochs must be a whole number, at least 1; got 2.5
    """
    try:
        made = least - 1 if isinstance(number, bool) else index(number)
    except TypeError:
        made = least - 1
    if made < least:
        raise ValueError(f"{name} must be a whole number, at least {least}; got {number!r}")
    return made


def amount(name: str, number: Any) -> float:
    """A number from 0 on. Raises ValueError for anything else.

    >>> amount("l2", 1)
    1.0
    """
    made = float(number) if isinstance(number, Real) else math.nan
    if not 0 <= made < math.inf:
        raise ValueError(f"{name} must be a number from 0 on, got {number!r}")
    return made


def each(check: Callable[[str, Any], Any], **numbers: Any) -> list[Any]:
    """What `check` makes of each name and number; None stays.

    >>> each(whole, batch_size=8, patience=None)
    [8, None]
    """
    return [None if number is None else check(name, number) for name, number in numbers.items()]


def several(callbacks: Any) -> tuple[Callable[..., Any], ...]:
    """Functions, or one of them, as a tuple. Raises TypeError for anything else.

    >>> several(print)
    (<built-in function print>,)
    """
    with suppress(TypeError):
        each = (callbacks,) if callable(callbacks) else tuple(callbacks)
        if all(map(callable, each)):
            return each
    raise TypeError(f"callbacks must be functions of the history, got {callbacks!r:.60}")
