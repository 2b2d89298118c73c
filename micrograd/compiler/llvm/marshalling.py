"""Marshalling: copies between the caller's arrays and the rows of lanes.

In an array the numbers of one example are neighbours; in a row, the examples of one scalar are. So
square tiles, as wide as a vector, are transposed in registers.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm import abi, interleaving
from micrograd.compiler.llvm.addressing import Body
from micrograd.compiler.llvm.builder import POINTER
from micrograd.compiler.llvm.call_table import CallTable
from micrograd.compiler.llvm.control_flow import I1, I64, plus, times
from micrograd.compiler.llvm.outer_products import OuterProducts
from micrograd.compiler.program.ir import Block, Gather
from micrograd.compiler.schedule.access import Access, copies
from micrograd.compiler.schedule.plan import Nest

UNROLLED = 512  # outputs of up to so many members are copied by straight-line code


class Marshalling:
    """Emits copies into a function, for `real` examples from `start` on. `padded` is that number
    rounded up to whole vectors; the padding are copies of the last example."""

    start: ir.Value
    real: ir.Value
    padded: ir.Value

    def __init__(self, body: Body):
        self.body, self.b, self.lanes = body, body.b, body.lanes
        self._row_numbers: ir.Value | None = None  # of the examples, if they are gathered
        self._seen: ir.Value | None = None  # the variable that records a delivered NaN

    @contextmanager
    def watching(self, table: CallTable) -> Iterator[None]:
        """Records in the call whether any number delivered within the block is a NaN."""
        b = self.b
        with b.goto_entry_block():
            self._seen = b.alloca(I64)
        b.store(I64(0), self._seen)
        yield
        with b.if_then(b.icmp_signed("!=", b.load(self._seen, typ=I64), I64(0)), likely=False):
            b.store(I64(1), table.header(abi.Call.HAS_NAN))
        self._seen = None

    def deliver(self, numbers: ir.Value) -> ir.Value:
        """The numbers, which are about to be stored in an output; a NaN is recorded."""
        b = self.b
        if self._seen is not None:
            nan = b.fcmp_unordered("uno", numbers, numbers)
            if isinstance(nan.type, ir.VectorType):
                nan = b.bitcast(nan, ir.IntType(nan.type.count))
            nan = nan if nan.type == I64 else b.zext(nan, I64)
            b.store(b.or_(b.load(self._seen, typ=I64), nan), self._seen)
        return numbers

    def copy(self, count: ir.Value, source: Any, target: Any) -> None:
        """Copies `count` contiguous numbers; source and target are pointers with indices."""

        def move(i: ir.Value) -> None:
            (x, at), (y, to) = source, target
            numbers = self.deliver(self.body.load(x, plus(self.b, at, i)))
            self.body.store(y, plus(self.b, to, i), numbers)

        self.body.streamed(count, move)

    def look_over(self, count: ir.Value, numbers: ir.Value) -> None:
        """Records a NaN among `count` numbers that are in the output already."""
        self.body.streamed(count, lambda i: self.deliver(self.body.load(numbers, i)) and None)

    def load_input(self, block: Block, table: CallTable, k: int) -> None:
        """Loads input k from its array into rows of lanes."""
        b, source, stride = self.b, table.input(k), table.stride(k)
        row_numbers = table.row_numbers()
        with b.if_else(b.icmp_signed("<", stride, I64(0))) as (gathered, in_order):
            with gathered:
                self._row_numbers = row_numbers
                self._load_block(block, source, b.not_(stride))
                self._row_numbers = None
            with in_order:
                self._load_block(block, source, stride)

    def _load_block(self, block: Block, source: ir.Value, stride: ir.Value) -> None:
        b, lanes = self.b, self.body.plan.lanes
        row = I64(self.body.plan.offset[block] * lanes)
        if lanes == 1:
            example = times(b, self._row_of(self.start), stride)
            self.copy(I64(block.size), (source, example), (self.body.memory.rows, row))
        elif block.size == 1:
            near = b.icmp_signed("==", stride, I64(1)) if self._row_numbers is None else I1(0)
            there = b.and_(near, self.is_whole())
            if block not in self.body.plan.streams:
                there = I1(0)
            else:
                self._open(block, source, there)
            with b.if_then(b.not_(there)):
                whole = b.select(near, b.and_(self.real, I64(-self.body.module.width)), I64(0))
                self.copy(whole, (source, self.start), (self.body.memory.rows, row))
                with self.body.loops.loop(self.padded, whole) as e:
                    x = self.body.load_number(source, times(b, self._example(e), stride))
                    self.body.store_number(self.body.memory.rows, plus(b, row, e), x)
        else:
            self._load_squares(block, source, stride)

    def is_whole(self) -> ir.Value:
        """Whether the chunk needs no padding."""
        return self.b.icmp_signed("==", self.real, self.padded)

    def _open(self, block: Block, array: ir.Value, there: ir.Value) -> None:
        """Points the stream of a block to the caller's array if `there` holds, else to our row."""
        b, plan = self.b, self.body.plan
        row = I64(plan.offset[block] * plan.lanes)
        place = self.body.at(array, self.start)
        own = self.body.at(self.body.memory.rows, row)
        b.store(b.select(there, place, own), self.body.elsewhere(plan.streams[block]))

    def open_output(self, block: Block, out: ir.Value, apart: ir.Value) -> None:
        """An output of one scalar is written to the caller's array directly, unless that overlaps
        an input."""
        self._open(block, out, self.b.and_(apart, self.is_whole()))

    def _example(self, e: ir.Value) -> ir.Value:
        """Example e of the chunk; for the padding, the last example."""
        last = self.b.sub(self.real, I64(1))
        e = self.b.select(self.b.icmp_signed("<", e, last), e, last)
        return self._row_of(plus(self.b, self.start, e))

    def _row_of(self, example: ir.Value) -> ir.Value:
        """The row of an example in the caller's array."""
        if self._row_numbers is None:
            return example
        return self.b.load(self.b.gep(self._row_numbers, [example], source_etype=I64), typ=I64)

    def _load_squares(self, block: Block, source: ir.Value, stride: ir.Value) -> None:
        b, width, plan = self.b, self.body.module.width, self.body.plan
        row, done = plan.offset[block], I64(0)
        if interleaving.pays(block.size, width) and block not in plan.starts:
            done = self._load_few(block, source, stride)

        # Examples outside, members inside: the processor prefetches one stream per example.
        with self.body.loops.loop(self.padded, done, step=width) as e:
            examples = [times(b, self._example(plus(b, e, I64(k))), stride) for k in range(width)]
            if block in plan.starts:
                starts = b.load(self.body.elsewhere(plan.starts[block]), typ=POINTER)
                for k, example in enumerate(examples):
                    start = self.body.at(source, example)
                    b.store(start, b.gep(starts, [plus(b, e, I64(k))], source_etype=POINTER))

            def square(place: ir.Value, count: int) -> None:
                places = [plus(b, example, place) for example in examples]
                read = [self.lanes.masked_load(self.body.at(source, x), count) for x in places]
                for k, numbers in enumerate(interleaving.transposed(b, read)[:count]):
                    to = times(b, plus(b, place, I64(row + k)), I64(plan.lanes))
                    self.body.store_row(plus(b, to, e), numbers)

            self.body.loops.tiled(block.size, width, square)

    def _load_few(self, block: Block, source: ir.Value, stride: ir.Value) -> ir.Value:
        """Loads whole vectors of examples whose few numbers lie one behind the other; how many."""
        b, width, size = self.b, self.body.module.width, block.size
        near = b.icmp_signed("==", stride, I64(size)) if self._row_numbers is None else I1(0)
        whole = b.select(near, b.and_(self.real, I64(-width)), I64(0))
        with self.body.loops.loop(whole, step=width) as e:
            at = times(b, plus(b, self.start, e), I64(size))
            for k, column in enumerate(interleaving.loaded(self.body, source, at, size)):
                to = I64((self.body.plan.offset[block] + k) * self.body.plan.lanes)
                self.body.store_row(plus(b, to, e), column)
        return whole

    def fill_seed(self, seed: ir.Value) -> None:
        """Fills the row of seeds: `seed` for each example, 0 for padding."""
        b, plan = self.b, self.body.plan
        row, width = I64(plan.offset[plan.program.seed] * plan.lanes), self.body.module.width
        if plan.lanes == 1:
            self.body.store_number(self.body.memory.rows, row, seed)
            return
        with self.body.loops.loop(self.padded, step=width) as e:
            self.body.store_row(plus(b, row, e), self.lanes.broadcast(seed))
        with self.body.loops.loop(self.padded, self.real) as e:
            nothing = ir.Constant(seed.type, 0.0)
            self.body.store_number(self.body.memory.rows, plus(b, row, e), nothing)

    def store_products(self, nest: Nest, out: ir.Value) -> None:
        """Computes an output that is an outer product per example, and stores it at once."""
        start = times(self.b, self.start, I64(math.prod(nest.axes)))
        here = self.body.at(out, start)
        OuterProducts(self.body).of_each_example(nest, here, self.real, self.deliver)

    def store_output(self, gathers: list[Gather], out: ir.Value) -> None:
        """Stores scalars of all examples into an array of shape (examples, scalars)."""
        b, lanes = self.b, self.body.plan.lanes
        members, parts = sum(map(len, gathers)), copies(gathers, self.body.home)
        (memory, source, _), whole = parts[0], I64(0)
        if members == 1:
            self._store_one(gathers[0].block, source.base, out)
            return
        neighbours = len(parts) == 1 and memory is self.body.memory.rows
        if lanes > 1 and (neighbours or members <= UNROLLED):
            whole = b.and_(self.real, I64(-self.body.module.width))
            self._store_squares(parts, members, out, whole)
        self._store_each(parts, members, out, whole)

    def _store_one(self, block: Block, row: int, out: ir.Value) -> None:
        b, own = self.b, I64(row * self.body.plan.lanes)
        if block not in self.body.plan.streams:
            self.copy(self.real, (self.body.memory.rows, own), (out, self.start))
            return
        start = self.body.at(out, self.start)
        with b.if_else(b.icmp_unsigned("==", self.body.stream(block), start)) as (there, here):
            with there:
                if self._seen is not None:
                    self.look_over(self.real, start)
            with here:
                self.copy(self.real, (self.body.memory.rows, own), (out, self.start))

    def _store_squares(self, parts: list[Any], members: int, out: ir.Value, end: ir.Value) -> None:
        """Stores whole vectors of examples, up to `end`. Examples are outside, members inside: the
        processor prefetches one stream per example."""
        b, width = self.b, self.body.module.width
        _, rows, _ = parts[0]
        looped = members > UNROLLED or (len(parts) == 1 and rows.table is None)
        homes = {} if looped else _homes(parts)
        few = interleaving.pays(members, width)
        with self.body.loops.loop(end, step=width) as e:

            def tile(i: ir.Value, count: int) -> None:
                each = [self.body.place(rows, [plus(b, i, I64(k))], None) for k in range(count)]
                square([self._vector(self.body.memory.rows, place, e) for place in each], i)

            def square(columns: list[ir.Value], i: ir.Value) -> None:
                if few:
                    self.store_few(columns, out, e)
                    return
                full = columns + [self.lanes.zero()] * (width - len(columns))
                for k, numbers in enumerate(interleaving.transposed(b, full)):
                    example = plus(b, plus(b, self.start, e), I64(k))
                    at = self.body.at(out, plus(b, times(b, example, I64(members)), i))
                    self.lanes.masked_store(self.deliver(numbers), at, len(columns))

            if looped:
                self.body.loops.tiled(members, width, tile)
            for i in range(0, len(homes), width):
                some = range(i, min(i + width, members))
                square([self._vector(*homes[k], e) for k in some], I64(i))

    def store_few(self, columns: list[ir.Value], out: ir.Value, e: ir.Value) -> None:
        """Stores the columns of a vector of examples, which begins with e."""
        b, width = self.b, self.body.module.width
        at = times(b, plus(b, self.start, e), I64(len(columns)))
        for k, row in enumerate(interleaving.rows_of(b, columns)):
            place = self.body.at(out, plus(b, at, I64(k * width)))
            self.lanes.masked_store(self.deliver(row), place, width)

    def _vector(self, memory: Any, place: ir.Value, e: ir.Value) -> ir.Value:
        """The numbers of a vector of examples, which begins with e; a uniform one for all."""
        if memory is not self.body.memory.rows:
            return self.lanes.broadcast(self.body.load_number(memory, place))
        row = times(self.b, place, I64(self.body.plan.lanes))
        return self.body.load_row(plus(self.b, row, e))

    def _store_each(self, parts: list[Any], members: int, out: ir.Value, start: ir.Value) -> None:
        """Stores number by number, for the examples of the chunk from `start` on."""
        b, body, lanes = self.b, self.body, self.body.plan.lanes
        for memory, source, target in parts:
            with body.loops.loop(I64(*source.axes)) as i:
                place, to = (body.place(x, [i], None) for x in (source, target))
                with body.loops.loop(self.real, start) as e:
                    varying = memory is body.memory.rows
                    at = plus(b, times(b, place, I64(lanes)), e) if varying else place
                    x = self.deliver(body.load_number(memory, at))
                    example = times(b, plus(b, self.start, e), I64(members))
                    body.store_number(out, plus(b, example, to), x)

    def store_uniform(self, gathers: list[Gather], out: ir.Value) -> None:
        """Stores a uniform output."""
        body = self.body
        for memory, source, target in copies(gathers, body.home):
            count = I64(*source.axes)
            if source.strides == target.strides == (1,):
                self.copy(count, (memory, I64(source.base)), (out, I64(target.base)))
                continue
            with body.loops.loop(count) as i:
                place, to = (body.place(x, [i], None) for x in (source, target))
                body.store_number(out, to, self.deliver(body.load_number(memory, place)))


def _homes(parts: list[tuple[Any, Access, Access]]) -> dict[int, tuple[Any, ir.Value]]:
    """For each member of an output, its buffer, and its index there."""
    return {
        target.at((i,)): (memory, I64(source.at((i,))))
        for memory, source, target in parts
        for i in range(*source.axes)
    }
