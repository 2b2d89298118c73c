"""Tape: a part of a graph as a list of operations, to be run again on scalars of any class.

>>> from micrograd import Value
>>> x, a = Value(2.0), Value(3.0)
>>> tape, free = record([x * x + a], [x])
>>> free == [a], tape(5.0, 7.0)
(True, [32.0])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from micrograd import graph
from micrograd.lazy import cached_property
from micrograd.ops import Op

Place = int | str  # of an input or a row; a constant is written as `float.hex` does


@dataclass(frozen=True)
class Tape:
    """Rows of an operation and the places of its operands: first the inputs, then the rows. Tapes
    that compute the same in the same way are equal."""

    inputs: int
    rows: tuple[tuple[Op, tuple[Place, ...]], ...]
    outputs: tuple[Place, ...]

    def __call__(self, *inputs: Any) -> list[Any]:
        """The outputs."""
        numbers: dict[Place, Any] = {**self._constants, **dict(enumerate(inputs))}
        for place, (op, operands) in enumerate(self.rows, len(inputs)):
            numbers[place] = op(*[numbers[x] for x in operands])
        return [numbers[x] for x in self.outputs]

    @cached_property
    def _constants(self) -> dict[Place, float]:
        places = [*self.outputs, *[x for _, operands in self.rows for x in operands]]
        return {x: float.fromhex(x) for x in places if isinstance(x, str)}

    @cached_property
    def digest(self) -> str:
        """A hash that identifies this tape, by the names of its operations."""
        rows = [(op.identifier, operands) for op, operands in self.rows]
        return sha256(repr((self.inputs, rows, self.outputs)).encode()).hexdigest()[:12]


def record(outputs: Sequence[Any], variables: Sequence[Any]) -> tuple[Tape, list[Any]]:
    """The operations by which `outputs` depend on `variables`, which are leaves of a graph.

    The other scalars that these operations read are free: the tape takes the variables and then
    the free scalars, which are returned. Floats are constants of the tape.
    """
    order = _dependents(outputs, variables)
    known = {*order, *variables}
    read = [*[x for node in order for x in node.operands], *outputs]
    read = [x for x in read if x.__class__ is not float and x not in known]
    free = dict.fromkeys([x for x in read if not _is_constant(x)])
    inputs = [*variables, *free]
    places = {x: k for k, x in enumerate([*inputs, *order])}

    def place(x: Any) -> Place:
        return x.hex() if x.__class__ is float else places[x] if x in places else x._data.hex()

    rows = [(node.op, tuple(map(place, node.operands))) for node in order]
    return Tape(len(inputs), tuple(rows), tuple(map(place, outputs))), [*free]


def _is_constant(x: Any) -> bool:
    """Whether a Value depends on nothing but truths, such as which branch a derivative took."""
    return x.rank == 0 and x.op is not None and all(y.op is not None for y in graph.below(x))


def _dependents(outputs: Sequence[Any], variables: Sequence[Any]) -> dict[Any, None]:
    """The nodes that depend on the variables, each after its operands; truth values too."""
    depends: dict[Any, bool] = dict.fromkeys(variables, True)
    oldest = min([getattr(x, "number", 0) for x in variables])  # symbols are numbered by age
    order: dict[Any, None] = {}
    stack = [*outputs]
    while stack:
        node = stack[-1]
        if node.__class__ is float or node in depends:
            stack.pop()
            continue
        if getattr(node, "number", oldest) < oldest:
            depends[node] = False
            continue
        operands = [x for x in node.operands if x.__class__ is not float]
        new = [x for x in operands if x not in depends]
        stack += new
        if not new:
            depends[node] = any(depends[x] for x in operands)
            if depends[node]:
                order[node] = None
    return order
