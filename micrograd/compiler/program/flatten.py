"""Flatten: a graph becomes sums of terms, and all other operations.

An addition that is used once joins the sum that uses it, a product that is used once becomes a term
of it. Equal operations on equal operands are one node. The policy says whether that may be.
"""

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from micrograd import ops
from micrograd.compiler.program.guards import NONE
from micrograd.compiler.program.monoid import LARGEST, SUM
from micrograd.compiler.program.policy import WHOLE, Policy
from micrograd.compiler.program.repeats import Repeats
from micrograd.compiler.program.terms import Numbers, Terms
from micrograd.compiler.trace.recurrence import LOOP, RESULT, Recurrence
from micrograd.compiler.trace.symbol import MANY, Node, Symbol
from micrograd.compiler.trace.trace import Guards, Trace
from micrograd.lazy import cached_property
from micrograd.ops import Op

T = TypeVar("T")

_REWRITTEN = frozenset({RESULT, ops.norm, ops.pow, *ops.GUARDS})  # what may not stay as it is


@dataclass(slots=True)
class Loop:
    """A recurrence of the graph, the last sum or map before it (-1: none), and those of its results
    that are needed."""

    recurrence: Recurrence
    after: int
    results: list[Symbol] = field(default_factory=list[Symbol])


@dataclass(slots=True)
class Flat:
    """A flattened graph: its sums and maps, by the number of the node."""

    floats: list[float]  # the last of them is number -1 - its place
    terms: dict[int, Terms]
    maps: dict[int, tuple[Op, Numbers]]
    outputs: dict[str, list[int]]
    repeats: dict[int, int]  # nodes that repeat an earlier one
    unguarded: bool  # guards were left out
    same: Numbers  # of each node, the first that is equal to it; of an identity, its operand
    loops: dict[int, Loop]


def flatten(trace: Trace, outputs: dict[str, list[Node]], policy: Policy) -> Flat:
    """The sums and maps that `outputs`, nodes of `trace`, depend on."""
    guards = policy.guards(trace, *outputs.values())
    return _Flattener(trace, policy, guards).flatten(outputs)


class _Flattener:
    def __init__(self, trace: Trace, policy: Policy, guards: Guards) -> None:
        self.trace, self.policy, self.guards = trace, policy, guards
        self.unguarded = False
        self.floats: list[float] = []
        self.places: dict[str, int] = {}  # of the floats among them
        self.terms: dict[int, Terms] = {}
        self.maps: dict[int, tuple[Op, Numbers]] = {}
        self.repeats = Repeats(trace.count, policy.shares)
        self.joins = b""  # how each node may join the sums that use it
        self.uses: Numbers = []  # of each node, those that have not joined a sum

    def flatten(self, outputs: dict[str, list[Node]]) -> Flat:
        repeats = self.repeats
        loops: dict[int, Loop] = {}
        for node in self.trace.computed(*outputs.values(), guards=self.guards):
            op, operands = node.op, node.operands
            if op in _REWRITTEN:
                if op is RESULT:
                    loops[operands[0].number].results.append(node)  # type: ignore[union-attr]
                    continue
                op, operands = self._rewritten(node)
            assert op is not None
            numbers = self._numbers(operands, node)
            if op is LOOP:
                loops[node.number] = Loop(node.source, repeats.rows[-1][0] if repeats.rows else -1)
                repeats.output(numbers)
            else:
                repeats.add(node.number, op, numbers)
        known = {name: repeats.output(self._numbers(nodes)) for name, nodes in outputs.items()}
        uses, every_copy_once = repeats.uses()
        self.uses = array("q", uses.tobytes())
        self.joins = self._alone(self.policy.joins(uses, every_copy_once))
        for number, op, operands in repeats.rows:
            self._place(number, op, operands)
        return Flat(
            self.floats,
            self.terms,
            self.maps,
            known,
            repeats.repeated,
            self.unguarded,
            repeats.first,
            loops,
        )

    def _alone(self, joins: bytes) -> bytes:
        """`joins`, but 0 for operands of conditions: they are computed in the engine's order, so
        that ties are decided in the same way."""
        if not self.trace.conditions:
            return joins
        result = bytearray(joins)
        for node in self.trace.computed(self.trace.conditions, guards=self.guards):
            result[self.repeats.first[node.number]] = False
        return bytes(result)

    def _place(self, number: int, op: Op, operands: Numbers) -> None:
        """Makes a sum or a map of a node; those before it may join it."""
        if op in self.policy.maxima:
            self.terms[number] = Terms(single=self._maxima(operands[0]), combine=LARGEST)
        elif op in self.policy.sums:
            self.terms[number] = self._sum(op, operands)
        else:
            self.maps[number] = op, operands

    def _rewritten(self, node: Symbol) -> tuple[Op, tuple[Node, ...]]:
        """The operation that stands for a node, and its operands."""
        op, operands = self.policy.operation(node)
        return self._guard(op, operands) if op in ops.GUARDS else (op, operands)

    def _guard(self, op: Op, operands: tuple[Node, ...]) -> tuple[Op, tuple[Node, ...]]:
        """The operation of a guard, with those of its operands that are needed."""
        self.unguarded |= self.guards is NONE
        needed = operands[self.guards.get(op, slice(None))]
        if len(needed) == len(operands):
            return op, operands
        if len(needed) == 1:
            return ops.identity, needed
        return op, (1.0 if op is ops.passed else float("nan"), *needed)

    def _numbers(self, nodes: Sequence[Node], whose: Symbol | None = None) -> Numbers:
        """The numbers of nodes, each the first of its equals."""
        if len(nodes) > MANY and whose is not None:
            numbers = self.trace.numbers(whose).copy()
            for k in np.flatnonzero(numbers < 0).tolist():
                numbers[k] = self._float(nodes[k])
            return self.repeats.replaced(numbers)
        first = self.repeats.first
        return [self._float(x) if x.__class__ is float else first[x.number] for x in nodes]  # type: ignore[union-attr]

    def _float(self, x: Node) -> int:
        assert isinstance(x, float)
        place = self.places.setdefault(x.hex(), len(self.floats))
        if place == len(self.floats):
            self.floats.append(x)
        return -1 - place

    @cached_property
    def _minus_one(self) -> int:
        return self._float(-1.0)

    def _sum(self, op: Op, operands: Numbers) -> Terms:
        if op is ops.dot:
            left, right, bias = ops.weighted(operands)
            terms = Terms(left, right)
            self._add(terms, bias)
            return terms
        first = operands[0] if len(operands) else self._float(0.0)
        if self._is_sum(first):
            terms = self._taken(first, self.terms)  # a long chain grows in place: it stays linear
            terms = terms.copy() if first in self.terms else terms
        else:
            terms = Terms()
            self._add(terms, first)
        for x in operands[1:]:
            if op is ops.sub:
                self._subtract(terms, x)
            else:
                self._add(terms, x)
        return terms

    def _add(self, terms: Terms, x: int) -> None:
        if self._is_sum(x):
            terms.join(self._taken(x, self.terms))
        elif self._is_product(x):
            left, right = self._taken(x, self.maps)[1]
            terms.left.append(left)
            terms.right.append(right)
        elif x >= 0 or self.policy.is_term(self.floats[-1 - x]):
            terms.single.append(x)

    def _subtract(self, terms: Terms, x: int) -> None:
        if self._is_product(x):
            left, right = self._taken(x, self.maps)[1]
            terms.subtracted_left.append(left)
            terms.subtracted_right.append(right)
        else:
            terms.left.append(self._minus_one)
            terms.right.append(x)

    def _is_product(self, x: int) -> bool:
        return self._joins(x, self.maps) and self.maps[x][0] is ops.mul

    def _is_sum(self, x: int) -> bool:
        if not self._joins(x, self.terms) or self.terms[x].combine is not SUM:
            return False
        return self.joins[x] == WHOLE or len(self.terms[x]) == 1

    def _maxima(self, x: int) -> Numbers:
        """The numbers of which x is the maximum. Softmax subtracts the maximum as a constant."""
        leaves: Numbers = []
        stack = [x]
        while stack:
            x = stack.pop()
            if self._joins(x, self.maps) and self.maps[x][0] is LARGEST.op:
                stack += reversed(self._taken(x, self.maps)[1])
            else:
                leaves.append(x)
        return leaves

    def _joins(self, x: int, among: Collection[int]) -> bool:
        return x >= 0 and x in among and bool(self.joins[x])

    def _taken(self, x: int, among: dict[int, T]) -> T:
        """The terms of a node, for a sum that uses it. They are removed for its last user."""
        self.uses[x] -= 1
        return among[x] if self.uses[x] else among.pop(x)
