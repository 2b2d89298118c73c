"""Flatten: a graph becomes sums of terms, and all other operations.

An addition that is used once joins the sum that uses it, a product that is used once becomes a term
of it. The policy says whether that may be.
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from micrograd import ops
from micrograd.compiler.program.guards import NONE
from micrograd.compiler.program.ir import Index
from micrograd.compiler.program.monoid import LARGEST, SUM
from micrograd.compiler.program.policy import Policy
from micrograd.compiler.program.terms import Numbers, Terms
from micrograd.compiler.trace.parameter_order import MANY
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Guards, Trace
from micrograd.ops import Op


@dataclass(slots=True)
class Flat:
    """A flattened graph: its sums and maps, by the number of the node."""

    floats: list[float]  # the last of them is number -1 - its place
    terms: dict[int, Terms]
    maps: dict[int, tuple[Op, Numbers]]
    outputs: dict[str, list[int]]
    unguarded: bool  # guards were left out


def flatten(trace: Trace, outputs: dict[str, list[Node]], policy: Policy) -> Flat:
    """The sums and maps that `outputs`, nodes of `trace`, depend on."""
    guards = policy.guards(trace, *outputs.values())
    return _Flattener(trace, policy, guards).flatten(outputs)


class _Flattener:
    def __init__(self, trace: Trace, policy: Policy, guards: Guards) -> None:
        self.trace, self.policy, self.guards = trace, policy, guards
        self.unguarded = False
        self.floats: list[float] = []
        self.terms: dict[int, Terms] = {}
        self.maps: dict[int, tuple[Op, Numbers]] = {}
        self.joins = b""  # whether each node may join the sum that uses it

    def flatten(self, outputs: dict[str, list[Node]]) -> Flat:
        same: dict[int, int] = {}  # an identity is another name of its operand
        rows: list[tuple[int, Op, Numbers]] = []
        for node in self.trace.computed(*outputs.values(), guards=self.guards):
            op, operands = self.policy.operation(node)
            if op in ops.GUARDS:
                op, operands = self._guard(op, operands)
            numbers = self._numbers(operands, node)
            if same:
                numbers = [same.get(x, x) for x in numbers]
            if op is ops.identity:
                same[node.number] = numbers[0]
            else:
                rows.append((node.number, op, numbers))
        known = {
            name: [same.get(x, x) for x in self._numbers(nodes)] for name, nodes in outputs.items()
        }
        columns = [*known.values(), *[numbers for _, _, numbers in rows]]
        self.joins = self._alone(self.policy.joins(_counts(columns, self.trace.count)))
        for number, op, operands in rows:
            self._place(number, op, operands)
        return Flat(self.floats, self.terms, self.maps, known, self.unguarded)

    def _alone(self, joins: bytes) -> bytes:
        """What a question depends on joins no sum: it is computed as the engine does, so that a tie
        falls on the same side."""
        if not self.trace.conditions:
            return joins
        result = bytearray(joins)
        for node in self.trace.computed(self.trace.conditions, guards=self.guards):
            result[node.number] = False
        return bytes(result)

    def _place(self, number: int, op: Op, operands: Numbers) -> None:
        """Makes a sum or a map of a node; those before it may join it."""
        if op in self.policy.maxima:
            self.terms[number] = Terms(single=self._maxima(operands[0]), combine=LARGEST)
        elif op in self.policy.sums:
            self.terms[number] = self._sum(op, operands)
        else:
            self.maps[number] = op, operands

    def _guard(self, op: Op, operands: tuple[Node, ...]) -> tuple[Op, tuple[Node, ...]]:
        """What a gradient passes on, with the operands that the guards need."""
        self.unguarded |= self.guards is NONE
        needed = operands[self.guards.get(op, slice(None))]
        if len(needed) == len(operands):
            return op, operands
        if len(needed) == 1:
            return ops.identity, needed
        return op, (1.0 if op is ops.passed else float("nan"), *needed)

    def _numbers(self, nodes: Sequence[Node], whose: Symbol | None = None) -> Numbers:
        if len(nodes) > MANY and whose is not None:
            numbers = self.trace.numbers(whose).copy()
            for k in np.flatnonzero(numbers < 0).tolist():
                numbers[k] = self._float(nodes[k])
            return array("q", numbers.tobytes())
        return [x.number if isinstance(x, Symbol) else self._float(x) for x in nodes]

    def _float(self, x: Node) -> int:
        assert not isinstance(x, Symbol)
        self.floats.append(x)
        return -len(self.floats)

    def _sum(self, op: Op, operands: Numbers) -> Terms:
        if op is ops.dot:
            left, right, bias = ops.weighted(operands)
            terms = Terms(left, right)
            self._add(terms, bias)
            return terms
        first = operands[0] if len(operands) else self._float(0.0)
        if self._is_sum(first):
            terms = self.terms.pop(first)  # a long chain grows in place: linear, not quadratic
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
            terms.join(self.terms.pop(x))
        elif self._is_product(x):
            left, right = self.maps.pop(x)[1]
            terms.left.append(left)
            terms.right.append(right)
        elif x >= 0 or self.policy.is_term(self.floats[-1 - x]):
            terms.single.append(x)

    def _subtract(self, terms: Terms, x: int) -> None:
        if self._is_product(x):
            left, right = self.maps.pop(x)[1]
            terms.subtracted_left.append(left)
            terms.subtracted_right.append(right)
        else:
            terms.left.append(self._float(-1.0))
            terms.right.append(x)

    def _is_product(self, x: int) -> bool:
        return self._joins(x, self.maps) and self.maps[x][0] is ops.mul

    def _is_sum(self, x: int) -> bool:
        return self._joins(x, self.terms) and self.terms[x].combine is SUM

    def _maxima(self, x: int) -> Numbers:
        """What x is the largest of: softmax takes the largest of its scores out, as a constant."""
        leaves: Numbers = []
        stack = [x]
        while stack:
            x = stack.pop()
            if self._joins(x, self.maps) and self.maps[x][0] is LARGEST.op:
                stack += reversed(self.maps.pop(x)[1])
            else:
                leaves.append(x)
        return leaves

    def _joins(self, x: int, among: Collection[int]) -> bool:
        return x >= 0 and x in among and bool(self.joins[x])


def _counts(columns: Iterable[Numbers], n: int) -> Index:
    """How often each of the numbers 0 ... n - 1 occurs."""
    numbers = array("q")
    for column in columns:
        numbers.extend(column)
    read = np.frombuffer(numbers, np.int64)
    return np.bincount(read[read >= 0], minlength=n)
