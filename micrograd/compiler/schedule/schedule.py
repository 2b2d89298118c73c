"""Schedule: a program becomes loops: which axis is vectorised, how tiled, what stays in registers.

Examples lie in the vector lanes, in chunks of `Plan.lanes`: every varying scalar is a row of lanes.
The loops over the members of a block are outside. Neighbouring instructions of equal extent share
one loop nest, and values that only this nest reads stay in registers. A sum of many terms opens a
nest and computes a tile of members at once; elementwise work on its result follows in the same
nest.

Uniform values are computed before all examples, or after them if they depend on a sum over
examples.
"""

import math
from collections import Counter

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import Block, Instruction, Program, Sum, computations
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.fusion import nests_of, uses_of, with_own_comparisons
from micrograd.compiler.schedule.liveness import Lifetime, allocated
from micrograd.compiler.schedule.plan import LoopNest, Nest, Nests, Plan, single
from micrograd.compiler.schedule.straight_line import choose_straight_line, private

TILE = 8  # members of a long sum at once: as many independent chains of multiply-adds
VECTOR_TILE = 4  # vectors of members at once
REDUCE_TILE = 4  # rows, and columns, of a tile of sums over examples
PANEL = 3  # vectors of columns, times TILE rows, where a sum over examples is a matrix product
PACKED_ROWS = 16  # with fewer rows, packing the columns of such a product costs more than it saves
FIRST_CACHE_BYTES = 32 * 1024
CACHE_BYTES = 768 * 1024  # of the second-level cache, for the numbers of one chunk of examples
VECTORS = 17  # in a chunk, at most: odd, to avoid conflicts in the cache's sets; 17 x 8 hold 128


def schedule(program: Program, width: int, number_bytes: int = 8, native: bool = True) -> Plan:
    """The loops of `program`, for vectors of `width` numbers; width 1 means one example at a time.

    In `native` code, an output that is an outer product per example is computed only when it is
    written into the caller's array, and what only one stretch reads stays in its registers.
    """
    instructions = with_own_comparisons(program)
    uses = uses_of(program, instructions)
    phases = _phases(instructions)
    repeated = (False, width > 1, False)  # nests of examples run once per vector of examples
    nests = [nests_of(part, uses, many) for part, many in zip(phases, repeated)]
    in_place = _in_place(program)
    inner = [*single(nests[1])]
    sums = {step.target.block for nest in inner if nest.over_examples for step in nest.steps}
    first = [in_place[1]] if in_place and in_place[1] in sums else []
    if width > 1:
        plain = [nest for nest in nests[1] if isinstance(nest, Nest)]
        _find_products(program, plain, width, uses if native else {})
        for nest in inner:
            if nest.over_examples:
                nest.factors = _rows_and_columns(nest, width)
        choose_straight_line([nest for nest in plain if nest.output is None])
    hidden = _private(program, nests[1]) if native else set[tuple[Block, int]]()
    offset, rows, uniform, reduced = _layout(program, nests, first, hidden)
    outer = [nest for nest in inner if nest.factors]
    packed = max([_whole(nest.axes[-1], width) for nest in outer], default=0)
    streams = _streams(program) if width > 1 else {}
    products = [nest.factors[1].block for nest in outer if nest.factors and nest.over_examples]
    in_rows = [block for block in program.inputs if block in products and block.size > 1]
    shared = program.parameters.size + reduced
    straight_line = any(nest.straight_line for nest in nests[1])
    room = FIRST_CACHE_BYTES if straight_line else CACHE_BYTES + 2 * shared * number_bytes
    return Plan(
        program, *nests,
        lanes=_lanes(_near(rows, nests[1]) + packed, room, width, number_bytes)
        if width > 1
        else 1,
        offset=offset, rows=rows, uniform=uniform, reduced=reduced, packed=packed,
        in_place=in_place, reduced_in_place=sum(block.size for block in first),
        streams=streams, starts={block: len(streams) + k for k, block in enumerate(in_rows)},
        private=hidden,
    )  # fmt: skip


def _phases(instructions: list[Instruction]) -> list[list[Instruction]]:
    """The instructions before, for, and after the examples."""
    phases: list[list[Instruction]] = [[], [], []]
    phase_of: dict[Block, int] = {}
    for instruction in instructions:
        computed = [*computations([instruction])]
        totals = {i.out for i in computed if isinstance(i, Sum) and i.over_examples}
        after = any(phase_of.get(g.block, 0) == 2 for g in instruction.gathers())
        outs = {i.out for i in computed}
        phase = 1 if any(out.varying for out in outs) or totals else 2 if after else 0
        assert not (after and phase == 1), "an example depends on a sum over the examples"
        phases[phase].append(instruction)
        for out in outs:  # the phase of a block is that of its last member
            known = phase_of.get(out, 0)
            phase_of[out] = max(known, 2 if out in totals else phase)
    return phases


def _find_products(program: Program, nests: list[Nest], width: int, uses: dict[Block, int]) -> None:
    """Marks the nests that are outer products and outputs without a reader."""
    outputs: dict[Block, int] = {}
    for k, gathers in enumerate(program.outputs.values()):
        if len(gathers) == 1 and np.array_equal(gathers[0].index, np.arange(gathers[0].block.size)):
            outputs[gathers[0].block] = k
    for nest in nests:
        block = nest.steps[0].target.block
        own = len(nest.steps) == 1 and block in outputs and uses.get(block) == 1
        if own and not nest.over_examples and math.prod(nest.axes) == block.size:
            nest.factors = _rows_and_columns(nest, width)
        if nest.factors:
            nest.output, nest.steps[0].stored = outputs[block], False


def _rows_and_columns(nest: Nest, width: int) -> tuple[Access, Access] | None:
    """The factors of an outer product, if packing its columns pays off.

    It pays off if there are enough rows, and if the columns fill most of their vectors.
    """
    (*rows, columns), step = nest.axes, nest.steps[0]
    products = [(1, step.operands)] if step.op is ops.mul else step.products
    if len(products) != 1 or math.prod(rows) < PACKED_ROWS:
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
    """`count`, rounded up to whole vectors."""
    return -(-count // width) * width


def _lanes(rows: int, room: int, width: int, number_bytes: int) -> int:
    """The lanes of a chunk: an odd number of vectors, so that rows fall into different cache sets.

    Parameters and sums over examples pass through the cache once per chunk, so the rows of a chunk
    may take as much room as these.
    """
    vectors = room // (max(rows, 1) * width * number_bytes)
    return width * (min(max(vectors, 1), VECTORS) - 1 | 1)


def _near(rows: int, nests: Nests) -> int:
    """How many rows are to be in the cache at once: all, but for those that move past a loop."""
    loops = [nest for nest in nests if isinstance(nest, LoopNest)]
    accesses = [x for nest in loops for x in (*nest.reads(), *(s.target for s in nest.steps))]
    moving = {x.block for x in accesses if x.step and x.block.varying}
    return max(rows - sum(block.size for block in moving), 1) if moving else rows


def _private(program: Program, nests: Nests) -> set[tuple[Block, int]]:
    delivered = [nest for nest in nests if nest.output is not None]
    read = {x.block for nest in delivered for x in nest.reads()}
    outputs = {gather.block for gathers in program.outputs.values() for gather in gathers}
    return private([nest for nest in nests if nest.output is None], read | outputs)


def _streams(program: Program) -> dict[Block, int]:
    """Inputs and outputs of one scalar per example: their rows may lie in the caller's arrays."""
    answers = [g.block for gathers in program.outputs.values() for g in gathers]
    inputs = [x for x in program.inputs if x.varying and x.size == 1 and x not in answers]
    single = [gathers[0] for gathers in program.outputs.values() if sum(map(len, gathers)) == 1]
    outputs = [
        block
        for block in (gather.block for gather in single)
        if block.size == 1 and block.varying and not block.given and answers.count(block) == 1
    ]
    return {block: k for k, block in enumerate([*inputs, *outputs])}


def _in_place(program: Program) -> tuple[int, Block] | None:
    """The number and block of the largest output that is one whole, computed, uniform block."""
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


def _layout(
    program: Program, phases: list[Nests], first_sums: list[Block],
    hidden: set[tuple[Block, int]],
) -> tuple[dict[Block, int], int, int, int]:  # fmt: skip
    """The offsets of stored blocks, and the counts of rows, uniform numbers and reductions."""
    count = Counter(block for block, _ in hidden)
    rowless = {block for block in count if count[block] == block.size}
    offset, rows = _rows(program, phases[1], rowless)
    uniform = reduced = 0
    for block in first_sums:
        offset[block] = uniform
        uniform += block.size
    for first in (True, False):  # sums over examples come first
        for step, over in (
            (s, nest.over_examples)
            for nests in phases
            for nest in single(nests)
            for s in nest.steps
        ):
            block = step.target.block
            placed = block in offset or block in rowless
            if step.stored and not placed and over == first:
                offset[block] = uniform
                uniform += block.size
        if first:
            reduced = uniform
            for block in program.inputs:
                if not block.varying:
                    offset[block] = uniform
                    uniform += block.size
    return offset, rows, uniform, reduced


def _rows(program: Program, nests: Nests, rowless: set[Block]) -> tuple[dict[Block, int], int]:
    """The first row of each varying block, and the number of rows."""
    given = [block for block in (*program.inputs, program.seed) if block.varying]
    first, last = dict.fromkeys(given, 0), dict.fromkeys(given, 0)
    for k, nest in enumerate(nests):
        for step in nest.steps:
            block = step.target.block
            if step.stored and block.varying and block not in rowless:
                first.setdefault(block, k)
                last[block] = k
        end = k if nest.output is None else len(nests)
        for read in nest.reads():
            if read.block in last:
                last[read.block] = max(last[read.block], end)
    for gathers in program.outputs.values():
        last.update((g.block, len(nests)) for g in gathers if g.block in last)
    blocks = sorted(first, key=first.__getitem__)
    begins, rows = allocated(Lifetime(b.size, first[b], last[b]) for b in blocks)
    return dict(zip(blocks, begins)), rows
