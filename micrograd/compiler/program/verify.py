"""Verify: asserts what each pass promises to the next.

No member is read before it is computed, none is computed twice, gathers stay within their blocks,
and nothing uniform reads what varies.
"""

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.program.branching import Fork
from micrograd.compiler.program.ir import (
    Block,
    Branches,
    Computation,
    Gather,
    Loop,
    Map,
    Program,
    Sum,
    is_subtracted,
)

Written = dict[Block, NDArray[np.bool_]]  # which members of each block are computed

always_verify = False  # between all passes: tests set it, users need not wait for it


def verify(program: Program) -> None:
    """Raises AssertionError where the program breaks a promise."""
    given = [*program.inputs, program.parameters, program.constants, program.seed]
    written = {block: np.ones(block.size, bool) for block in given}
    assert len(program.constant_values) == program.constants.size
    for instruction in program.instructions:
        if isinstance(instruction, Loop):
            _verify_loop(program, instruction, written)
        else:
            _verify_computation(program, instruction, written)
            _write(instruction, written)
    for gathers in program.outputs.values():
        for gather in gathers:
            _verify_gather(gather, written)


def _verify_computation(
    program: Program, instruction: Computation, written: Written, trips: int = 1
) -> None:
    assert not instruction.out.given, f"{instruction} writes what is given"
    for gather in instruction.gathers():
        alike = isinstance(instruction, Branches) or len(gather) == len(instruction)
        assert alike, f"{instruction}: {gather} has another length"
        assert len(instruction) > 0
        for trip in (0, trips - 1):
            _verify_gather(Gather(gather.block, gather.at(trip)), written)
    _verify_variance(instruction)
    if isinstance(instruction, Sum):
        _verify_products(program, instruction)
    elif isinstance(instruction, Map):
        _verify_map(instruction)
    else:
        _verify_branches(instruction)


def _verify_loop(program: Program, loop: Loop, written: Written) -> None:
    """The body computes what is new; the updates overwrite what was computed before, and none of
    them reads it."""
    assert loop.trips > 0 < len(loop.body)
    totals = {i.out for i in loop.body if isinstance(i, Sum) and i.over_examples}
    assert totals.isdisjoint(gather.block for gather in loop.gathers()), "a trip reads a total"
    for instruction in loop.body:
        varies = loop.varying and instruction.out not in totals
        assert instruction.out.varying == varies, f"{instruction}: varying?"
        _verify_computation(program, instruction, written, loop.trips)
        _write(instruction, written, loop.trips)
    carried = {i.out for i in loop.updates}
    for update in loop.updates:
        _verify_computation(program, update, written, loop.trips)
        assert carried.isdisjoint(g.block for g in update.gathers()), f"{update} reads an update"
        overwritten = written[update.out][update.start : update.start + len(update)]
        assert len(overwritten) == len(update), f"{update} writes beyond its block"
        assert overwritten.all(), f"{update} begins with nothing"


def checked(program: Program) -> Program:
    """The program, verified if `always_verify` is set."""
    if always_verify:
        verify(program)
    return program


def _verify_gather(gather: Gather, written: Written) -> None:
    assert gather.block in written, f"{gather} is read before it is computed"
    assert gather.index.size == 0 or (
        gather.index.min() >= 0 and gather.index.max() < gather.block.size
    ), f"{gather} reaches beyond {gather.block.size}"
    assert written[gather.block][gather.index].all(), f"{gather} is read before it is computed"


def _verify_variance(instruction: Computation) -> None:
    varying = any(gather.block.varying for gather in instruction.gathers())
    if isinstance(instruction, Sum) and instruction.over_examples:
        assert not instruction.out.varying, f"{instruction}: varying?"
    else:
        assert instruction.out.varying >= varying, f"{instruction} is uniform, its operands vary"


def _verify_products(program: Program, instruction: Sum) -> None:
    for product in instruction.products:
        factors = product[1:] if is_subtracted(program, product) else product
        assert len({factor.index.shape for factor in product}) == 1 <= len(factors) <= 2
        assert all(factor.index.ndim == 2 for factor in product)


def _verify_map(instruction: Map) -> None:
    assert all(operand.index.ndim == 1 for operand in instruction.operands)
    assert instruction.out.boolean == instruction.op.boolean
    numbers = instruction.operands[instruction.op.conditions :]
    assert not any(x.block.boolean for x in numbers), f"{instruction} reads a truth as a number"


def _verify_branches(instruction: Branches) -> None:
    tree = instruction.tree
    assert instruction.out.size == tree.width
    assert sum(map(len, instruction.operands)) == tree.leaves
    assert all(x < tree.leaves + k for k, (_, refs) in enumerate(tree.nodes) for x in refs
               if not isinstance(x, float))  # fmt: skip
    widths = [len(place) for place in tree.places if not isinstance(place, Fork)]
    assert {*widths} == {tree.width}


def _write(instruction: Computation, written: Written, trips: int = 1) -> None:
    out, start, size = instruction.out, instruction.start, len(instruction)
    step = instruction.step if isinstance(instruction, Map) else 0
    members = written.setdefault(out, np.zeros(out.size, bool))
    for trip in range(trips if step else 1):
        own = slice(start + trip * step, start + trip * step + size)
        assert own.stop <= len(members), f"{instruction} writes beyond its block"
        assert not members[own].any(), f"{instruction} computes a member twice"
        members[own] = True
