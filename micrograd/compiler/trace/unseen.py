"""Unseen: detects uses of traced numbers that call no method of them.

`(x > 0) is True` compares objects, and the text of a number is an ordinary string: no method of
`Symbol` is called. The first is detected in the bytecode of the comparison. The second may be
printed: `print(x)` and `logging` get a string that raises an error in most other uses, and `str(x)`
itself is an error, since `"".join` calls no method of that string.
"""

import dis
import sys
from functools import lru_cache
from types import CodeType
from typing import Any

from micrograd.caller import called_in, frame_of_the_user, is_of_user, shows_a_number
from micrograd.compiler.trace.errors import IDENTITY, TEXT, asked_for

LEFT_OUT = {"CACHE", "EXTENDED_ARG", "NOP", "COPY", "RESUME"}


def check_identity() -> None:
    """Raises TraceError if the result of the running comparison is compared by `is`."""
    frame = frame_of_the_user(sys._getframe(1))
    if _compared_by_is(frame.f_code, frame.f_lasti):
        raise asked_for(*IDENTITY)


@lru_cache(1024)
def _compared_by_is(code: CodeType, at: int) -> bool:
    """Whether the result of a comparison is an operand of `is`, directly or through a variable."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in LEFT_OUT]
    k = next((k for k, step in enumerate(steps) if step.offset == at), None)
    if k is None or steps[k].opname != "COMPARE_OP" or k + 1 == len(steps):
        return False
    after = steps[k + 1]
    if after.opname == "IS_OP":
        return True
    if after.opname.startswith("STORE_"):
        name = after.argval[0] if isinstance(after.argval, tuple) else after.argval
        return any(_names(x, name) and _is_truth(steps, j + 1) for j, x in enumerate(steps))
    return _is_truth(steps, k + 1)


def _is_truth(steps: list[dis.Instruction], k: int) -> bool:
    """Whether `is True` or `is False` comes at index k."""
    truth, after = [*steps[k : k + 2], None, None][:2]
    if truth is None or after is None:
        return False
    return isinstance(truth.argval, bool) and after.opname == "IS_OP"


def _names(step: dis.Instruction, name: Any) -> bool:
    """Whether the last variable that an instruction loads has this name."""
    if "LOAD_" not in step.opname:
        return False
    return (step.argval[-1] if isinstance(step.argval, tuple) else step.argval) == name


def text(frame: Any) -> "Text":
    """A traced number as text. Raises TraceError if the code of `frame` formats it."""
    if is_of_user(frame) and (shows_a_number(frame) or _makes_text(frame)):
        raise asked_for(*TEXT)
    return Text("<traced number>")


def _makes_text(frame: Any) -> bool:
    """Whether the user's code calls another function than `print`, such as `str`, for the text.

    Without its source, any call in a function that does not name `print`.
    """
    if frame is not frame_of_the_user(frame):
        return False
    called = called_in(frame)
    if called:
        return called != "print"
    running = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return running.startswith("CALL") and "print" not in frame.f_code.co_names


def _refused(name: str) -> Any:
    def method(self: Any, *operands: Any) -> Any:
        if is_of_user(sys._getframe(1)):
            raise asked_for(*TEXT)
        return getattr(str, name)(self, *operands)

    method.__name__ = name
    return method


class Text(str):
    """Text that can be printed, but not compared, measured, or joined to other text."""

    __slots__ = ()
    __hash__, __eq__, __ne__, __lt__, __gt__, __le__, __ge__ = map(
        _refused, ("__hash__", "__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__")
    )
    __len__, __getitem__, __contains__, __iter__, __add__, __format__ = map(
        _refused, ("__len__", "__getitem__", "__contains__", "__iter__", "__add__", "__format__")
    )
