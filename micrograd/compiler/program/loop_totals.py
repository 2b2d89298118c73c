"""Loop totals: sums over all trips of a loop.

Of numbers that vary, the total over all trips and examples is one instruction: a sum over examples
in a loop continues from trip to trip. So the gradients of weights are matrix products, trip by
trip. Other totals are carried from trip to trip.
"""

import numpy as np

from micrograd import ops
from micrograd.compiler.program.ir import (
    Block,
    Computation,
    Gather,
    Map,
    Product,
    Program,
    Sum,
)

Place = tuple[Block, int]


def over_examples(
    program: Program, body: list[Computation], sums: list[Gather], reads: list[Gather]
) -> tuple[list[Computation], list[Place]]:
    """The body with totals of some of its sums, over all trips and examples, and the places of the
    totals. A sum itself stays in the body only if it is read there or by `reads`."""
    total = program.new_block(sum(map(len, sums)), False)
    wanted: dict[Block, dict[int, list[int]]] = {}  # which totals are those of each member
    for number, (block, place) in enumerate(_places(sums)):
        wanted.setdefault(block, {}).setdefault(place, []).append(number)
    read = {gather.block for gather in (*reads, *(g for i in body for g in i.gathers()))}
    found: dict[int, Place] = {}
    totals: list[Computation] = []
    for i in body:
        places = wanted.get(i.out, {})
        rows = [(k, n) for k in range(len(i)) for n in places.get(i.start + k, ())]
        if rows:
            assert isinstance(i, Sum), "a total is that of a sum"
            start = len(found)
            found |= {n: (total, start + k) for k, (_, n) in enumerate(rows)}
            products = _rows(i, [k for k, _ in rows])
            totals.append(Sum(total, start, products, over_examples=True))
    kept = [i for i in body if i.out not in wanted or i.out in read]
    return [*kept, *totals], [found[n] for n in range(total.size)]


def _rows(instruction: Sum, rows: list[int]) -> list[Product]:
    """The products of some of its members."""
    members = np.array(rows, np.int64)
    return [
        tuple(Gather(factor.block, factor.index[members], factor.step) for factor in product)
        for product in instruction.products
    ]


def carried(
    program: Program, sums: list[Gather], varying: bool
) -> tuple[Map, list[Sum], Map, list[Place]]:
    """The totals of numbers over all trips: the instructions before the loop, in a trip and at its
    end, and the places of the totals after the loop."""
    size = sum(map(len, sums))
    before, after = (program.new_block(size, varying) for _ in range(2))
    zero = Gather(program.constants, np.full(size, program.constant(0.0)))
    begin = Map(before, 0, ops.identity, [zero])
    body: list[Sum] = []
    start = 0
    for gather in sums:
        so_far = Gather(before, np.arange(start, start + len(gather))[:, None])
        more = Gather(gather.block, gather.index[:, None], gather.step)
        body.append(Sum(after, start, [(so_far,), (more,)]))
        start += len(gather)
    whole = Gather(after, np.arange(size))
    update = Map(before, 0, ops.identity, [whole])
    return begin, body, update, [(after, k) for k in range(size)]


def _places(gathers: list[Gather]) -> list[Place]:
    return [(gather.block, k) for gather in gathers for k in gather.index.tolist()]
