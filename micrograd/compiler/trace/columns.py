"""Columns: the nodes of a graph for many examples, in NumPy, computed where they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.trace.questions import Example
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace

Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Examples of a call: for each input an array, of a row for each, or of one that all share."""

    inputs: list[Numbers]
    parameters: Mapping[Any, float]  # those that differ from the Values' own numbers
    n: int

    def example(self, k: int) -> Example:
        return Example([x[k if len(x) > 1 else 0].tolist() for x in self.inputs], self.parameters)


class Columns:
    """The numbers of nodes, for some examples."""

    def __init__(self, graph: Trace, examples: Examples):
        self.examples = examples
        self._known: dict[int, Any] = {}

    def of(self, x: Symbol) -> Any:
        """The number of a node for each example."""
        known, stack = self._known, [x]
        with np.errstate(all="ignore"):
            while stack:
                node = stack[-1]
                missing = [
                    y for y in node.operands if isinstance(y, Symbol) and y.number not in known
                ]
                if missing:
                    stack += missing
                    continue
                stack.pop()
                if node.number not in known:
                    known[node.number] = self._number(node)
        return np.broadcast_to(known[x.number], (self.examples.n,))

    def _number(self, node: Symbol) -> Any:
        if node.op is None:
            if isinstance(node.source, tuple):
                argument, place = node.source
                return self.examples.inputs[argument][:, place]
            return np.array(Example((), self.examples.parameters).number(node.source))
        operands = [self._known[y.number] if isinstance(y, Symbol) else y for y in node.operands]
        if node.op is ops.sum:
            return reduce(np.add, operands, np.zeros(1))
        return np.asarray(node.op(*operands))
