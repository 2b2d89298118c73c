"""Recurrence: a loop over a state, as data: the same operations in each trip.

It comes from `micrograd.scan`, which calls its step once, or is found in the trace of a loop that
Python ran. Its operations are numbered from 0. Their operands are:

    Same(j)         the result of operation j in the same trip; j is smaller than its own number
    Carried(j, d)   the result of operation j, d trips earlier
    Read(source)    a number from outside the loop, the same in each trip or one for each

A source is an `int`, the number of a symbol in the trace; or a `float`, a constant; or an array of
int64 or float64, with one of these for each trip. The gradient of a recurrence is a recurrence that
runs backwards; it reads the results that the forward one keeps, and the gradients of its results.

>>> from micrograd import ops
>>> x = np.array([2, 3, 4])  # the numbers of three inputs
>>> total = Recurrence(3, [ops.add], [(Carried(0, 1), Read(x))], {(0, 1): 0.0})
>>> print(total)
for t < 3:
  n0 = add(n0 of 1 before, [2 3 4])
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.ops import Op

MOST = 4  # of the sources of all trips, as they are printed


class Kept(NamedTuple):
    """The result of an operation of the forward loop, so many trips before this one."""

    node: int
    distance: int


class Slope(NamedTuple):
    """The gradient of the result of an operation of the forward loop in this trip; where a loop
    begins, of the one after its last trip."""

    node: int


Port = Kept | Slope
Source = int | float | NDArray[np.int64] | NDArray[np.float64] | Port
Names = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


class Same(NamedTuple):
    """The result of an operation in the same trip."""

    node: int

    def __str__(self) -> str:
        return f"n{self.node}"


class Carried(NamedTuple):
    """The result of an operation some trips ago."""

    node: int
    distance: int

    def __str__(self) -> str:
        return f"n{self.node} of {self.distance} before"


class Read(NamedTuple):
    """A symbol or a constant from outside."""

    source: Source

    def __str__(self) -> str:
        if isinstance(self.source, np.ndarray) and len(self.source) > MOST:
            return f"[{' '.join(map(str, self.source[:MOST]))} ... {self.source[-1]}]"
        return str(self.source)


Operand = Same | Carried | Read


@dataclass(eq=False)
class Recurrence:
    """`initial[j, d]` is what stands for the result of operation j, d trips before the first one:
    a source that is no array. It has an entry for each `Carried(j, d)`, and for all smaller d.

    `names` belongs to a loop that was found in a trace: the numbers of the symbols that it
    replaces; for each, the operation whose result it is; and the trip, from 0.
    """

    trips: int
    ops: Sequence[Op]
    operands: Sequence[Sequence[Operand]]
    initial: dict[tuple[int, int], int | float | Slope]
    names: Names = field(default_factory=lambda: (_NONE, _NONE, _NONE))
    line: str = ""  # of the user's program that begins it, where it is known
    backwards: bool = False  # from the last trip to the first

    @property
    def last(self) -> int:
        """The trip that comes last."""
        return 0 if self.backwards else self.trips - 1

    def sources(self) -> Iterator[Source]:
        """All that is read from outside, initial values included."""
        for operands in self.operands:
            yield from (x.source for x in operands if isinstance(x, Read))
        yield from self.initial.values()

    def live(self, results: set[int]) -> list[int]:
        """The operations that the results depend on, through any number of trips."""
        live, stack = set[int](), [*results]
        while stack:
            j = stack.pop()
            if j not in live:
                live.add(j)
                stack += [x.node for x in self.operands[j] if not isinstance(x, Read)]
        return sorted(live)

    def carried(self) -> dict[int, int]:
        """The operations whose results a later trip reads, and the largest distance of each."""
        depth: dict[int, int] = {}
        for x in (x for operands in self.operands for x in operands if isinstance(x, Carried)):
            depth[x.node] = max(depth.get(x.node, 0), x.distance)
        return dict(sorted(depth.items()))

    def __str__(self) -> str:
        lines = [
            f"  n{j} = {op.name}({', '.join(map(str, operands))})"
            for j, (op, operands) in enumerate(zip(self.ops, self.operands))
        ]
        how = f"t from {self.trips - 1} to 0" if self.backwards else f"t < {self.trips}"
        return "\n".join([f"for {how}:", *lines])


_NONE = np.empty(0, np.int64)
# Which loops of a function may be nodes: none; those of Python; also each `micrograd.scan` that is
# outside of derivatives; or all.
Loops = Literal["", "written", "values", "everywhere"]


def _no_meaning(*operands: Any) -> Any:
    raise AssertionError("a loop in a graph is rolled, not computed")


# In a graph a recurrence is a node on all that it reads; a result is a node on that one, whose
# source is the operation and the trip.
LOOP = Op("loop", None, _no_meaning, _no_meaning, "a recurrence", library=True)
RESULT = Op("result", 1, _no_meaning, _no_meaning, "a result of a recurrence", library=True)


def may_repeat(op: Op) -> bool:
    """Whether an operation may be in the body of a loop. The index of a `take` is checked, and a
    norm is differentiated as one node."""
    return op not in (ops.norm, ops.take, LOOP, RESULT) and op.iteration is None and not op.opaque
