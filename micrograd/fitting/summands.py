"""Summands: a result written as a sum of products, for a sparse Hessian.

The Hessian of a sum is the sum of the Hessians of its terms, and each term reads few unknowns. A
product is multiplied out if one factor is a sum, and no other factor depends on the unknowns: these
factors are constant weights of the terms.
"""

from collections.abc import Iterator

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import Block, Computation, Index, Map, Program, Sum
from micrograd.fitting.row_formulas import Reading


def summands(program: Program, unknowns: Block) -> list[tuple[Index, list[Reading]]]:
    """The products whose sum is the output "value", each with a number for each of its terms.

    Terms without second derivatives are left out.
    """
    (value,) = program.outputs["value"]
    depends = _dependents(program, unknowns)
    found: list[list[Reading]] = []
    waiting = [[Reading(value.block, value.index)]]
    while waiting:
        product = waiting.pop()
        active = [x for x in product if x.block in depends]
        if not active or (len(active) == 1 and active[0].block is unknowns):
            continue
        terms = _terms(program, product, active[0], depends) if len(active) == 1 else None
        if terms is None:
            found.append(product)
        else:
            waiting += terms
    starts = np.cumsum([0, *[len(product[0].index) for product in found]])
    return [(start + np.arange(len(x[0].index)), x) for start, x in zip(starts, found)]


def _dependents(program: Program, unknowns: Block) -> set[Block]:
    depends = {unknowns}
    for instruction in program.computations:
        if any(gather.block in depends for gather in instruction.gathers()):
            depends.add(instruction.out)
    return depends


def _terms(
    program: Program, product: list[Reading], active: Reading, depends: set[Block]
) -> list[list[Reading]] | None:
    """The product, multiplied out. None if its one active factor is neither a sum nor a product
    of which one factor is active. A factor is active if it depends on the unknowns."""
    others = [x for x in product if x is not active]
    terms: list[list[Reading]] = []
    for instruction, rows in _computing(program, active):
        members = active.index[rows] - instruction.start
        factored = _factored(instruction, depends)
        if factored is None:
            return None
        for factors in factored:
            count = 1 if factors[0].index.ndim == 1 else factors[0].index.shape[1]
            weights = [x.at(np.repeat(x.index[rows], count)) for x in others]
            terms.append(weights + [x.at(x.index[members].ravel()) for x in factors])
    return terms


def _factored(instruction: Computation, depends: set[Block]) -> list[list[Reading]] | None:
    """The instruction as a sum of products; None if it is none."""
    if isinstance(instruction, Sum):
        if not instruction.combine.linear:
            return None
        return [[Reading(x.block, x.index) for x in each] for each in instruction.products]
    if not isinstance(instruction, Map):
        return None
    first, *more = instruction.operands
    if instruction.op is ops.div and more[0].block not in depends:
        return [[Reading(first.block, first.index), Reading(more[0].block, more[0].index, True)]]
    if instruction.op is ops.mul and not depends.issuperset([first.block, more[0].block]):
        return [[Reading(x.block, x.index) for x in instruction.operands]]
    return None


def _computing(program: Program, reading: Reading) -> Iterator[tuple[Computation, Index]]:
    """The instructions that compute what is read, each with the rows that read it."""
    for instruction in program.computations:
        if instruction.out is reading.block:
            low, high = instruction.start, instruction.start + len(instruction)
            rows = np.flatnonzero((low <= reading.index) & (reading.index < high))
            if len(rows):
                yield instruction, rows
