"""Roll a loop: a recurrence of the graph becomes a `Loop` of the program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np

from micrograd import ops
from micrograd.compiler.program import loop_totals
from micrograd.compiler.program.flatten import Loop as Needed
from micrograd.compiler.program.ir import (
    Block,
    Computation,
    Gather,
    Loop,
    Map,
    Product,
    Program,
    Sum,
)
from micrograd.compiler.program.loop_body import LoopBody, View, loop_body, places_of, varying
from micrograd.compiler.trace.recurrence import Port, Recurrence, Slope, Source
from micrograd.compiler.trace.symbol import Node
from micrograd.compiler.trace.trace import Trace

Place = tuple[Block, int]
Outputs = dict[str, list[Node]]
Ports = dict[Port, View]


class Rolled(Protocol):
    """A graph that has been rolled."""

    program: Program

    def found(self, number: int) -> Place | None:
        """Where a node of the graph is; None if it was merged into a sum."""
        ...


@dataclass(frozen=True)
class Results:
    """Which operations of a recurrence are asked for: their results after the last trip, those of
    each trip, and the totals over all trips, or over all trips and examples, of sums."""

    final: Sequence[int] = ()
    each: Sequence[int] = ()
    totals: Sequence[int] = ()
    over_examples: Sequence[int] = ()

    @property
    def all(self) -> set[int]:
        return {*self.final, *self.each, *self.totals, *self.over_examples}


@dataclass(eq=False, kw_only=True)
class RolledLoop(Loop):
    """A loop of the program, and the parts of which it was made.

    `begin` are the places of the initial state, and `after` those of the state that a trip passes
    on. `kept` returns the place of an operation's result in a trip, if it has one. `final` are the
    results after the last trip, totals included; `stacked` those of all trips, in the block
    `stack`.
    """

    recurrence: Recurrence
    roller: "LoopRoller"
    body_graph: LoopBody
    begin: list[Place]
    after: list[View]
    kept: Callable[[int], View | None]
    final: dict[int, Place]
    stack: Block
    stacked: dict[int, View]

    __repr__ = Loop.__repr__


class LoopRoller:
    """Rolls the loops of one program. `place` returns the place of a node of the graph, or its
    number if it is a constant; `roll_body` rolls a graph of one trip."""

    def __init__(
        self,
        program: Program,
        place: Callable[[int], Place | float],
        roll_body: Callable[[Trace, Outputs, bool], Rolled],
    ):
        self.program, self.place, self.roll_body = program, place, roll_body
        self.ports: dict[Port, View] = {}
        self.viewed: dict[int, View | float] = {}

    def roll(self, needed: Needed) -> dict[int, Place]:
        """Appends the loop, and returns where its results are, by the numbers of their nodes."""
        it = needed.recurrence
        nodes = [(x.number, *x.source) for x in needed.results]
        early = {j for _, j, trip in nodes if trip != it.last}
        loop = self.loop(it, Results(sorted({j for _, j, _ in nodes} - early), sorted(early)))
        self.program.instructions.append(loop)
        return {
            number: loop.stacked[j].at(trip) if j in early else loop.final[j]
            for number, j, trip in nodes
        }

    def backwards(
        self, it: Recurrence, results: Results, of: RolledLoop, ports: Ports
    ) -> RolledLoop:
        """The gradient of a loop. `ports` are the places of its stored results and of their
        gradients."""
        self.ports, self.viewed = ports, of.body_graph.viewed
        return self.loop(it, results)

    def loop(self, it: Recurrence, results: Results) -> RolledLoop:
        """The loop; the instructions before it are appended to the program."""
        body = loop_body(it, results.all, self._view)
        begin = [self._single(it.initial[slot]) for slot in body.slots]
        varies = varying(body, [block.varying for block, _ in begin])
        made = _Making(self.program, body, self.copied(begin, varies), varies)
        inner = self.roll_body(body.trace, _outputs(body, results), varies)
        outputs = made.add_body(inner.program)
        stack = self.program.new_block(len(results.each) * it.trips, varies)
        made.body += copies(stack, outputs["each"], step=len(results.each))
        final = made.final(outputs["final"])
        after = made.pass_on(outputs["after"])
        final += made.carry_totals(outputs["totals"])
        final += made.sum_over_examples(outputs["over examples"], outputs)
        answered = [*results.final, *results.totals, *results.over_examples]
        return RolledLoop(
            it.trips, made.body, made.updates, it.backwards, str(it),
            recurrence=it, roller=self, body_graph=body, begin=begin, after=after, stack=stack,
            final=dict(zip(answered, final)),
            stacked={j: View(stack, k, len(results.each)) for k, j in enumerate(results.each)},
            kept=lambda j: made.view(inner.found(body.nodes[j].number)),
        )  # fmt: skip

    # What the body reads.

    def _view(self, source: Source) -> View | float:
        if isinstance(source, float):
            return source
        if isinstance(source, Port):
            return self.ports[source]
        if id(source) in self.viewed:
            return self.viewed[id(source)]
        if isinstance(source, int):
            place = self.place(source)
            return View(*place, 0) if isinstance(place, tuple) else place
        places = [self._single(x) for x in source.tolist()]
        if len({block for block, _ in places}) == 1:
            affine = places_of(np.array([k for _, k in places], np.int64))
            if affine is not None:
                return View(places[0][0], *affine)
        return View(self.copied(places, any(b.varying for b, _ in places)), 0, 1)

    def copied(self, places: list[Place], varies: bool) -> Block:
        """A new block with the numbers, or the truths, in these places, in order."""
        truths = all(block.boolean for block, _ in places)
        block = self.program.new_block(len(places), varies, truths)
        self.program.instructions += copies(block, [_gather(*place) for place in places])
        return block

    def _single(self, source: int | float | Slope) -> Place:
        if isinstance(source, Slope):
            return self.ports[source].at(0)
        place = source if isinstance(source, float) else self.place(source)
        if isinstance(place, float):
            return self.program.constants, self.program.constant(place)
        return place


class _Making:
    """A loop under construction: its body, and the numbers that a trip passes to the next."""

    def __init__(self, program: Program, graph: LoopBody, carried: Block, varies: bool):
        self.program, self.graph, self.carried, self.varies = program, graph, carried, varies
        self.body: list[Computation] = []
        self.updates: list[Map] = []
        self.inputs: list[Block] = []

    def add_body(self, inner: Program) -> dict[str, list[Gather]]:
        """Adds the program of one trip, and returns its answers."""
        self.inputs = inner.inputs
        self.body += [_rewired(i, self._outside) for i in inner.computations]
        for i in self.body:
            i.out.varying = self.varies
        return {name: [*map(self._outside, some)] for name, some in inner.outputs.items()}

    def _outside(self, gather: Gather) -> Gather:
        if gather.block is self.inputs[0]:
            return Gather(self.carried, gather.index)
        return self.graph.outside(gather, self.inputs[1:])

    def view(self, place: Place | None) -> View | None:
        return None if place is None else _views(self._outside(_gather(*place)))[0]

    def final(self, gathers: list[Gather]) -> list[Place]:
        """Where the results of the last trip are."""
        outs = {i.out for i in self.body}
        own = [gather if gather.block in outs else self._copied(gather) for gather in gathers]
        return [view.at(0) for gather in own for view in _views(gather)]

    def pass_on(self, gathers: list[Gather]) -> list[View]:
        """Adds the updates of the carried numbers."""
        own = [self._copied(x) if x.block is self.carried else x for x in gathers]
        self.updates += copies(self.carried, own)
        return [view for gather in own for view in _views(gather)]

    def _copied(self, gather: Gather) -> Gather:
        """A copy in a block of its own, which a trip makes."""
        out = self.program.new_block(len(gather), self.varies)
        self.body.append(Map(out, 0, ops.identity, [gather]))
        return Gather(out, np.arange(len(gather)))

    def carry_totals(self, sums: list[Gather]) -> list[Place]:
        if not sums:
            return []
        begin, body, update, places = loop_totals.carried(self.program, sums, self.varies)
        self.program.instructions.append(begin)
        self.body += body
        self.updates.append(update)
        return places

    def sum_over_examples(
        self, sums: list[Gather], outputs: dict[str, list[Gather]]
    ) -> list[Place]:
        if not sums:
            return []
        reads = [x for some in outputs.values() if some is not sums for x in some]
        self.body, places = loop_totals.over_examples(self.program, self.body, sums, reads)
        return places


def _outputs(body: LoopBody, results: Results) -> Outputs:
    asked = {
        "each": results.each,
        "final": results.final,
        "totals": results.totals,
        "over examples": results.over_examples,
    }
    return {"after": body.after, **{k: [body.nodes[j] for j in js] for k, js in asked.items()}}


def _gather(block: Block, place: int) -> Gather:
    return Gather(block, np.array([place], np.int64))


def _views(gather: Gather) -> list[View]:
    return [View(gather.block, k, gather.step) for k in gather.index.tolist()]


def copies(out: Block, gathers: list[Gather], step: int = 0, start: int = 0) -> list[Map]:
    """Instructions that write what is gathered into a block, in order. Neighbours are one."""
    found: list[Map] = []
    for (block, moves), some in groupby(gathers, key=lambda g: (g.block, g.step)):
        index = np.concatenate([gather.index for gather in some])
        gather = Gather(block, index, moves)
        copy = Map(out, start, ops.identity, [gather], step)
        if out.boolean:
            copy = Map(out, start, ops.logical_or, [gather, gather], step)
        found.append(copy)
        start += len(index)
    return found


def _rewired(instruction: Computation, outside: Callable[[Gather], Gather]) -> Computation:
    """The instruction, with its gathers as they are seen from outside."""
    i = instruction
    if isinstance(i, Map):
        return Map(i.out, i.start, i.op, [*map(outside, i.operands)])
    assert isinstance(i, Sum)
    products: list[Product] = [tuple(map(outside, product)) for product in i.products]
    return Sum(i.out, i.start, products, members=i.members, combine=i.combine)
