"""Row formulas: rows of a Jacobian that are computed by the same formula.

A Jacobian has one row for each result of a function. Two results have the same formula if they are
members of one block, and so are their operands, down to the inputs: they differ only in the numbers
that they read. Such a formula is written once, and computes many rows. A number that several rows
need is computed again for each of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import Block, Computation, Index, Map, Program, Sum
from micrograd.compiler.program.monoid import SUM


class Reading:
    """An operand of a formula: the member of `block` that each row reads.

    As a factor of a product it may be a divisor.
    """

    __slots__ = ("block", "divides", "index", "key")

    def __init__(self, block: Block, index: Index, divides: bool = False) -> None:
        self.block, self.index, self.divides = block, index, divides
        self.key = block, index.tobytes()

    def at(self, index: Index) -> "Reading":
        return Reading(self.block, index, self.divides)


Product = Sequence[Reading]
Step = tuple[Computation, list[list[int]]]  # the operands of a Map, or the factors of each term


@dataclass
class RowFormula:
    """A formula, and the rows that it computes.

    Each node is a number that is read, or a step that is computed from earlier nodes. The result is
    the product of some nodes.
    """

    rows: Index
    nodes: list[Reading | Step]
    factors: list[tuple[int, bool]]  # the index of a node, and whether it is a divisor

    @property
    def leaves(self) -> list[Reading]:
        """The numbers that are read."""
        return [node for node in self.nodes if isinstance(node, Reading)]

    @property
    def work(self) -> int:
        """The number of operands of all steps, for all rows."""
        steps = [node for node in self.nodes if not isinstance(node, Reading)]
        return len(self.rows) * sum(len(part) for _, parts in steps for part in parts)

    def __call__(self, leaves: Sequence[Any]) -> Any:
        """The result for one row, given the numbers that it reads."""
        unread, numbers = iter(leaves), list[Any]()
        for node in self.nodes:
            leaf = isinstance(node, Reading)
            numbers.append(next(unread) if leaf else _computed(*node, numbers))
        return reduce(_times, [(numbers[k], divides) for k, divides in self.factors], 1.0)


def _times(x: Any, factor: tuple[Any, bool]) -> Any:
    y, divides = factor
    return ops.div(x, y) if divides else y if x.__class__ is float and x == 1.0 else ops.mul(x, y)


def _computed(instruction: Computation, parts: list[list[int]], numbers: list[Any]) -> Any:
    if isinstance(instruction, Map):
        return instruction.op(*[numbers[k] for k in parts[0]])
    assert isinstance(instruction, Sum), "a function that asks no questions has no branches"
    terms = [reduce(ops.mul, [numbers[k] for k in factors]) for factors in parts]
    if instruction.combine is SUM:
        return ops.sum(*terms) if len(terms) != 1 else terms[0]
    return reduce(instruction.combine.op, terms)


def row_formulas(
    program: Program, products: Sequence[tuple[Index, Product]], most_steps: int
) -> list[RowFormula] | None:
    """The formulas of results that are products of numbers of a program.

    `products` holds row numbers, and the product that each of these rows is. Returns None if all
    formulas together need more than `most_steps` steps.
    """
    found, steps_left = list[RowFormula](), most_steps
    blocks = _Blocks(program)
    for rows, product in products:
        waiting = [np.arange(len(rows))]
        while waiting:
            part = waiting.pop()
            writer = _Writer(blocks, steps_left)
            try:
                formula = writer.formula(rows[part], [x.at(x.index[part]) for x in product])
            except _TooLong:
                return None
            except _Differs as error:
                which = error.which
                waiting += [part[which == k] for k in np.unique(which)[::-1]]
            else:
                found.append(formula)
                steps_left = writer.steps_left
    return found


class _Blocks:
    """The instructions that compute each block."""

    def __init__(self, program: Program) -> None:
        self.of: dict[Block, list[Computation]] = {}
        for instruction in program.computations:
            self.of.setdefault(instruction.out, []).append(instruction)
        self.starts = {
            block: np.array([i.start for i in instructions])
            for block, instructions in self.of.items()
        }

    def which(self, reading: Reading) -> Index:
        """For each row, the index of the instruction that computes what it reads."""
        return np.searchsorted(self.starts[reading.block], reading.index, "right") - 1


class _TooLong(Exception):
    """The formula needs more steps than are allowed."""


class _Differs(Exception):
    """The rows have several formulas: `which` instruction computes an operand of each row."""

    def __init__(self, which: Index) -> None:
        self.which = which


class _Writer:
    """Writes the formula of some rows, operands first."""

    def __init__(self, blocks: _Blocks, steps_left: int) -> None:
        self.blocks, self.steps_left = blocks, steps_left
        self.nodes: list[Reading | Step] = []
        self.positions: dict[Any, int] = {}  # in `nodes`, by the key of a reading
        self.computations: dict[Any, tuple[Computation, list[list[Reading]]]] = {}

    def formula(self, rows: Index, product: Product) -> RowFormula:
        """The formula of these rows. Raises _Differs if they have several, and _TooLong."""
        stack = [*reversed(product)]
        while stack:
            if missing := self._missing(stack[-1]):
                stack += missing
            else:
                self._append(stack.pop())
        return RowFormula(rows, self.nodes, [(self.positions[x.key], x.divides) for x in product])

    def _missing(self, reading: Reading) -> list[Reading]:
        """The operands that have no node yet."""
        if reading.key in self.positions or reading.block not in self.blocks.of:
            return []
        _, parts = self._computation(reading)
        return [x for part in parts for x in part if x.key not in self.positions]

    def _append(self, reading: Reading) -> None:
        if reading.key in self.positions:
            return
        node: Reading | Step = reading
        if reading.block in self.blocks.of:
            instruction, parts = self._computation(reading)
            node = instruction, [[self.positions[x.key] for x in part] for part in parts]
        self.positions[reading.key] = len(self.nodes)
        self.nodes.append(node)

    def _computation(self, reading: Reading) -> tuple[Computation, list[list[Reading]]]:
        """The instruction that computes what the rows read, and its operands."""
        if reading.key not in self.computations:
            which = self.blocks.which(reading)
            if (which != which[0]).any():
                raise _Differs(which)
            if self.steps_left == 0:
                raise _TooLong
            self.steps_left -= 1
            instruction = self.blocks.of[reading.block][which[0]]
            self.computations[reading.key] = instruction, [*_parts(instruction, reading.index)]
        return self.computations[reading.key]


def _parts(instruction: Computation, index: Index) -> Iterator[list[Reading]]:
    """The operands of a Map, or the factors of each term, for members of its block."""
    members = index - instruction.start
    if isinstance(instruction, Map):
        yield [Reading(x.block, x.index[members]) for x in instruction.operands]
        return
    assert isinstance(instruction, Sum)
    for product in instruction.products:
        for t in range(product[0].index.shape[1]):
            yield [Reading(x.block, x.index[members, t]) for x in product]
