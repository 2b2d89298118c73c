"""Specialised: a function for arguments of one structure and shape, and what was compiled of it."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from micrograd.compiler.runtime.kernel import Kernel
from micrograd.compiler.trace.trace import Shape, Trace
from micrograd.engine import Value
from micrograd.structure import Structure

Gradient = Literal["inputs", "parameters"]
Answer = Literal["value"] | Gradient  # the value; with the gradient of these
# And whether it is guarded: see adjoint.add_adjoint; and which inputs all examples share.
Key = tuple[Answer, bool, tuple[int, ...]]


@dataclass
class Specialised:
    """The function for arguments of one structure and shape."""

    structure: Structure
    shapes: list[Shape]  # of one example, for each leaf of the arguments
    trace: Trace
    parameters: tuple[Value, ...]
    kernels: dict[Key, Kernel] = field(default_factory=dict)

    @cached_property
    def sizes(self) -> list[int]:
        """How many numbers of an example each leaf holds."""
        return [1 if shape is None else math.prod(shape) for shape in self.shapes]


@dataclass(slots=True)
class Recent:
    """The last call's arguments, if they were arrays that could be used as they are."""

    it: Specialised
    n: int
    shape: tuple[int, ...]  # see Call
    shared: tuple[int, ...]
    addresses: list[int]
    arrays: list[tuple[Any, Any]]  # held weakly, and their layouts

    def holds(self, args: tuple[Any, ...]) -> bool:
        if len(args) != len(self.arrays):
            return False
        for a, (b, layout) in zip(args, self.arrays):
            if b() is not a or (a.shape, a.strides, a.dtype) != layout:
                return False
        return True
