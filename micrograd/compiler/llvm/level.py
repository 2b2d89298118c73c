"""Level: the x86-64 level that code is compiled for, if the user names one.

`MICROGRAD_CPU` is empty, or a level of x86-64. It is checked before any work is done.
"""

import os
from importlib.util import find_spec

# The levels of x86-64, each with a feature that tells whether this processor has the level.
FEATURES = {"x86-64-v2": "sse4.2", "x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}


def named_level() -> str:
    """The level that the user names, or "". Raises ValueError if there is no such level."""
    named = os.environ.get("MICROGRAD_CPU", "")
    if named and named not in FEATURES:
        levels = ", ".join(FEATURES)
        raise ValueError(f"MICROGRAD_CPU must be empty or one of {levels}; got {named!r}")
    return named


def check_level() -> None:
    """Raises ValueError if the named level does not exist, or if this processor lacks it."""
    if named_level() and find_spec("llvmlite"):
        from micrograd.compiler.llvm.target import processor

        processor()
