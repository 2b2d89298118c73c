"""Loop body: a recurrence as a trace of one trip, whose inputs are what it carries and reads.

So a body is flattened and rolled as any other graph.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from micrograd.compiler.program.ir import Block, Gather, Index
from micrograd.compiler.trace.recurrence import Carried, Operand, Read, Recurrence, Source
from micrograd.compiler.trace.symbol import Condition, Node, Symbol
from micrograd.compiler.trace.trace import Trace

Slot = tuple[int, int]  # the result of an operation, so many trips ago


class View(NamedTuple):
    """A scalar of a block outside, which moves by a step from trip to trip."""

    block: Block
    place: int
    step: int

    def at(self, trip: int) -> tuple[Block, int]:
        return self.block, self.place + trip * self.step

    def over(self, trips: int) -> Gather:
        """The numbers of all these trips; of a single trip, a gather that moves."""
        if trips == 1:
            return Gather(self.block, np.array([self.place], np.int64), self.step)
        return Gather(self.block, self.place + self.step * np.arange(trips))


@dataclass
class LoopBody:
    """One trip. The first of the trace's inputs are the slots, the carried numbers; each other
    input holds the views of one block that move by one step."""

    trace: Trace
    slots: list[Slot]
    views: list[list[View]]
    viewed: dict[int, View | float]  # what a source is, by its identity
    nodes: dict[int, Symbol] = field(default_factory=dict[int, Symbol])  # by their operation

    @property
    def after(self) -> list[Node]:
        """The number in each slot when the next trip begins."""
        leaf = dict(zip(self.slots, self.trace.inputs[0]))
        return [self.nodes[j] if d == 1 else leaf[j, d - 1] for j, d in self.slots]

    def outside(self, gather: Gather, inputs: list[Block]) -> Gather:
        """A gather from one of the trace's inputs, as a gather from the block that it views."""
        if gather.block not in inputs:
            return gather
        views = self.views[inputs.index(gather.block)]
        places = np.array([view.place for view in views], np.int64)
        return Gather(views[0].block, places[gather.index], views[0].step)


def loop_body(
    recurrence: Recurrence, results: set[int], view: Callable[[Source], View | float]
) -> LoopBody:
    """The body that computes the `results`, operations of the recurrence. `view` says what a source
    is in the program outside."""
    live = recurrence.live(results)
    depth = {j: d for j, d in _depth(recurrence, live).items() if j in live}
    slots = [(j, d) for j in sorted(depth) for d in range(1, depth[j] + 1)]
    trace = Trace()
    leaf: dict[Operand | View, Symbol] = {}
    trace.inputs.append([Symbol(trace, None, ()) for _ in slots])
    leaf.update(zip((Carried(*slot) for slot in slots), trace.inputs[0]))
    seen: dict[int, View | float] = {}  # by the identity of the source

    def viewed(read: Read) -> View | float:
        if id(read.source) not in seen:
            seen[id(read.source)] = view(read.source)
        return seen[id(read.source)]

    reads = [x for j in live for x in recurrence.operands[j] if isinstance(x, Read)]
    views = dict.fromkeys(v for v in map(viewed, reads) if isinstance(v, View))
    groups: dict[tuple[Block, int], list[View]] = {}
    for v in sorted(views, key=lambda v: v.block.given != "parameters"):
        groups.setdefault((v.block, v.step), []).append(v)
    for group in groups.values():
        trace.inputs.append([Symbol(trace, None, ()) for _ in group])
        leaf.update(zip(group, trace.inputs[-1]))
    body = LoopBody(trace, slots, [*groups.values()], seen)

    def operand(x: Operand) -> Node:
        if isinstance(x, Read):
            v = viewed(x)
            return leaf[v] if isinstance(v, View) else v
        return leaf[x] if isinstance(x, Carried) else body.nodes[x.node]

    for j in live:
        op = recurrence.ops[j]
        operands = tuple(map(operand, recurrence.operands[j]))
        body.nodes[j] = (Condition if op.boolean else Symbol)(trace, op, operands)
    return body


def _depth(recurrence: Recurrence, live: list[int]) -> dict[int, int]:
    depth: dict[int, int] = {}
    for x in (x for j in live for x in recurrence.operands[j] if isinstance(x, Carried)):
        depth[x.node] = max(depth.get(x.node, 0), x.distance)
    return depth


def varying(body: LoopBody, initial: list[bool]) -> bool:
    """Whether any number of the body differs from example to example."""
    return any(initial) or any(v.block.varying for views in body.views for v in views)


def places_of(index: Index) -> tuple[int, int] | None:
    """The first of the places and their step, if they are so."""
    steps = np.diff(index)
    if len(steps) and (steps != steps[0]).any():
        return None
    return int(index[0]), int(steps[0]) if len(steps) else 0
