"""Loop gradients: the chain rule in a graph with loops.

Between loops it is that of any graph. The gradient of a loop is a loop that runs backwards, a node
of the same graph: so it has a gradient itself.
"""

from collections.abc import Iterable
from typing import TypeVar

from micrograd import graph as rules
from micrograd import ops
from micrograd.compiler.trace.backwards import Backwards, backwards
from micrograd.compiler.trace.errors import not_rolled
from micrograd.compiler.trace.recurrence import (
    LOOP,
    RESULT,
    Carried,
    Kept,
    Operand,
    Read,
    Recurrence,
    Same,
    Slope,
    Source,
)
from micrograd.compiler.trace.scan import column
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Trace

Gradient = dict[Symbol, Node]
T = TypeVar("T")


def gradients(graph: Trace, root: Symbol, inputs: list[Symbol]) -> list[Node]:
    """As `graph.gradients`. Raises NotRolled where a gradient depends on which branch was taken:
    that is known for each trip only where loops are written out."""
    results = [node for node in graph.nodes if node.op is RESULT]
    if not results:
        return rules.gradients(root, inputs)
    active = _depend_on(graph, inputs)
    leaves = [*inputs, *(x for x in results if x in active)]
    gradient: Gradient = {}
    _add(gradient, _pulled_back({root: 1.0}, leaves))
    while loops := {x.operands[0] for x in gradient if x.op is RESULT}:
        last: Symbol = max(loops, key=lambda x: x.number)  # type: ignore[union-attr]
        slopes: dict[tuple[int, int], Node] = {}
        for x in [x for x in gradient if x.op is RESULT and x.operands[0] is last]:
            _add(slopes, {x.source: gradient.pop(x)})
        _add(gradient, _pulled_back(_Reversed(last, slopes, active).gradient(), leaves))
    return [gradient.get(x, 0.0) for x in inputs]


def _depend_on(graph: Trace, inputs: Iterable[Symbol]) -> set[Node]:
    active: set[Node] = {*inputs}
    for node in graph.nodes:
        if not active.isdisjoint(node.operands):
            active.add(node)
    return active


def _pulled_back(known: Gradient, leaves: list[Symbol]) -> Gradient:
    reached: dict[Symbol, object] = {}
    found = rules.pulled_back(known, leaves, True, reached)
    if any(reached.get(x, True) is not True for x in leaves if x.op is RESULT):
        raise not_rolled(leaves[0].trace)
    return {x: g for x, g in zip(leaves, found) if isinstance(g, Symbol) or g}


def _add(gradient: dict[T, Node], more: dict[T, Node]) -> None:
    for x, g in more.items():
        gradient[x] = gradient[x] + g if x in gradient else g


class _Reversed:
    """The gradient of one loop, whose results have the gradients `slopes`."""

    def __init__(self, whole: Symbol, slopes: dict[tuple[int, int], Node], active: set[Node]):
        self.whole, self.slopes, self.active = whole, slopes, active
        self.graph: Trace = whole.trace  # type: ignore[assignment]
        self.forward: Recurrence = whole.source
        self.known = {x.number: x for x in whole.operands if isinstance(x, Symbol)}
        self.results: dict[tuple[int, int], Symbol] = {}
        self.reads: dict[Symbol, None] = {}
        self.sources: dict[Source, Source] = {}

    def gradient(self) -> Gradient:
        """The gradients of the active numbers among the initial state and those that the loop
        reads."""
        it = self.forward
        each = {j for j, trip in self.slopes if trip != it.last}
        late = {j for j, _ in self.slopes} - each
        back = backwards(it, late, each, lambda _: True, self._is_active, again=True)
        if back is None:
            raise not_rolled(self.graph)
        written = [[self._operand(x) for x in operands] for operands in back.recurrence.operands]
        initial: dict[tuple[int, int], int | float | Slope]
        initial = {slot: self._initial(x) for slot, x in back.recurrence.initial.items()}
        sums = {key: j for key, j in back.of_read.items() if isinstance(back.source[key], int)}
        totals = {key: len(written) + k for k, key in enumerate(sums)}
        written += [[Carried(totals[key], 1), Same(j)] for key, j in sums.items()]
        initial |= {(j, 1): 0.0 for j in totals.values()}
        reverse = Recurrence(
            it.trips, [*back.recurrence.ops, *[ops.add] * len(totals)], written, initial,
            backwards=back.recurrence.backwards,
        )  # fmt: skip
        whole = Symbol(self.graph, LOOP, tuple(self.reads), reverse)
        return self._found(back, whole, totals)

    def _found(self, back: Backwards, whole: Symbol, totals: dict[int, int]) -> Gradient:
        found: Gradient = {}

        def result(j: int, trip: int) -> Symbol:
            return Symbol(self.graph, RESULT, (whole,), (j, trip))

        for slot, j in back.of_slot.items():
            begin = self.forward.initial[slot]
            if self._is_active(begin):
                _add(found, {self.known[begin]: result(j, whole.source.last)})  # type: ignore[index]
        for key, j in totals.items():
            _add(found, {self.known[back.source[key]]: result(j, whole.source.last)})  # type: ignore[index]
        for key, j in back.of_read.items():
            if key not in totals:
                for trip, number in enumerate(back.source[key].tolist()):  # type: ignore[union-attr]
                    _add(found, {self.known[number]: result(j, trip)})
        return found

    def _is_active(self, source: Source) -> bool:
        if isinstance(source, (float, Kept, Slope)):
            return False
        numbers = [source] if isinstance(source, int) else source.tolist()
        return any(number in self.known and self.known[number] in self.active for number in numbers)

    # The numbers that the backward loop reads.

    def _operand(self, x: Operand) -> Operand:
        if not isinstance(x, Read):
            return x
        if isinstance(x.source, (Kept, Slope)):
            if x.source not in self.sources:
                nodes = self._kept(x.source) if isinstance(x.source, Kept) else self._each(x.source)
                self.sources[x.source] = column(self.graph, nodes)
                self._read(nodes)
            return Read(self.sources[x.source])
        if not isinstance(x.source, float):
            numbers = [x.source] if isinstance(x.source, int) else x.source.tolist()
            self._read([self.known[number] for number in numbers if number in self.known])
        return x

    def _read(self, nodes: Iterable[Node]) -> None:
        self.reads |= dict.fromkeys(x for x in nodes if isinstance(x, Symbol))

    def _kept(self, port: Kept) -> list[Node]:
        """The results of an operation, by the trip that reads them; before them, the initial
        state."""
        it = self.forward
        order = range(it.trips)[:: -1 if it.backwards else 1]
        nodes: dict[int, Node] = {}
        for k, trip in enumerate(order):
            ago = port.distance - k
            if ago <= 0:
                nodes[trip] = self._result(port.node, order[-ago])
                continue
            begin = it.initial[port.node, ago]
            assert not isinstance(begin, Slope)
            nodes[trip] = self.known[begin] if isinstance(begin, int) else begin
        return [nodes[trip] for trip in range(it.trips)]

    def _result(self, j: int, trip: int) -> Symbol:
        if (j, trip) not in self.results:
            self.results[j, trip] = Symbol(self.graph, RESULT, (self.whole,), (j, trip))
        return self.results[j, trip]

    def _each(self, port: Slope) -> list[Node]:
        return [self.slopes.get((port.node, trip), 0.0) for trip in range(self.forward.trips)]

    def _initial(self, x: int | float | Slope) -> int | float:
        """The initial state of the backward loop: zeros, or gradients of results."""
        if not isinstance(x, Slope):
            return x
        g = self.slopes[x.node, self.forward.last]
        self._read([g])
        return g.number if isinstance(g, Symbol) else g
