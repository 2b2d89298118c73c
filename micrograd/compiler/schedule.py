"""Schedule: a program becomes loops: which axis is vectorised, how tiled, what stays in registers.

Examples lie in the vector lanes, in chunks of `Plan.lanes`, so that every scalar of the program is
a row of lanes. Around them run the loops over the members of a block. Neighbouring instructions
with equally many members share one loop, a nest: what one of them computes and only the others read
stays in a register. A sum of many terms opens a nest, with a tile of members at once; the
elementwise work on its result follows in the same nest.

What does not vary is computed before the examples, or after them where it depends on a sum over
them.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.compiler.lifetimes import Lifetime, packed
from micrograd.compiler.program import Block, Gather, Index, Instruction, Map, Program, Sum
from micrograd.ops import Op

INLINE_TERMS = 4  # a sum of at most so many terms is elementwise work
TILE = 8  # members of a long sum at once: so many independent chains of multiply-adds
VECTOR_TILE = 4  # vectors of members at once
REDUCE_TILE = 4  # of a sum over examples: so many rows times so many columns
PANEL = 3  # vectors of columns, times TILE rows, where a sum over examples is a matrix product
TURNED_ROWS = 16  # fewer rows of such a product do not repay that its columns are turned
NEST_STEPS = 64  # longer straight-line code takes LLVM more than linear time
NEST_WORK = 60  # instructions: in shorter loops more rounds are under way in the processor at once
STRAIGHT_WORK = 6_000  # of a program without loops, at most: then it is quick to compile
STRETCH = 100  # of its work in one function: longer ones take LLVM more than linear time
FUNCTION_WORK = 25  # of an elementary function
SEGMENTS = 8  # of the examples at most: what threads share out, and in which order sums are added
CHUNKS = 2  # of a segment at least
CALL = (
    7  # what native code is told before the addresses: w, u, v, n, the seed, rows; NaN answers it
)
MARGIN = 16  # rows behind the last one, which whole vectors of columns may read
SMALL = 4096  # numbers that fit on the stack
FIRST_CACHE_BYTES = 32 * 1024
CACHE_BYTES = 768 * 1024  # of the second-level cache, for the numbers of one chunk of examples
VECTORS = 17  # of examples in a chunk at most: an odd number, and a batch of 2^k examples fits


@dataclass(eq=False)
class Access:
    """Where a gather reads: base + place in each axis times its stride, or an entry of a table."""

    block: Block
    axes: tuple[int, ...]  # of the nest
    base: int
    strides: tuple[int, ...]  # one for each axis
    term: int = 0  # the stride of the terms of a sum
    table: Index | None = None  # shape (members, terms)

    def at(self, member: Sequence[int], t: int = 0) -> int:
        """The place that a member, given by its place in each axis, reads at term t."""
        if self.table is None:
            steps = sum(i * stride for i, stride in zip(member, self.strides))
            return self.base + steps + t * self.term
        row = 0
        for i, n in zip(member, self.axes):
            row = row * n + i
        return int(self.table[row, t])

    def __repr__(self) -> str:
        if self.table is not None:
            return f"{self.block}[table]"
        letters = "ijklmnop"
        parts = [f"{s}{x}" if s != 1 else x for s, x in zip(self.strides, letters) if s]
        parts += [f"{self.term}t" if self.term != 1 else "t"] * bool(self.term)
        parts += [str(self.base)] * bool(self.base or not parts)
        return f"{self.block}[{' + '.join(parts)}]"


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


def schedule(program: Program, width: int, number_bytes: int = 8, delivers: bool = True) -> Plan:
    """The loops of `program`, for vectors of `width` numbers; of width 1: one example at a time.

    Where it `delivers`, an output that is rows times columns for each example is computed when it
    is written into the caller's array, and not before.
    """
    instructions = _with_own_comparisons(program)
    uses = _uses(program, instructions)
    phases: list[list[Instruction]] = [[], [], []]
    phase_of: dict[Block, int] = {}
    for instruction in instructions:
        reduces = isinstance(instruction, Sum) and instruction.over_examples
        late = any(phase_of.get(g.block, 0) == 2 for g in instruction.gathers())
        phase = 1 if instruction.out.varying or reduces else 2 if late else 0
        assert not (late and phase == 1), "no example depends on a sum over the examples"
        phases[phase].append(instruction)
        known = phase_of.get(instruction.out, 0)  # a block is as late as its latest member
        phase_of[instruction.out] = max(known, 2 if reduces else phase)
    rounds = (False, width > 1, False)  # of examples: what is under way together
    nests = [_nests(part, uses, many) for part, many in zip(phases, rounds)]
    in_place = _in_place(program)
    sums = {step.target.block for nest in nests[1] if nest.over_examples for step in nest.steps}
    first = [in_place[1]] if in_place and in_place[1] in sums else []
    if width > 1:
        _find_products(program, nests[1], width, uses if delivers else {})
        _straighten([nest for nest in nests[1] if nest.output is None])
    offset, rows, uniform, reduced = _layout(program, nests, first)
    turned = max([_whole(nest.axes[-1], width) for nest in nests[1] if nest.factors], default=0)
    shared = program.parameters.size + reduced
    straight = any(nest.straight for nest in nests[1])
    room = FIRST_CACHE_BYTES if straight else CACHE_BYTES + 2 * shared * number_bytes
    return Plan(
        program, *nests,
        lanes=_lanes(rows + turned, room, width, number_bytes) if width > 1 else 1,
        offset=offset, rows=rows, uniform=uniform, reduced=reduced, turned=turned,
        in_place=in_place, reduced_in_place=sum(block.size for block in first),
        streams=_streams(program) if width > 1 else {},
    )  # fmt: skip


def _streams(program: Program) -> dict[Block, int]:
    """Inputs and outputs of one scalar an example: their rows may lie in the caller's arrays."""
    answers = [g.block for gathers in program.outputs.values() for g in gathers]
    inputs = [x for x in program.inputs if x.varying and x.size == 1 and x not in answers]
    outputs = [
        gathers[0].block
        for gathers in program.outputs.values()
        if len(gathers) == 1 and gathers[0].block.size == 1 and gathers[0].block.varying
        and not gathers[0].block.given and answers.count(gathers[0].block) == 1
    ]  # fmt: skip
    return {block: k for k, block in enumerate([*inputs, *outputs])}


def _in_place(program: Program) -> tuple[int, Block] | None:
    """The largest output that is a uniform block, computed here, as it stands; and its number."""
    found: tuple[int, Block] | None = None
    for k, gathers in enumerate(program.outputs.values()):
        if len(gathers) != 1 or gathers[0].block.varying or gathers[0].block.given:
            continue
        (gather,) = gathers
        block = gather.block
        whole = not block.boolean and np.array_equal(gather.index, np.arange(block.size))
        if whole and block.size > (found[1].size if found else 1):
            found = k, block
    return found


def _find_products(program: Program, nests: list[Nest], width: int, uses: dict[Block, int]) -> None:
    """Notes which nests are rows times columns: sums over examples, and outputs used nowhere."""
    outputs: dict[Block, int] = {}
    for k, gathers in enumerate(program.outputs.values()):
        if len(gathers) == 1 and np.array_equal(gathers[0].index, np.arange(gathers[0].block.size)):
            outputs[gathers[0].block] = k
    for nest in nests:
        block = nest.steps[0].target.block
        own = len(nest.steps) == 1 and block in outputs and uses.get(block) == 1
        if nest.over_examples or (own and math.prod(nest.axes) == block.size):
            nest.factors = _rows_and_columns(nest, width)
        if own and nest.factors and not nest.over_examples:
            nest.output, nest.steps[0].stored = outputs[block], False


def _rows_and_columns(nest: Nest, width: int) -> tuple[Access, Access] | None:
    """The factors of a nest of products, if it is worth while to turn the columns.

    There must be rows enough to repay it, and columns that fill most of their vectors.
    """
    (*rows, columns), step = nest.axes, nest.steps[0]
    products = [(1, step.operands)] if step.op is ops.mul else step.products
    if len(products) != 1 or math.prod(rows) < TURNED_ROWS:
        return None
    ((terms, factors),) = products
    if terms > 1 or len(factors) != 2 or 2 * _whole(columns, width) > 3 * columns:
        return None
    for left, right in (factors, factors[::-1]):
        if not (isinstance(left, Access) and isinstance(right, Access) and right.block.varying):
            continue
        by_columns = right.table is None and right.strides == (*[0] * len(rows), 1)
        if by_columns and left.table is None and not left.strides[-1]:
            return (left, right) if step.target.strides[-1] == 1 else None
    return None


def _whole(count: int, width: int) -> int:
    """So many numbers in whole vectors."""
    return -(-count // width) * width


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


def _straighten(nests: list[Nest]) -> None:
    """Small irregular programs go without loops.

    There, to look up where a member reads takes as long as to read it; and values stay in registers
    from one nest to the next. Sums over the examples keep their loops, and want long ones.
    """
    sums = [nest for nest in nests if nest.over_examples]
    members = [nest for nest in nests if not nest.over_examples]
    by_tables = [nest for nest in members if nest.looks_up]
    work = _total_work(members)
    if work <= STRAIGHT_WORK and 2 * _total_work(by_tables) >= work >= 8 * _total_work(sums):
        for nest in members:
            nest.straight = True


def _total_work(nests: list[Nest]) -> int:
    return sum(nest.work for nest in nests)


def stretches(nests: list[Nest]) -> list[Stretch]:
    """The members of nests without loops in their order, so many together as make one function."""
    result: list[Stretch] = []
    room = 0
    for tile in _tiles(nests):
        work = sum(nest.work // math.prod(nest.axes) for nest, _ in tile)
        if work > room:
            result.append([])
            room = STRETCH
        result[-1].append(tile)
        room -= work
    return result


def _tiles(nests: list[Nest]) -> Iterator[list[Member]]:
    """The members one by one; those with long sums that do not read each other, a tile at once."""
    tile: list[Member] = []
    for nest in nests:
        stored = {step.target.block for other, _ in tile for step in other.steps if step.stored}
        apart = nest.opens_with_sum and not any(read.block in stored for read in nest.reads())
        if tile and not apart:
            yield tile
            tile = []
        for member in np.ndindex(nest.axes):
            tile.append((nest, member))
            if len(tile) == (TILE if nest.opens_with_sum else 1):
                yield tile
                tile = []
    if tile:
        yield tile


def _lanes(rows: int, room: int, width: int, number_bytes: int) -> int:
    """An odd number of vectors: then rows do not compete for the same lines of the cache.

    Parameters and sums over examples pass through the cache once for each chunk: so the rows of a
    chunk may take as much room as these.
    """
    vectors = room // (max(rows, 1) * width * number_bytes)
    return width * (min(max(vectors, 1), VECTORS) - 1 | 1)


def _with_own_comparisons(program: Program) -> list[Instruction]:
    """The instructions, each with comparisons of its own: to compare again takes as long as to
    read a truth, and it need not be stored."""
    comparisons = {
        i.out: i
        for i in program.instructions
        if i.out.boolean and len(i) == i.out.size and not any(g.block.boolean for g in i.gathers())
    }
    result: list[Instruction] = []
    for instruction in program.instructions:
        if isinstance(instruction, Map):
            own = [
                _compared_for(comparisons[gather.block], gather)
                for gather in instruction.operands
                if gather.block in comparisons
            ]
            truths = iter([Gather(i.out, np.arange(len(i))) for i in own])
            operands = [
                next(truths) if gather.block in comparisons else gather
                for gather in instruction.operands
            ]
            result += own
            instruction = Map(instruction.out, instruction.start, instruction.op, operands)
        result.append(instruction)
    needed = {g.block for gathers in program.outputs.values() for g in gathers}
    needed.update(g.block for i in result for g in i.gathers())
    return [i for i in result if i.out not in comparisons or i.out in needed]


def _compared_for(comparison: Instruction, gather: Gather) -> Map:
    """A comparison of just what a gather reads."""
    assert isinstance(comparison, Map)
    operands = [Gather(g.block, g.index[gather.index]) for g in comparison.operands]
    out = Block(gather.block.name, len(gather), comparison.out.varying, boolean=True)
    return Map(out, 0, comparison.op, operands)


def _uses(program: Program, instructions: list[Instruction]) -> dict[Block, int]:
    """How many gathers read each block; an output counts as one that is never in registers."""
    uses: dict[Block, int] = {}
    for instruction in instructions:
        for gather in instruction.gathers():
            uses[gather.block] = uses.get(gather.block, 0) + 1
    for gathers in program.outputs.values():
        for gather in gathers:
            uses[gather.block] = uses.get(gather.block, 0) + 1
    return uses


def _nests(instructions: list[Instruction], uses: dict[Block, int], many: bool) -> list[Nest]:
    """The loops; short ones where `many` rounds of each follow one another."""
    nests: list[Nest] = []
    group: list[Instruction] = []
    for instruction in [*_ordered(instructions), None]:
        if group and (instruction is None or not _joins(instruction, group, many)):
            nests.append(_nest(group, uses))
            group = []
        if instruction is not None:
            group.append(instruction)
    return nests


def _ordered(instructions: list[Instruction]) -> list[Instruction]:
    """An order of computation that has instructions with equally many members side by side.

    What is late stands before the one that it is for.
    """
    late = _late(instructions)
    instructions = [i for i in instructions if i.out not in late]
    waiting: dict[Instruction, int] = {}
    users: dict[Block, list[Instruction]] = {}
    pending: dict[Block, int] = {}
    for instruction in instructions:
        pending[instruction.out] = pending.get(instruction.out, 0) + 1

    def before(instruction: Instruction) -> list[Instruction]:
        """What is late and for this one."""
        own = {g.block: late[g.block] for g in instruction.gathers() if g.block in late}
        return [x for each in own.values() for x in (*before(each), each)]

    for instruction in instructions:
        together = (*before(instruction), instruction)
        sources = {g.block for i in together for g in i.gathers() if g.block in pending}
        waiting[instruction] = len(sources)
        for block in sources:
            users.setdefault(block, []).append(instruction)
    ready: dict[Any, list[Instruction]] = {}
    for instruction in reversed(instructions):
        if not waiting[instruction]:
            ready.setdefault(_shape(instruction), []).append(instruction)
    order: list[Instruction] = []
    shape: Any = None
    while ready:
        if shape not in ready:
            shape = next(iter(ready))
        instruction = ready[shape].pop()
        if not ready[shape]:
            del ready[shape]
        order += [*before(instruction), instruction]
        pending[instruction.out] -= 1
        if not pending[instruction.out]:
            for user in users.get(instruction.out, ()):
                waiting[user] -= 1
                if not waiting[user]:
                    ready.setdefault(_shape(user), []).append(user)
    return order


def _late(instructions: list[Instruction]) -> dict[Block, Instruction]:
    """What is best computed where it is read, once, for it takes no longer than to read it: quick
    operations on what is in memory anyway, and comparisons."""
    readers: dict[Block, list[Instruction]] = {}
    writers = Counter(i.out for i in instructions)
    in_memory: set[Block] = set()
    for instruction in instructions:
        blocks = {g.block for g in instruction.gathers()}
        for block in blocks:
            readers.setdefault(block, []).append(instruction)
        long = isinstance(instruction, Sum) and (instruction.over_examples or _is_long(instruction))
        in_memory.update(block for block in blocks if long or block.given)
    late: dict[Block, Instruction] = {}
    for i in instructions:
        reader, *others = readers.get(i.out, [None])
        if others or writers[i.out] > 1 or not isinstance(reader, Map) or not isinstance(i, Map):
            continue
        alike = all(_same_members(g, i) for g in reader.operands if g.block is i.out)
        near = all(g.block in in_memory or g.block in late for g in i.operands)
        if i.out.boolean or (alike and near and i.op in _QUICK and len(i) == len(reader)):
            late[i.out] = i
    return late


def _shape(instruction: Instruction) -> Any:
    """What instructions of one nest have in common."""
    if isinstance(instruction, Sum) and instruction.over_examples:
        return "over examples"
    return len(instruction)


def _is_long(instruction: Instruction) -> bool:
    if not isinstance(instruction, Sum):
        return False
    return sum(p[0].index.shape[1] for p in instruction.products) > INLINE_TERMS


# fmt: off
_QUICK = {  # operations of one instruction of the machine, or of few
    ops.add, ops.sub, ops.mul, ops.div, ops.neg, ops.abs, ops.floor, ops.sqrt, ops.where, ops.take,
    ops.less, ops.less_equal, ops.equal, ops.not_equal, ops.logical_and, ops.logical_or,
    ops.logical_not, ops.sign, ops.maximum, ops.minimum, ops.relu, ops.leaky_relu,
}
# fmt: on


def work_of(op: Op) -> int:
    """About how many instructions of the machine an operation takes."""
    return 1 if op in _QUICK else FUNCTION_WORK


def _work(instruction: Instruction) -> int:
    """About how many instructions of the machine it takes for each member."""
    if isinstance(instruction, Map):
        return work_of(instruction.op)
    return 0 if _is_long(instruction) else len(instruction.products)


def _joins(instruction: Instruction, group: list[Instruction], many: bool) -> bool:
    """Whether an instruction can follow in the nest of a group."""
    first = group[0]
    if _shape(instruction) != _shape(first) or _shape(first) == "over examples":
        return False
    if _is_long(instruction) or len(group) >= NEST_STEPS:
        return False
    if many and sum(map(_work, group)) + _work(instruction) > NEST_WORK:
        return False
    written = {i.out: i for i in group}
    for gather in instruction.gathers():
        if gather.block in written and not _same_members(gather, written[gather.block]):
            return False
    return True


def _same_members(gather: Gather, source: Instruction) -> bool:
    """Whether member i of the gather is what member i of `source` computed."""
    if len(source) == 1:
        return gather.index.size == 1 and gather.index.item() == source.start
    index = gather.index if gather.index.ndim == 1 else gather.index[:, 0]
    single = gather.index.size == len(index) == len(source)
    return single and bool((index == source.start + np.arange(len(index))).all())


def _nest(group: list[Instruction], uses: dict[Block, int]) -> Nest:
    n = len(group[0])
    columns = [] if n == 1 else [_columns(g)[:, 0] for i in group for g in i.gathers()]
    axes = _axes(n, columns)
    first = group[0]
    nest = Nest(axes, over_examples=isinstance(first, Sum) and first.over_examples)
    steps: dict[Block, Step] = {}
    inside: dict[Block, int] = {}

    def operand(gather: Gather) -> Access | Step:
        if gather.block in steps:
            inside[gather.block] = inside.get(gather.block, 0) + 1
            return steps[gather.block]
        return access(gather, axes)

    for instruction in group:
        places = np.arange(instruction.start, instruction.start + n)
        target = access(Gather(instruction.out, places), axes)
        if isinstance(instruction, Map):
            step = Step(instruction.op, list(map(operand, instruction.operands)), [], target)
        else:
            products = [(p[0].index.shape[1], list(map(operand, p))) for p in instruction.products]
            step = Step(None, [], products, target, combine=instruction.combine)
        step.number = len(nest.steps)
        nest.steps.append(step)
        steps[instruction.out] = step
    for instruction, step in zip(group, nest.steps):
        step.stored = uses.get(instruction.out, 0) > inside.get(instruction.out, 0)
    return nest


def _columns(gather: Gather) -> Index:
    return gather.index if gather.index.ndim == 2 else gather.index[:, None]


def _axes(n: int, columns: list[Index]) -> tuple[int, ...]:
    """Loop extents, outermost first, in which every column is a sum of place times stride, if any.

    The innermost extent is the first place where a step changes; the starts of the runs are
    factored in turn.
    """
    axes: list[int] = []
    while n > 1:
        run = n
        for column in columns:
            steps = np.diff(column[:run])
            changes = np.flatnonzero(steps != steps[0]) if len(steps) else steps
            if len(changes):
                run = int(changes[0]) + 1
        if run == n or n % run:
            axes.append(n)
            break
        rows = [column.reshape(-1, run) for column in columns]
        if any((np.diff(r, axis=1) != np.diff(r[:1], axis=1)).any() for r in rows):
            axes.append(n)  # some columns are tables
            break
        axes.append(run)
        columns = [r[:, 0] for r in rows]
        n //= run
    return tuple(reversed(axes)) or (1,)


def access(gather: Gather, axes: tuple[int, ...]) -> Access:
    if gather.index.size == 1:
        return Access(gather.block, axes, gather.index.item(), (0,) * len(axes))
    index = _columns(gather)
    base = int(index[0, 0])
    places = index.reshape(*axes, index.shape[1])
    strides: list[int] = []
    expected: Any = base
    for k, n in enumerate((*axes, index.shape[1])):
        at = [0] * (len(axes) + 1)
        at[k] = min(n - 1, 1)
        stride = int(places[tuple(at)]) - base
        strides.append(stride)
        expected = expected + _along(stride * np.arange(n), k, len(axes) + 1)
    if (places == expected).all():
        return Access(gather.block, axes, base, tuple(strides[:-1]), strides[-1])
    return Access(gather.block, axes, 0, (0,) * len(axes), 0, index)


def _along(places: Index, axis: int, axes: int) -> Any:
    return places.reshape([-1 if k == axis else 1 for k in range(axes)])


def _layout(
    program: Program, phases: list[list[Nest]], first_sums: list[Block]
) -> tuple[dict[Block, int], int, int, int]:
    """Where stored blocks lie: rows of lanes for what varies, numbers for what does not."""
    offset, rows = _rows(program, phases[1])
    uniform = reduced = 0
    for block in first_sums:
        offset[block] = uniform
        uniform += block.size
    for first in (True, False):  # sums over examples lie in front
        for step, over in (
            (s, nest.over_examples) for nests in phases for nest in nests for s in nest.steps
        ):
            block = step.target.block
            if step.stored and block not in offset and over == first:
                offset[block] = uniform
                uniform += block.size
        if first:
            reduced = uniform
            for block in program.inputs:
                if not block.varying:
                    offset[block] = uniform
                    uniform += block.size
    return offset, rows, uniform, reduced


def _rows(program: Program, nests: list[Nest]) -> tuple[dict[Block, int], int]:
    """Where the rows of each block that varies begin, and how many rows there are."""
    given = [block for block in (*program.inputs, program.seed) if block.varying]
    first, last = dict.fromkeys(given, 0), dict.fromkeys(given, 0)
    for k, nest in enumerate(nests):
        for step in nest.steps:
            block = step.target.block
            if step.stored and block.varying:
                first.setdefault(block, k)
                last[block] = k
        end = k if nest.output is None else len(nests)
        for read in nest.reads():
            if read.block in last:
                last[read.block] = max(last[read.block], end)
    for gathers in program.outputs.values():
        last.update((g.block, len(nests)) for g in gathers if g.block in last)
    blocks = sorted(first, key=first.__getitem__)
    begins, rows = packed(Lifetime(b.size, first[b], last[b]) for b in blocks)
    return dict(zip(blocks, begins)), rows
