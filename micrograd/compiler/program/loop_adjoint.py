"""Loop adjoint: the gradient of a loop is a loop that runs backwards.

The loop keeps stacks of what its trips began with, and of what is dear to compute again. Gradients
of what all trips read are added up in the loop backwards; those of what moves are stacks.
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
    """Appends the loop backwards, and notes the gradients of what the loop begins with and reads,
    where they are wanted."""
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
    """Notes what each target gains, those of the same blocks together."""
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
    """Where the gradients of the last trip's results are. Results that are one number have one
    gradient, which counts once."""
    known = {block: gradient(block) for block, _ in loop.final.values()}
    first = {place: j for j, place in reversed(loop.final.items())}
    return {
        j: (g.block, int(g.index[place]))
        for (block, place), j in first.items()
        if (g := known[block]) is not None
    }


def _each(loop: RolledLoop, gradient: Gradients, program: Program) -> dict[int, View]:
    """Where the gradients of the results of all trips are."""
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
    """The gradients of what all trips share, and of what moves from trip to trip."""
    shared: Targets = []
    moving: Targets = []
    for key, j in back.of_read.items():
        view = loop.body_graph.viewed[key]
        assert isinstance(view, View)
        (shared if isinstance(back.source[key], int) else moving).append((j, view))
    return shared, moving


def _ports(recurrence: Recurrence, results: set[int]) -> list[Kept]:
    """What the results of a loop need of another one."""
    reads = [x for j in recurrence.live(results) for x in recurrence.operands[j]]
    sources = [x.source for x in reads if isinstance(x, Read)]
    return sorted({x for x in sources if isinstance(x, Kept)})


def _kept(program: Program, loop: RolledLoop, ports: list[Kept]) -> dict[Port, View]:
    """Makes the loop keep what is asked for, and says where."""
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
    """Makes the loop keep what its trips begin with; what each passes on is what the next one
    begins with. Says where both are."""
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
