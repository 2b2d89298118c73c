"""The caller: the line of the user's program that called this package, and its source."""

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import islice
from opcode import opmap
from types import CodeType, FrameType, ModuleType
from typing import Any

REMAINDERS = (6, 19)  # the arguments of BINARY_OP for `x % y` and `x %= y`
PLOTTERS = {"matplotlib", "mpl_toolkits", "seaborn", "plotly", "bokeh"}


def _folder(module: ModuleType | None) -> str:
    """The prefix of the file names of a module; for None, a prefix that no file has."""
    file = getattr(module, "__file__", None)
    return os.path.dirname(file) + os.sep if file else "\0"


_own, _python = _folder(sys.modules[__name__]), _folder(os)


def frame_of_the_user(frame: FrameType) -> FrameType:
    """The innermost frame, from `frame` outwards, that is not in a library.

    Libraries are this package, and those that call it back: NumPy, SciPy, and Python's standard
    library (for example `copy`).
    """
    known = _files(sys.modules.get("numpy"), sys.modules.get("scipy"))
    while frame.f_back is not None and known[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


class _Files(dict[str, bool]):
    """Whether a file belongs to a library, remembered."""

    def __init__(self, libraries: tuple[str, ...]):
        super().__init__()
        self._libraries = libraries

    def __missing__(self, file: str) -> bool:
        of_python = file.startswith(_python) and "site-packages" not in file
        self[file] = file.startswith(self._libraries) or of_python
        return self[file]


@lru_cache(8)
def _files(*modules: ModuleType | None) -> _Files:
    return _Files((_own, *map(_folder, modules)))


def is_of_user(frame: FrameType) -> bool:
    """Whether a frame is neither of this package nor of NumPy."""
    return _is_of_user(frame.f_code.co_filename)


@cache
def _is_of_user(file: str) -> bool:
    return not file.startswith(_own) and not file.startswith(_folder(sys.modules.get("numpy")))


def line_of_the_user() -> str:
    """The innermost line of the user's program, as FILE:LINE."""
    frame = frame_of_the_user(sys._getframe(1))
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn(message: str, category: type[Warning], user: FrameType | None = None) -> None:
    """Warns at the user's line; Python shows a message once per line."""
    user = user or frame_of_the_user(sys._getframe(1))
    warnings.warn_explicit(
        message,
        category,
        user.f_code.co_filename,
        user.f_lineno,
        user.f_globals.get("__name__"),
        user.f_globals.setdefault("__warningregistry__", {}),
    )


def nothing_returned(function: Callable[..., Any]) -> str:
    """The message about a function of the user that returned None, and FILE:LINE of its
    definition, if that is known."""
    inner: Any = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inner.func
    code = getattr(inner, "__code__", None)
    name = getattr(inner, "__name__", repr(inner))
    where = "" if code is None else f", at {code.co_filename}:{code.co_firstlineno},"
    return f"{name}{where} returned None, where a number is expected; is a `return` missing?"


def shows_a_number(frame: FrameType) -> bool:
    """Whether `frame` converts a number in order to show it: with `%`, or in a plot."""
    code, at = frame.f_code.co_code, frame.f_lasti
    if code[at] == opmap["BINARY_OP"] and code[at + 1] in REMAINDERS:
        return True
    module = frame_of_the_user(frame).f_globals.get("__name__") or ""
    return module.partition(".")[0] in PLOTTERS


def called_in(frame: FrameType) -> str:
    """The function that `frame` calls, as written in its source, such as "math.exp".

    "[]" if it writes into an array; "" if it does neither, or has no source.
    """
    return _called(frame.f_code, frame.f_code.co_filename, frame.f_lasti)


@lru_cache(256)
def _called(code: CodeType, file: str, instruction: int) -> str:
    """Codes of two files may be equal, and only one of these files may have a source."""
    import ast

    try:
        expression = ast.parse(f"({_source(code, instruction)})", mode="eval").body
    except SyntaxError:
        return ""
    if isinstance(expression, ast.Subscript):
        return "[]"
    return ast.unparse(expression.func) if isinstance(expression, ast.Call) else ""


def _source(code: CodeType, instruction: int) -> str:
    """The source of the expression at an instruction, or "" if it is not known."""
    import linecache

    first, last, start, end = next(islice(code.co_positions(), instruction // 2, None))
    if first is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, k).encode() for k in range(first, last + 1)]
    lines[-1] = lines[-1][:end]  # columns are counted in bytes
    lines[0] = lines[0][start:]
    return b"".join(lines).decode(errors="replace")
