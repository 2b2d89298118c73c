"""Programs with a loop of T steps, as users write them, by their names."""

from collections.abc import Callable
from typing import Any

import as_written
import grids_as_written
import more_as_written
import networks_as_written

MODULES = as_written, grids_as_written, more_as_written, networks_as_written


def named(name: str, steps: int) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
    """A function with a loop of so many steps, and the shapes of its arguments."""
    (module,) = (module for module in MODULES if name in vars(module))
    return vars(module)[name](steps)
