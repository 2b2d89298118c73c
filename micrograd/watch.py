"""Watch: who is told of the Values that are made, and of the numbers that Python takes from them.

While a function is traced or differentiated, its numbers must not leave the graph unseen. So it
runs under a `Watch`, which is known in its own context only: that of a thread, or of an asyncio
task. What other threads do with Values meanwhile is not touched.
"""

import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

from micrograd import graph
from micrograd.caller import called_in, frame_of_the_user, line_of_the_user, shows_a_number
from micrograd.errors import LostGradientError, LostGradientWarning
from micrograd.ops import TABLE

_innermost: ContextVar["Watch | None"] = ContextVar("watch", default=None)
watching = _innermost.get  # the innermost watch of this context, or None

# What to write in place of a function that takes numbers.
NAMESAKES = {name: name for name in TABLE if hasattr(math, name)}
NAMESAKES |= {"fabs": "abs", "fsum": "sum", "hypot": "norm"}
INSTEAD = {
    "float": "compute with the Value itself",
    "int": "write micrograd.floor(x), or micrograd.take(values, x)",
}
OTHERWISE = "use functions of micrograd, such as micrograd.exp, and lists or arrays of objects"


class Watch:
    """One run of a function. `made` holds the leaf Values that were made in it."""

    def __init__(self) -> None:
        self.made: set[Any] = set()
        self.outer: Watch | None = None

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls the function under this watch.

        Ctrl-C leaves the outer watch in its place, whenever it comes: Python looks for it after
        calls, and before the last call here nothing is left to do.
        """
        self.outer = outer = watching()
        try:
            _innermost.set(self)
            return function(*args, **kwargs)
        except TypeError as error:
            better = _floats_only(error)
            if better is None:
                raise
            raise better from None
        finally:
            _innermost.set(outer)

    def asked(self, value: Any, how: str) -> None:
        """Python asks for the number of a Value. Raises where it is not known yet."""

    def misses(self, value: Any) -> bool:
        """Whether a derivative would be wrong if this number were taken out of the graph."""
        return False

    def compared(self, op: Any, operands: tuple[Any, ...], holds: bool) -> Any:
        """What a comparison of Values gives."""
        return holds if self.outer is None else self.outer.compared(op, operands, holds)


def watches() -> Iterator[Watch]:
    """Those of this context, from the inside out."""
    watch = watching()
    while watch is not None:
        yield watch
        watch = watch.outer


def made(value: Any) -> None:
    """Tells of a leaf Value that was made."""
    for watch in watches():
        watch.made.add(value)


def asked(value: Any, how: str) -> None:
    """Tells that Python asks for the number of a Value, in the words of `how`."""
    for watch in watches():
        watch.asked(value, how)


def left(value: Any, how: str) -> None:
    """Tells that Python takes the number of a Value, by "float" or "int": it leaves the graph.

    Raises LostGradientError where a derivative would miss it, and warns where `backward()` would.
    """
    frame = sys._getframe(2)
    if shows_a_number(frame):
        return
    asked(value, how)
    if any(watch.misses(value) for watch in watches()):
        called, instead = _function(frame)
        raise LostGradientError(
            f"{called} took the number of a Value on which a derivative depends, at "
            f"{line_of_the_user()}; the derivative would miss it. Instead, {instead}; "
            "micrograd.stop_gradient(x) where it shall"
        )
    if value.op is not None and any(x.op is None for x in graph.below(value, passing=True)):
        called, instead = _function(frame)
        _warn(
            f"{called} took the number of a computed Value, and backward() does not get past it. "
            f"Instead, {instead}; x.data where the number is meant",
            frame_of_the_user(frame),
        )


def _function(frame: FrameType) -> tuple[str, str]:
    """What took a number in `frame`, and what to write instead."""
    called, user = called_in(frame), called_in(frame_of_the_user(frame))
    if called == "[]":
        return "An array of floats", "make it one of objects, with dtype=object, or a list"
    namesake = NAMESAKES.get(called.rpartition(".")[2])
    if namesake is not None:
        return f"`{called}`", f"write micrograd.{namesake}"
    return f"`{user}`" if user else "Python", INSTEAD.get(user, OTHERWISE)


def warn_of_choices(count: int) -> None:
    """Warns that comparisons alone led from the variables of a derivative to the result."""
    _warn(
        f"{count} comparisons chose a result that was computed from none of the variables; so its "
        "derivative is 0. If it was searched for, such as a root by bisection, add a step that is "
        "computed from the variables, such as one of Newton's method",
        frame_of_the_user(sys._getframe(1)),
    )


def _warn(message: str, user: FrameType) -> None:
    """Warns of the user's line; Python shows it once for each."""
    warnings.warn_explicit(
        message,
        LostGradientWarning,
        user.f_code.co_filename,
        user.f_lineno,
        user.f_globals.get("__name__"),
        user.f_globals.setdefault("__warningregistry__", {}),
    )


def _floats_only(error: TypeError) -> TypeError | None:
    """What works in place of a function of NumPy's that is compiled for floats."""
    found = re.match(r"Cannot cast ufunc '(\w+?)\d*' input(?: \d+)? from dtype\('O'\)", str(error))
    if not found:
        return None
    return TypeError(
        f"NumPy's {found[1]} takes floats only, no scalars of a graph; `@`, np.dot, np.sum, "
        "np.linalg.norm and elementwise functions take them: write the rest in these, a linear "
        "solve as elimination, row by row"
    )
