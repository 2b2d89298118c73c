"""The order of the parameters of a trace: the weights of a layer lie side by side, however its sums
were written.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.trace.symbol import Node, Symbol

MANY = 16  # operands: from here on an array of their numbers is quicker than Python

Index = NDArray[np.int64]


class Graph(Protocol):
    """A trace, as far as its parameters are concerned."""

    count: int
    nodes: list[Symbol]
    met: dict[Any, Symbol]

    def numbers(self, node: Symbol) -> Index: ...


def in_order(graph: Graph, numbers: Index, before: Sequence[Any] = ()) -> Index:
    """The places of the parameters met: first those `before`, then weights, in the order in which
    they weigh, then all others as they were met. `numbers` has those of their symbols."""
    n = len(numbers)
    place = np.full(graph.count + 1, -1)  # of a parameter among them; of anything else, -1
    place[numbers] = np.arange(n)
    first = place[[graph.met[value].number for value in before]] if before else np.arange(0)
    weights = _weights(graph, place) if n else []
    return _without_repeats(np.concatenate([first, *weights, np.arange(n)]), n)


def _weights(graph: Graph, place: Index) -> Iterator[Any]:
    """The places of the parameters that are one factor of a product, not both."""
    at = place.data  # where operands are few, this is quicker
    for node in graph.nodes:
        if node.op is not ops.mul and node.op is not ops.dot:
            continue
        if len(node.operands) > 2 * MANY:
            left, right, _ = ops.weighted(place[graph.numbers(node)])
            yield np.maximum(left, right)[(left < 0) != (right < 0)]
        else:
            few = [at[x.number] if isinstance(x, Symbol) else -1 for x in node.operands]
            left, right, _ = ops.weighted(few if node.op is ops.dot else [*few, -1])
            pairs = zip(left, right)
            yield np.array([max(pair) for pair in pairs if min(pair) < 0 <= max(pair)], int)


def numbers_of(nodes: Sequence[Node]) -> Index:
    """The numbers of nodes; of a float, -1."""
    try:
        return np.fromiter(map(attrgetter("number"), nodes), np.int64, len(nodes))
    except AttributeError:  # floats among them
        return np.array([x.number if isinstance(x, Symbol) else -1 for x in nodes], np.int64)


def _without_repeats(places: Index, n: int) -> Index:
    """Each of the places 0 ... n - 1, all of which are there, where it comes first."""
    first = np.empty(n, np.int64)
    first[places[::-1]] = np.arange(len(places))[::-1]  # the last one written stays
    return np.argsort(first, kind="stable")
