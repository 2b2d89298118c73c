"""Watch: observes the Values that are created, and the numbers that Python extracts from them.

While a function is traced or differentiated, no number may leave the graph unnoticed. So it runs
under a `Watch`, which is active only in its own context (a thread or an asyncio task). Other
threads are not affected.
"""

import math
import sys
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar, copy_context
from types import FrameType
from typing import Any

from micrograd import graph
from micrograd.caller import (
    called_in,
    frame_of_the_user,
    line_of_the_user,
    nothing_returned,
    shows_a_number,
    warn,
)
from micrograd.errors import LostGradientError, LostGradientWarning
from micrograd.floats_only import called
from micrograd.ops import TABLE

_innermost: ContextVar["Watch | None"] = ContextVar("watch", default=None)
watching = _innermost.get  # the innermost watch of this context, or None

# Replacements for functions that extract numbers.
NAMESAKES = {name: name for name in TABLE if hasattr(math, name)}
NAMESAKES |= {"fabs": "abs", "fsum": "sum", "hypot": "hypot"}
INSTEAD = {"float": "compute with the Value itself"}
CHOOSERS = {"maximum", "minimum", "fmax", "fmin", "max", "min", "amax", "amin", "clip", "ptp"}
OTHERWISE = "use functions of micrograd, such as micrograd.exp, and lists or arrays of objects"


class Watch:
    """One run of a function. `made` holds the leaf Values that were created in it."""

    def __init__(self) -> None:
        self.made: set[Any] = set()
        self.outer: Watch | None = None

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls the function under this watch.

        Ctrl-C at any moment restores the outer watch: Python handles signals between calls, and the
        last call here is the one that restores it.
        """
        self.outer = outer = watching()
        try:
            _innermost.set(self)
            answer = called(function, *args, **kwargs)
            if answer is None:
                raise self.no_answer(nothing_returned(function))
            return answer
        finally:
            _innermost.set(outer)

    no_answer: type[TypeError] = TypeError  # of a function that returns None

    def asked(self, value: Any, how: str) -> Any:
        """Called when Python needs the number of a Value; raises if there is none yet. Returns the
        answer to a question, if it is to be another than that of the number, else None."""

    def unknown(self) -> Any:
        """A new leaf of the graph that is being traced; None if numbers are known."""
        return None

    def scan(self, step: Any, carry: Any, items: Any, differentiated: bool = False) -> Any:
        """`micrograd.scan` as one loop of a graph that is being traced, perhaps in a function that
        is `differentiated` in it; None: Python runs it."""
        return None

    def misses(self, value: Any) -> bool:
        """Whether a derivative would miss this number if it left the graph."""
        return False

    def compared(self, op: Any, operands: tuple[Any, ...], holds: bool) -> Any:
        """The result of a comparison of Values."""
        return holds if self.outer is None else self.outer.compared(op, operands, holds)


class Variables(Watch):
    """The run of a function whose derivatives by these Values are needed."""

    def __init__(self, variables: list[Any]) -> None:
        super().__init__()
        self.variables = variables

    def misses(self, value: Any) -> bool:
        own = set(self.variables)
        return any(x in own for x in graph.below(value, passing=True))


def unwatched() -> Context:
    """A copy of this context without a watch."""
    context = copy_context()
    context.run(_innermost.set, None)
    return context


def watches() -> Iterator[Watch]:
    """The watches of this context, from the innermost outwards."""
    watch = watching()
    while watch is not None:
        yield watch
        watch = watch.outer


def made(value: Any) -> None:
    """Reports a new leaf Value to all watches."""
    for watch in watches():
        watch.made.add(value)


def asked(value: Any, how: str) -> Any:
    """Reports to all watches that Python needs the number of a Value, for the reason `how`. Returns
    the answer of the innermost watch that has one, or None."""
    answers = [watch.asked(value, how) for watch in watches()]
    return next((answer for answer in answers if answer is not None), None)


def is_missed(value: Any) -> bool:
    """Whether a derivative would miss this number if it left the graph."""
    return any(watch.misses(value) for watch in watches())


def left(value: Any) -> None:
    """Reports that Python takes the number of a Value, as a float, out of the graph.

    Raises LostGradientError if a derivative would miss it, and warns if `backward()` would.
    """
    frame = sys._getframe(2)
    if shows_a_number(frame):
        asked(value, "text")
        return
    asked(value, "float")
    if is_missed(value):
        called, instead = _function(frame)
        raise LostGradientError(
            f"{called} took the number of a Value on which a derivative depends, at "
            f"{line_of_the_user()}; the derivative would miss it. Instead, {instead}; if the "
            "derivative should miss it, write micrograd.stop_gradient(x)"
        )
    if value.op is not None and any(x.op is None for x in graph.below(value, passing=True)):
        called, instead = _function(frame)
        warn(
            f"{called} took the number of a computed Value, so that backward() stops there. "
            f"Instead, {instead}; if you want the number, write x.data",
            LostGradientWarning,
            frame_of_the_user(frame),
        )


def _function(frame: FrameType) -> tuple[str, str]:
    """The function that took a number in `frame`, and the replacement to suggest."""
    called, user = called_in(frame), called_in(frame_of_the_user(frame))
    if called == "[]":
        return "An array of floats", "use an array with dtype=object, or a list"
    namesake = NAMESAKES.get(called.rpartition(".")[2])
    if namesake is not None:
        return f"`{called}`", f"write micrograd.{namesake}"
    return f"`{user}`" if user else "Python", INSTEAD.get(user, OTHERWISE)


def warn_of_choices(count: int) -> None:
    """Warns that the result depends on the variables of a derivative only through comparisons."""
    warn(
        f"the result depends on the variables only through {count} comparisons, so its derivative "
        "is 0. If it is the result of a search, such as a root by bisection, add a step that is "
        "computed from the variables, such as one of Newton's method, or write micrograd.root",
        LostGradientWarning,
    )


def undecided() -> None:
    """Called for x <= y of equal numbers, or with NaN: warns if a NumPy function that chooses one
    of two objects asks for it."""
    called = called_in(frame_of_the_user(sys._getframe(1)))
    if called not in ("max", "min") and not CHOOSERS.isdisjoint(called.split(".")):
        warn(
            f"`{called}` compared the elements of an array that NumPy made: of two equal numbers "
            "one gets the whole gradient, and a NaN may be lost. Instead, make the array by "
            "micrograd.array([...]), on which NumPy's functions are formulas",
            LostGradientWarning,
        )
