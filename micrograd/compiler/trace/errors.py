"""Frozen: what would fix a program at one input while it is traced, and what to write instead."""

import re
import traceback
from typing import Any

from micrograd.caller import line_of_the_user
from micrograd.ops import Op
from micrograd.scalar import Scalar


class TraceError(TypeError, AttributeError):
    """The program would have been frozen at one input: what happened, where, and what to write.

    A function is traced on numbers that are not known yet. It may ask whether a condition holds
    (`if x > 0`, `while`, `max`, `sorted`), and which integer a number is (`int(x)`): each example
    takes its own path. It must not ask for the numbers themselves:

    | in the function | write instead |
    | --- | --- |
    | `math.exp(x)`, `float(x)` | `mg.exp(x)`, `x` |
    | `round(x, 2)` | `mg.floor(100 * x + 0.5) / 100` |
    | `values[x]` | `values[int(x)]`, or `mg.take(values, x)` |
    | `x.data`, also of a captured Value | `x`, or `mg.stop_gradient(x)` |
    | `x.grad`, `y.backward()` | `mg.grad(f)` |
    | `w.data = x` | return `x`, and write it where the compiled function is called |

    It is also raised for more paths than a program can hold, and for a function whose paths depend
    on more than its arguments, such as a counter.

    >>> import micrograd as mg
    >>> mg.compile(lambda x: x if x > 0 else -x)(-1.0)
    1.0
    >>> mg.compile(lambda x: x * float(x))(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.compiler.trace.errors.TraceError: ...use the functions of micrograd...
    """

    def __init__(self, *args: object):
        super().__init__(*args)
        self.add_note("help(micrograd.TraceError) lists what to write instead of what.")


class NotRolled(TraceError):
    """A loop cannot be one node of the graph: the function is to be traced anew, its trips written
    out."""


def not_rolled(graph: Any) -> NotRolled:
    graph.has_failed = True  # also if the function catches the error
    return NotRolled("this depends on the answers of single trips of a loop")


def chosen_by_if() -> TraceError:
    """The error for a derivative that branches: it is run on whole blocks, not on numbers."""
    return TraceError(
        "the derivative of an operation added with micrograd.op chooses with `if`, and cannot "
        "know; in it write micrograd.where(condition, a, b), or mark the operation: @mg.op(..., "
        "opaque=True) runs it in Python"
    )


def formula(op: Op, operands: Any) -> Any:
    """The meaning of a composite operation, run on scalars that stand for numbers.

    Raises TraceError if the meaning, a user's, needs the numbers themselves.
    """
    if op.opaque:
        raise TraceError(
            f"the opaque operation {op.name} is called within another operation, or within the "
            "steps of a root. Mark that operation opaque too, or make it a plain function"
        )
    try:
        return op.meaning(*operands)
    except Exception as error:
        if op.library or isinstance(error, TraceError):
            raise
        raise _not_traceable(op, error, operands) from error


def _not_traceable(op: Op, error: Exception, operands: Any) -> TraceError:
    written: Any = getattr(op.meaning, "__wrapped__", None)
    file = written.__code__.co_filename if hasattr(written, "__code__") else ""
    lines = [x.lineno for x in traceback.extract_tb(error.__traceback__) if x.filename == file]
    where = f", at {file}:{lines[-1]}" if lines else ""
    kinds = {type(x).__name__ for x in operands if isinstance(x, Scalar)}
    reason = re.sub(rf"\b({'|'.join(kinds)})\b", "a traced number", str(error)) if kinds else error
    return TraceError(
        f"the meaning of {op.name} cannot be traced{where} ({reason!s:.160}). Write it in "
        "arithmetic and functions of micrograd; or, if it calls a library, mark it: "
        "@mg.op(derivative=..., opaque=True) runs it in Python"
    )


def foreign() -> TraceError:
    return TraceError(
        f"a number of one traced function was used in another one, at {line_of_the_user()}; it is "
        "known there only. Instead, pass it as an argument, or return it."
    )


def met_an_array(what: str) -> TraceError:
    return TraceError(
        f"a single number was given to {what}, which makes an array of it, at {line_of_the_user()}"
    )


# By what Python asks for a number, and what to write instead.
TRUTH = (
    "{} has no truth value here (`if`, `while`, `and`, `or`, `not`, `max`, `in`), where no example "
    "is known",
    "test it within the function that is compiled; or write micrograd.where(condition, a, b), "
    "maximum, minimum, or & | on conditions",
)
FLOAT = (
    "{} was turned into a float (`float(x)`, a function of `math`, an entry of a float array)",
    "use the functions of micrograd, such as micrograd.exp(x), and lists or object arrays",
)
INTEGER = (
    "{} was turned into an integer where no example is known",
    "convert it within the function that is compiled; or write micrograd.floor(x) or "
    "take(values, x)",
)
KEY = (
    "{} was hashed, as a key of a dict, in a set, or for a cache, which need its number",
    "write int(x), if it is an integer; or compare numbers by ==, as in any(x == k for k in keys)",
)
IDENTITY = (
    "a comparison of {} was compared by `is`, which Python decides by itself",
    "write the condition as it is, `if x > 0`, or `== True`",
)
TEXT = (
    "{} was formatted as text, but its number may differ at each call",
    "print it as it is, print(x), or format the result of the compiled function",
)
DIGITS = (
    "{} was rounded to digits, which gives a float",
    "write micrograd.floor(100.0 * x + 0.5) / 100.0, or round(x), an integer",
)
COPY = (
    "{} was copied, with the number that it has now",
    "copy where the compiled function is called, or write micrograd.stop_gradient(x)",
)

DATA = (
    "`.data` of {} was read, which may differ at each call",
    "compute with the Value itself, micrograd.stop_gradient(x) to stop the gradient; to "
    "change it, return the number, and write it where the compiled function is called",
)
GRAD = (
    "`.grad` of {} was read, which may differ at each call",
    "call micrograd.grad(f), inside or outside",
)
ASKED: dict[str, tuple[str, str]] = {
    "truth": TRUTH, "float": FLOAT, "int": INTEGER, "round": INTEGER, "copy": COPY,
    "floor": INTEGER, "ceil": INTEGER, "round to digits": DIGITS,
    "data": DATA, "grad": GRAD, "text": TEXT,
}  # fmt: skip


def asks_for_ever(count: int) -> TraceError:
    return TraceError(
        f"the function asked {count} questions (`if`, `while`, ...) about traced numbers for one "
        f"example, the last at {line_of_the_user()}. Instead, let its loops end earlier, or write "
        "micrograd.where(condition, a, b) for what the loop chooses"
    )


def too_many_paths(name: str, most_paths: int, lines: dict[str, int]) -> TraceError:
    most = "; ".join(f"{line} ({n} questions)" for line, n in [*lines.items()][:3])
    return TraceError(
        f"{name} takes more than {most_paths} paths through its questions (`if`, `while`, `max`, "
        f"...), or paths of too many operations. Asked most: {most}. Instead, write "
        "micrograd.where(condition, a, b), maximum or minimum there; loops may stay"
    )


def differs(function: Any) -> TraceError:
    name = getattr(function, "__name__", None) or repr(function)
    return TraceError(
        f"{name}, called again on the same numbers, computed something else: it depends on more "
        "than its arguments, such as a counter, a random number, or a variable that has changed. "
        "Instead, pass that as an argument"
    )


def asked_for(what: str, instead: str, whom: str = "a traced number") -> TraceError:
    return frozen(what.format(whom), instead)


def frozen(what: str, instead: str) -> TraceError:
    return TraceError(
        f"{what}, at {line_of_the_user()}; the program cannot know it. Instead, {instead}."
    )
