"""Loop adjoint: the gradient of a loop is a loop that runs backwards.

The forward loop stores the numbers with which each trip began, and those that are expensive to
recompute. The backward loop adds up the gradients of numbers that all trips read; the gradients of
numbers that differ from trip to trip are stored for each trip.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from micrograd.compiler.program.ir import Block, Gather, Program
from micrograd.compiler.program.loop_body import Slot, View, places_of
from micrograd.compiler.program.notes import Notes
from micrograd.compiler.program.roll_loop import Place, Results, RolledLoop, copies
from micrograd.compiler.trace.backwards import Backwards, backwards
from micrograd.compiler.trace.recurrence import Kept, Port, Read, Recurrence, Slope, Source

Gradients = Callable[[Block], Gather | None]  # of blocks of which all users are done
Targets = list[tuple[int, View]]  # an operation, and the number whose gradient it computes


@dataclass(frozen=True)
class Wanted:
    """The blocks whose gradients are wanted, and whether these are those of single examples."""

    active: set[Block]
    per_example: Callable[[Block], bool]


def add_loop(
    program: Program, loop: RolledLoop, gradient: Gradients, wanted: Wanted, notes: Notes
) -> None:
    """Appends the backward loop, and notes the wanted gradients of the numbers with which the loop
    begins and of those that it reads."""
    late = _late(loop, gradient)
    each = _each(loop, gradient, program)
    if not late and not each:
        return
    viewed = loop.body_graph.viewed

    def is_wanted(source: Source) -> bool:
        view = viewed.get(id(source))
        return isinstance(view, View) and view.block in wanted.active

    back = backwards(
        loop.recurrence, {*late}, {*each}, lambda j: loop.kept(j) is not None, is_wanted
    )
    assert back is not None
    begin = [
        (back.of_slot[slot], View(*place, 0))
        for slot, place in zip(loop.body_graph.slots, loop.begin)
        if place[0] in wanted.active and slot in back.of_slot
    ]
    shared, moving = _reads(loop, back)
    slopes = {Slope(j): View(*place, 0) for j, place in late.items()}
    slopes |= {Slope(j): view for j, view in each.items()}
    varying = loop.varying or any(view.block.varying for view in slopes.values())
    over = [j for j, view in shared if varying and not wanted.per_example(view.block)]
    results = Results(
        [j for j, _ in begin],
        [j for j, _ in moving],
        [j for j, _ in shared if j not in over],
        over,
    )
    kept = _kept(program, loop, _ports(back.recurrence, results.all))
    reverse = loop.roller.backwards(back.recurrence, results, loop, {**slopes, **kept})
    program.instructions.append(reverse)
    _note(notes, [(view, View(*reverse.final[j], 0)) for j, view in (*begin, *shared)], 1)
    _note(notes, [(view, reverse.stacked[j]) for j, view in moving], loop.trips)


def _note(notes: Notes, pairs: list[tuple[View, View]], trips: int) -> None:
    """Notes the contributions to each target; those to the same blocks are one note."""
    alike: dict[tuple[Block, Block], list[tuple[View, View]]] = {}
    for target, slope in pairs:
        alike.setdefault((target.block, slope.block), []).append((target, slope))
    for some in alike.values():
        target, slope = (_together([each[k].over(trips) for each in some]) for k in (0, 1))
        notes.add(target, [slope])


def _together(gathers: list[Gather]) -> Gather:
    return Gather(gathers[0].block, np.concatenate([gather.index for gather in gathers]))


# The gradients of the results.


def _late(loop: RolledLoop, gradient: Gradients) -> dict[int, Place]:
    """The places of the gradients of the last trip's results. Several results may be one number;
    its gradient counts once."""
    known = {block: gradient(block) for block, _ in loop.final.values()}
    first = {place: j for j, place in reversed(loop.final.items())}
    return {
        j: (g.block, int(g.index[place]))
        for (block, place), j in first.items()
        if (g := known[block]) is not None
    }


def _each(loop: RolledLoop, gradient: Gradients, program: Program) -> dict[int, View]:
    """The places of the gradients of the results of all trips."""
    g = gradient(loop.stack) if loop.stacked else None
    if g is None:
        return {}
    m = len(loop.stacked)
    moves = [places_of(g.index[k::m]) for k in range(m)]
    if any(move is None for move in moves):
        block = program.new_block(len(g), g.block.varying)
        program.instructions += copies(block, [g])
        return {j: View(block, k, m) for k, j in enumerate(loop.stacked)}
    return {j: View(g.block, *move) for j, move in zip(loop.stacked, moves) if move is not None}


# What the loop reads.


def _reads(loop: RolledLoop, back: Backwards) -> tuple[Targets, Targets]:
    """The gradients of numbers that all trips share, and of those that differ from trip to trip."""
    shared: Targets = []
    moving: Targets = []
    for key, j in back.of_read.items():
        view = loop.body_graph.viewed[key]
        assert isinstance(view, View)
        (shared if isinstance(back.source[key], int) else moving).append((j, view))
    return shared, moving


def _ports(recurrence: Recurrence, results: set[int]) -> list[Kept]:
    """The results of the forward loop that these results of a backward loop need."""
    reads = [x for j in recurrence.live(results) for x in recurrence.operands[j]]
    sources = [x.source for x in reads if isinstance(x, Read)]
    return sorted({x for x in sources if isinstance(x, Kept)})


def _kept(program: Program, loop: RolledLoop, ports: list[Kept]) -> dict[Port, View]:
    """Makes the loop store these results, and returns their places."""
    slots = {x: (x.node, max(x.distance, 1)) for x in ports}
    slots = {x: slot for x, slot in slots.items() if slot in loop.body_graph.slots}
    others = [x for x in ports if x not in slots]
    stack = program.new_block(len(others) * loop.trips, loop.varying)
    views = [loop.kept(x.node) for x in others]
    loop.body += copies(stack, [v.over(1) for v in views if v is not None], len(others))
    found: dict[Port, View] = {x: View(stack, k, len(others)) for k, x in enumerate(others)}
    began = _keep_slots(program, loop, [*dict.fromkeys(slots.values())])
    return found | {x: began[slot][x.distance == 0] for x, slot in slots.items()}


def _keep_slots(
    program: Program, loop: RolledLoop, slots: list[Slot]
) -> dict[Slot, tuple[View, View]]:
    """Makes the loop store the numbers with which its trips begin, which are those that the trips
    before pass on. Returns the places of both."""
    m, trips = len(slots), loop.trips
    if not m:
        return {}
    place = [loop.body_graph.slots.index(slot) for slot in slots]
    stack = program.new_block(m * (trips + 1), loop.varying)
    begin, after = (m, 0) if loop.backwards else (0, m)
    first = [View(*loop.begin[k], 0).over(1) for k in place]
    at = program.instructions.index(loop)
    program.instructions[at:at] = copies(stack, first, start=m * trips if loop.backwards else 0)
    loop.body += copies(stack, [loop.after[k].over(1) for k in place], m, after)
    return {
        slot: (View(stack, begin + k, m), View(stack, after + k, m)) for k, slot in enumerate(slots)
    }
