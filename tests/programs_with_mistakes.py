"""A program with a mistake and its repair, and how both are run."""

import contextlib
import linecache
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from micrograd.operation import TABLE

PRELUDE = "import math\nimport numpy as np\nimport micrograd as mg\n"


class Mistake(NamedTuple):
    error: str  # the class
    title: str
    program: str
    repair: str  # a program, or a command that begins with $
    missing: str = ""  # a module that is not installed


def message_of(mistake: Mistake) -> str:
    """What the program says, which must be an error or a warning of that class."""
    with _elsewhere(mistake.missing):
        here = os.getcwd()
        try:
            run(mistake.program)
        except Exception as error:
            if type(error).__name__ != mistake.error:
                raise
            return str(error).replace(here + os.sep, "")
    raise AssertionError(f"{mistake.title}: nothing was raised")


def repaired(mistake: Mistake) -> None:
    """Runs the repair, which must not fail nor warn."""
    if not mistake.repair.startswith("$"):
        with _elsewhere():
            run(mistake.repair)


def run(program: str) -> None:
    text = PRELUDE + program
    linecache.cache["program.py"] = len(text), None, text.splitlines(keepends=True), "program.py"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(compile(text, "program.py", "exec"), {"__name__": "program"})
        finally:
            for name in set(TABLE) - BUILT_IN:
                del TABLE[name]


BUILT_IN = frozenset(TABLE)


@contextlib.contextmanager
def _elsewhere(missing: str = "") -> Iterator[None]:
    """In a directory of its own, perhaps without a module."""
    known = sys.modules.get(missing)
    if missing:
        sys.modules[missing] = cast(Any, None)  # so the import of it fails
    try:
        with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
            yield
    finally:
        if missing:
            sys.modules.pop(missing)
        if known:
            sys.modules[missing] = known
