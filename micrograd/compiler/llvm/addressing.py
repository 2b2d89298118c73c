"""Addressing: one function of native code, and its loads and stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir

from micrograd.compiler.llvm.arithmetic import Arithmetic, Axis
from micrograd.compiler.llvm.builder import POINTER
from micrograd.compiler.llvm.control_flow import I32, I64, ZERO, Loops, integer, once, plus, times
from micrograd.compiler.llvm.module import Module
from micrograd.compiler.program.ir import Block
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Plan, Step

Indices = list[ir.Value]  # the loop indices of a member


class Memory(NamedTuple):
    """The arguments of a function of native code."""

    parameters: ir.Value
    uniforms: ir.Value
    reductions: ir.Value | None = None  # sums over the examples of a segment
    in_place: ir.Value | None = None  # the output that is computed in place: see Plan.in_place
    rows: ir.Value | None = None  # of the chunk
    streams: ir.Value | None = None  # pointers to rows in the caller's arrays: see Plan.streams
    vectors: ir.Value | None = None  # how many vectors of examples the chunk has
    first: ir.Value | None = None  # whether it is the first chunk of its segment
    trip: ir.Value | None = None  # of a loop


class Body:
    """One function: its loops, its arithmetic on registers, its loads and stores."""

    def __init__(
        self, module: Module, plan: Plan, builder: ir.IRBuilder, memory: Memory, varying: bool
    ):
        self.module, self.plan, self.b, self.memory = module, plan, builder, memory
        self.examples = varying and plan.lanes > 1  # whether examples lie in the lanes
        self.loops = Loops(builder)
        self.lanes = Arithmetic(module, builder, Axis.EXAMPLES if self.examples else Axis.NONE)
        self._rows = self._at = None  # the rows at the current vector of examples, and its index
        self._straight_line = False  # no loop begins or ends, so that loads can be reused
        self._loaded: dict[Any, ir.Value] = {}

    @property
    def step(self) -> int:
        """The number of examples in a vector."""
        return self.module.width if self.plan.lanes > 1 else 1

    @contextmanager
    def straight_line(self) -> Iterator[None]:
        """Within this block, nested blocks included, no number is loaded twice."""
        outermost, self._straight_line = not self._straight_line, True
        yield
        if outermost:
            self._straight_line = False
            self._loaded.clear()

    # Loops over neighbours, and over examples.

    def streamed(self, count: ir.Value, action: Callable[[ir.Value], None]) -> None:
        """action(i) for all i < count: first in whole vectors, then one by one."""
        width = self.module.width
        if isinstance(count, ir.Constant):
            whole: ir.Value = I64(count.constant // width * width)
        else:
            whole = self.b.and_(count, I64(-width))
        for axis, start, stop in ((Axis.MEMBERS, I64(0), whole), (Axis.NONE, whole, count)):
            with self.lanes.lanes_along(axis), self.loops.loop(stop, start, self.lanes.width) as i:
                action(i)

    @contextmanager
    def over_vectors(self) -> Iterator[Any]:
        """A loop over the vectors of a chunk; yields the index of the first example of each."""
        with self.loops.loop(self.memory.vectors) if self.examples else once() as x:
            self.enter_vector(x)
            yield self._at

    def enter_vector(self, x: ir.Value) -> None:
        """Loads and stores of rows from here on use vector x."""
        rows, at = self.memory.rows, times(self.b, x, I64(self.step))
        self._at = at
        self._rows = rows if rows is None else self.at(rows, at)

    # Numbers at a pointer.

    def at(self, pointer: ir.Value, place: ir.Value) -> ir.Value:
        """The pointer to the number at index `place`."""
        return self.b.gep(pointer, [place], source_etype=self.module.number)

    def load(self, pointer: ir.Value, place: ir.Value, align: int = 0) -> ir.Value:
        """Loads one number per lane, from index `place` on."""
        at = self.at(pointer, place)
        return self.b.load(at, typ=self.lanes.vector, align=align or self.module.bytes)

    def store(self, pointer: ir.Value, place: ir.Value, value: ir.Value, align: int = 0) -> None:
        self.b.store(value, self.at(pointer, place), align=align or self.module.bytes)

    def load_row(self, place: ir.Value) -> ir.Value:
        """Loads an aligned vector of a row."""
        return self.load(self.memory.rows, place, self.module.width * self.module.bytes)

    def store_row(self, place: ir.Value, value: ir.Value) -> None:
        self.store(self.memory.rows, place, value, self.module.width * self.module.bytes)

    def load_number(self, pointer: Any, place: ir.Value) -> ir.Value:
        return self.b.load(self.at(pointer, place), typ=self.module.number)

    def store_number(self, pointer: Any, place: ir.Value, value: ir.Value) -> None:
        self.b.store(value, self.at(pointer, place))

    # Reads of operands, and writes of results.

    def place(self, access: Access, indices: Indices, t: ir.Value | None) -> ir.Value:
        """The index into its block that an access reads, in this trip of a loop."""
        place = self._place(access, indices, t)
        return plus(self.b, place, self._moved(access))

    def start(self, access: Access) -> ir.Value:
        """The index that the first member reads."""
        return plus(self.b, I64(access.base), self._moved(access))

    def _moved(self, access: Access) -> ir.Value:
        """How far an access has moved in a loop."""
        trip = self.memory.trip
        return times(self.b, trip, I64(access.step)) if access.step and trip else ZERO

    def _place(self, access: Access, indices: Indices, t: ir.Value | None) -> ir.Value:
        b = self.b
        known = [i.constant for i in (*indices, t or ZERO) if isinstance(i, ir.Constant)]
        if len(known) == len(indices) + 1:
            return integer(access.at(known[:-1], known[-1]))
        if access.table is not None:
            at: ir.Value = I64(0)
            for i, n in zip(indices, access.axes):
                at = plus(b, times(b, at, I64(n)), i)
            at = times(b, at, I64(access.table.shape[1]))
            at = plus(b, at, t) if t is not None else at
            entry = b.gep(self.module.table(access.table), [at], source_etype=I32)
            return b.zext(b.load(entry, typ=I32), I64)
        result: ir.Value = I64(access.base)
        for i, stride in zip((*indices, t), (*access.strides, access.term)):
            if stride and i is not None:
                result = plus(b, result, times(b, i, I64(stride)))
        return result

    def read(
        self, operand: Access | Step, known: dict[Step, ir.Value], indices: Indices, t: Any
    ) -> ir.Value:
        """An operand: the register of an earlier step, or a load."""
        if isinstance(operand, Step):
            return known[operand]
        access, program = operand, self.plan.program
        fixed = not (access.step or access.term or any(access.strides)) and access.table is None
        if fixed and access.block is program.constants:
            return self.lanes.constant(program.constant_values[access.base]).value
        value = self._load(access, self.place(access, indices, t))
        if access.block.boolean:
            zero = self.module.splat(0.0, self.lanes.vector)
            return self.b.fcmp_unordered("!=", value, zero)
        return value

    def _load(self, access: Access, place: ir.Value) -> ir.Value:
        """Loads one number per lane if they are neighbours in memory, else broadcasts one."""
        near = self._are_neighbours(access)
        known = isinstance(place, ir.Constant)
        key = access.block, place.constant if known else None, near
        if key in self._loaded:
            return self._loaded[key]
        assert key[:2] not in self.plan.private, f"{access} is not stored"
        pointer = self._pointer(access.block, place)
        if near:
            align = self._alignment_of(access.block)
            value = self.b.load(pointer, typ=self.lanes.vector, align=align)
        else:
            value = self.lanes.broadcast(self.b.load(pointer, typ=self.module.number))
        if self._straight_line and known:
            self._loaded[key] = value
        return value

    def _are_neighbours(self, access: Access) -> bool:
        """Whether the numbers of the lanes are neighbours in memory."""
        match self.lanes.axis:
            case Axis.EXAMPLES:
                return access.block.varying
            case Axis.MEMBERS:
                return access.table is None and access.strides[-1] == 1
            case Axis.TERMS:
                return access.term == 1
            case Axis.NONE:
                return True

    def write(self, step: Step, value: ir.Value, indices: Indices) -> None:
        """Stores the result of a step, if it is read from memory."""
        if not step.stored:
            return
        if step.target.block.boolean:
            one, zero = self.lanes.constant(1.0).value, self.lanes.constant(0.0).value
            value = self.b.select(value, one, zero)
        place = self.place(step.target, indices, None)
        block = step.target.block
        known = place.constant if isinstance(place, ir.Constant) else None
        rowless = block.varying and self.memory.rows is None
        if not rowless and (block, known) not in self.plan.private:
            self.b.store(value, self._pointer(block, place), align=self._alignment_of(block))
        if self._straight_line and known is not None:
            self._loaded[block, known, True] = value

    def keep(self, block: Block, index: int, register: ir.Value) -> None:
        """Within `straight_line`, reads of a number use this register."""
        self._loaded[block, index, True] = register

    def number(self, block: Block, index: int) -> ir.Value:
        """A number of a block, for all lanes."""
        return self._load(Access(block, (), index, ()), integer(index))

    def load_lane(self, block: Block, place: ir.Value, e: ir.Value) -> ir.Value:
        """The number of one example."""
        if not block.varying:
            return self.load_number(*self.uniform(block, place))
        return self.load_number(*self._lane(block, place, e))

    def store_lane(self, block: Block, place: ir.Value, e: ir.Value, value: ir.Value) -> None:
        """Stores the number of one example."""
        self.store_number(*self._lane(block, place, e), value)

    def _lane(self, block: Block, place: ir.Value, e: ir.Value) -> tuple[Any, ir.Value]:
        """The row of a number, and the index of one example there."""
        plan, b = self.plan, self.b
        if block in plan.streams:
            return self.stream(block), e
        row = plus(b, place, I64(plan.offset[block]))
        return self.memory.rows, plus(b, times(b, row, I64(plan.lanes)), e)

    # Where blocks lie.

    def _pointer(self, block: Block, place: ir.Value) -> ir.Value:
        return self._row(block, place) if block.varying else self.at(*self.uniform(block, place))

    def uniform(self, block: Block, place: ir.Value) -> tuple[Any, ir.Value]:
        """The buffer of a uniform number, and its index there."""
        base, first = self.home(block)
        return base, plus(self.b, place, I64(first))

    def home(self, block: Block) -> tuple[Any, int]:
        """The buffer of a block, and its offset there: in rows, if it varies."""
        plan = self.plan
        if block.varying:
            return self.memory.rows, plan.offset[block]
        if block is plan.program.constants:
            return self.module.constants(plan.program.constant_values), 0
        if block is plan.program.parameters:
            return self.memory.parameters, 0
        if plan.in_place and block is plan.in_place[1]:
            return self.memory.in_place, 0
        return self.memory.uniforms, plan.offset[block]

    def _row(self, block: Block, place: ir.Value) -> ir.Value:
        plan, b = self.plan, self.b
        if block in plan.streams:
            return self.at(self.stream(block), self._at)
        row = times(b, plus(b, place, integer(plan.offset[block])), integer(plan.lanes))
        return self.at(self._rows, row)

    def stream(self, block: Block) -> ir.Value:
        """The pointer to the row of a block that may lie in the caller's array."""
        return self.b.load(self.elsewhere(self.plan.streams[block]), typ=POINTER)

    def elsewhere(self, entry: int) -> ir.Value:
        """The pointer to an entry of the streams: see Plan.streams and Plan.starts."""
        return self.b.gep(self.memory.streams, [I64(entry)], source_etype=POINTER)

    def sum_place(self, step: Step, member: Indices) -> ir.Value:
        """The pointer to a sum over examples."""
        plan, block = self.plan, step.target.block
        at = self.place(step.target, member, None)
        if plan.in_place and block is plan.in_place[1]:
            return self.at(self.memory.in_place, at)
        return self.at(self.memory.reductions, plus(self.b, at, I64(plan.offset[block])))

    def _alignment_of(self, block: Block) -> int:
        """Rows of the chunk are aligned to vectors; all else is aligned to numbers."""
        own = self.lanes.axis is Axis.EXAMPLES and block not in self.plan.streams
        return self.module.bytes * (self.lanes.width if own else 1)
