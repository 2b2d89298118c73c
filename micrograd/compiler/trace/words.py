"""Words: a graph as flat arrays, in which weights and the bodies of loops are found.

Each node is a sequence of words: its operation, then its operands. A word has a kind and a value.
For an operand that is computed, the value is the position of that node's first word. So if an
operand was computed one trip earlier, its value is smaller by the number of words in a trip.
"""

from dataclasses import dataclass
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.trace.symbol import Node, Symbol, numbers_of

Index = NDArray[np.int64]
Kinds = NDArray[np.int16]

OPERATION, CONSTANT, COMPUTED, PARAMETER, UNKNOWN, INPUT = range(6)  # kinds; more inputs follow


class Graph(Protocol):
    """A trace, as far as its words are concerned."""

    count: int
    nodes: list[Symbol]
    inputs: list[list[Symbol]]
    outputs: list[Node]
    met: dict[Any, Symbol]


@dataclass(frozen=True)
class Words:
    """The words of a graph.

    The value of a word is the `id` of an operation, the position of the first word of a computed
    operand, or the number of a leaf.
    """

    kind: Kinds
    value: Index
    head: Index  # the first word of each node, and the end of the last
    numbers: Index  # the numbers of the nodes in the trace
    nodes: list[Symbol]
    shown: Index  # the first words of the nodes that are outputs

    @property
    def count(self) -> int:
        """The number of nodes."""
        return len(self.nodes)

    def of_nodes(self, values: Index) -> Index:
        """The numbers of the nodes whose first words these are."""
        return self.numbers[np.searchsorted(self.head, values)]


def words_of(graph: Graph) -> Words:
    """The words of a graph."""
    nodes = graph.nodes
    numbers = numbers_of(nodes)
    operands = [*map(attrgetter("operands"), nodes)]
    lengths = np.fromiter(map(len, operands), np.int64, len(nodes)) + 1
    head = np.concatenate([[0], np.cumsum(lengths)])
    kinds, values = _of_symbols(graph, numbers, head)
    flat = map(getattr, chain.from_iterable(operands), repeat("number"), repeat(-1))
    read = np.fromiter(flat, np.int64, int(head[-1]) - len(nodes))
    kind, value = np.full(head[-1], OPERATION, np.int16), np.empty(head[-1], np.int64)
    rest = np.ones(head[-1], bool)
    rest[head[:-1]] = False
    kind[rest], value[rest] = kinds[read], values[read]
    value[head[:-1]] = np.fromiter(map(id, map(attrgetter("op"), nodes)), np.int64, len(nodes))
    shown = numbers_of(graph.outputs)
    shown = values[shown[kinds[shown] == COMPUTED]]
    return Words(kind, value, head, numbers, nodes, shown)


def _of_symbols(graph: Graph, nodes: Index, head: Index) -> tuple[Kinds, Index]:
    """The kind and the value of each symbol, by its number; the last entry is for all floats."""
    kinds, values = np.full(graph.count + 1, UNKNOWN, np.int16), np.arange(graph.count + 1)
    kinds[nodes], values[nodes] = COMPUTED, head[:-1]
    kinds[numbers_of([*graph.met.values()])] = PARAMETER
    for k, symbols in enumerate(graph.inputs):
        kinds[numbers_of(symbols)] = INPUT + k
    kinds[-1], values[-1] = CONSTANT, 0
    return kinds, values
