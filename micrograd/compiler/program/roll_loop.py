"""Roll a loop: a recurrence of the graph becomes a `Loop` of the program."""

from collections.abc import Callable, Iterable
from itertools import groupby

import numpy as np

from micrograd import ops
from micrograd.compiler.program.flatten import Loop as Needed
from micrograd.compiler.program.ir import (
    Block,
    Computation,
    Gather,
    Index,
    Loop,
    Map,
    Product,
    Program,
    Sum,
)
from micrograd.compiler.program.loop_body import LoopBody, View, loop_body, places_of, varying
from micrograd.compiler.trace.recurrence import Source
from micrograd.compiler.trace.symbol import Node
from micrograd.compiler.trace.trace import Trace

Place = tuple[Block, int]
Outputs = dict[str, list[Node]]


class LoopRoller:
    """Rolls the loops of one program. `place` says where a node of the graph is, or which number
    it is; `roll_body` gives the program of a graph, in the blocks of given inputs."""

    def __init__(
        self,
        program: Program,
        place: Callable[[int], Place | float],
        roll_body: Callable[[Trace, Outputs, bool], Program],
    ):
        self.program, self.place, self.roll_body = program, place, roll_body

    def roll(self, needed: Needed) -> dict[int, Place]:
        """Appends the loop, and returns where its results are, by the numbers of their nodes."""
        it = needed.recurrence
        used = {symbol.source[0] for symbol in needed.results}
        early = {j for j, trip in (x.source for x in needed.results) if trip < it.trips - 1}
        body = loop_body(it, used, self._view)
        begin = [self._single(it.initial[slot]) for slot in body.slots]
        varies = varying(body, [block.varying for block, _ in begin])
        carried = self.program.new_block(len(begin), varies)
        self._append_copies(carried, begin)
        outputs: Outputs = {
            "after": body.after,
            "stack": [body.nodes[j] for j in sorted(early)],
            "last": [body.nodes[j] for j in sorted(used - early)],
        }
        loop, stack, last = self._loop(body, outputs, carried, it.trips, varies)
        self.program.instructions.append(loop)
        row = {j: k for k, j in enumerate(sorted(early))}
        final = dict(zip(sorted(used - early), last))
        return {
            x.number: (stack, x.source[1] * len(row) + row[x.source[0]])
            if x.source[0] in row
            else final[x.source[0]]
            for x in needed.results
        }

    def _loop(
        self, body: LoopBody, outputs: Outputs, carried: Block, trips: int, varies: bool
    ) -> tuple[Loop, Block, list[Place]]:
        inner = self.roll_body(body.trace, outputs, varies)
        given = inner.inputs[1:]

        def outside(gather: Gather) -> Gather:
            if gather.block is inner.inputs[0]:
                return Gather(carried, gather.index)
            return body.outside(gather, given)

        steps = [_rewired(i, outside) for i in inner.computations]
        for i in steps:
            i.out.varying = varies
        outs = {i.out for i in steps}
        answers = {name: [*map(outside, found)] for name, found in inner.outputs.items()}
        m = sum(map(len, answers["stack"]))
        stack = self.program.new_block(m * trips, varies)
        steps += _copies(stack, answers["stack"], step=m)
        last: list[Place] = []
        for gather in answers["last"]:
            own = gather if gather.block in outs else self._copied(gather, steps, varies)
            last += [(own.block, k) for k in own.index.tolist()]
        after = [
            self._copied(gather, steps, varies) if gather.block is carried else gather
            for gather in answers["after"]
        ]
        return Loop(trips, steps, _copies(carried, after)), stack, last

    def _copied(self, gather: Gather, steps: list[Computation], varies: bool) -> Gather:
        """A copy in a block of its own, which a trip makes."""
        out = self.program.new_block(len(gather), varies)
        steps.append(Map(out, 0, ops.identity, [gather]))
        return Gather(out, np.arange(len(gather)))

    # What the body reads.

    def _view(self, source: Source) -> View | float:
        if isinstance(source, float):
            return source
        if isinstance(source, int):
            place = self.place(source)
            return View(*place, 0) if isinstance(place, tuple) else place
        places = [self._single(x) for x in source.tolist()]
        if len({block for block, _ in places}) == 1:
            affine = places_of(np.array([k for _, k in places], np.int64))
            if affine is not None:
                return View(places[0][0], *affine)
        block = self.program.new_block(len(places), any(b.varying for b, _ in places))
        self._append_copies(block, places)
        return View(block, 0, 1)

    def _single(self, source: int | float) -> Place:
        place = source if isinstance(source, float) else self.place(source)
        if isinstance(place, float):
            return self.program.constants, self.program.constant(place)
        return place

    def _append_copies(self, out: Block, places: list[Place]) -> None:
        """Instructions that write what is in these places into a block, in order."""
        runs = groupby(places, key=lambda place: place[0])
        gathers = [Gather(block, _index(run)) for block, run in runs]
        self.program.instructions += _copies(out, gathers)


def _index(run: Iterable[Place]) -> Index:
    return np.array([k for _, k in run], np.int64)


def _copies(out: Block, gathers: list[Gather], step: int = 0) -> list[Map]:
    starts = np.cumsum([0, *map(len, gathers)]).tolist()
    return [Map(out, k, ops.identity, [gather], step) for k, gather in zip(starts, gathers)]


def _rewired(instruction: Computation, outside: Callable[[Gather], Gather]) -> Computation:
    """The instruction, with its gathers as they are seen from outside."""
    i = instruction
    if isinstance(i, Map):
        return Map(i.out, i.start, i.op, [*map(outside, i.operands)])
    products: list[Product] = [tuple(map(outside, product)) for product in i.products]
    return Sum(i.out, i.start, products, members=i.members, combine=i.combine)
