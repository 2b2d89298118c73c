"""Products: a sum over examples of rows times columns, with the columns in the lanes.

The weights' gradients of a layer are such sums. The examples lie side by side in the rows of a
chunk, and to add them up across the lanes would take as long as to multiply them. So the columns
are turned first: panel by panel, until the columns of one example are neighbours. Then a tile of
rows times a panel stays in registers while the examples pass by.
"""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm.addressing import POINTER, Body, Places
from micrograd.compiler.llvm.arithmetic import suffix
from micrograd.compiler.llvm.control_flow import I1, I32, I64, plus, times
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Nest, Step
from micrograd.compiler.schedule.schedule import PANEL, TILE


class ProductBody(Body):
    """Emits such sums into a function."""

    def outer_product(self, nest: Nest, left: Access, right: Access) -> None:
        """The sums of `left` times `right`, of which the last axis of the nest counts columns."""
        (step,), (*outer, columns) = nest.steps, nest.axes
        vectors = -(-columns // self.emitter.width)
        last = (vectors - 1) // PANEL * PANEL

        def panel(first: ir.Value, breadth: int) -> None:
            counts = self._counts(columns, first, breadth)
            read = self._columns(right, first, counts)

            def tiles(places: Places) -> None:
                def tile(i: ir.Value, height: int) -> None:
                    rows = [[*places, plus(self.b, i, I64(p))] for p in range(height)]
                    self._tile(step, left, rows, first, read, counts)

                self.tiled(outer[-1], TILE, tile)

            self.axes(tuple(outer[:-1]), tiles)

        self.tiled(last, PANEL, panel)
        panel(I64(last), vectors - last)

    def products_of_examples(self, nest: Nest, out: ir.Value, count: ir.Value) -> None:
        """`left` times `right` of `count` examples, into an array of a row for each of them."""
        assert nest.factors is not None
        (left, right), (*outer, columns) = nest.factors, nest.axes
        b, width = self.b, self.emitter.width
        vectors = -(-columns // width)
        panel = self._turn(right, I64(0), vectors)
        members = math.prod(nest.axes)
        with self.loop(count) as e:
            at, row = times(b, e, I64(vectors * width)), times(b, e, I64(members))

            def line(places: Places) -> None:
                x = self._broadcast(self.load_lane(left.block, self.place(left, places, None), e))
                start = plus(b, row, self.place(nest.steps[0].target, places, None))

                def some(first: ir.Value, breadth: int, full: bool = True) -> None:
                    for q in range(breadth):
                        i = times(b, plus(b, first, I64(q)), I64(width))
                        y = self._aligned(plus(b, panel, plus(b, at, i)))
                        to = b.gep(out, [plus(b, start, i)], source_etype=self.emitter.number)
                        number = self.deliver(b.fmul(x, y, flags=self.flags))
                        self.masked("store", to, width if full else columns % width, number)

                self.tiled(columns // width, 2 * PANEL, some)
                if columns % width:
                    some(I64(columns // width), 1, full=False)

            self.axes(tuple(outer), lambda places: line([*places, I64(0)]))

    def deliver(self, numbers: ir.Value) -> ir.Value:
        """The numbers, on their way to the caller: whoever watches sees them here."""
        return numbers

    def _turn(self, right: Access, first: ir.Value, breadth: int) -> ir.Value:
        """A panel: from vector `first` of the columns on, `breadth` vectors for each example.

        Where columns end within a vector, the rows behind them are turned, too, for nothing.
        """
        plan, b, width = self.emitter.plan, self.b, self.emitter.width
        lanes = plan.lanes
        start = times(b, first, I64(width))
        panel = plus(b, times(b, start, I64(lanes)), I64(plan.rows * lanes))
        row = plus(b, start, I64(right.base + plan.offset[right.block]))
        with self.loop(I64(breadth)) as q, self.loop(self.memory.vectors) as x:
            column, example = times(b, q, I64(width)), times(b, x, I64(width))
            here = plus(b, times(b, plus(b, row, column), I64(lanes)), example)
            square = [self._aligned(plus(b, here, I64(k * lanes))) for k in range(width)]
            to = plus(b, plus(b, panel, times(b, example, I64(breadth * width))), column)
            for k, vector in enumerate(self.turned(square)):
                place = plus(b, to, I64(k * breadth * width))
                self.store(self.memory.v, place, vector, width * self._bytes)
        return panel

    def _aligned(self, place: ir.Value) -> ir.Value:
        return self.load(self.memory.v, place, self.emitter.width * self._bytes)

    def _columns(
        self, right: Access, first: ir.Value, counts: list[int]
    ) -> Callable[[ir.Value], list[ir.Value]]:
        """How the columns of example e in a panel are read: those of an input lie side by side in
        the caller's array; others are turned first."""
        b, width, breadth = self.b, self.emitter.width, len(counts)
        if right.block in self.emitter.plan.starts:
            starts = b.load(self.elsewhere(self.emitter.plan.starts[right.block]), typ=POINTER)
            at = plus(b, times(b, first, I64(width)), I64(right.base))

            def in_array(e: ir.Value) -> list[ir.Value]:
                row = b.load(b.gep(starts, [e], source_etype=POINTER), typ=POINTER)
                places = [plus(b, at, I64(q * width)) for q in range(breadth)]
                pointers = [b.gep(row, [x], source_etype=self.emitter.number) for x in places]
                return [self.masked("load", x, count) for x, count in zip(pointers, counts)]

            return in_array
        panel = self._turn(right, first, breadth)

        def in_panel(e: ir.Value) -> list[ir.Value]:
            at = plus(b, panel, times(b, e, I64(breadth * width)))
            return [self._aligned(plus(b, at, I64(q * width))) for q in range(breadth)]

        return in_panel

    def _tile(
        self, step: Step, left: Access, rows: list[Places], first: ir.Value,
        read: Callable[[ir.Value], list[ir.Value]], counts: list[int],
    ) -> None:  # fmt: skip
        """The sums of some rows times a panel over this chunk of examples, on top of the others."""
        b, width, breadth = self.b, self.emitter.width, len(counts)
        numbers = [self.place(left, [*row, I64(0)], None) for row in rows]

        def add(totals: list[ir.Value], e: ir.Value) -> list[ir.Value]:
            columns = read(e)
            factors = [self._broadcast(self.load_lane(left.block, x, e)) for x in numbers]
            pairs = [[x, y] for x in factors for y in columns]
            return [self.add_product(*each) for each in zip(totals, pairs)]

        column = [times(b, plus(b, first, I64(q)), I64(width)) for q in range(breadth)]
        sums = [
            (self.sum_place(step, [*row, column[q]]), lanes)
            for row in rows
            for q, lanes in enumerate(counts)
        ]
        sofar = self._sofar(sums)
        count = times(b, self.memory.vectors, I64(width))
        for total, (pointer, lanes) in zip(self.accumulate(sofar, count, add), sums):
            self.masked("store", pointer, lanes, total)

    def _counts(self, columns: int, first: ir.Value, breadth: int) -> list[int]:
        """How many lanes of each vector of a panel hold columns."""
        width = self.emitter.width
        if not isinstance(first, ir.Constant):  # not the last panel
            return [width] * breadth
        return [min(width, columns - (first.constant + q) * width) for q in range(breadth)]

    def _sofar(self, sums: list[tuple[ir.Value, int]]) -> list[ir.Value]:
        """What the earlier chunks of this segment came to; zero if this is its first one."""
        b, before = self.b, self.b.block
        with b.if_then(b.not_(self.memory.first)):
            numbers = [self.masked("load", pointer, lanes) for pointer, lanes in sums]
            inside = b.block
        totals = [b.phi(self.vector) for _ in numbers]
        for total, number in zip(totals, numbers):
            total.add_incoming(self.zero(), before)
            total.add_incoming(number, inside)
        return totals

    def sum_place(self, step: Step, member: Places) -> ir.Value:
        """Where a sum over examples grows."""
        plan, block = self.emitter.plan, step.target.block
        at = self.place(step.target, member, None)
        if plan.in_place and block is plan.in_place[1]:
            base: Any = self.memory.d
        else:
            base, at = self.memory.r, plus(self.b, at, I64(plan.offset[block]))
        return self.b.gep(base, [at], source_etype=self.emitter.number)

    def masked(self, verb: str, pointer: ir.Value, count: int, value: Any = None) -> Any:
        """Loads or stores the first `count` lanes of a vector."""
        b, module, width = self.b, self.emitter.module, self.emitter.width
        if count == width and verb == "load":
            return b.load(pointer, typ=self.vector, align=self._bytes)
        if count == width:
            return b.store(value, pointer, align=self._bytes)
        lanes = [int(k < count) for k in range(width)]
        mask = ir.Constant(ir.VectorType(I1, width), lanes)
        operands = [pointer, I32(self._bytes), mask]
        operands = [*operands, self.zero()] if verb == "load" else [value, *operands]
        name = f"llvm.masked.{verb}.{suffix(self.vector)}.p0"
        result = self.vector if verb == "load" else ir.VoidType()
        type = ir.FunctionType(result, [x.type for x in operands])
        return b.call(module.globals.get(name) or ir.Function(module, type, name), operands)
