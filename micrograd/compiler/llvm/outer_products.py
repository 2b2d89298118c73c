"""Outer products: a sum over examples of rows times columns, with the columns in the lanes.

The gradients of a layer's weights are such sums. The rows of a chunk have examples in the lanes,
and adding across lanes would cost as much as the products. So the columns are packed first: they
are transposed, panel by panel, so that the columns of one example are neighbours. Then a tile of
rows times a panel stays in registers while the loop runs over the examples.
"""

import math
from collections.abc import Callable

from llvmlite import ir

from micrograd.compiler.llvm import interleaving
from micrograd.compiler.llvm.addressing import Body, Indices
from micrograd.compiler.llvm.builder import POINTER
from micrograd.compiler.llvm.control_flow import I64, plus, times
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Nest, Step
from micrograd.compiler.schedule.schedule import PANEL, TILE


class OuterProducts:
    """Emits outer products into a function."""

    def __init__(self, body: Body):
        self.body, self.b = body, body.b

    def sum(self, nest: Nest, left: Access, right: Access) -> None:
        """The sums of `left` times `right`; the last axis of the nest is that of the columns."""
        (step,), (*outer, columns) = nest.steps, nest.axes
        loops, vectors = self.body.loops, -(-columns // self.body.module.width)
        last = (vectors - 1) // PANEL * PANEL

        def panel(first: ir.Value, breadth: int) -> None:
            counts = self._counts(columns, first, breadth)
            read = self._columns(right, first, counts)

            def tiles(indices: Indices) -> None:
                def tile(i: ir.Value, height: int) -> None:
                    rows = [[*indices, plus(self.b, i, I64(p))] for p in range(height)]
                    self._tile(step, left, rows, first, read, counts)

                loops.tiled(outer[-1], TILE, tile)

            loops.axes(tuple(outer[:-1]), tiles)

        loops.tiled(last, PANEL, panel)
        panel(I64(last), vectors - last)

    def of_each_example(
        self, nest: Nest, out: ir.Value, count: ir.Value,
        deliver: Callable[[ir.Value], ir.Value],
    ) -> None:  # fmt: skip
        """`left` times `right` for `count` examples, into an array with a row for each."""
        assert nest.factors is not None
        (left, right), (*outer, columns) = nest.factors, nest.axes
        body, b, lanes, width = self.body, self.b, self.body.lanes, self.body.module.width
        vectors = -(-columns // width)
        panel = self._pack(right, I64(0), vectors)
        members = math.prod(nest.axes)
        with body.loops.loop(count) as e:
            at, row = times(b, e, I64(vectors * width)), times(b, e, I64(members))

            def line(indices: Indices) -> None:
                x = lanes.broadcast(body.load_lane(left.block, body.place(left, indices, None), e))
                start = plus(b, row, body.place(nest.steps[0].target, indices, None))

                def some(first: ir.Value, breadth: int, full: bool = True) -> None:
                    for q in range(breadth):
                        i = times(b, plus(b, first, I64(q)), I64(width))
                        y = body.load_row(plus(b, panel, plus(b, at, i)))
                        to = body.at(out, plus(b, start, i))
                        number = deliver(b.fmul(x, y))
                        lanes.masked_store(number, to, width if full else columns % width)

                body.loops.tiled(columns // width, 2 * PANEL, some)
                if columns % width:
                    some(I64(columns // width), 1, full=False)

            body.loops.axes(tuple(outer), lambda indices: line([*indices, I64(0)]))

    def _pack(self, right: Access, first: ir.Value, breadth: int) -> ir.Value:
        """Packs a panel: `breadth` vectors of columns, from vector `first` on, for each example.

        If the columns end within a vector, the rows that follow them fill its unused lanes.
        """
        body, plan, b, width = self.body, self.body.plan, self.b, self.body.module.width
        lanes = plan.lanes
        start = times(b, first, I64(width))
        panel = plus(b, times(b, start, I64(lanes)), I64(plan.rows * lanes))
        row = plus(b, start, plus(b, body.start(right), I64(plan.offset[right.block])))
        with body.loops.loop(I64(breadth)) as q, body.loops.loop(body.memory.vectors) as x:
            column, example = times(b, q, I64(width)), times(b, x, I64(width))
            here = plus(b, times(b, plus(b, row, column), I64(lanes)), example)
            square = [body.load_row(plus(b, here, I64(k * lanes))) for k in range(width)]
            to = plus(b, plus(b, panel, times(b, example, I64(breadth * width))), column)
            for k, vector in enumerate(interleaving.transposed(b, square)):
                body.store_row(plus(b, to, I64(k * breadth * width)), vector)
        return panel

    def _columns(
        self, right: Access, first: ir.Value, counts: list[int]
    ) -> Callable[[ir.Value], list[ir.Value]]:
        """A function that reads the columns of example e in a panel. The columns of an input are
        neighbours in the caller's array; others are packed first."""
        body, b, width, breadth = self.body, self.b, self.body.module.width, len(counts)
        if right.block in body.plan.starts:
            starts = b.load(body.elsewhere(body.plan.starts[right.block]), typ=POINTER)
            at = plus(b, times(b, first, I64(width)), body.start(right))

            def in_array(e: ir.Value) -> list[ir.Value]:
                row = b.load(b.gep(starts, [e], source_etype=POINTER), typ=POINTER)
                places = [plus(b, at, I64(q * width)) for q in range(breadth)]
                pointers = [body.at(row, x) for x in places]
                return [body.lanes.masked_load(x, count) for x, count in zip(pointers, counts)]

            return in_array
        panel = self._pack(right, first, breadth)

        def in_panel(e: ir.Value) -> list[ir.Value]:
            at = plus(b, panel, times(b, e, I64(breadth * width)))
            return [body.load_row(plus(b, at, I64(q * width))) for q in range(breadth)]

        return in_panel

    def _tile(
        self, step: Step, left: Access, rows: list[Indices], first: ir.Value,
        read: Callable[[ir.Value], list[ir.Value]], counts: list[int],
    ) -> None:  # fmt: skip
        """Adds the products of some rows and a panel, over this chunk, to the sums so far."""
        body, b, width, breadth = self.body, self.b, self.body.module.width, len(counts)
        numbers = [body.place(left, [*row, I64(0)], None) for row in rows]

        def add(totals: list[ir.Value], e: ir.Value) -> list[ir.Value]:
            columns = read(e)
            factors = [body.lanes.broadcast(body.load_lane(left.block, x, e)) for x in numbers]
            pairs = [[x, y] for x in factors for y in columns]
            return [body.lanes.add_product(*each) for each in zip(totals, pairs)]

        column = [times(b, plus(b, first, I64(q)), I64(width)) for q in range(breadth)]
        sums = [
            (body.sum_place(step, [*row, column[q]]), lanes)
            for row in rows
            for q, lanes in enumerate(counts)
        ]
        so_far = self._so_far(sums)
        count = times(b, body.memory.vectors, I64(width))
        for total, (pointer, lanes) in zip(body.loops.accumulate(so_far, count, add), sums):
            body.lanes.masked_store(total, pointer, lanes)

    def _counts(self, columns: int, first: ir.Value, breadth: int) -> list[int]:
        """The number of lanes in use, for each vector of a panel."""
        width = self.body.module.width
        if not isinstance(first, ir.Constant):  # not the last panel
            return [width] * breadth
        return [min(width, columns - (first.constant + q) * width) for q in range(breadth)]

    def _so_far(self, sums: list[tuple[ir.Value, int]]) -> list[ir.Value]:
        """The sums over the earlier chunks of this segment; zero in its first chunk."""
        b, lanes, before = self.b, self.body.lanes, self.b.block
        with b.if_then(b.not_(self.body.memory.first)):
            numbers = [lanes.masked_load(pointer, count) for pointer, count in sums]
            inside = b.block
        totals = [b.phi(lanes.vector) for _ in numbers]
        for total, number in zip(totals, numbers):
            total.add_incoming(lanes.zero(), before)
            total.add_incoming(number, inside)
        return totals
