"""Fusion: instructions become loop nests, ordered so that those of equal extent are neighbours.

`_joins` decides what shares a nest, `_sunk` what is sunk into its consumer, `_ordered` the order.
"""

from collections import Counter
from itertools import groupby

import numpy as np

from micrograd.compiler.program.ir import (
    Block,
    Branches,
    Computation,
    Gather,
    Instruction,
    Loop,
    Map,
    Program,
    Sum,
    computations,
)
from micrograd.compiler.schedule.access import Access, access, axes_of, columns_of
from micrograd.compiler.schedule.cost import QUICK, Counted, Work, cost
from micrograd.compiler.schedule.plan import INLINE_TERMS, LoopNest, Nest, Nests, Step

NEST_STEPS = 64  # LLVM's compile time is more than linear in the length of a loop's body
NEST_WORK = 62  # machine instructions: the processor overlaps more iterations of a shorter body


def nests_of(instructions: list[Instruction], uses: dict[Block, int], many: bool) -> Nests:
    """The nests, in order; with short bodies if `many` iterations of each follow one another."""
    result: Nests = []
    for is_loop, some in groupby(instructions, lambda i: isinstance(i, Loop)):
        if not is_loop:
            result += _nests_of([*computations(some)], uses, many)
            continue
        for loop in some:
            assert isinstance(loop, Loop)
            parts = loop.body, [*computations(loop.updates)]
            nests = [nest for part in parts for nest in _nests_of(part, uses, many)]
            result.append(LoopNest(loop.trips, nests, loop.backwards))
    return result


def _nests_of(instructions: list[Computation], uses: dict[Block, int], many: bool) -> list[Nest]:
    nests: list[Nest] = []
    group: list[Computation] = []
    written: dict[Block, Computation] = {}  # by the group
    body = _Body()
    for instruction in _ordered(instructions):
        long = many and body.with_(instruction) > NEST_WORK
        if group and (long or not _joins(instruction, group, written)):
            nests.append(_nest(group, uses))
            group, written, body = [], {}, _Body()
            if many:
                body.with_(instruction)
        group.append(instruction)
        written[instruction.out] = instruction
    return [*nests, _nest(group, uses)] if group else nests


class _Body:
    """The body of a nest: estimated machine instructions per member."""

    def __init__(self) -> None:
        self._work = Work()
        self._sums = 0
        self._results: dict[Block, Counted | float] = {}

    def with_(self, instruction: Computation) -> int:
        """The work with one more instruction."""
        if isinstance(instruction, Map):
            operands = [self._operand(gather) for gather in instruction.operands]
            self._results[instruction.out] = instruction.op(*operands)
        elif isinstance(instruction, Sum) and not _is_long(instruction):
            self._sums += len(instruction.products)
        return self._work.total + self._sums

    def _operand(self, gather: Gather) -> Counted | float:
        known = self._results.get(gather.block)
        return self._work.scalar((gather.block, gather.index.tobytes())) if known is None else known


def _joins(
    instruction: Computation, group: list[Computation], written: dict[Block, Computation]
) -> bool:
    """Whether an instruction can join the nest of the group before it."""
    first, shape = group[0], _shape(instruction)
    if shape == "over examples" or shape != _shape(first):
        return False
    if _is_long(instruction) or len(group) >= NEST_STEPS:
        return False
    if _is_alone(instruction) or _is_alone(first):
        return False
    for gather in instruction.gathers():
        if gather.block in written and not _same_members(gather, written[gather.block]):
            return False
    return True


def _same_members(gather: Gather, source: Computation) -> bool:
    """Whether member i of the gather reads what member i of `source` computes."""
    if len(source) == 1:
        return gather.index.size == 1 and gather.index.item() == source.start
    index = gather.index if gather.index.ndim == 1 else gather.index[:, 0]
    single = gather.index.size == len(index) == len(source)
    return single and bool((index == source.start + np.arange(len(index))).all())


def _shape(instruction: Computation) -> int | str:
    """A key: only instructions with equal keys share a nest."""
    if isinstance(instruction, Sum) and instruction.over_examples:
        return "over examples"
    return len(instruction)


def _is_long(instruction: Computation) -> bool:
    if not isinstance(instruction, Sum):
        return False
    return sum(p[0].index.shape[1] for p in instruction.products) > INLINE_TERMS


def _is_alone(instruction: Computation) -> bool:
    """Whether it has a nest of its own: it branches, or calls Python for a whole column."""
    return isinstance(instruction, Branches) or (
        isinstance(instruction, Map) and instruction.op.opaque
    )


def _ordered(instructions: list[Computation]) -> list[Computation]:
    """A topological order in which instructions of equal extent are neighbours, where possible.

    Sunk instructions stand directly before their consumer.
    """
    sunk = _sunk(instructions)
    instructions = [i for i in instructions if i.out not in sunk]
    waiting: dict[Computation, int] = {}
    users: dict[Block, list[Computation]] = {}
    pending: dict[Block, int] = {}
    for instruction in instructions:
        pending[instruction.out] = pending.get(instruction.out, 0) + 1

    def before(instruction: Computation) -> list[Computation]:
        """The instructions that are sunk into this one."""
        own = {g.block: sunk[g.block] for g in instruction.gathers() if g.block in sunk}
        return [x for each in own.values() for x in (*before(each), each)] if own else []

    together = {i: [*before(i), i] for i in instructions}
    for instruction, some in together.items():
        sources = {g.block for i in some for g in i.gathers() if g.block in pending}
        waiting[instruction] = len(sources)
        for block in sources:
            users.setdefault(block, []).append(instruction)
    ready: dict[int | str, list[Computation]] = {}
    for instruction in reversed(instructions):
        if not waiting[instruction]:
            ready.setdefault(_shape(instruction), []).append(instruction)
    order: list[Computation] = []
    shape: int | str = ""
    while ready:
        if shape not in ready:
            shape = next(iter(ready))
        instruction = ready[shape].pop()
        if not ready[shape]:
            del ready[shape]
        order += together[instruction]
        pending[instruction.out] -= 1
        if not pending[instruction.out]:
            for user in users.get(instruction.out, ()):
                waiting[user] -= 1
                if not waiting[user]:
                    ready.setdefault(_shape(user), []).append(user)
    return order


def _sunk(instructions: list[Computation]) -> dict[Block, Computation]:
    """Cheap instructions with one consumer, to be sunk into it: comparisons, and operations on
    values that are in memory anyway. To compute them there costs no more than a load."""
    readers: dict[Block, list[Computation]] = {}
    writers = Counter(i.out for i in instructions)
    in_memory: set[Block] = set()
    for instruction in instructions:
        blocks = {g.block for g in instruction.gathers()}
        for block in blocks:
            readers.setdefault(block, []).append(instruction)
        long = isinstance(instruction, Sum) and (instruction.over_examples or _is_long(instruction))
        in_memory.update(block for block in blocks if long or block.given)
    sunk: dict[Block, Computation] = {}
    for i in instructions:
        reader, *others = readers.get(i.out, [None])
        if others or writers[i.out] > 1 or not isinstance(reader, Map) or not isinstance(i, Map):
            continue
        if reader.op.opaque:
            continue
        alike = all(_same_members(g, i) for g in reader.operands if g.block is i.out)
        near = all(g.block in in_memory or g.block in sunk for g in i.operands)
        quick = cost(i.op, len(i.operands)) <= QUICK
        if i.out.boolean or (alike and near and quick and len(i) == len(reader)):
            sunk[i.out] = i
    return sunk


def with_own_comparisons(program: Program) -> list[Instruction]:
    """The instructions, with comparisons rematerialised for each consumer: to compare again costs
    no more than to load a truth value, which then need not be stored."""
    comparisons = {
        i.out: i
        for i in program.instructions
        if not isinstance(i, Loop)
        and i.out.boolean
        and len(i) == i.out.size
        and not any(g.block.boolean for g in i.gathers())
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
    return [i for i in result if isinstance(i, Loop) or i.out not in comparisons or i.out in needed]


def _compared_for(comparison: Computation, gather: Gather) -> Map:
    """The comparison, restricted to the members that a gather reads."""
    assert isinstance(comparison, Map)
    operands = [Gather(g.block, g.index[gather.index]) for g in comparison.operands]
    out = Block(gather.block.name, len(gather), comparison.out.varying, boolean=True)
    return Map(out, 0, comparison.op, operands)


def uses_of(program: Program, instructions: list[Instruction]) -> dict[Block, int]:
    """How many gathers read each block, outputs included: these always read from memory."""
    uses: dict[Block, int] = {}
    for instruction in instructions:
        for gather in instruction.gathers():
            uses[gather.block] = uses.get(gather.block, 0) + 1
    for gathers in program.outputs.values():
        for gather in gathers:
            uses[gather.block] = uses.get(gather.block, 0) + 1
    return uses


def _tree(instruction: Branches) -> Nest:
    """The nest of branches. Each of its accesses is a run of neighbours."""
    n = len(instruction)
    operands: list[Access | Step] = [access(g, (len(g),)) for g in instruction.operands]
    target = access(Gather(instruction.out, np.arange(n)), (n,))
    return Nest((n,), [Step(None, operands, [], target, tree=instruction.tree)])


def _nest(group: list[Computation], uses: dict[Block, int]) -> Nest:
    if isinstance(group[0], Branches):
        return _tree(group[0])
    n = len(group[0])
    columns = [] if n == 1 else [columns_of(g)[:, 0] for i in group for g in i.gathers()]
    axes = axes_of(n, columns)
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
        step = instruction.step if isinstance(instruction, Map) else 0
        target = access(Gather(instruction.out, places, step), axes)
        if isinstance(instruction, Map):
            step = Step(instruction.op, list(map(operand, instruction.operands)), [], target)
        else:
            assert isinstance(instruction, Sum)
            products = [(p[0].index.shape[1], list(map(operand, p))) for p in instruction.products]
            step = Step(None, [], products, target, combine=instruction.combine)
        step.number = len(nest.steps)
        nest.steps.append(step)
        steps[instruction.out] = step
    for instruction, step in zip(group, nest.steps):
        step.stored = uses.get(instruction.out, 0) > inside.get(instruction.out, 0)
    return nest
