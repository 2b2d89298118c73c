"""Alike: numbers of a program that have one formula become examples of it.

A Jacobian has a row for each result of a function. Results of one block with one kind of operands,
down to the inputs, differ only in which numbers they read: so the whole formula is written once,
and each result is an example that reads its own numbers. What results share is computed for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import Block, Index, Instruction, Map, Program, Sum
from micrograd.compiler.program.monoid import SUM


class Reading:
    """For each example, the place in a block that is read; in a product, as a divisor or not."""

    __slots__ = ("block", "divides", "index", "key")

    def __init__(self, block: Block, index: Index, divides: bool = False) -> None:
        self.block, self.index, self.divides = block, index, divides
        self.key = block, index.tobytes()

    def at(self, index: Index) -> "Reading":
        return Reading(self.block, index, self.divides)


Product = Sequence[Reading]
Step = tuple[Instruction, list[list[int]]]  # the operands of a Map, or the factors of each term


@dataclass
class Alike:
    """Examples of one formula: `steps` compute it from the numbers that `leaves` read, and the
    result is the product of `factors`, which are places among leaves and steps."""

    rows: Index  # which results they are
    leaves: list[Reading] = field(default_factory=list[Reading])
    steps: list[Step] = field(default_factory=list[Step])
    order: list[tuple[bool, int]] = field(default_factory=list[tuple[bool, int]])
    factors: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])

    def __call__(self, leaves: Sequence[Any]) -> Any:
        """The result, of the numbers that the leaves read."""
        numbers: list[Any] = []
        for is_leaf, place in self.order:
            numbers.append(leaves[place] if is_leaf else _computed(*self.steps[place], numbers))
        return reduce(_times, [(numbers[k], divides) for k, divides in self.factors], 1.0)

    @property
    def work(self) -> int:
        """How many operands all examples read together."""
        return len(self.rows) * sum(len(places) for _, parts in self.steps for places in parts)


def _times(x: Any, factor: tuple[Any, bool]) -> Any:
    y, divides = factor
    return ops.div(x, y) if divides else y if x.__class__ is float and x == 1.0 else ops.mul(x, y)


def _computed(instruction: Instruction, parts: list[list[int]], numbers: list[Any]) -> Any:
    if isinstance(instruction, Map):
        return instruction.op(*[numbers[k] for k in parts[0]])
    terms = [reduce(ops.mul, [numbers[k] for k in factors]) for factors in parts]
    if instruction.combine is SUM:
        return ops.sum(*terms) if len(terms) != 1 else terms[0]
    return reduce(instruction.combine.op, terms)


def alike(
    program: Program, products: Sequence[tuple[Index, Product]], most: int
) -> list[Alike] | None:
    """The examples of each formula, of products of numbers of a program, which are results with
    these numbers; None if the formulas have more than `most` steps together."""
    found, left = [], most
    blocks = _Blocks(program)
    for numbers, product in products:
        waiting = [np.arange(len(numbers))]
        while waiting:
            rows = waiting.pop()
            one = _Formula(blocks, [x.at(x.index[rows]) for x in product])
            apart = one.write(left)
            if one.steps_left < 0:
                return None
            if apart is None:
                left = one.steps_left
                found.append(Alike(numbers[rows], one.leaves, one.steps, one.order, one.factors))
            else:
                waiting += [rows[apart == k] for k in np.unique(apart)[::-1]]
    return found


class _Blocks:
    """The instructions by the block that they compute."""

    def __init__(self, program: Program) -> None:
        self.of: dict[Block, list[Instruction]] = {}
        for instruction in program.instructions:
            self.of.setdefault(instruction.out, []).append(instruction)
        self.starts = {
            block: np.array([i.start for i in instructions])
            for block, instructions in self.of.items()
        }

    def which(self, reading: Reading) -> Index:
        """The instruction that computes each number."""
        return np.searchsorted(self.starts[reading.block], reading.index, "right") - 1


class _Formula:
    """The formula of some examples, as far as they have one."""

    def __init__(self, blocks: _Blocks, product: Product) -> None:
        self.blocks, self.product = blocks, product
        self.leaves: list[Reading] = []
        self.steps: list[Step] = []
        self.order: list[tuple[bool, int]] = []
        self.factors: list[tuple[int, bool]] = []
        self.steps_left = 0

    def write(self, most: int) -> Index | None:
        """Writes it. Where the examples are computed by several instructions it ends, and says by
        which each is."""
        places: dict[Any, int] = {}
        read: dict[Any, tuple[Instruction, list[list[Reading]]]] = {}
        stack = [*reversed(self.product)]
        self.steps_left = most
        while stack:
            reading = stack[-1]
            if reading.key in places:
                stack.pop()
                continue
            if reading.block in self.blocks.of:
                if reading.key not in read:
                    which = self.blocks.which(reading)
                    if (which != which[0]).any():
                        return which
                    instruction = self.blocks.of[reading.block][which[0]]
                    read[reading.key] = instruction, [*_parts(instruction, reading.index)]
                    self.steps_left -= 1
                    if self.steps_left < 0:
                        return None
                instruction, parts = read[reading.key]
                new = [x for part in parts for x in part if x.key not in places]
                if new:
                    stack += new
                    continue
                self.order.append((False, len(self.steps)))
                self.steps.append((instruction, [[places[x.key] for x in part] for part in parts]))
            else:
                self.order.append((True, len(self.leaves)))
                self.leaves.append(reading)
            places[reading.key] = len(places)
            stack.pop()
        self.factors = [(places[x.key], x.divides) for x in self.product]
        return None


def _parts(instruction: Instruction, index: Index) -> Iterator[list[Reading]]:
    """What members of a block read: the operands, or the factors of each term."""
    members = index - instruction.start
    if isinstance(instruction, Map):
        yield [Reading(x.block, x.index[members]) for x in instruction.operands]
        return
    assert isinstance(instruction, Sum)
    for product in instruction.products:
        for t in range(product[0].index.shape[1]):
            yield [Reading(x.block, x.index[members, t]) for x in product]
