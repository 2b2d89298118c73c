"""Scan: traces `micrograd.scan` as one recurrence, by a single call of its step on symbols.

Nodes that depend on the carry or on x are the body. All others are computed before the loop.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np

from micrograd import loops, ops
from micrograd.compiler.trace.errors import TraceError
from micrograd.compiler.trace.recurrence import (
    LOOP,
    RESULT,
    Carried,
    Operand,
    Read,
    Recurrence,
    Same,
    Source,
    may_repeat,
)
from micrograd.compiler.trace.symbol import Node, Symbol, as_number
from micrograd.point import arranged, scalars_of


def rolled(graph: Any, step: loops.Step, carry: Any, items: list[Any]) -> Any:
    """The results of `micrograd.scan`, as symbols; None if the loop must be unrolled.

    It is unrolled if the step branches, since it may take another path in each trip, and if the
    step has a norm, an iteration, an opaque operation, or a `take`, whose index is checked.
    """
    scan, mark, questions = _Scan(graph), len(graph.nodes), graph.questions
    if not scan.begins(carry, items):
        return None
    graph.questions = None
    try:
        answer = step(scan.carry, scan.x)
    except TraceError:
        scan.divide(mark)
        return None
    finally:
        graph.questions = questions
    after, y = loops.pair(answer)
    loops.check_carry(scan.carry, after)
    return scan.results(mark, after, y)


class _Scan:
    """The body of one scan."""

    def __init__(self, graph: Any):
        self.graph = graph
        self.columns: dict[Symbol, list[Node]] = {}  # for each number of x, its values in all trips
        self.body: list[Symbol] = []
        self.within: set[Node] = set()  # the nodes of the body that were made by the step
        self.place: dict[Symbol, int] = {}  # the index of each node of the body
        self.x: Any = None

    def begins(self, carry: Any, items: list[Any]) -> bool:
        """Makes the arguments of the step; returns False if the x differ in structure."""
        self.trips = len(items)
        scalars, *form = scalars_of(carry)
        self.form: list[Any] = form
        self.initial = self._numbers(scalars)
        self.slots = [self._leaf() for _ in scalars]
        self.carry = arranged(self.slots, *self.form)
        if items[0] is None:
            return True
        rows = [*map(scalars_of, items)]
        _, structure, shapes = rows[0]
        if any(row[1:] != (structure, shapes) for row in rows):
            return False
        columns = [self._numbers(column) for column in zip(*[row[0] for row in rows])]
        self.columns = {self._leaf(): column for column in columns}
        self.x = arranged([*self.columns], structure, shapes)
        return True

    def _leaf(self) -> Symbol:
        return Symbol(self.graph, None, ())

    def _numbers(self, scalars: Iterable[Any]) -> list[Node]:
        return [as_number(self.graph.symbol(x)) for x in scalars]

    def divide(self, mark: int) -> None:
        """Moves the nodes that depend on the carry or on x from the graph to the body."""
        leaves = {*self.slots, *self.columns}
        within: set[Node] = {*leaves}
        outside: list[Symbol] = []
        for node in self.graph.nodes[mark:]:
            if within.isdisjoint(node.operands):
                outside.append(node)
            else:
                within.add(node)
                self.body.append(node)
        self.graph.nodes[mark:] = outside
        self.within = within - leaves

    def results(self, mark: int, after: Any, y: Any) -> Any:
        """The last carry and all y, as results of the recurrence."""
        ends = self._numbers(scalars_of(after)[0])
        form = None if y is None else scalars_of(y)
        shown = self._numbers(form[0]) if form else []
        self.divide(mark)
        if not all(may_repeat(node.op) for node in self.body if node.op is not None):
            return None
        taken: set[Node] = set()
        ends = [self._own(x, taken) for x in ends]
        shown = [self._own(x) for x in shown]
        self.place = {node: j for j, node in enumerate(self.body)}
        recurrence = self._recurrence(ends)
        whole = Symbol(self.graph, LOOP, self._reads(), recurrence)
        operands = (whole,)  # of all results: there may be millions
        last = [self._result(operands, x, self.trips - 1) for x in ends]
        carry = arranged(last, *self.form)
        if form is None:
            return carry, None
        rows = [[self._result(operands, x, t) for x in shown] for t in range(self.trips)]
        return carry, loops.arranged_rows(rows, *form[1:])

    def _own(self, x: Node, taken: set[Node] | None = None) -> Symbol:
        """The node of the body that computes x; a copy if there is none, or if it is `taken`."""
        if isinstance(x, Symbol) and x in self.within and (taken is None or x not in taken):
            if taken is not None:
                taken.add(x)
            return x
        node = Symbol(self.graph, ops.identity, (x,))
        self.graph.nodes.pop()
        self.body.append(node)
        return node

    def _recurrence(self, ends: list[Symbol]) -> Recurrence:
        self.next = {slot: self.place[x] for slot, x in zip(self.slots, ends)}
        return Recurrence(
            self.trips,
            [node.op for node in self.body if node.op is not None],
            [[self._operand(x) for x in node.operands] for node in self.body],
            {(self.place[x], 1): _source(begin) for x, begin in zip(ends, self.initial)},
        )

    def _operand(self, x: Node) -> Operand:
        if not isinstance(x, Symbol):
            return Read(x)
        if x in self.place:
            return Same(self.place[x])
        if x in self.next:
            return Carried(self.next[x], 1)
        return Read(column(self.graph, self.columns[x]) if x in self.columns else x.number)

    def _reads(self) -> tuple[Symbol, ...]:
        """All symbols outside the loop that it reads."""
        found: dict[Any, None] = dict.fromkeys(
            [*self.initial, *(x for node in self.body for x in node.operands)]
        )
        columns = [self.columns[x] for x in found if x in self.columns]
        found |= dict.fromkeys(chain.from_iterable(columns))
        own = {*self.slots, *self.columns, *self.body}
        return tuple([x for x in found if isinstance(x, Symbol) and x not in own])

    def _result(self, operands: tuple[Symbol], node: Symbol, trip: int) -> Symbol:
        return Symbol(self.graph, RESULT, operands, (self.place[node], trip))


def column(graph: Any, nodes: list[Node]) -> Source:
    """What a loop reads in each trip: one source for all, if it is the same. In `nodes`, numbers
    among symbols become symbols."""
    if all(isinstance(x, float) for x in nodes):
        numbers = np.array(nodes, np.float64)
        return nodes[0] if len({*numbers.view(np.int64).tolist()}) == 1 else numbers  # type: ignore[return-value]
    for t, x in enumerate(nodes):
        if not isinstance(x, Symbol):
            nodes[t] = Symbol(graph, ops.identity, (x,))
    places = np.array([x.number for x in nodes if isinstance(x, Symbol)], np.int64)
    return int(places[0]) if (places == places[0]).all() else places


def _source(x: Node) -> int | float:
    return x.number if isinstance(x, Symbol) else x


def shown(node: Symbol, operands: list[str]) -> str:
    """A node in the print of a trace; a loop is printed with its body."""
    if node.op is LOOP:
        body = str(node.source).replace("\n", "\n    ")
        return f"loop on {len(operands)} scalars, {body}"
    assert node.op is not None
    place = ", ".join(map(str, node.source)) if node.op is RESULT else ""
    return f"{node.op.name}({', '.join(operands)}{f', {place}' * bool(place)})"
