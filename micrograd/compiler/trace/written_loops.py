"""Written loops: loops that Python ran become nodes of the graph, as `micrograd.scan` is one.

The nodes of all trips are replaced by one node, the loop, and a node for each of its results that
other nodes read. A loop is left as it is unless it computes exactly the nodes that it would
replace.
"""

from itertools import chain
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.found import recurrences
from micrograd.compiler.trace.recurrence import (
    LOOP,
    RESULT,
    Carried,
    Operand,
    Recurrence,
    Same,
    Source,
)
from micrograd.compiler.trace.symbol import Condition, Symbol, numbers_of
from micrograd.compiler.trace.trace import Trace
from micrograd.compiler.trace.words import COMPUTED, Index, Words


def roll_written_loops(graph: Trace, words: Words) -> None:
    """Makes a node of each loop that Python ran, if that is worth it."""
    found = recurrences(words)
    if found:
        _Rolling(graph, words, found).roll()


class _Rolling:
    """Loops that become nodes of a graph."""

    def __init__(self, graph: Trace, words: Words, found: list[Recurrence]):
        self.graph, self.words = graph, words
        self.places = [np.searchsorted(words.numbers, x.names[0]) for x in found]
        self.loop = np.full(words.count, -1)  # of each node; -1: none
        for k, places in enumerate(self.places):
            self.loop[places] = k
        shown = np.unique(self._read_elsewhere())
        self.shown = [shown[self.loop[shown] == k] for k in range(len(found))]
        self.found = {k: x for k, x in enumerate(found) if self._is_exact(k, x)}

    def _read_elsewhere(self) -> Index:
        """The places of the nodes of loops that a node outside their loop reads, or that are
        outputs; some more than once."""
        words = self.words
        read = words.kind == COMPUTED
        sources = np.searchsorted(words.head, words.value[read])
        readers = np.repeat(np.arange(words.count), np.diff(words.head))[read]
        formulas = numbers_of([x.source for x in words.nodes if x.op is ops.norm])
        others = [
            sources[self.loop[sources] != self.loop[readers]],
            np.searchsorted(words.head, words.shown),
            np.flatnonzero(np.isin(words.numbers, formulas)),
        ]
        return np.concatenate(others).astype(np.int64)

    def _is_exact(self, k: int, loop: Recurrence) -> bool:
        """Whether the loop, written out, is made of the nodes in its place. No truth may leave it:
        neither as a result nor from trip to trip."""
        if any(isinstance(self.words.nodes[place], Condition) for place in self.shown[k].tolist()):
            return False
        if any(loop.ops[node].boolean for node, _ in loop.initial):
            return False
        return is_written_out(loop, [self.words.nodes[place] for place in self.places[k].tolist()])

    def roll(self) -> None:
        graph = self.graph
        symbols = self._symbols()
        before, nodes, at = graph.nodes[:], list[Symbol](), 0
        for k, loop in self.found.items():
            start, period = int(self.places[k][0]), len(loop.ops)
            nodes += before[at:start]
            reads = np.unique([*chain.from_iterable(map(_numbers, loop.sources()))]).astype(int)
            whole = Symbol(graph, LOOP, tuple([symbols[x] for x in reads.tolist()]), loop)
            nodes.append(whole)
            for place in self.shown[k].tolist():
                node, (trip, j) = before[place], divmod(place - start, period)
                node.op, node.operands, node.source = RESULT, (whole,), (j, trip)
                nodes.append(node)
            at = start + loop.trips * period
        graph.nodes[:] = [*nodes, *before[at:]]
        graph.written = [*self.found.values()]
        graph.has_loops |= bool(self.found)

    def _symbols(self) -> list[Any]:
        """The symbols of the graph, by their numbers."""
        graph = self.graph
        symbols: list[Any] = [None] * graph.count
        for x in chain(graph.nodes, graph.met.values(), graph.unknowns, *graph.inputs):
            symbols[x.number] = x
        return symbols


def _numbers(source: Source) -> list[int]:
    """The numbers of the symbols that a source is."""
    if isinstance(source, np.ndarray):
        return source.tolist() if source.dtype == np.int64 else []
    return [source] if isinstance(source, int) else []


def is_written_out(loop: Recurrence, nodes: list[Symbol]) -> bool:
    """Whether these nodes are those of all trips of a loop, one trip after the other."""
    period = len(loop.ops)
    numbers = [[node.number for node in nodes[j::period]] for j in range(period)]
    for j, (op, operands) in enumerate(zip(loop.ops, loop.operands)):
        column = nodes[j::period]
        if any(node.op is not op or len(node.operands) != len(operands) for node in column):
            return False
        for k, x in enumerate(operands):
            if [_code(node.operands[k]) for node in column] != _codes(loop, x, numbers):
                return False
    return len(nodes) == loop.trips * period


def _codes(loop: Recurrence, x: Operand, numbers: list[list[int]]) -> list[int | str]:
    """What an operand is, in all trips."""
    if isinstance(x, Same):
        return [*numbers[x.node]]
    if isinstance(x, Carried):
        first = [_code(loop.initial[x.node, ago]) for ago in range(x.distance, 0, -1)]
        return [*first, *numbers[x.node]][: loop.trips]
    source: Any = x.source
    each = source.tolist() if isinstance(source, np.ndarray) else [source] * loop.trips
    return [*map(_code, each)]


def _code(x: Any) -> int | str:
    """The number of a symbol; of a float, its digits, which tell zeros apart."""
    if x.__class__ is int:
        return x
    return x.hex() if x.__class__ is float else x.number
