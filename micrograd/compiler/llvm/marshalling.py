"""Transfers: numbers on their way between the caller's arrays and the rows of lanes.

In an array the numbers of one example are neighbours; in the rows, those of one scalar. So squares
of as many numbers a side as there are lanes are turned in registers.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm.addressing import POINTER
from micrograd.compiler.llvm.control_flow import I1, I64, plus, times
from micrograd.compiler.llvm.outer_products import ProductBody
from micrograd.compiler.program.ir import Block, Gather
from micrograd.compiler.schedule.access import Access, copies
from micrograd.compiler.schedule.plan import Nest

UNROLLED = 512  # members of an output at most whose rows are named one by one


class TransferBody(ProductBody):
    """Emits transfers into a function, for the examples from `start` on: `real` of them, and
    `padded` up to whole vectors with copies of the last one."""

    start: ir.Value
    rows: ir.Value | None = None  # where there are: which row of an array each example is in
    real: ir.Value
    padded: ir.Value

    seen: ir.Value | None = None  # where it is noted that a NaN was delivered

    @contextmanager
    def watching(self, table: ir.Value) -> Iterator[None]:
        """Notes before the table whether anything that is delivered within the block is a NaN."""
        b = self.b
        with b.goto_entry_block():
            self.seen = b.alloca(I64)
        b.store(I64(0), self.seen)
        yield
        with b.if_then(b.icmp_signed("!=", b.load(self.seen, typ=I64), I64(0)), likely=False):
            b.store(I64(1), b.gep(table, [I64(-1)], source_etype=I64))
        self.seen = None

    def deliver(self, numbers: ir.Value) -> ir.Value:
        """The numbers, on their way out."""
        b = self.b
        if self.seen is not None:
            nan = b.fcmp_unordered("uno", numbers, numbers)
            if isinstance(nan.type, ir.VectorType):
                nan = b.bitcast(nan, ir.IntType(nan.type.count))
            nan = nan if nan.type == I64 else b.zext(nan, I64)
            b.store(b.or_(b.load(self.seen, typ=I64), nan), self.seen)
        return numbers

    def copy(self, count: ir.Value, source: Any, target: Any) -> None:
        """`count` numbers that lie side by side; source and target are pointers and places."""

        def move(i: ir.Value) -> None:
            (x, at), (y, to) = source, target
            numbers = self.deliver(self.load(x, plus(self.b, at, i)))
            self.store(y, plus(self.b, to, i), numbers)

        self.streamed(count, move)

    def look_over(self, count: ir.Value, numbers: ir.Value) -> None:
        """Delivers what lies where it is wanted already."""
        self.streamed(count, lambda i: self.deliver(self.load(numbers, i)) and None)

    def address(self, table: ir.Value, k: int) -> ir.Value:
        """Entry k of the table of addresses, as a pointer."""
        return self.b.inttoptr(self.entry(table, k), POINTER)

    def entry(self, table: ir.Value, k: int) -> ir.Value:
        return self.b.load(self.b.gep(table, [I64(k)], source_etype=I64), typ=I64)

    def load_input(
        self, block: Block, source: ir.Value, distance: ir.Value, rows: ir.Value
    ) -> None:
        """Rows of lanes out of an array whose examples lie `distance` numbers apart.

        Where the distance is ~d they are d apart, and `rows` says where each is.
        """
        b = self.b
        with b.if_else(b.icmp_signed("<", distance, I64(0))) as (by_rows, in_order):
            with by_rows:
                self.rows = rows
                self._load_block(block, source, b.not_(distance))
                self.rows = None
            with in_order:
                self._load_block(block, source, distance)

    def _load_block(self, block: Block, source: ir.Value, distance: ir.Value) -> None:
        b, lanes = self.b, self.emitter.plan.lanes
        row = I64(self.emitter.plan.offset[block] * lanes)
        if lanes == 1:
            example = times(b, self._row_of(self.start), distance)
            self.copy(I64(block.size), (source, example), (self.memory.v, row))
        elif block.size == 1:
            near = b.icmp_signed("==", distance, I64(1)) if self.rows is None else I1(0)
            there = b.and_(near, self._is_whole())
            if block not in self.emitter.plan.streams:
                there = I1(0)
            else:
                self._open(block, source, there)
            with b.if_then(b.not_(there)):
                whole = b.select(near, b.and_(self.real, I64(-self.emitter.width)), I64(0))
                self.copy(whole, (source, self.start), (self.memory.v, row))
                with self.loop(self.padded, whole) as e:
                    x = self.load_number(source, times(b, self._example(e), distance))
                    self.store_number(self.memory.v, plus(b, row, e), x)
        else:
            self._load_squares(block, source, distance)

    def _is_whole(self) -> ir.Value:
        """Whether the chunk holds whole vectors of examples."""
        return self.b.icmp_signed("==", self.real, self.padded)

    def _open(self, block: Block, array: ir.Value, there: ir.Value) -> None:
        """The row of a block lies in the caller's array, or, unless it can be `there`, in ours."""
        b, plan = self.b, self.emitter.plan
        row = I64(plan.offset[block] * plan.lanes)
        place = b.gep(array, [self.start], source_etype=self.emitter.number)
        own = b.gep(self.memory.v, [row], source_etype=self.emitter.number)
        b.store(b.select(there, place, own), self.elsewhere(plan.streams[block]))

    def open_output(self, block: Block, out: ir.Value, apart: ir.Value) -> None:
        """An output of one scalar goes where it is wanted, unless an input is still read there."""
        self._open(block, out, self.b.and_(apart, self._is_whole()))

    def are_apart(self, table: ir.Value, inputs: int, outputs: int) -> ir.Value:
        """Whether no output is written where an input lies."""
        b, apart = self.b, I1(1)
        for k in range(inputs):
            for j in range(outputs):
                x, y = self.entry(table, 2 * k), self.entry(table, 2 * inputs + j)
                apart = b.and_(apart, b.icmp_signed("!=", x, y))
        return apart

    def _example(self, e: ir.Value) -> ir.Value:
        """Example e of the chunk; of the last one a copy."""
        last = self.b.sub(self.real, I64(1))
        e = self.b.select(self.b.icmp_signed("<", e, last), e, last)
        return self._row_of(plus(self.b, self.start, e))

    def _row_of(self, example: ir.Value) -> ir.Value:
        """The row of its array that an example is in."""
        if self.rows is None:
            return example
        return self.b.load(self.b.gep(self.rows, [example], source_etype=I64), typ=I64)

    def _load_squares(self, block: Block, source: ir.Value, distance: ir.Value) -> None:
        b, width, plan = self.b, self.emitter.width, self.emitter.plan
        row = plan.offset[block]

        with self.loop(self.padded, step=width) as e:  # as many streams of memory as examples
            examples = [times(b, self._example(plus(b, e, I64(k))), distance) for k in range(width)]
            if block in plan.starts:
                starts = b.load(self.elsewhere(plan.starts[block]), typ=POINTER)
                for k, example in enumerate(examples):
                    start = b.gep(source, [example], source_etype=self.emitter.number)
                    b.store(start, b.gep(starts, [plus(b, e, I64(k))], source_etype=POINTER))

            def square(place: ir.Value, count: int) -> None:
                places = [plus(b, example, place) for example in examples]
                read = [
                    self.masked("load", b.gep(source, [x], source_etype=self.emitter.number), count)
                    for x in places
                ]
                for k, numbers in enumerate(self.turned(read)[:count]):
                    to = times(b, plus(b, place, I64(row + k)), I64(plan.lanes))
                    self.store(self.memory.v, plus(b, to, e), numbers, width * self._bytes)

            self.tiled(block.size, width, square)

    def fill_seed(self, seed: ir.Value) -> None:
        """What each example counts: `seed`, and nothing where it is a copy."""
        b, plan = self.b, self.emitter.plan
        row, width = I64(plan.offset[plan.program.seed] * plan.lanes), self.emitter.width
        if plan.lanes == 1:
            self.store_number(self.memory.v, row, seed)
            return
        with self.loop(self.padded, step=width) as e:
            self.store(self.memory.v, plus(b, row, e), self._broadcast(seed), width * self._bytes)
        with self.loop(self.padded, self.real) as e:
            self.store_number(self.memory.v, plus(b, row, e), ir.Constant(seed.type, 0.0))

    def store_products(self, nest: Nest, out: ir.Value) -> None:
        """An output that is rows times columns, computed on its way out."""
        start = times(self.b, self.start, I64(math.prod(nest.axes)))
        here = self.b.gep(out, [start], source_etype=self.emitter.number)
        self.products_of_examples(nest, here, self.real)

    def store_output(self, gathers: list[Gather], out: ir.Value) -> None:
        """Some scalars of the examples into an array of shape (examples, scalars)."""
        b, lanes = self.b, self.emitter.plan.lanes
        members, parts = sum(map(len, gathers)), copies(gathers, self.home)
        (memory, source, _), whole = parts[0], I64(0)
        if members == 1:
            self._store_one(gathers[0].block, source.base, out)
            return
        if lanes > 1 and len(parts) == 1 and memory is self.memory.v:
            whole = b.and_(self.real, I64(-self.emitter.width))
            self._store_squares(source, out, whole)
        self._store_each(parts, members, out, whole)

    def _store_one(self, block: Block, row: int, out: ir.Value) -> None:
        b, own = self.b, I64(row * self.emitter.plan.lanes)
        if block not in self.emitter.plan.streams:
            self.copy(self.real, (self.memory.v, own), (out, self.start))
            return
        start = b.gep(out, [self.start], source_etype=self.emitter.number)
        with b.if_else(b.icmp_unsigned("==", self.stream(block), start)) as (there, here):
            with there:
                if self.seen is not None:
                    self.look_over(self.real, start)
            with here:
                self.copy(self.real, (self.memory.v, own), (out, self.start))

    def _store_squares(self, rows: Access, out: ir.Value, whole: ir.Value) -> None:
        b, width, lanes = self.b, self.emitter.width, self.emitter.plan.lanes
        (members,) = rows.axes

        def square(e: ir.Value, i: ir.Value, count: int) -> None:
            places = [self.place(rows, [plus(b, i, I64(k))], None) for k in range(count)]
            read = [self._aligned(plus(b, times(b, place, I64(lanes)), e)) for place in places]
            read += [self.zero()] * (width - count)
            for k, numbers in enumerate(self.turned(read)):
                example = plus(b, plus(b, self.start, e), I64(k))
                at = plus(b, times(b, example, I64(members)), i)
                pointer = b.gep(out, [at], source_etype=self.emitter.number)
                self.masked("store", pointer, count, self.deliver(numbers))

        with self.loop(whole, step=width) as e:  # as many streams of memory as examples at once
            if rows.table is None or members > UNROLLED:
                self.tiled(members, width, lambda i, count: square(e, i, count))
            else:
                for i in range(0, members, width):
                    square(e, I64(i), min(width, members - i))

    def _store_each(self, parts: list[Any], members: int, out: ir.Value, start: ir.Value) -> None:
        """Number by number, for the examples of the chunk from `start` on."""
        b, lanes = self.b, self.emitter.plan.lanes
        for memory, source, target in parts:
            with self.loop(I64(*source.axes)) as i:
                place, to = (self.place(x, [i], None) for x in (source, target))
                with self.loop(self.real, start) as e:
                    varying = memory is self.memory.v
                    at = plus(b, times(b, place, I64(lanes)), e) if varying else place
                    x = self.deliver(self.load_number(memory, at))
                    example = times(b, plus(b, self.start, e), I64(members))
                    self.store_number(out, plus(b, example, to), x)

    def store_uniform(self, gathers: list[Gather], out: ir.Value) -> None:
        """Numbers that do not vary."""
        for memory, source, target in copies(gathers, self.home):
            count = I64(*source.axes)
            if source.strides == target.strides == (1,):
                self.copy(count, (memory, I64(source.base)), (out, I64(target.base)))
                continue
            with self.loop(count) as i:
                place, to = (self.place(x, [i], None) for x in (source, target))
                self.store_number(out, to, self.deliver(self.load_number(memory, place)))
