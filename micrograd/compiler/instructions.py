"""Instructions: what one function of native code is made of: loops, loads and stores, arithmetic.

Operations of the table are emitted on registers; those composed of others run their own formula on
them, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from llvmlite import ir

from micrograd import ops
from micrograd.compiler.access import Access
from micrograd.compiler.plan import Step
from micrograd.compiler.program import Block
from micrograd.compiler.trace import chosen_by_if
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

if TYPE_CHECKING:
    from micrograd.compiler.llvm import Emitter

I1, I8, I32, I64 = map(ir.IntType, (1, 8, 32, 64))
POINTER, ZERO = ir.PointerType(), I64(0)

integer = cache(I64)  # as a constant: code is full of places that are known

REORDER = ("reassoc", "contract", "nsz")  # what the sum of a block may do to the order of its terms

Places = list[ir.Value]  # of a member, one in each axis


class Register(Scalar):
    """A vector register, or its truth: the algebra in which composite operations are emitted."""

    __slots__ = ("emit", "value")
    rank = 3

    def __init__(self, emit: Body, value: ir.Value):
        self.emit = emit
        self.value = value

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return apply


def apply(op: Op, operands: tuple[Any, ...]) -> Any:
    emit = next(x.emit for x in operands if isinstance(x, Register))
    registers = [x if isinstance(x, Register) else emit.constant(float(x)) for x in operands]
    if not op.primitive:
        result = op.meaning(*registers)
        return result if isinstance(result, Register) else emit.constant(float(result))
    return Register(emit, emit.primitive(op, [x.value for x in registers]))


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


class Body:
    """Emits within one function: loops, loads and stores, arithmetic.

    In the lanes of a register lie examples; or, where there is one example only, neighbours along
    `axis`: members, or terms of a sum; or one number, alone.
    """

    def __init__(self, emitter: Emitter, builder: ir.IRBuilder, memory: Memory, varying: bool):
        self.emitter, self.b, self.memory = emitter, builder, memory
        self.examples = varying and emitter.examples_in_lanes
        self._set_lanes("examples" if self.examples else "", emitter.width)
        self.straight = False  # no loop begins or ends: what was read need not be read again
        self.loaded: dict[Any, ir.Value] = {}
        self.flags = () if emitter.exact else REORDER

    def _set_lanes(self, axis: str, width: int) -> None:
        number = self.emitter.number
        self.axis, self.width = axis, width if axis else 1
        self.vector: ir.Type = ir.VectorType(number, width) if axis else number
        self.truth: ir.Type = ir.VectorType(I1, width) if axis else I1

    @contextmanager
    def lanes_along(self, axis: str) -> Iterator[None]:
        before = self.axis, self.width
        self._set_lanes(axis, self.emitter.width)
        yield
        self._set_lanes(*before)

    @contextmanager
    def straight_code(self) -> Iterator[None]:
        """Code in which nothing is read twice, up to the end of the outermost of such blocks."""
        outermost, self.straight = not self.straight, True
        yield
        if outermost:
            self.straight = False
            self.loaded.clear()

    # Loops.

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
    def loop(
        self, stop: ir.Value, start: ir.Value | None = None, step: int = 1
    ) -> Iterator[ir.Value]:
        """for (i = start; i < stop; i += step)"""
        b, start = self.b, I64(0) if start is None else start
        if isinstance(stop, ir.Constant) and stop.constant == 1 and start == I64(0):
            yield I64(0)
            return
        before = b.block
        head, inside, after = (b.append_basic_block(x) for x in ("head", "body", "after"))
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(start, before)
        b.cbranch(b.icmp_signed("<", i, stop), inside, after)
        b.position_at_end(inside)
        yield i
        i.add_incoming(b.add(i, I64(step), flags=("nsw",)), b.block)
        b.branch(head)
        b.position_at_end(after)

    def axes(self, extents: tuple[int, ...], action: Callable[[list[ir.Value]], None]) -> None:
        """Nested loops, the last extent innermost."""

        def nested(places: list[ir.Value]) -> None:
            if len(places) == len(extents):
                action(places)
            else:
                with self.loop(I64(extents[len(places)])) as i:
                    nested([*places, i])

        nested([])

    def tiled(
        self, extent: int, tile: int, action: Callable[[ir.Value, int], None], start: int = 0
    ) -> None:
        """action(first place, how many) for tiles of an axis, the last one perhaps smaller."""
        whole = start + (extent - start) // tile * tile
        if whole > start:
            once = whole == start + tile
            with _once(start) if once else self.loop(I64(whole), I64(start), tile) as i:
                action(i, tile)
        if extent > whole:
            action(I64(whole), extent - whole)

    @contextmanager
    def over_vectors(self) -> Iterator[None]:
        """The vectors of a chunk of examples."""
        with self.loop(self.memory.vectors) if self.examples else _once() as x:
            self._enter(x)
            yield

    def _enter(self, x: ir.Value) -> None:
        """From here on, rows are read and written at vector x."""
        v, at = self.memory.v, times(self.b, x, I64(self.emitter.step))
        self._at = at
        self._rows = v if v is None else self.b.gep(v, [at], source_etype=self.emitter.number)

    def accumulate(
        self,
        totals: list[ir.Value],
        count: ir.Value,
        step: Callable[[list[Any], ir.Value], list[Any]],
        start: ir.Value = ZERO,
        stride: int = 1,
    ) -> list[ir.Value]:
        """A loop that carries registers: for (t = start; t < count; t += stride)"""
        if isinstance(count, ir.Constant) and isinstance(start, ir.Constant):
            if start.constant >= count.constant:
                return totals
            if start.constant + stride >= count.constant:
                return step(totals, start)
        b, before = self.b, self.b.block
        head, inside, after = (b.append_basic_block(x) for x in ("sum", "term", "summed"))
        b.branch(head)
        b.position_at_end(head)
        t = b.phi(I64)
        t.add_incoming(start, before)
        carried = [b.phi(total.type) for total in totals]
        for phi, total in zip(carried, totals):
            phi.add_incoming(total, before)
        b.cbranch(b.icmp_signed("<", t, count), inside, after)
        b.position_at_end(inside)
        for phi, total in zip(carried, step(carried, t)):
            phi.add_incoming(total, b.block)
        t.add_incoming(b.add(t, I64(stride), flags=("nsw",)), b.block)
        b.branch(head)
        b.position_at_end(after)
        return carried

    def _across(self, total: ir.Value) -> ir.Value:
        name = f"llvm.vector.reduce.fadd.{suffix(self.vector)}"
        type = ir.FunctionType(self.emitter.number, [self.emitter.number, self.vector])
        callee = self.emitter.module.globals.get(name) or ir.Function(
            self.emitter.module, type, name
        )
        start = ir.Constant(self.emitter.number, 0.0)
        return self.b.call(callee, [start, total], fastmath=self.flags)

    def turned(self, rows: list[ir.Value]) -> list[ir.Value]:
        """Vectors as the rows of a square, and its columns: by halves shuffled into each other."""
        n, b = len(rows), self.b
        masks = [
            ir.Constant(ir.VectorType(I32, n), [half + k // 2 + n * (k % 2) for k in range(n)])
            for half in (0, n // 2)
        ]
        for _ in range(n.bit_length() - 1):
            pairs = zip(rows[: n // 2], rows[n // 2 :])
            rows = [b.shuffle_vector(x, y, mask) for x, y in pairs for mask in masks]
        return rows

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
        plan = self.emitter.plan
        if block is plan.program.constants:
            return self.emitter.constant_numbers(), place
        if block is plan.program.parameters:
            return self.memory.w, place
        if plan.in_place and block is plan.in_place[1]:
            return self.memory.d, place
        return self.memory.u, plus(self.b, place, I64(plan.offset[block]))

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

    # Arithmetic.

    def _splat(self, x: float) -> Any:
        return [x] * self.width if self.axis else x

    def constant(self, x: float) -> Register:
        key = x.hex(), self.width
        known = self.emitter.splats.get(key)
        if known is None:
            known = self.emitter.splats[key] = ir.Constant(self.vector, self._splat(x))
        return Register(self, known)

    def zero(self) -> ir.Value:
        """Where a sum begins: -0 + x is x to the bit, whatever x."""
        return self.constant(-0.0).value

    def _broadcast(self, number: ir.Value) -> ir.Value:
        if not self.axis:
            return number
        b, undefined = self.b, ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, number, I32(0))
        mask = ir.Constant(ir.VectorType(I32, self.width), [0] * self.width)
        return b.shuffle_vector(first, undefined, mask)

    def _start(self, step: Step) -> ir.Value:
        """What has no terms yet."""
        return self.zero() if step.combine is ops.add else self.constant(-math.inf).value

    def _combine(self, step: Step, total: Any, factors: list[ir.Value]) -> ir.Value:
        factors = list(map(self._number, factors))
        if step.combine is ops.add:
            return self.add_product(total, factors)
        (term,) = factors
        if total is None:
            return term
        return apply(step.combine, (Register(self, total), Register(self, term))).value

    def add_product(self, total: ir.Value | None, factors: list[ir.Value]) -> ir.Value:
        b, flags = self.b, self.flags
        if self.is_taken_off(factors):
            _, first, *rest = factors
            if total is not None and not rest:
                return b.fsub(total, first, flags=flags)
            factors = [b.fneg(first), *rest]  # the machine takes products off in one instruction
        if total is None:
            return factors[0] if len(factors) == 1 else b.fmul(*factors, flags=flags)
        if len(factors) == 1:
            return b.fadd(total, factors[0], flags=flags)
        if self.emitter.exact:
            return b.fadd(total, b.fmul(*factors))
        return self._intrinsic("fmuladd", [*factors, total], flags)

    def is_taken_off(self, factors: list[ir.Value]) -> bool:
        """Whether a product begins with -1."""
        first = factors[0]
        if len(factors) == 1 or self.emitter.exact or not isinstance(first, ir.Constant):
            return False
        return first is self.constant(-1.0).value

    def difference(self, added: ir.Value | None, less: ir.Value | None) -> ir.Value:
        """The sum of the terms that are added, less those that are taken off; none are zero."""
        if less is None:
            return self.constant(0.0).value if added is None else added
        if added is None:
            return self.b.fneg(less)
        return self.b.fsub(added, less, flags=self.flags)

    def primitive(self, op: Op, operands: list[ir.Value]) -> ir.Value:
        """An operation of the machine on registers."""
        b, name = self.b, op.name
        if name in _ARITHMETIC:
            return getattr(b, _ARITHMETIC[name])(*map(self._number, operands))
        if name in _COMPARISONS:
            compare = b.fcmp_unordered if name == "not_equal" else b.fcmp_ordered
            return compare(_COMPARISONS[name], *map(self._number, operands))
        if name in _LOGIC:
            return getattr(b, _LOGIC[name])(*map(self._truth, operands))
        if name == "where":
            return b.select(self._truth(operands[0]), *map(self._number, operands[1:]))
        if name == "take":
            return self._take(operands)
        if name in ("sqrt", "floor", "abs"):
            return self._intrinsic({"abs": "fabs"}.get(name, name), operands)
        function = self.emitter.mathematics(name, len(operands), self.vector)
        self.emitter.calls[function] += 1
        return b.call(function, list(map(self._number, operands)))

    def _take(self, operands: list[ir.Value]) -> ir.Value:
        """The operand that the last one counts; NaN where there is none."""
        *values, index = operands
        result = self.constant(float("nan")).value
        for k, value in enumerate(values):
            here = self.b.fcmp_ordered("==", index, self.constant(float(k)).value)
            result = self.b.select(here, value, result)
        return result

    def _intrinsic(self, name: str, operands: list[ir.Value], flags: Any = ()) -> ir.Value:
        full = f"llvm.{name}.{suffix(self.vector)}"
        callee = self.emitter.module.globals.get(full)
        if callee is None:
            type = ir.FunctionType(self.vector, [self.vector] * len(operands))
            callee = ir.Function(self.emitter.module, type, full)
        return self.b.call(callee, operands, fastmath=flags)

    def _truth(self, x: ir.Value) -> ir.Value:
        return x if x.type == self.truth else self.b.fcmp_unordered("!=", x, self.zero())

    def _number(self, x: ir.Value) -> ir.Value:
        of_numbers = x.type is self.vector or x.type == self.vector  # to compare takes longer
        return x if of_numbers else self.b.uitofp(x, self.vector)


_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "neg": "fneg"}
_COMPARISONS = {"less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!="}
_LOGIC = {"logical_and": "and_", "logical_or": "or_", "logical_not": "not_"}


def suffix(type: ir.Type) -> str:
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{suffix(type.element)}"
    return "f64" if isinstance(type, ir.DoubleType) else "f32"


def plus(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """x + y of integers, folded where they are known: most addresses are."""
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return integer(x.constant + y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 0 else b.add(x, y)


def times(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return integer(x.constant * y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 1 else b.mul(x, y)


@contextmanager
def _once(place: int = 0) -> Iterator[ir.Value]:
    yield I64(place)
