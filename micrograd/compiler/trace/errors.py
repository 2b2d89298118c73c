"""Frozen: what would fix a program at one input while it is traced, and what to write instead."""

import traceback
from typing import Any

from micrograd.caller import line_of_the_user
from micrograd.ops import Op


class TraceError(TypeError, AttributeError):
    """The program would have been frozen at one input: what happened, where, and what to write.

    A function is traced once, on numbers that are not known yet. So it must not ask for them:

    | in the function | write instead |
    | --- | --- |
    | `if x > 0`, `max(x, y)`, `a and b` | `mg.where(x > 0, p, q)`, `mg.maximum(x, y)`, `a & b` |
    | `math.exp(x)`, `float(x)` | `mg.exp(x)`, `x` |
    | `int(x)`, `round(x)` | `mg.floor(x)`, `mg.floor(x + 0.5)` |
    | `values[k]` | `mg.take(values, k)` |
    | `x.data`, also of a captured Value | `x`, or `mg.stop_gradient(x)` |
    | `x.grad`, `y.backward()` | `mg.grad(f)` |
    | `w.data = x` | return `x`, and write it where the compiled function is called |

    >>> import micrograd as mg
    >>> mg.compile(lambda x: x if x > 0 else -x)(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.compiler.trace.errors.TraceError: ...write micrograd.where(condition, a, b)...
    """

    def __init__(self, *args: object):
        super().__init__(*args)
        self.add_note("help(micrograd.TraceError) lists what to write instead of what.")


def chosen_by_if() -> TraceError:
    """A user's own operation, compiled, asked which way to go; to trace it is not to run it."""
    return TraceError(
        "an operation added with micrograd.op chooses with `if`, and cannot know; in it write "
        "micrograd.where(condition, a, b), or mark it: @mg.op(..., opaque=True) runs it in Python"
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
        raise _not_traceable(op, error) from error


def _not_traceable(op: Op, error: Exception) -> TraceError:
    written: Any = getattr(op.meaning, "__wrapped__", None)
    file = written.__code__.co_filename if hasattr(written, "__code__") else ""
    lines = [x.lineno for x in traceback.extract_tb(error.__traceback__) if x.filename == file]
    where = f", at {file}:{lines[-1]}" if lines else ""
    return TraceError(
        f"the meaning of {op.name} cannot be traced{where} ({error!s:.160}). Write it in "
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
    "Python asked whether {} holds (`if`, `while`, `and`, `or`, `not`, `max`, `in`)",
    "write micrograd.where(condition, a, b), maximum, minimum, or & | on conditions; and make "
    "arrays of traced numbers by micrograd.array, not np.array",
)
FLOAT = (
    "{} was turned into a float (`float(x)`, a function of `math`, an entry of a float array)",
    "use the functions of micrograd, such as micrograd.exp(x), and lists or object arrays",
)
INTEGER = (
    "{} was turned into an integer",
    "write micrograd.floor(x) or take(values, x)",
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
    "data": DATA, "grad": GRAD,
}  # fmt: skip


def asked_for(what: str, instead: str, whom: str = "a traced number") -> TraceError:
    return frozen(what.format(whom), instead)


def frozen(what: str, instead: str) -> TraceError:
    return TraceError(
        f"{what}, at {line_of_the_user()}; the program cannot know it. Instead, {instead}."
    )
