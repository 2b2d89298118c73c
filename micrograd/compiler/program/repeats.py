"""Repeats: elimination of common subexpressions, by hash consing.

Nodes with the same operation and the same operands are replaced by the first of them. Operands are
replaced before the nodes that use them are looked up, so whole expressions that are written twice
are computed once.
"""

from array import array
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.program.ir import Index
from micrograd.compiler.program.terms import Numbers
from micrograd.ops import Op

Row = tuple[int, Op, Numbers]  # a node, its operation and its operands, by their numbers


class Repeats:
    """The nodes of a graph: those that are computed, and those that are equal to one of them.

    If `share` is false, only identities are replaced, by their operands.
    """

    def __init__(self, count: int, share: bool):
        self.share = share
        self.first = array("q", range(count))  # for each node, the first that is equal to it
        self.rows: list[Row] = []  # the nodes that are computed
        self.repeated: dict[int, int] = {}  # the others, each with its first equal node
        self._firsts = np.frombuffer(self.first, np.int64)
        self._known: dict[Hashable, int] = {}
        self._unread: list[Numbers] = []  # the operands of the others
        self._outputs: list[Numbers] = []

    def add(self, number: int, op: Op, operands: Numbers) -> None:
        """A node whose operands are first ones already."""
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
        self._outputs.append(numbers)
        return list(numbers)

    def replaced(self, numbers: Index) -> Numbers:
        """Many nodes, by the first of their equals."""
        return array("q", np.where(numbers < 0, numbers, self._firsts[numbers.clip(0)]).tobytes())

    def uses(self) -> tuple[Index, NDArray[np.bool_]]:
        """How often each node is read; and whether it and its copies are each read exactly once."""
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
