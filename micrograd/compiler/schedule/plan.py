"""Plan: the loops of a program, as data. It prints and verifies itself.

A nest is loops over the members of instructions with equally many, and the steps at each. What a
step computes and only its nest reads stays in a register.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import Block, Program
from micrograd.compiler.schedule.access import Access
from micrograd.ops import Op

INLINE_TERMS = 4  # a sum of at most so many terms is elementwise work
FUNCTION_WORK = 25  # of an elementary function
SEGMENTS = 8  # of the examples at most: what threads share out, and in which order sums are added
CHUNKS = 2  # of a segment at least
MARGIN = 16  # rows behind the last one, which whole vectors of columns may read
SMALL = 4096  # numbers that fit on the stack

# fmt: off
QUICK = {  # operations of one instruction of the machine, or of few
    ops.add, ops.sub, ops.mul, ops.div, ops.neg, ops.abs, ops.floor, ops.sqrt, ops.where, ops.take,
    ops.less, ops.less_equal, ops.equal, ops.not_equal, ops.logical_and, ops.logical_or,
    ops.logical_not, ops.sign, ops.maximum, ops.minimum, ops.relu, ops.leaky_relu, *ops.GUARDS,
}
# fmt: on


def work_of(op: Op) -> int:
    """About how many instructions of the machine an operation takes."""
    return 1 if op in QUICK else FUNCTION_WORK


@dataclass(eq=False)
class Step:
    """One instruction in the body of a nest. An operand is an access, or a step in registers."""

    op: Op | None  # None: a sum, or what else `combine` does to many terms
    operands: list["Access | Step"]
    products: list[tuple[int, list["Access | Step"]]]  # of a sum: how many terms, and the factors
    target: Access
    stored: bool = True
    number: int = 0
    combine: Op = ops.add

    @property
    def work(self) -> int:
        """About how many instructions of the machine it takes for each member."""
        if self.op is not None:
            return work_of(self.op)
        return max(sum(n for n, _ in self.products), 1)

    def reads(self) -> list["Access | Step"]:
        """Its operands, or the factors of its products."""
        return [*self.operands, *(x for _, factors in self.products for x in factors)]

    def __repr__(self) -> str:
        if self.op is not None:
            text = f"{self.op.name}({', '.join(map(_read, self.operands))})"
        else:
            name = "sum" if self.combine is ops.add else "largest"
            text = " + ".join(
                (f"{name} t < {n} of " if n > 1 else "") + " * ".join(map(_read, factors))
                for n, factors in self.products
            )
        return f"{f'{self.target} = ' if self.stored else ''}r{self.number} = {text or '0'}"


def _read(operand: "Access | Step") -> str:
    return f"r{operand.number}" if isinstance(operand, Step) else repr(operand)


@dataclass(eq=False)
class Nest:
    """Loops over the members, and the steps at each."""

    axes: tuple[int, ...]
    steps: list[Step] = field(default_factory=list)
    over_examples: bool = False
    straight: bool = False  # no loops: each member in its turn, with places that are numbers
    factors: tuple[Access, Access] | None = None  # rows and columns, where it is their product
    output: int | None = None  # the number of the output that it is, row by row, if it is one

    @property
    def opens_with_sum(self) -> bool:
        first = self.steps[0]
        return first.op is None and sum(n for n, _ in first.products) > INLINE_TERMS

    @property
    def work(self) -> int:
        """About how many instructions of the machine it takes."""
        return math.prod(self.axes) * sum(step.work for step in self.steps)

    @property
    def looks_up(self) -> bool:
        """Whether it reads by tables."""
        return any(read.table is not None for read in self.reads())

    def reads(self) -> list[Access]:
        """What it reads from memory."""
        return [x for step in self.steps for x in step.reads() if isinstance(x, Access)]

    @property
    def is_contiguous(self) -> bool:
        """Whether neighbours along the last axis are neighbours in memory, or the same."""
        if any(x.table is not None or x.strides[-1] not in (0, 1) for x in self.reads()):
            return False
        targets = [step.target for step in self.steps if step.stored]
        return all(x.table is None and x.strides[-1] == 1 for x in targets)

    def __str__(self) -> str:
        how = "sum over examples, " if self.over_examples else ""
        how += "in a line, " if self.straight else ""
        loops = "".join(f"for {x} < {n}: " for x, n in zip("ijklmnop", self.axes) if n > 1)
        return f"{how}{loops}\n" + "\n".join(f"    {step}" for step in self.steps)


Member = tuple[Nest, tuple[int, ...]]  # by its place in the axes of its nest
Stretch = list[list[Member]]  # one member after the other, or several at once


@dataclass(eq=False)
class Plan:
    """The loops of a program, in three phases, and where its blocks lie in memory."""

    program: Program
    before: list[Nest]  # what does not vary
    examples: list[Nest]  # for each chunk of examples
    after: list[Nest]  # what depends on a sum over the examples
    lanes: int  # examples in a chunk
    offset: dict[Block, int]  # of a stored block: in rows of lanes if it varies, else in numbers
    rows: int
    uniform: int
    reduced: int  # the first numbers of the uniform ones are sums over examples
    turned: int  # rows of lanes in which columns are turned
    in_place: tuple[int, Block] | None  # an output that is one block: computed where it is wanted
    reduced_in_place: int  # of the sums over examples, those that are that output: the first ones
    streams: dict[Block, int]  # blocks of one scalar that are read or written in the caller's array
    starts: dict[Block, int]  # inputs whose columns sums over examples read in the caller's array

    @property
    def straight(self) -> bool:
        """Whether the examples are computed without loops over members."""
        return any(nest.straight for nest in self.examples)

    @property
    def segments(self) -> int:
        """Into how many parts the examples fall at most, whatever the number of threads."""
        return 1 if self.lanes == 1 else SEGMENTS

    def __str__(self) -> str:
        lines = [f"plan: {self.lanes} examples at once, {self.rows} rows of them"]
        for title in ("before", "examples", "after"):
            nests = getattr(self, title)
            lines += [f"{title}:"] * bool(nests) + [f"  {nest}" for nest in nests]
        return "\n".join(lines)


def verify(plan: Plan) -> None:
    """Asserts what the loops promise to the code: no row is read before it is stored, or after it
    was given away, every access stays within its block, and a step reads from registers only what
    its nest has computed."""
    program = plan.program
    stored: set[Block] = {*program.inputs, program.parameters, program.constants, program.seed}
    nests = (*plan.before, *plan.examples, *plan.after)
    awaited = Counter(step.target.block for nest in nests for step in nest.steps)
    for nest in nests:
        computed: set[Step] = set()
        for step in nest.steps:
            for read in step.reads():
                if isinstance(read, Step):
                    assert read in computed, f"{step}: r{read.number} is not computed yet"
                else:
                    assert read.block in stored, f"{step}: {read} is not stored yet"
                    assert read.axes == nest.axes, f"{step}: {read} is of other loops"
            computed.add(step)
            if step.stored:
                assert step.target.block in plan.offset, f"{step} has no place"
                last = step.target.base + sum(
                    (n - 1) * max(s, 0) for n, s in zip(nest.axes, step.target.strides, strict=True)
                )
                assert last < step.target.block.size, f"{step} writes beyond its block"
        for step in nest.steps:
            awaited[step.target.block] -= 1
            if step.stored and not awaited[step.target.block]:  # with all of its members
                stored.add(step.target.block)
    _verify_lifetimes(plan)


def _verify_lifetimes(plan: Plan) -> None:
    delivered = [nest for nest in plan.examples if nest.output is not None]
    nests = [nest for nest in plan.examples if nest.output is None]
    owner = np.full(plan.rows, None, object)

    def rows(block: Block) -> slice:
        return slice(plan.offset[block], plan.offset[block] + block.size)

    def is_there(block: Block) -> bool:
        return not block.varying or bool((owner[rows(block)] == block).all())

    known = {block for block in (*plan.program.inputs, plan.program.seed) if block.varying}
    for block in known:
        owner[rows(block)] = block
    for nest in (*nests, *delivered):
        for block in {step.target.block for step in nest.steps if step.stored} - known:
            if block.varying:
                owner[rows(block)] = block
                known.add(block)
        for read in nest.reads():
            assert is_there(read.block), f"the rows of {read} are used again"
    products = {nest.steps[0].target.block for nest in delivered}
    for gather in (g for gathers in plan.program.outputs.values() for g in gathers):
        kept = gather.block in products or is_there(gather.block)
        assert kept, f"the rows of {gather} are used again"
