"""Plan: the loops of a program, as data. It prints and verifies itself.

A nest loops over the members of one or more instructions of equal extent; each instruction is a
step of its body. The result of a step that only its own nest reads stays in a register.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from micrograd.compiler.program import verify as program_verifier
from micrograd.compiler.program.branching import Tree
from micrograd.compiler.program.ir import Block, Program
from micrograd.compiler.program.monoid import SUM, Monoid
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.cost import cost
from micrograd.ops import Op

INLINE_TERMS = 4  # sums of up to this many terms are unrolled, as elementwise work
SEGMENTS = 8  # at most: the unit of work of a thread; fixes the order in which sums are added
CHUNKS = 2  # per segment, at least
MARGIN = 16  # rows of padding: loads of whole vectors of columns may run past the last row
SMALL = 4096  # numbers that fit on the stack


@dataclass(eq=False)
class Step:
    """One instruction in the body of a nest. Operands are reads of memory or earlier steps."""

    op: Op | None  # None: a reduction of many terms by `combine`
    operands: list["Access | Step"]
    products: list[tuple[int, list["Access | Step"]]]  # of a sum: the number of terms, the factors
    target: Access
    stored: bool = True
    number: int = 0
    combine: Monoid = SUM
    tree: Tree | None = None  # of branches, whose members are the results of one example

    @property
    def work(self) -> int:
        """About how many instructions of the machine it takes for each member."""
        if self.tree is not None:
            return len(self.tree.nodes)
        if self.op is not None:
            return cost(self.op, len(self.operands))
        return max(sum(n for n, _ in self.products), 1)

    def reads(self) -> list["Access | Step"]:
        """The operands, or the factors of the products."""
        return [*self.operands, *(x for _, factors in self.products for x in factors)]

    def __repr__(self) -> str:
        if self.op is not None:
            text = f"{self.op.name}({', '.join(map(_read, self.operands))})"
        elif self.tree is not None:
            text = f"one of {self.tree} on {', '.join(map(_read, self.operands))}"
        else:
            name = self.combine.name
            text = self.combine.separator.join(
                (f"{name} t < {n} of " if n > 1 else "") + " * ".join(map(_read, factors))
                for n, factors in self.products
            )
        return f"{f'{self.target} = ' if self.stored else ''}r{self.number} = {text or '0'}"


def _read(operand: "Access | Step") -> str:
    return f"r{operand.number}" if isinstance(operand, Step) else repr(operand)


@dataclass(eq=False)
class Nest:
    """Loops over members, with steps as their body."""

    axes: tuple[int, ...]
    steps: list[Step] = field(default_factory=list[Step])
    over_examples: bool = False
    straight_line: bool = False  # fully unrolled: every index is a constant
    factors: tuple[Access, Access] | None = None  # rows and columns of an outer product
    output: int | None = None  # an outer product that is this output is computed as it is delivered

    @property
    def is_tree(self) -> bool:
        """Whether each example takes a path of its own."""
        return self.steps[0].tree is not None

    @property
    def is_opaque(self) -> bool:
        """Whether it calls back into Python, with whole columns of numbers."""
        op = self.steps[0].op
        return op is not None and op.opaque

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
        """Whether any access needs a table."""
        return any(read.table is not None for read in self.reads())

    def reads(self) -> list[Access]:
        """All reads from memory."""
        return [x for step in self.steps for x in step.reads() if isinstance(x, Access)]

    @property
    def is_contiguous(self) -> bool:
        """Whether every access along the last axis has stride 1, or 0 for reads."""
        if any(x.table is not None or x.strides[-1] not in (0, 1) for x in self.reads()):
            return False
        targets = [step.target for step in self.steps if step.stored]
        return all(x.table is None and x.strides[-1] == 1 for x in targets)

    def __str__(self) -> str:
        how = "sum over examples, " if self.over_examples else ""
        how += "straight-line, " if self.straight_line else ""
        loops = "".join(f"for {x} < {n}: " for x, n in zip("ijklmnop", self.axes) if n > 1)
        return f"{how}{loops}\n" + "\n".join(f"    {step}" for step in self.steps)


@dataclass(eq=False)
class LoopNest:
    """for s < trips: the nests, in order; or for s from trips - 1 down to 0."""

    trips: int
    nests: list[Nest]
    backwards: bool = False

    # What the nests of a plan are asked for; no loop is straight-line code, or an output.
    straight_line = is_opaque = is_tree = False
    output = None

    @property
    def steps(self) -> list[Step]:
        return [step for nest in self.nests for step in nest.steps]

    @property
    def work(self) -> int:
        return self.trips * sum(nest.work for nest in self.nests)

    def reads(self) -> list[Access]:
        return [read for nest in self.nests for read in nest.reads()]

    def __str__(self) -> str:
        nests = "\n".join(f"  {nest}" for nest in self.nests).replace("\n", "\n  ")
        how = f"s from {self.trips - 1} down to 0" if self.backwards else f"s < {self.trips}"
        return f"loop for {how}:\n  {nests}"


Nests = list[Nest | LoopNest]


def single(nests: Nests) -> Iterator[Nest]:
    """The nests, and those of loops in place of these."""
    for nest in nests:
        yield from nest.nests if isinstance(nest, LoopNest) else [nest]


Member = tuple[Nest, tuple[int, ...]]  # with its loop indices
Stretch = list[list[Member]]  # straight-line code of one function: tiles of members, in order


@dataclass(eq=False)
class Plan:
    """The loops of a program, in three phases, and where its blocks lie in memory."""

    program: Program
    before: Nests  # uniform values
    examples: Nests  # varying values, for each chunk of examples
    after: Nests  # uniform values that depend on a sum over examples
    lanes: int  # examples in a chunk
    offset: dict[Block, int]  # of a stored block: in rows if it varies, else in numbers
    rows: int  # of a chunk: a row holds one varying scalar for all examples of the chunk
    uniform: int  # how many uniform numbers are stored
    reduced: int  # how many of these are sums over examples; they come first
    packed: int  # rows for packed (transposed) columns
    in_place: tuple[int, Block] | None  # an output and its block, computed in the caller's array
    reduced_in_place: int  # how many sums over examples belong to that output; they come first
    streams: dict[Block, int]  # blocks of one scalar, read or written in the caller's array
    starts: dict[Block, int]  # inputs whose columns outer products read in the caller's array
    private: set[tuple[Block, int]]  # members of blocks that are not stored: see `straight_line`

    @property
    def straight_line(self) -> bool:
        """Whether the examples are computed by straight-line code."""
        return any(nest.straight_line for nest in self.examples)

    @property
    def segments(self) -> int:
        """The maximum number of segments, independent of the number of threads."""
        return 1 if self.lanes == 1 else SEGMENTS

    def __str__(self) -> str:
        lines = [f"plan: {self.lanes} examples at once, {self.rows} rows of them"]
        for title in ("before", "examples", "after"):
            nests = getattr(self, title)
            lines += [f"{title}:"] * bool(nests) + [f"  {nest}" for nest in nests]
        return "\n".join(lines)


def verify(plan: Plan) -> None:
    """Asserts the invariants that code generation relies on: no row is read before it is stored
    or after it is reused, every access stays within its block, and a step reads from registers
    only earlier steps of its nest."""
    program = plan.program
    stored: set[Block] = {*program.inputs, program.parameters, program.constants, program.seed}
    nests = (*plan.before, *plan.examples, *plan.after)
    awaited = Counter(step.target.block for nest in nests for step in nest.steps)
    for nest in nests:
        if isinstance(nest, LoopNest):  # a step may read what the last trip has stored
            stored.update(step.target.block for step in nest.steps if step.stored)
            assert all(read.block in stored for read in nest.reads()), f"{nest} reads too early"
            continue
        computed: set[Step] = set()
        for step in nest.steps:
            for read in step.reads():
                if isinstance(read, Step):
                    assert read in computed, f"{step}: r{read.number} is not computed yet"
                else:
                    assert read.block in stored, f"{step}: {read} is not stored yet"
                    assert nest.is_tree or read.axes == nest.axes, (
                        f"{step}: {read} belongs to another nest"
                    )
            computed.add(step)
            if step.stored:
                assert _has_memory(plan, nest, step), f"{step} has no memory"
                last = step.target.base + sum(
                    (n - 1) * max(s, 0) for n, s in zip(nest.axes, step.target.strides, strict=True)
                )
                assert last < step.target.block.size, f"{step} writes beyond its block"
        for step in nest.steps:
            awaited[step.target.block] -= 1
            if step.stored and not awaited[step.target.block]:  # all members are there
                stored.add(step.target.block)
    _verify_lifetimes(plan)


def _has_memory(plan: Plan, nest: Nest, step: Step) -> bool:
    """Whether all members that it stores have a row; those of a stretch need none."""
    target = step.target
    return target.block in plan.offset or all(
        (target.block, target.at(member)) in plan.private for member in np.ndindex(nest.axes)
    )


def checked(plan: Plan) -> Plan:
    """The plan, verified if the passes before it are."""
    if program_verifier.always_verify:
        verify(plan)
    return plan


def _verify_lifetimes(plan: Plan) -> None:
    delivered = [nest for nest in plan.examples if nest.output is not None]
    nests = [nest for nest in plan.examples if nest.output is None]
    owner = np.full(plan.rows, None, object)

    def rows(block: Block) -> slice:
        return slice(plan.offset[block], plan.offset[block] + block.size)

    def is_live(block: Block) -> bool:
        rowless = not block.varying or block not in plan.offset
        return rowless or bool((owner[rows(block)] == block).all())

    known = {block for block in (*plan.program.inputs, plan.program.seed) if block.varying}
    for block in known:
        owner[rows(block)] = block
    for nest in (*nests, *delivered):
        for block in {step.target.block for step in nest.steps if step.stored} - known:
            if block.varying and block in plan.offset:
                owner[rows(block)] = block
                known.add(block)
        for read in nest.reads():
            assert is_live(read.block), f"the rows of {read} are reused"
    products = {nest.steps[0].target.block for nest in delivered}
    for gather in (g for gathers in plan.program.outputs.values() for g in gathers):
        kept = gather.block in products or is_live(gather.block)
        assert kept, f"the rows of {gather} are reused"
