"""Imports SciPy when it is first needed, or raises an error that says what to install."""

from importlib import import_module
from typing import Any


def scipy_module(name: str, called: str) -> Any:
    """A module of SciPy. Raises ModuleNotFoundError, which says what to install."""
    try:
        return import_module(f"scipy.{name}")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"micrograd.{called} needs SciPy: pip install 'micrograd-native[optimize]'"
        ) from None
