"""Arguments: numbers of any type, such as NumPy's, validated and converted to Python's own."""

import math
from collections.abc import Callable
from contextlib import suppress
from numbers import Real
from operator import index
from typing import Any


def whole(name: str, number: Any, least: int = 1) -> int:
    """An integer of at least `least`. Raises ValueError for anything else.

    >>> whole("epochs", 2.5)
    Traceback (most recent call last):
    ValueError: epochs must be an integer of at least 1, got 2.5
    """
    try:
        made = least - 1 if isinstance(number, bool) else index(number)
    except TypeError:
        made = least - 1
    if made < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {number!r}")
    return made


def amount(name: str, number: Any) -> float:
    """A finite number of at least 0. Raises ValueError for anything else.

    >>> amount("l2", 1)
    1.0
    """
    made = float(number) if isinstance(number, Real) else math.nan
    if not 0 <= made < math.inf:
        raise ValueError(f"{name} must be at least 0 and finite, got {number!r}")
    return made


def each(check: Callable[[str, Any], Any], **numbers: Any) -> list[Any]:
    """Applies `check` to each name and number; None stays None.

    >>> each(whole, batch_size=8, patience=None)
    [8, None]
    """
    return [None if number is None else check(name, number) for name, number in numbers.items()]


def several(callbacks: Any) -> tuple[Callable[..., Any], ...]:
    """One function or several, as a tuple. Raises TypeError for anything else.

    >>> several(print)
    (<built-in function print>,)
    """
    with suppress(TypeError):
        each = (callbacks,) if callable(callbacks) else tuple(callbacks)
        if all(map(callable, each)):
            return each
    raise TypeError(f"callbacks must be functions of the history, got {callbacks!r:.60}")
