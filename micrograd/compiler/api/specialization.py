"""Specialization: a function for arguments of one structure and shape, with its kernels."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from micrograd.compiler.api.parameters import Places
from micrograd.compiler.api.ways import Way
from micrograd.compiler.runtime.kernel import Kernel
from micrograd.compiler.trace import taken
from micrograd.compiler.trace.called import Shape
from micrograd.compiler.trace.known import Known
from micrograd.compiler.trace.paths import Paths
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import Value
from micrograd.lazy import cached_property
from micrograd.structure import LEAF, Structure

Gradient = Literal["arguments", "parameters"]
# The value alone, or with this gradient; or what the function finds on its way: the roots, and the
# indices of each `take`.
Answer = Literal["value", "roots", "indices"] | Gradient
# The answer; whether it is guarded (see adjoint.add_adjoint); which inputs all examples share.
Key = tuple[Answer, bool, tuple[int, ...]]


@dataclass
class Specialization:
    """The function for arguments of one structure and shape."""

    structure: Structure
    shapes: list[Shape]  # of one example, for each leaf of the arguments
    trace: Trace
    parameters: tuple[Value, ...]  # in the order of its kernels
    places: Places  # of these among all parameters of the function
    known: Known | None = None  # the paths of which the trace is made; there may be more
    unrolled: Trace | None = None  # the trace without loops, once it is needed
    kernels: dict[Key, Kernel] = field(default_factory=dict)
    ways: dict[Answer, Way] = field(default_factory=dict)  # how its paths are computed
    # By answer and shared inputs: the kernel of the examples whose paths are not in the lanes.
    rest: dict[tuple[Answer, tuple[int, ...]], Kernel] = field(default_factory=dict)
    sizes: list[int] = field(init=False)  # how many numbers of an example each leaf holds
    is_flat: bool = field(init=False)  # whether the arguments are positional numbers and arrays
    is_single: bool = field(init=False)  # whether the result is one number or array
    of_numbers: bool = field(init=False)  # whether all are numbers, and the result is one

    def __post_init__(self) -> None:
        self.sizes = [1 if shape is None else math.prod(shape) for shape in self.shapes]
        positional, named = self.structure.children
        self.is_flat = not named.children and {*positional.children} <= {LEAF}
        self.is_single = self.trace.output_structure == LEAF
        one = self.is_single and self.trace.output_shapes == [None]
        self.of_numbers = one and self.is_flat and {*self.shapes} <= {None}

    def arranged(self, leaves: Iterable[Any]) -> tuple[Any, ...]:
        """The arguments as a tuple, keywords last, with these leaves in place of their own."""
        args, kwargs = self.structure.build(iter(leaves))
        return *args, *kwargs.values()

    @cached_property
    def roots(self) -> list[Symbol]:
        """The nodes whose result is NaN if an iteration does not converge."""
        nodes = self.trace.computed(self.trace.outputs)
        return [node for node in nodes if node.op is not None and node.op.iteration is not None]

    @cached_property
    def takes(self) -> bool:
        """Whether the function has a `take`."""
        return bool(taken.takes_of(self.trace))

    @cached_property
    def hides_takes(self) -> bool:
        """Whether an index of `take` that is out of range may not show in the value."""
        return self.takes and taken.may_hide(self.trace)

    @property
    def paths(self) -> Paths | None:
        """The paths of the function, if it asks questions."""
        return None if self.known is None else self.known.paths

    @property
    def has_no_lanes(self) -> bool:
        """Whether each example computes only its own path, as there are too many for lanes."""
        return self.paths is not None and self.trace is self.paths.graph

    @property
    def may_be_unknown(self) -> bool:
        """Whether an example may take a path that is not known yet."""
        return self.known is not None and bool(self.known.unknown)

    @property
    def shared(self) -> list[tuple[int, ...]]:
        """The inputs that all examples shared, for each kind of call so far."""
        return list(dict.fromkeys(shared for _, _, shared in self.kernels)) or [()]
