"""SciPy, imported where it is first needed; without it, an error that names the extra."""

from importlib import import_module
from typing import Any


def scipy_module(name: str, called: str) -> Any:
    """A module of SciPy. Raises ModuleNotFoundError, with what to install, if there is none."""
    try:
        return import_module(f"scipy.{name}")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"micrograd.{called} needs SciPy: pip install 'micrograd-native[optimize]'"
        ) from None
