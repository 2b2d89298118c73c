"""Adjoint: a program becomes the program that also computes its gradient.

Reverse mode, block by block. The derivative of a `Map` is the derivative of its row, run on whole
blocks; that of a `Sum` is its other factor. What an instruction adds to the gradients of the
scalars that it gathered is noted as index arrays: target, and the factors of a product. When all
users of a block are done, its notes are sorted by target; targets with equally many notes of each
source are a run, and each run is a `Sum` again: so the backward pass rolls into matrix products by
the same rule. What flows from varying to uniform is a sum over examples.
"""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import (
    Block,
    Gather,
    Index,
    Instruction,
    Map,
    Product,
    Program,
    Sum,
    weighted_total,
)
from micrograd.compiler.trace.errors import chosen_by_if
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar


class Rows(Scalar):
    """One scalar for each member of an instruction: what a row's derivative runs on."""

    __slots__ = ("gather", "pass_")
    rank = 2

    def __init__(self, pass_: "_Adjoint", gather: Gather):
        self.pass_ = pass_
        self.gather = gather

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _emit


def _emit(op: Op, operands: tuple[Any, ...]) -> Any:
    if op is ops.mul:  # by one, as the chain rule begins
        for x, y in (operands, operands[::-1]):
            if isinstance(x, float) and x == 1.0:
                return y
    rows = next(x for x in operands if isinstance(x, Rows))
    return rows.pass_.map(op, operands, len(rows.gather))


@dataclass(slots=True)
class Note:
    """target[k] gains the product over `factors` of factor[k], for every k."""

    target: Index
    factors: list[Gather]


def add_adjoint(
    program: Program, per_example: bool, guarded: bool = False, summed: tuple[int, ...] = ()
) -> None:
    """Adds the gradients of output "value", one number, with respect to the parameters and inputs.

    Each example counts as `seed` says. `per_example` asks for the inputs' gradients, which vary:
    "gradient 0", "gradient 1", ...; else the answers are sums over the examples: "value", and
    "gradient" of the parameters. The gradients of the inputs that are `summed` are such sums, too.

    A gradient of zero passes nothing on, not even to what is infinite. `guarded` sees to it at
    every product; without, 0 * inf shows as a NaN in the answers, and who finds one asks again.
    """
    _Adjoint(program, per_example, guarded, summed).run()
    if not per_example:
        (value,) = program.outputs["value"]
        program.outputs["value"] = [weighted_total(program, value)]
    _keep_what_is_needed(program)


def _keep_what_is_needed(program: Program) -> None:
    """Drops what no output depends on: a gradient on its way to a `sign`, say, which stops it."""
    needed = {gather.block for gathers in program.outputs.values() for gather in gathers}
    kept: list[Instruction] = []
    for instruction in reversed(program.instructions):
        if instruction.out in needed:
            needed.update([gather.block for gather in instruction.gathers()])
            kept.append(instruction)
    program.instructions = kept[::-1]


class _Adjoint:
    def __init__(
        self, program: Program, per_example: bool, guarded: bool, summed: tuple[int, ...] = ()
    ):
        self.program, self.guarded = program, guarded
        self.notes: dict[Block, list[Note]] = {}
        self.gradient: dict[Block, Gather] = {}  # of the blocks of which all users are done
        self.known: dict[Any, Rows] = {}  # what the derivatives have computed: never twice
        self.wanted = list(program.inputs) if per_example else [program.parameters]
        self.active = self._depend_on(self.wanted)
        each = [x for k, x in enumerate(self.wanted) if k not in summed] if per_example else []
        self.per_row = self._depend_on(each)  # their gradients are those of single examples

    def _depend_on(self, wanted: list[Block]) -> set[Block]:
        """The blocks with a derivative by one of these."""
        active = set(wanted)
        for instruction in self.program.instructions:
            constant = isinstance(instruction, Sum) and not instruction.combine.linear
            if constant or instruction.out.boolean:
                continue
            if any(gather.block in active for gather in instruction.gathers()):
                active.add(instruction.out)
        return active

    def run(self) -> None:
        (value,) = self.program.outputs["value"]
        assert value.index.shape == (1,), "the gradient of one number"
        seed = Gather(self.program.seed, np.zeros(1, np.int64))
        self._note(value, [seed])
        for instruction in reversed(list(self.program.instructions)):
            out = instruction.out
            if out in self.notes and out in self.active:
                self.gradient[out] = self._collect(out)
            if out in self.gradient:
                if isinstance(instruction, Sum):
                    self._sum(instruction)
                else:
                    self._map(instruction)
        for k, block in enumerate(self.wanted):
            name = "gradient" if block is self.program.parameters else f"gradient {k}"
            self.program.outputs[name] = [self._collect(block)] if block.size else []

    # The chain rule at one instruction.

    def _map(self, instruction: Map) -> None:
        places = np.arange(instruction.start, instruction.start + len(instruction))
        g, z = self._rows(self._gradient_of(instruction)), Gather(instruction.out, places)
        operands = [self._rows(gather) for gather in instruction.operands]
        derivative = instruction.op.derivative
        assert derivative is not None, "truths are not active"
        contributions = derivative(g, Rows(self, z), *operands)
        for gather, more in zip(instruction.operands, contributions):
            if gather.block not in self.active or (isinstance(more, float) and more == 0.0):
                continue
            self._note(gather, [self._operand(self._guard(g, more), len(gather))])

    def _sum(self, instruction: Sum) -> None:
        gradient = self._gradient_of(instruction)
        for product in instruction.products:
            terms = product[0].index.shape[1]
            repeated = Gather(gradient.block, np.repeat(gradient.index, terms))
            factors = [Gather(factor.block, factor.index.ravel()) for factor in product]
            for k, factor in enumerate(factors):
                if factor.block in self.active:
                    others = factors[:k] + factors[k + 1 :]
                    if self.guarded and others:
                        g = Rows(self, repeated)
                        product = self._guard(g, reduce(ops.mul, map(self._rows, others), g))
                        self._note(factor, [product.gather])
                    else:
                        self._note(factor, self._times(repeated, others, factor.block.varying))

    def _times(self, g: Gather, others: list[Gather], varying: bool) -> list[Gather]:
        """The factors of a gradient times some others, of which the first of two is -1.

        It stays in the products of what varies. What is summed over the examples has two factors:
        these sums may be matrix products.
        """
        if len(others) == 2 and varying:
            return [others[0], g, others[1]]
        if len(others) == 2:
            return [(Rows(self, g) * self._rows(others[0])).gather, others[1]]
        return [g, *others]

    def _guard(self, g: Any, more: Any) -> Any:
        needless = more is g or not isinstance(g, Rows) or not isinstance(more, Rows)
        return ops.passed(1.0, g, more) if self.guarded and not needless else more

    def _gradient_of(self, instruction: Instruction) -> Gather:
        """The gradient of an instruction's result."""
        gradient = self.gradient[instruction.out]
        stop = instruction.start + len(instruction)
        return Gather(gradient.block, gradient.index[instruction.start : stop])

    # Whole blocks as operands of a row's derivative.

    def _rows(self, gather: Gather) -> Any:
        """A gather as an operand; constants that are all the same as their number."""
        if gather.block is self.program.constants and np.ptp(gather.index) == 0:
            return self.program.constant_values[int(gather.index[0])]
        return Rows(self, gather)

    def _operand(self, x: Any, size: int) -> Gather:
        if isinstance(x, Rows):
            return x.gather
        return Gather(self.program.constants, np.full(size, self.program.constant(float(x))))

    def map(self, op: Op, operands: tuple[Any, ...], size: int) -> Rows:
        gathers = [self._operand(x, size) for x in operands]
        for k, gather in enumerate(gathers):
            if gather.block.boolean and k >= op.conditions:  # True is 1.0
                gathers[k] = self.map(ops.where, (Rows(self, gather), 1.0, 0.0), size).gather
        key = op, *[(gather.block, gather.index.tobytes()) for gather in gathers]
        if key not in self.known:
            varying = any(gather.block.varying for gather in gathers)
            out = self.program.new_block(size, varying, op.boolean)
            self.program.instructions.append(Map(out, 0, op, gathers))
            self.known[key] = Rows(self, Gather(out, np.arange(size)))
        return self.known[key]

    # Notes, and what becomes of them.

    def _note(self, target: Gather, factors: list[Gather]) -> None:
        self.notes.setdefault(target.block, []).append(Note(target.index, factors))

    def _collect(self, block: Block) -> Gather:
        """The gradient of each member of `block`, of which all users are done."""
        notes = self.notes.pop(block, [])
        varying = block.varying or block in self.per_row
        if len(notes) == 1 and (alias := _alias(block, notes[0], varying)):
            return alias
        counts = np.array(
            [np.bincount(note.target, minlength=block.size) for note in notes], np.int64
        ).reshape(len(notes), block.size)
        orders = [_order(note.target) for note in notes]
        starts = np.cumsum(counts, axis=1) - counts
        out = self.program.new_block(block.size, varying)
        place = np.empty(block.size, np.int64)
        start = 0
        for members in _neighbours(_alike(counts)):
            place[members] = np.arange(start, start + len(members))
            products = [
                _product(note, order[first[members][:, None] + np.arange(int(count[members[0]]))])
                for note, order, first, count in zip(notes, orders, starts, counts)
                if count[members[0]]
            ]
            self._append_sum(out, start, len(members), products)
            start += len(members)
        return Gather(out, place)

    def _append_sum(self, out: Block, start: int, size: int, products: list[Product]) -> None:
        """A run of a gradient: of something uniform, what varies is summed over the examples."""
        append = self.program.instructions.append
        varying = [p for p in products if any(factor.block.varying for factor in p)]
        if out.varying or not varying:
            append(Sum(out, start, products, members=size))
        elif len(varying) == len(products):
            append(Sum(out, start, varying, over_examples=True))
        else:
            total = self.program.new_block(size, False)
            append(Sum(total, 0, varying, over_examples=True))
            uniform = [p for p in products if p not in varying]
            append(Sum(out, start, [*uniform, (Gather(total, np.arange(size)[:, None]),)]))


def _order(target: Index) -> Index:
    """The places by target; most notes are in order already."""
    if (target[1:] >= target[:-1]).all():
        return np.arange(len(target))
    return np.argsort(target, kind="stable")


def _product(note: Note, rows: Index) -> Product:
    return tuple(Gather(factor.block, factor.index[rows]) for factor in note.factors)


def _alias(block: Block, note: Note, varying: bool) -> Gather | None:
    """The gradient itself, where it is one number for each member that exists already."""
    if len(note.factors) != 1 or len(note.target) != block.size:
        return None
    (source,) = note.factors
    once = (np.bincount(note.target, minlength=block.size) == 1).all()
    if not once or source.block.varying > varying:
        return None
    places = np.empty(block.size, np.int64)
    places[note.target] = source.index
    return Gather(source.block, places)


def _neighbours(groups: list[Index]) -> list[Index]:
    """The groups in the order of their members, cut into neighbours where that makes few pieces."""
    cuts = [np.flatnonzero(np.diff(members) != 1) + 1 for members in groups]
    if sum(map(len, cuts)) > 4 + len(groups):
        return groups
    pieces = [piece for members, cut in zip(groups, cuts) for piece in np.split(members, cut)]
    return sorted(pieces, key=lambda members: int(members[0]))


def _alike(counts: Index) -> list[Index]:
    """The members that take equally many terms from each note, together; who has the first member
    comes first."""
    n = counts.shape[1]
    ends = np.flatnonzero((counts[:, 1:] != counts[:, :-1]).any(axis=0)) + 1
    runs: dict[bytes, list[Index]] = {}
    for start, stop in pairwise([0, *ends.tolist(), n]):
        runs.setdefault(counts[:, start].tobytes(), []).append(np.arange(start, stop))
    return [np.concatenate(members) for members in runs.values()]
