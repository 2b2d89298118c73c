"""Columns: the nodes of a graph for many examples, in NumPy, computed on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.trace.questions import Example
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.operation import elementwise

Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]

# Computed alike by NumPy and by the engine; the last bit of other functions may differ.
IN_NUMPY = {ops.add, ops.sub, ops.mul, ops.div, ops.neg, ops.where, ops.take}


@dataclass(frozen=True)
class Examples:
    """Examples of a call: for each input an array, of a row for each, or of one that all share."""

    inputs: list[Numbers]
    parameters: Mapping[Any, float]  # those that differ from the Values' own numbers
    n: int

    def of(self, rows: Rows) -> "Examples":
        """Some of them."""
        inputs = [x[rows] if len(x) > 1 else x for x in self.inputs]
        return Examples(inputs, self.parameters, len(rows))

    def example(self, k: int) -> Example:
        return Example([x[k if len(x) > 1 else 0].tolist() for x in self.inputs], self.parameters)


class Columns:
    """The numbers of nodes, for some examples; with `exact`, to the bit those of the engine."""

    def __init__(self, graph: Trace, examples: Examples, exact: bool = False):
        self.examples, self._exact = examples, exact
        self._known: dict[int, Any] = {}

    def of(self, x: Node) -> Any:
        """The number of a node for each example."""
        if not isinstance(x, Symbol):
            return np.full(self.examples.n, x)
        known = self._known
        if x.number not in known:
            self._compute(x)
        found = known[x.number]
        return found if len(found) == self.examples.n else np.broadcast_to(found, self.examples.n)

    def _compute(self, x: Symbol) -> None:
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

    def _number(self, node: Symbol) -> Any:
        if node.op is None:
            if isinstance(node.source, tuple):
                argument, place = node.source
                return self.examples.inputs[argument][:, place]
            return np.array([Example((), self.examples.parameters).number(node.source)])
        operands = [self._known[y.number] if isinstance(y, Symbol) else y for y in node.operands]
        if node.op is ops.sum:
            return reduce(np.add, operands, np.zeros(1))
        if self._exact and node.op not in IN_NUMPY and not node.op.boolean:
            return np.atleast_1d(np.asarray(elementwise(node.op, tuple(operands)), float))
        return np.atleast_1d(node.op(*operands))
