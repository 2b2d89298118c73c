"""Merged: all known paths as one ordinary graph. Each result is chosen by nested `where`.

An example on an unknown path gets NaN, and a negative number as its `path`. The graph is built in
the order of the trie, so that it does not depend on the order in which paths were found.
"""

import math
from collections.abc import Callable
from typing import Any

from micrograd import ops
from micrograd.compiler.trace.known import Known, Spot
from micrograd.compiler.trace.paths import Leaf, alike
from micrograd.compiler.trace.symbol import Condition, Node, Symbol, as_number
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import Value


class Merged(Trace):
    """The graph of all known paths. The `path` of an example at the k-th unknown place is -1 - k,
    and 0 elsewhere. `conditions` holds those of all questions.

    `before` are parameters that come first, in their order; new ones follow.
    """

    def __init__(self, known: Known, before: tuple[Value, ...] = ()):
        paths = known.paths
        super().__init__(paths.numbers_only)
        assert paths.first is not None
        self.inputs = [
            [Symbol(self, None, (), x.source) for x in symbols] for symbols in paths.graph.inputs
        ]
        self.output_structure = paths.first.output_structure
        self.output_shapes = paths.first.output_shapes
        self._copies: dict[int, Symbol] = {}
        self._of_norms = paths.graph.of_norms
        for mine, own in zip(self.inputs, paths.graph.inputs):
            self._copies.update(zip([x.number for x in own], mine))
        self._trie = known
        self._conditions: dict[int, Symbol] = {}
        self._results: dict[int, list[Node]] = {}
        unknown: dict[int, float] = {}
        for spot in known.spots:
            if spot.condition is not None:
                self._conditions[id(spot)] = self._copied(spot.condition)
            elif spot.leaf is not None:
                self._results[id(spot)] = self._copied_results(spot.leaf)
            else:
                unknown[id(spot)] = -1.0 - len(unknown)
        self.conditions = [*self._conditions.values()]
        self.outputs = self.on_each_path(list)
        if unknown:
            (self.path,) = self._chosen(lambda spot: [unknown.get(id(spot), 0.0)])
        for value in before:  # also those of paths that are left out
            self.symbol(value)
        self.order_parameters(before)

    def on_each_path(self, of: Callable[[list[Node]], list[Node]]) -> list[Node]:
        return self._chosen(
            lambda spot: of(self._results[id(spot)]) if id(spot) in self._results else None
        )

    def _chosen(self, at: Callable[[Spot], list[Node] | None]) -> list[Node]:
        """The numbers at the place that an example reaches; where there are none, NaN."""
        chosen: dict[int, list[Node] | None] = {}
        for spot in reversed(self._trie.spots):
            condition = self._conditions.get(id(spot))
            if condition is not None:
                yes, no = chosen[id(spot.yes)], chosen[id(spot.no)]
                chosen[id(spot)] = self._either(condition, yes, no)
            else:
                chosen[id(spot)] = at(spot)
        return chosen[id(self._trie.root)] or []

    def _copied_results(self, leaf: Leaf) -> list[Node]:
        results = [*map(self._copied, leaf.outputs)]
        for node in leaf.takes:  # also those that no result depends on
            self._copied(node)
        return results

    def _either(
        self, condition: Symbol, yes: list[Node] | None, no: list[Node] | None
    ) -> list[Node] | None:
        if yes is None and no is None:
            return None
        nowhere = [math.nan] * len(yes or no or [])
        return [
            x if alike(x, y) else Symbol(self, ops.where, (condition, as_number(x), as_number(y)))
            for x, y in zip(nowhere if yes is None else yes, nowhere if no is None else no)
        ]

    def _copied(self, x: Node) -> Any:
        """A node of the paths' graph in this one, with all it depends on."""
        if not isinstance(x, Symbol):
            return x
        known, stack = self._copies, [x]
        while stack:
            node = stack[-1]
            below = node.operands if node.op is None or node.source is None else (
                *node.operands, node.source
            )  # fmt: skip
            missing = [y for y in below if isinstance(y, Symbol) and y.number not in known]
            if missing:
                stack += missing
                continue
            stack.pop()
            if node.number not in known:
                known[node.number] = self._copy(node)
        return known[x.number]

    def _copy(self, node: Symbol) -> Symbol:
        if node.op is None:
            return self.symbol(node.source)
        operands = [self._copies[y.number] if isinstance(y, Symbol) else y for y in node.operands]
        source = None if node.source is None else self._copies[node.source.number]
        kind = Condition if isinstance(node, Condition) else Symbol
        copy = kind(self, node.op, tuple(operands), source)
        if node.number in self._of_norms:
            self.of_norms.add(copy.number)
        return copy
