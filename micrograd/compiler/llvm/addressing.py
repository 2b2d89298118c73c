"""Instructions: a function of native code, of loops, arithmetic, and reads and writes of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from llvmlite import ir

from micrograd.compiler.llvm.arithmetic import Arithmetic
from micrograd.compiler.llvm.control_flow import I32, I64, ZERO, Loops, integer, once, plus, times
from micrograd.compiler.program.ir import Block
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Step

if TYPE_CHECKING:
    from micrograd.compiler.llvm.emitter import Emitter

POINTER = ir.PointerType()

Places = list[ir.Value]  # of a member, one in each axis


class Memory(NamedTuple):
    """What a function of native code is told, where it is told that."""

    w: ir.Value  # the parameters
    u: ir.Value  # the uniform numbers
    r: ir.Value | None = None  # the sums over a segment of the examples
    d: ir.Value | None = None  # of the output that is computed in its place: see Plan.in_place
    v: ir.Value | None = None  # the rows of examples
    streams: ir.Value | None = None  # where the rows are that lie elsewhere: see Plan.streams
    vectors: ir.Value | None = None  # of examples, in this chunk
    first: ir.Value | None = None  # whether it is the first chunk of its segment


class Body(Loops, Arithmetic):
    """Emits within one function."""

    def __init__(self, emitter: Emitter, builder: ir.IRBuilder, memory: Memory, varying: bool):
        self.memory, self.examples = memory, varying and emitter.examples_in_lanes
        super().__init__(emitter, builder, "examples" if self.examples else "")
        self.straight = False  # no loop begins or ends: what was read need not be read again
        self.loaded: dict[Any, ir.Value] = {}

    @contextmanager
    def straight_code(self) -> Iterator[None]:
        """Code in which nothing is read twice, up to the end of the outermost of such blocks."""
        outermost, self.straight = not self.straight, True
        yield
        if outermost:
            self.straight = False
            self.loaded.clear()

    # Runs over neighbours, and over examples.

    def streamed(self, count: ir.Value, action: Callable[[ir.Value], None]) -> None:
        """action(i) for all i < count: in vectors of neighbours, then one by one."""
        width, axis = self.emitter.width, (self.axis, self.width)
        if isinstance(count, ir.Constant):
            whole = I64(count.constant // width * width)
        else:
            whole = self.b.and_(count, I64(-width))
        for lanes, start, stop in (("members", I64(0), whole), ("", whole, count)):
            self._set_lanes(lanes, width)
            with self.loop(stop, start, self.width) as i:
                action(i)
        self._set_lanes(*axis)

    def load(self, pointer: ir.Value, place: ir.Value, align: int = 0) -> ir.Value:
        """As many numbers from `place` on as there are lanes."""
        at = self.b.gep(pointer, [place], source_etype=self.emitter.number)
        return self.b.load(at, typ=self.vector, align=align or self._bytes)

    def store(self, pointer: ir.Value, place: ir.Value, value: ir.Value, align: int = 0) -> None:
        at = self.b.gep(pointer, [place], source_etype=self.emitter.number)
        self.b.store(value, at, align=align or self._bytes)

    @contextmanager
    def over_vectors(self) -> Iterator[None]:
        """The vectors of a chunk of examples."""
        with self.loop(self.memory.vectors) if self.examples else once() as x:
            self._enter(x)
            yield

    def _enter(self, x: ir.Value) -> None:
        """From here on, rows are read and written at vector x."""
        v, at = self.memory.v, times(self.b, x, I64(self.emitter.step))
        self._at = at
        self._rows = v if v is None else self.b.gep(v, [at], source_etype=self.emitter.number)

    # Memory.

    def place(self, access: Access, places: Places, t: ir.Value | None) -> ir.Value:
        """The place in its block that an access reads."""
        b = self.b
        known = [i.constant for i in (*places, t or ZERO) if isinstance(i, ir.Constant)]
        if len(known) == len(places) + 1:
            return integer(access.at(known[:-1], known[-1]))
        if access.table is not None:
            at: ir.Value = I64(0)
            for i, n in zip(places, access.axes):
                at = plus(b, times(b, at, I64(n)), i)
            at = times(b, at, I64(access.table.shape[1]))
            at = plus(b, at, t) if t is not None else at
            entry = b.gep(self.emitter.table(access.table), [at], source_etype=I32)
            return b.zext(b.load(entry, typ=I32), I64)
        result: ir.Value = I64(access.base)
        for i, stride in zip((*places, t), (*access.strides, access.term)):
            if stride and i is not None:
                result = plus(b, result, times(b, i, I64(stride)))
        return result

    def _read(
        self, operand: Access | Step, known: dict[Step, ir.Value], places: Places, t: Any
    ) -> ir.Value:
        if isinstance(operand, Step):
            return known[operand]
        access = operand
        constants = self.emitter.plan.program.constants
        fixed = access.table is None and not access.term and not any(access.strides)
        if fixed and access.block is constants:
            return self.constant(self.emitter.plan.program.constant_values[access.base]).value
        value = self._load(access, self.place(access, places, t))
        if access.block.boolean:
            return self.b.fcmp_unordered("!=", value, ir.Constant(value.type, self._splat(0.0)))
        return value

    def _load(self, access: Access, place: ir.Value) -> ir.Value:
        """What lies in the lanes from a place on; where it is one number, that in all of them."""
        near = {
            "examples": access.block.varying,
            "members": access.table is None and access.strides[-1] == 1,
            "terms": access.term == 1,
        }.get(self.axis, True)
        known = isinstance(place, ir.Constant)
        key = access.block, place.constant if known else None, near
        if key in self.loaded:
            return self.loaded[key]
        pointer = self._pointer(access.block, place)
        if near:
            align = self._alignment_of(access.block)
            value = self.b.load(pointer, typ=self.vector, align=align)
        else:
            value = self._broadcast(self.b.load(pointer, typ=self.emitter.number))
        if self.straight and known:
            self.loaded[key] = value
        return value

    def _pointer(self, block: Block, place: ir.Value) -> ir.Value:
        if block.varying:
            return self._row(block, place)
        base, at = self._uniform(block, place)
        return self.b.gep(base, [at], source_etype=self.emitter.number)

    def load_lane(self, block: Block, place: ir.Value, e: ir.Value) -> ir.Value:
        """The number of one example."""
        if not block.varying:
            return self.load_number(*self._uniform(block, place))
        plan, b = self.emitter.plan, self.b
        if block in plan.streams:
            return self.load_number(self.stream(block), e)
        at = plus(b, times(b, plus(b, place, I64(plan.offset[block])), I64(plan.lanes)), e)
        return self.load_number(self.memory.v, at)

    def _uniform(self, block: Block, place: ir.Value) -> tuple[ir.Value, ir.Value]:
        base, first = self.home(block)
        return base, plus(self.b, place, I64(first))

    def home(self, block: Block) -> tuple[Any, int]:
        """The memory that a block lies in, and where it begins there: in rows, if it varies."""
        plan = self.emitter.plan
        if block.varying:
            return self.memory.v, plan.offset[block]
        if block is plan.program.constants:
            return self.emitter.constant_numbers(), 0
        if block is plan.program.parameters:
            return self.memory.w, 0
        if plan.in_place and block is plan.in_place[1]:
            return self.memory.d, 0
        return self.memory.u, plan.offset[block]

    def _row(self, block: Block, place: ir.Value) -> ir.Value:
        plan, b = self.emitter.plan, self.b
        if block in plan.streams:
            return b.gep(self.stream(block), [self._at], source_etype=self.emitter.number)
        row = times(b, plus(b, place, integer(plan.offset[block])), integer(plan.lanes))
        return b.gep(self._rows, [row], source_etype=self.emitter.number)

    def stream(self, block: Block) -> ir.Value:
        """Where the row of this chunk begins that lies in an array of the caller's, if it may."""
        return self.b.load(self.elsewhere(self.emitter.plan.streams[block]), typ=POINTER)

    def elsewhere(self, entry: int) -> ir.Value:
        """Where it is noted where a row lies: see Plan.streams, and Plan.starts."""
        return self.b.gep(self.memory.streams, [I64(entry)], source_etype=POINTER)

    def _store(self, step: Step, value: ir.Value, places: Places) -> None:
        if not step.stored:
            return
        if step.target.block.boolean:
            value = self.b.select(value, self.constant(1.0).value, self.constant(0.0).value)
        place = self.place(step.target, places, None)
        pointer = self._pointer(step.target.block, place)
        self.b.store(value, pointer, align=self._alignment_of(step.target.block))
        if self.straight and isinstance(place, ir.Constant):
            self.loaded[step.target.block, place.constant, True] = value

    @property
    def _bytes(self) -> int:
        """Of a number."""
        return 8 if isinstance(self.emitter.number, ir.DoubleType) else 4

    def _alignment_of(self, block: Block) -> int:
        """Rows of examples begin at cache lines; members and terms lie where they lie."""
        own = self.axis == "examples" and block not in self.emitter.plan.streams
        return self._bytes * (self.width if own else 1)

    def load_number(self, pointer: Any, place: ir.Value) -> ir.Value:
        at = self.b.gep(pointer, [place], source_etype=self.emitter.number)
        return self.b.load(at, typ=self.emitter.number)

    def store_number(self, pointer: Any, place: ir.Value, value: ir.Value) -> None:
        self.b.store(value, self.b.gep(pointer, [place], source_etype=self.emitter.number))
