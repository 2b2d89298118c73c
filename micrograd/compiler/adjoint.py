"""Adjoint: a program becomes the program that also computes its gradient.

Reverse mode, block by block. The derivative of a `Map` is the derivative of its row, run on whole
blocks; that of a `Sum` is its other factor. What an instruction adds to the gradients of the
scalars that it gathered is noted as index arrays: target, and the factors of a product. When all
users of a block are done, its notes are sorted by target; targets with equally many notes of each
source are a run, and each run is a `Sum` again: so the backward pass rolls into matrix products by
the same rule. What flows from varying to uniform is a sum over examples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.program import Block, Gather, Index, Instruction, Map, Program, Sum
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

# What may turn a finite number into an infinite derivative: where such an operation lies in a
# branch that was masked, its gradient of zero must not meet the infinity.
_SINGULAR = frozenset(
    [
        "div",
        "pow",
        "log",
        "log1p",
        "sqrt",
        "asin",
        "acos",
        "atan2",
        "tan",
        "exp",
        "expm1",
        "sinh",
        "cosh",
        "lgamma",
    ]
)


class Rows(Scalar):
    """One scalar for each member of an instruction: what a row's derivative runs on."""

    __slots__ = ("gather", "pass_")
    rank = 2

    def __init__(self, pass_: "_Adjoint", gather: Gather):
        self.pass_ = pass_
        self.gather = gather

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _emit


def _emit(op: Op, operands: tuple[Any, ...]) -> Any:
    simple = _simplified(op, operands)
    if simple is not None:
        return simple
    rows = next(x for x in operands if isinstance(x, Rows))
    return rows.pass_.map(op, operands, len(rows.gather))


def _simplified(op: Op, operands: tuple[Any, ...]) -> Any:
    """What needs no instruction: times one, times zero from the chain rule's own constants."""
    if op is ops.mul:
        for x, y in (operands, operands[::-1]):
            if isinstance(x, float) and x == 1.0:
                return y
    return None


@dataclass(slots=True)
class Note:
    """target[k] gains the product over `factors` of factor[k], for every k."""

    target: Index
    factors: list[tuple[Block, Index]]


def add_adjoint(program: Program, per_example: bool) -> None:
    """Adds the gradients of output "value", one number, with respect to the parameters and inputs.

    Each example counts as `seed` says. `per_example` asks for the inputs' gradients, which vary:
    "gradient 0", "gradient 1", ...; else the answers are sums over the examples: "value", and
    "gradient" of the parameters.
    """
    _Adjoint(program, per_example).run()
    if not per_example:
        (value,) = program.outputs["value"]
        total = program.new_block(1, False)
        seed = Gather(program.seed, np.zeros((1, 1), np.int64))
        product = (seed, Gather(value.block, value.index[:, None]))
        program.instructions.append(Sum(total, 0, [product], over_examples=True))
        program.outputs["value"] = [Gather(total, np.zeros(1, np.int64))]


class _Adjoint:
    def __init__(self, program: Program, per_example: bool):
        self.program = program
        self.notes: dict[Block, list[Note]] = {}
        self.gradient: dict[Block, list[Gather]] = {}
        self.known: dict[Any, Rows] = {}  # what the derivatives have computed: never twice
        self.wanted = list(program.inputs) if per_example else [program.parameters]
        self.active = self._active()
        self.masks = any(isinstance(i, Map) and i.op.name in _MASKING for i in program.instructions)

    def _active(self) -> set[Block]:
        """The blocks that depend on what the gradient is asked for."""
        active = set(self.wanted)
        for instruction in self.program.instructions:
            constant = isinstance(instruction, Sum) and instruction.combine is ops.maximum
            reached = any(gather.block in active for gather in instruction.gathers())
            if reached and not (instruction.out.boolean or constant):
                active.add(instruction.out)
        return active

    def run(self) -> None:
        (value,) = self.program.outputs["value"]
        assert value.index.shape == (1,), "the gradient of one number"
        self._note(value.block, value.index, [(self.program.seed, np.zeros(1, np.int64))])
        for instruction in reversed(list(self.program.instructions)):
            out = instruction.out
            if out not in self.active or (out not in self.notes and out not in self.gradient):
                continue
            if out not in self.gradient:
                self.gradient[out] = self._collect(out)
            if isinstance(instruction, Sum):
                self._sum(instruction)
            else:
                self._map(instruction)
        for k, block in enumerate(self.wanted):
            name = "gradient" if block is self.program.parameters else f"gradient {k}"
            self.program.outputs[name] = self._collect(block)

    # The chain rule at one instruction.

    def _map(self, instruction: Map) -> None:
        g, z = self._rows_of_gradient(instruction), self._rows_of_result(instruction)
        operands = [self._rows(gather) for gather in instruction.operands]
        contributions = instruction.op.derivative(g, z, *operands)  # type: ignore[misc]
        for gather, more in zip(instruction.operands, contributions):
            if gather.block not in self.active or (isinstance(more, float) and more == 0):
                continue
            if self.masks and instruction.op.name in _SINGULAR and isinstance(g, Rows):
                more = ops.where(g == 0.0, 0.0, more)
            self._note(gather.block, gather.index, [self._factor(more, len(gather))])

    def _sum(self, instruction: Sum) -> None:
        g = self._gradient_of(instruction)
        for product in instruction.products:
            terms = product[0].index.shape[1]
            repeated = [(block, np.repeat(index, terms)) for block, index in g]
            flat = [(factor.block, factor.index.ravel()) for factor in product]
            for k, (block, index) in enumerate(flat):
                if block in self.active:
                    others = flat[:k] + flat[k + 1 :]
                    for part, (start, stop) in self._parts(repeated):
                        factors = [part, *[(b, i[start:stop]) for b, i in others]]
                        self._note(block, index[start:stop], factors)

    def _gradient_of(self, instruction: Instruction) -> list[tuple[Block, Index]]:
        """The gradient of an instruction's result, in pieces: each a block and places in it."""
        start, stop = instruction.start, instruction.start + len(instruction)
        pieces = []
        at = 0
        for gather in self.gradient[instruction.out]:
            low, high = max(start, at), min(stop, at + len(gather))
            if low < high:
                pieces.append((gather.block, gather.index[low - at : high - at]))
            at += len(gather)
        return pieces

    @staticmethod
    def _parts(pieces: list[tuple[Block, Index]]) -> Any:
        start = 0
        for block, index in pieces:
            yield (block, index), (start, start + len(index))
            start += len(index)

    def _rows_of_gradient(self, instruction: Map) -> Any:
        pieces = self._gradient_of(instruction)
        if len(pieces) == 1:
            return self._rows(Gather(*pieces[0]))
        block = self.program.new_block(len(instruction), any(b.varying for b, _ in pieces))
        for (source, index), (start, _) in self._parts(pieces):
            self._append(Sum(block, start, [(Gather(source, index[:, None]),)]))
        return self._rows(Gather(block, np.arange(block.size)))

    def _rows_of_result(self, instruction: Map) -> Any:
        places = np.arange(instruction.start, instruction.start + len(instruction))
        return Rows(self, Gather(instruction.out, places))

    def _rows(self, gather: Gather) -> Any:
        """A gather as an operand; constants that are all the same as their number."""
        if gather.block is self.program.constants and np.ptp(gather.index) == 0:
            return self.program.constant_values[gather.index[0]]
        return Rows(self, gather)

    def _factor(self, x: Any, size: int) -> tuple[Block, Index]:
        gather = self._operand(x, size)
        return gather.block, gather.index

    def _operand(self, x: Any, size: int) -> Gather:
        if isinstance(x, Rows):
            return x.gather
        place = self.program.constant(float(x))
        return Gather(self.program.constants, np.full(size, place))

    def map(self, op: Op, operands: tuple[Any, ...], size: int) -> Rows:
        gathers = [self._operand(x, size) for x in operands]
        key = op, *[(gather.block, gather.index.tobytes()) for gather in gathers]
        if key not in self.known:
            self.known[key] = self._new_map(op, gathers, size)
        return self.known[key]

    def _new_map(self, op: Op, gathers: list[Gather], size: int) -> Rows:
        out = self.program.new_block(size, any(g.block.varying for g in gathers), op.boolean)
        self._append(Map(out, 0, op, gathers))
        return Rows(self, Gather(out, np.arange(size)))

    def _append(self, instruction: Instruction) -> None:
        self.program.instructions.append(instruction)

    # Notes, and what becomes of them.

    def _note(self, block: Block, target: Index, factors: list[tuple[Block, Index]]) -> None:
        self.notes.setdefault(block, []).append(Note(target, factors))

    def _collect(self, block: Block) -> list[Gather]:
        """The gradient of each member of `block`, of which all users are done."""
        if not block.size:  # there are no parameters, or an argument has no elements
            return []
        notes = self.notes.pop(block, [])
        if len(notes) == 1 and (alias := self._alias(block, notes[0])):
            return [alias]
        counts = np.zeros((len(notes), block.size), np.int64)
        for count, note in zip(counts, notes):
            count += np.bincount(note.target, minlength=block.size)
        orders = [np.argsort(note.target, kind="stable") for note in notes]
        starts = np.cumsum(counts, axis=1) - counts
        varying = block.varying and any(b.varying for note in notes for b, _ in note.factors)
        profiles, profile_of = _unique_columns(counts)
        out = self.program.new_block(block.size, varying)
        place = np.empty(block.size, np.int64)
        start = 0
        for k, profile in enumerate(profiles):
            members = np.flatnonzero(profile_of == k)
            place[members] = np.arange(start, start + len(members))
            self._append_run(Sum(out, start, [], members=len(members)), block, members, profile, [
                (note, order, first) for note, order, first in zip(notes, orders, starts)
            ])  # fmt: skip
            start += len(members)
        return [Gather(out, place)]

    def _append_run(
        self, run: Sum, block: Block, members: Index, profile: Index, notes: list[Any]
    ) -> None:
        """Completes a sum for `members`, which take `profile[k]` terms from note k."""
        uniform: list[Any] = []
        for count, (note, order, first) in zip(profile, notes):
            if count:
                rows = order[first[members][:, None] + np.arange(count)]
                product = tuple(Gather(b, index[rows]) for b, index in note.factors)
                varying = any(b.varying for b, _ in note.factors)
                here = run.out.varying or varying != block.varying
                (run.products if here else uniform).append(self._two(product))
        if not block.varying and run.products:
            self._reduce(run, uniform)
        else:
            run.products += uniform
            self._append(run)

    def _reduce(self, run: Sum, uniform: list[Any]) -> None:
        """A sum over the examples of what varies; what is uniform is added to it once."""
        reduced = [p for p in run.products if any(f.block.varying for f in p)]
        uniform += [p for p in run.products if p not in reduced]
        if not uniform:
            run.over_examples = True
            self._append(run)
            return
        if reduced:
            total = self.program.new_block(len(run), False)
            self._append(Sum(total, 0, reduced, over_examples=True))
            uniform.append((Gather(total, np.arange(len(run))[:, None]),))
        run.products = uniform
        self._append(run)

    def _two(self, product: tuple[Gather, ...]) -> tuple[Gather, ...]:
        """A product of at most two factors."""
        assert len(product) <= 2
        return product

    def _alias(self, block: Block, note: Note) -> Gather | None:
        """The gradient itself, where it is one number for each member that exists already."""
        if len(note.factors) != 1 or len(note.target) != block.size:
            return None
        source, index = note.factors[0]
        if source.varying != block.varying and not block.varying:
            return None
        places = np.full(block.size, -1, np.int64)
        places[note.target] = index
        return (
            Gather(source, places)
            if (np.bincount(note.target, minlength=block.size) == 1).all()
            else None
        )


def _unique_columns(counts: Index) -> tuple[Any, Index]:
    """The distinct columns, and which of them each column is."""
    if not len(counts):
        return [counts[:, 0]], np.zeros(counts.shape[1], np.int64)
    if (counts == counts[:, :1]).all():
        return [counts[:, 0]], np.zeros(counts.shape[1], np.int64)
    distinct, inverse = np.unique(counts.T, axis=0, return_inverse=True)
    return distinct, inverse.ravel()


_MASKING = frozenset(["where", "relu", "leaky_relu", "elu", "maximum", "minimum", "take", "abs"])
