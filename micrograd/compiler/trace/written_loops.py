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
    Read,
    Recurrence,
    Same,
    Source,
)
from micrograd.compiler.trace.symbol import Condition, Symbol, numbers_of
from micrograd.compiler.trace.trace import Trace
from micrograd.compiler.trace.words import COMPUTED, CONSTANT, OPERATION, Index, Words


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
        return is_written_out(loop, self.words, int(self.places[k][0]))

    def roll(self) -> None:
        graph, symbols = self.graph, self._symbols()
        before, nodes, at = graph.nodes[:], list[Symbol](), 0
        for k, loop in self.found.items():
            start = int(self.places[k][0])
            nodes += [*before[at:start], *self._rolled(k, loop, symbols)]
            at = start + loop.trips * len(loop.ops)
        graph.nodes[:] = [*nodes, *before[at:]]
        graph.written = [*self.found.values()]
        graph.has_loops |= bool(self.found)

    def _rolled(self, k: int, loop: Recurrence, symbols: list[Any]) -> list[Symbol]:
        """The nodes in place of those of a loop: what is the same in all trips, the loop, and its
        results."""
        first = [self.words.nodes[place] for place in self.places[k][: len(loop.ops)].tolist()]
        same = _same_in_all_trips(loop)
        inner, place = _without(loop, same, [node.number for node in first])
        reads = np.unique([*chain.from_iterable(map(_numbers, inner.sources()))]).astype(int)
        whole = Symbol(self.graph, LOOP, tuple([symbols[x] for x in reads.tolist()]), inner)
        results = [self.words.nodes[at] for at in self.shown[k].tolist()]
        for at, node in zip((self.shown[k] - self.places[k][0]).tolist(), results):
            trip, j = divmod(at, len(loop.ops))
            if j not in same:
                node.op, node.operands, node.source = RESULT, (whole,), (place[j], trip)
            elif trip > 0:
                node.op, node.operands = ops.identity, (first[j],)
        before = [first[j] for j in sorted(same)]
        known = {node.number for node in before}
        return [*before, whole, *[node for node in results if node.number not in known]]

    def _symbols(self) -> list[Any]:
        """The symbols of the graph, by their numbers."""
        graph = self.graph
        symbols: list[Any] = [None] * graph.count
        for x in chain(graph.nodes, graph.met.values(), graph.unknowns, *graph.inputs):
            symbols[x.number] = x
        return symbols


def _same_in_all_trips(loop: Recurrence) -> set[int]:
    """The operations whose results are the same in all trips."""
    carried, same = loop.carried(), set[int]()
    for j, (op, operands) in enumerate(zip(loop.ops, loop.operands)):
        if j not in carried and not op.boolean and all(_is_same(x, same) for x in operands):
            same.add(j)
    return same


def _is_same(x: Operand, same: set[int]) -> bool:
    if isinstance(x, Read):
        return not isinstance(x.source, np.ndarray)
    return isinstance(x, Same) and x.node in same


def _without(
    loop: Recurrence, gone: set[int], numbers: list[int]
) -> tuple[Recurrence, dict[int, int]]:
    """The loop without some operations, whose results are symbols of these `numbers`; and where the
    others are. Equal sources are one."""
    kept = [j for j in range(len(loop.ops)) if j not in gone]
    place = {j: k for k, j in enumerate(kept)}
    known: dict[Any, Read] = {}

    def moved(x: Operand) -> Operand:
        if not isinstance(x, Read) and x.node not in gone:
            return x._replace(node=place[x.node])
        source: Any = x.source if isinstance(x, Read) else numbers[x.node]
        many = isinstance(source, np.ndarray)
        key = (source.dtype, source.tobytes()) if many else _code(source)
        return known.setdefault(key, Read(source))

    inner = Recurrence(
        loop.trips,
        [loop.ops[j] for j in kept],
        [[moved(x) for x in loop.operands[j]] for j in kept],
        {(place[j], ago): source for (j, ago), source in loop.initial.items()},
    )
    return inner, place


def _numbers(source: Source) -> list[int]:
    """The numbers of the symbols that a source is."""
    if isinstance(source, np.ndarray):
        return source.tolist() if source.dtype == np.int64 else []
    return [source] if isinstance(source, int) else []


def is_written_out(loop: Recurrence, words: Words, start: int) -> bool:
    """Whether the nodes from the place `start` on are those of all trips of a loop, one trip after
    the other."""
    trips, period = loop.trips, len(loop.ops)
    lengths = np.array([1 + len(operands) for operands in loop.operands])
    head = words.head[start : start + trips * period + 1]
    if (np.diff(head) != np.tile(lengths, trips)).any():
        return False
    numbers = words.numbers[start : start + trips * period].reshape(trips, period)
    kind = words.kind[head[0] : head[-1]].reshape(trips, -1)
    value = words.value[head[0] : head[-1]].reshape(trips, -1)
    ends = np.cumsum(lengths)
    for j, (op, operands, at) in enumerate(zip(loop.ops, loop.operands, ends - lengths)):
        if (kind[:, at] != OPERATION).any() or (value[:, at] != id(op)).any():
            return False
        nodes = words.nodes[start + j : start + trips * period : period]
        for k, x in enumerate(operands):
            word = at + 1 + k
            read = _numbers_of(words, kind[:, word], value[:, word])
            expected, floats = _expected(loop, x, numbers)
            if (read != expected).any():
                return False
            if any(_code(nodes[t].operands[k]) != _code(number) for t, number in floats):
                return False
    return True


def _numbers_of(words: Words, kind: Any, value: Any) -> Index:
    """The numbers of the symbols that these words are; -1 for a float."""
    computed = kind == COMPUTED
    numbers = value.copy()
    numbers[computed] = words.of_nodes(value[computed])
    numbers[kind == CONSTANT] = -1
    return numbers


def _expected(
    loop: Recurrence, x: Operand, numbers: Index
) -> tuple[Index, list[tuple[int, float]]]:
    """What an operand is in all trips: the numbers of symbols, -1 for a float; and the floats, each
    with its trip."""
    first: list[Any] = []
    if isinstance(x, Read):
        source: Any = x.source
        if isinstance(source, int) or getattr(source, "dtype", None) == np.int64:
            return np.broadcast_to(source, loop.trips), []
        first = np.broadcast_to(source, loop.trips).tolist()
        rest = np.empty(0, np.int64)
    else:
        ago = x.distance if isinstance(x, Carried) else 0
        first = [loop.initial[x.node, d] for d in range(ago, 0, -1)]
        rest = numbers[:, x.node]
    floats = [(t, y) for t, y in enumerate(first) if isinstance(y, float)]
    begin = np.array([-1 if isinstance(y, float) else y for y in first], np.int64)
    return np.concatenate([begin, rest])[: loop.trips], floats


def _code(x: Any) -> int | str:
    """The number of a symbol; of a float, its digits, which tell zeros apart."""
    if x.__class__ is int:
        return x
    return x.hex() if x.__class__ is float else x.number
