"""Adjoint: a program becomes the program that also computes its gradient.

Reverse mode, block by block. The derivative of a `Map` is the derivative of its row, run on whole
blocks; that of a `Sum` is its other factor. The contributions to each gradient are collected and
become sums again (`notes.py`), so that the backward pass rolls into matrix products by the same
rule as the program. Where varying numbers read a uniform one, its gradient is a sum over the
examples.
"""

from functools import reduce
from typing import NoReturn

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import (
    Block,
    Computation,
    Gather,
    Instruction,
    Loop,
    Map,
    Program,
    Sum,
    computations,
    weighted_total,
)
from micrograd.compiler.program.loop_adjoint import Wanted, add_loop
from micrograd.compiler.program.notes import Notes
from micrograd.compiler.program.roll_loop import RolledLoop
from micrograd.compiler.trace.errors import chosen_by_if
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar


class Rows(Scalar):
    """One scalar for each member of an instruction, as an operand of a derivative of the table."""

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


Operand = Rows | float


def _emit(op: Op, operands: tuple[Operand, ...]) -> Operand:
    if op is ops.mul:  # by one, as the chain rule begins
        for x, y in (operands, operands[::-1]):
            if isinstance(x, float) and x == 1.0:
                return y
    rows = next(x for x in operands if isinstance(x, Rows))
    return rows.pass_.map(op, operands, len(rows.gather))


def add_adjoint(
    program: Program, per_example: bool, guarded: bool = False, summed: tuple[int, ...] = ()
) -> None:
    """Adds the gradients of output "value", one number, with respect to the parameters and inputs.

    `seed` is the weight of each example. With `per_example` the outputs are the gradients of the
    inputs, which vary: "gradient 0", "gradient 1", ...; otherwise they are sums over the examples:
    "value", and "gradient" of the parameters. The gradients of the inputs that are `summed` are
    such sums, too.

    A gradient of zero contributes nothing, even where it is multiplied by infinity. `guarded`
    ensures this at every product; without it, 0 * inf becomes a NaN in the outputs, and the caller
    runs a guarded program instead.
    """
    _Adjoint(program, per_example, guarded, summed).run()
    if not per_example:
        (value,) = program.outputs["value"]
        program.outputs["value"] = [weighted_total(program, value)]
    _keep_what_is_needed(program)


def _keep_what_is_needed(program: Program) -> None:
    """Drops what no output depends on, such as the gradient of a `sign`, whose derivative is
    zero."""
    needed = {gather.block for gathers in program.outputs.values() for gather in gathers}
    kept: list[Instruction] = []
    for instruction in reversed(program.instructions):
        if not needed.isdisjoint(i.out for i in computations([instruction])):
            needed.update([gather.block for gather in instruction.gathers()])
            kept.append(instruction)
    program.instructions = kept[::-1]


class _Adjoint:
    def __init__(
        self, program: Program, per_example: bool, guarded: bool, summed: tuple[int, ...] = ()
    ):
        self.program, self.guarded = program, guarded
        self.notes = Notes(program)
        self.gradient: dict[Block, Gather] = {}  # of blocks whose users are all differentiated
        self.known: dict[
            tuple[object, ...], Rows
        ] = {}  # results of derivatives: none is computed twice
        self.wanted = list(program.inputs) if per_example else [program.parameters]
        self.active = self._depend_on(self.wanted)
        each = [x for k, x in enumerate(self.wanted) if k not in summed] if per_example else []
        self.per_row = self._depend_on(each)  # their gradients are those of single examples

    def _depend_on(self, wanted: list[Block]) -> set[Block]:
        """The blocks that have a derivative with respect to one of these."""
        active = set(wanted)
        for instruction in self.program.instructions:
            if isinstance(instruction, Loop):
                if any(gather.block in active for gather in instruction.gathers()):
                    active.update(i.out for i in instruction.computations if not i.out.boolean)
                continue
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
        self.notes.add(value, [seed])
        wanted = Wanted(self.active, self._is_per_example)
        for instruction in self.program.instructions[::-1]:
            if isinstance(instruction, Loop):
                assert isinstance(instruction, RolledLoop)
                add_loop(self.program, instruction, self._gradient, wanted, self.notes)
            elif self._gradient(instruction.out) is not None:
                if isinstance(instruction, Sum):
                    self._sum(instruction)
                else:
                    assert isinstance(instruction, Map), "branches have their own derivatives"
                    self._map(instruction)
        for k, block in enumerate(self.wanted):
            name = "gradient" if block is self.program.parameters else f"gradient {k}"
            self.program.outputs[name] = [self._collected(block)] if block.size else []

    def _gradient(self, block: Block) -> Gather | None:
        """The gradient of a block, if it has one. All its users must be differentiated."""
        if block in self.notes and block in self.active:
            self.gradient[block] = self._collected(block)
        return self.gradient.get(block)

    def _collected(self, block: Block) -> Gather:
        return self.notes.collect(block, self._is_per_example(block))

    def _is_per_example(self, block: Block) -> bool:
        return block.varying or block in self.per_row

    # The chain rule at one instruction.

    def _map(self, instruction: Map) -> None:
        places = np.arange(instruction.start, instruction.start + len(instruction))
        g, z = self._rows(self._gradient_of(instruction)), Gather(instruction.out, places)
        operands = [self._rows(gather) for gather in instruction.operands]
        derivative = instruction.op.derivative
        assert derivative is not None, "truths are not active"
        if instruction.op is ops.take:
            self._take(instruction, g)
            return
        contributions = derivative(g, Rows(self, z), *operands)
        for gather, more in zip(instruction.operands, contributions):
            if gather.block not in self.active or (isinstance(more, float) and more == 0.0):
                continue
            self.notes.add(gather, [self._operand(self._guard(g, more), len(gather))])

    def _take(self, instruction: Map, g: Operand) -> None:
        """The derivative of all rows of a table at once: one comparison for each row and member."""
        *rows, index = instruction.operands
        n, gradient = len(instruction), self._operand(g, len(instruction))
        for block in dict.fromkeys(row.block for row in rows if row.block in self.active):
            places = [k for k, row in enumerate(rows) if row.block is block]
            numbers = [self.program.constant(float(k)) for k in places]
            row = Rows(self, Gather(self.program.constants, np.repeat(numbers, n)))
            at, repeated = [
                Rows(self, Gather(x.block, np.tile(x.index, len(places))))
                for x in (index, gradient)
            ]
            target = Gather(block, np.concatenate([rows[k].index for k in places]))
            more = self._guard(repeated, ops.select(at == row, repeated, 0.0))
            self.notes.add(target, [self._operand(more, len(target))])

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
                        g: Operand = Rows(self, repeated)
                        more = self._guard(g, reduce(ops.mul, map(self._rows, others), g))
                        self.notes.add(factor, [self._operand(more, len(factor))])
                    else:
                        self.notes.add(factor, self._times(repeated, others, factor.block.varying))

    def _times(self, g: Gather, others: list[Gather], varying: bool) -> list[Gather]:
        """The factors of g times others: a single factor, or -1 and another.

        In products of a varying gradient, -1 stays a factor. Products that are summed over the
        examples have only two factors, so that these sums may be matrix products.
        """
        if len(others) == 2 and varying:
            return [others[0], g, others[1]]
        if len(others) == 2:
            return [(Rows(self, g) * self._rows(others[0])).gather, others[1]]
        return [g, *others]

    def _guard(self, g: Operand, more: Operand) -> Operand:
        needless = more is g or not isinstance(g, Rows) or not isinstance(more, Rows)
        return ops.passed(1.0, g, more) if self.guarded and not needless else more

    def _gradient_of(self, instruction: Computation) -> Gather:
        """The gradient of an instruction's result."""
        gradient = self.gradient[instruction.out]
        stop = instruction.start + len(instruction)
        return Gather(gradient.block, gradient.index[instruction.start : stop])

    # Whole blocks as operands of a row's derivative.

    def _rows(self, gather: Gather) -> Operand:
        """A gather as an operand; constants that are all the same as their number."""
        if gather.block is self.program.constants and np.ptp(gather.index) == 0:
            return self.program.constant_values[int(gather.index[0])]
        return Rows(self, gather)

    def _operand(self, x: Operand, size: int) -> Gather:
        if isinstance(x, Rows):
            return x.gather
        return Gather(self.program.constants, np.full(size, self.program.constant(float(x))))

    def map(self, op: Op, operands: tuple[Operand, ...], size: int) -> Rows:
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
