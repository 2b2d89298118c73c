"""Floats only: compiled functions of NumPy and SciPy, given arrays that `np.array` made of Values.

NumPy raises before any Value is asked. Within `grad`, `compile` and their kin, the error passes
through this package, which says what to write instead.
"""

import re
from types import FrameType
from typing import Any

from micrograd.annotations import Function
from micrograd.arrays.instead import INSTEAD
from micrograd.caller import frame_of_the_user
from micrograd.errors import NumPyError
from micrograd.ops import TABLE

OURS = {"solve", "inv", "det", "cholesky"}
OF_LINALG = r"Cannot cast ufunc '([a-z]+?)(?:1|_\w+)?' input(?: \d+)? from dtype\('O'\)"
OF_FLOATS = r"ufunc '(\w+)' not supported for the input types"
OF_OBJECTS = r"loop of ufunc .* of type (\w+) which has no callable (\w+) method"
MAKE = "make the array by micrograd.array([...])"


def called(function: Function, *args: Any, **kwargs: Any) -> Any:
    """A call of a function of the user's; such an error of NumPy is raised in our words."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        better = _in_our_words(error)
        if better is None:
            raise
        raise better from None


def _in_our_words(error: TypeError) -> NumPyError | None:
    """The error with what to write instead, if it is NumPy's about such an array; else None."""
    text = str(error)
    if found := re.match(OF_LINALG, text):
        what, instead = f"np.linalg.{found[1]}", _of_linalg(found[1])
    elif found := re.match(OF_FLOATS, text):
        what, instead = _of_floats(found[1])
    elif found := re.match(OF_OBJECTS, text):
        what, instead = f"np.{found[2]}", f"{MAKE}, on which NumPy's functions work as on floats"
        what += f" got scalars of a graph beside a {found[1]}; it"
    else:
        return None
    return NumPyError(
        f"{what} cannot read an array that np.array made of Values or traced numbers, "
        f"{_place(error.__traceback__)}. Instead, {instead}"
    )


def _of_linalg(name: str) -> str:
    if name in OURS:
        return f"{MAKE}, or write micrograd.{name}"
    return f"with arrays made by micrograd.array([...]), write {INSTEAD.get(name, INSTEAD['svd'])}"


def _of_floats(name: str) -> tuple[str, str]:
    import numpy as np

    if isinstance(getattr(np, name, None), np.ufunc):
        return f"np.{name}", f"{MAKE}, on which NumPy's functions work as on floats"
    if name in TABLE:
        return name, f"write micrograd.{name}"
    return name, "write it in operations of micrograd, or add it with @micrograd.op(opaque=True)"


def _place(traceback: Any) -> str:
    """The innermost line of the user's in a traceback."""
    lines: dict[FrameType, int] = {}
    while traceback is not None:
        lines[traceback.tb_frame] = traceback.tb_lineno
        traceback = traceback.tb_next
    user = frame_of_the_user([*lines][-1])
    return f"at {user.f_code.co_filename}:{lines.get(user, user.f_lineno)}"
