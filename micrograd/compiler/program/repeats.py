"""Repeats: equal operations on equal operands are one node, the first of them.

Hash-based, in the order of the trace: operands are replaced before their users are looked up, so
that whole expressions that were written twice are computed once.
"""

from array import array
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.program.ir import Index
from micrograd.compiler.program.terms import Numbers
from micrograd.compiler.trace.parameter_order import MANY
from micrograd.ops import Op

Row = tuple[int, Op, Numbers]  # a node, its operation and its operands, by their numbers


class Repeats:
    """The nodes of a graph: those that are computed, and those that repeat one of them.

    `share` is whether repeats are looked for. An identity is always another name of its operand.
    """

    def __init__(self, count: int, share: bool):
        self.share = share
        self.first = array("q", range(count))  # of the nodes that are equal to each
        self.rows: list[Row] = []  # what is computed
        self.repeated: dict[int, int] = {}  # what is not, and the row that computes it
        self._firsts = np.frombuffer(self.first, np.int64)
        self._known: dict[Hashable, int] = {}
        self._unread: list[Numbers] = []  # the operands of what is not computed
        self._outputs: list[Numbers] = []

    def add(self, number: int, op: Op, operands: Numbers) -> None:
        operands = self._replaced(operands)
        if op is ops.identity:
            self.first[number] = operands[0]
            return
        first = self._known.setdefault(_key(op, operands), number) if self.share else number
        if first == number:
            self.rows.append((number, op, operands))
        else:
            self.first[number] = self.repeated[number] = first
            self._unread.append(operands)

    def output(self, numbers: Numbers) -> list[int]:
        self._outputs.append(self._replaced(numbers))
        return list(self._outputs[-1])

    def _replaced(self, numbers: Numbers) -> Numbers:
        if len(numbers) <= MANY:
            first = self.first
            return [x if x < 0 else first[x] for x in numbers]
        many = np.asarray(numbers, np.int64)
        return array("q", np.where(many < 0, many, self._firsts[many.clip(0)]).tobytes())

    def uses(self) -> tuple[Index, NDArray[np.bool_]]:
        """How often each node is read; and whether each of its copies was, exactly once."""
        n = len(self.first)
        uses = _counts([*self._outputs, *[operands for _, _, operands in self.rows]], n)
        if not self.repeated:
            return uses, uses == 1
        copies = 1 + _counts([list(self.repeated.values())], n)
        return uses, uses + _counts(self._unread, n) == copies


def _key(op: Op, operands: Numbers) -> Hashable:
    return (op, operands.tobytes()) if isinstance(operands, array) else (op, *operands)


def _counts(columns: Iterable[Numbers], n: int) -> Index:
    """How often each of the numbers 0 ... n - 1 occurs."""
    numbers = array("q")
    for column in columns:
        numbers.extend(column)
    read = np.frombuffer(numbers, np.int64)
    return np.bincount(read[read >= 0], minlength=n)
