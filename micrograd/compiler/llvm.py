"""LLVM: loops become native code for this machine.

One function for each nest, and one that calls them in order for a range of chunks of examples. In
all of them `w` are the parameters, `u` the uniform numbers, `r` the sums over examples and `v` the
rows of examples.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
from llvmlite import ir

from micrograd import ops
from micrograd.compiler import vectormath
from micrograd.compiler.program import Block, Gather
from micrograd.compiler.schedule import (
    CALL,
    REDUCE_TILE,
    SMALL,
    TILE,
    VECTOR_TILE,
    Access,
    Nest,
    Plan,
    Step,
    access,
)
from micrograd.compiler.trace import chosen_by_if
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

I1, I8, I32, I64 = map(ir.IntType, (1, 8, 32, 64))
POINTER = ir.PointerType()
VOID, ZERO = ir.VoidType(), I64(0)
INLINE_CALLS = 16  # of one elementary function: more of them, and the code outgrows its use
REORDER = ("reassoc", "contract", "nsz")  # what the sum of a block may do to the order of its terms


class Register(Scalar):
    """A vector register, or its truth: the algebra in which composite operations are emitted."""

    __slots__ = ("emit", "value")
    rank = 3

    def __init__(self, emit: "_Body", value: ir.Value):
        self.emit = emit
        self.value = value

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return _apply


def _apply(op: Op, operands: tuple[Any, ...]) -> Any:
    emit = next(x.emit for x in operands if isinstance(x, Register))
    registers = [x if isinstance(x, Register) else emit.constant(float(x)) for x in operands]
    if not op.primitive:
        result = op.meaning(*registers)
        return result if isinstance(result, Register) else emit.constant(float(result))
    return Register(emit, emit.primitive(op, [x.value for x in registers]))


class Emitter:
    """The module of a plan: build() it once."""

    def __init__(self, plan: Plan, width: int, double: bool, exact: bool):
        self.plan, self.width, self.exact = plan, width, exact
        self.number: ir.Type = ir.DoubleType() if double else ir.FloatType()
        self.examples_in_lanes = plan.lanes > 1
        self.step = width if self.examples_in_lanes else 1  # examples at once
        self.module = ir.Module("micrograd")
        self.tables: dict[bytes, ir.GlobalVariable] = {}
        self.splats: dict[tuple[str, int], ir.Constant] = {}  # numbers, in vectors and alone
        self.constants: ir.GlobalVariable | None = None
        self.calls: Counter[ir.Function] = Counter()  # of the elementary functions

    def build(self) -> ir.Module:
        """Functions `before`, `examples`, `combine`, `after`, and `run`, which calls them."""
        before = self._sequence("before", self.plan.before)
        after = self._sequence("after", self.plan.after)
        self._uniform_outputs(after)
        self._combine()
        self._run(before, self._examples(), after)
        for function, calls in self.calls.items():
            if calls > INLINE_CALLS:
                function.attributes.add("noinline")
        small = self.plan.rows + self.plan.uniform < SMALL
        if small and self.plan.lanes == 1 and self.number == ir.DoubleType():
            self._scalars()
        return self.module

    # Functions.

    def _function(self, name: str, types: list[ir.Type], internal: bool = True) -> ir.Function:
        function = ir.Function(self.module, ir.FunctionType(VOID, types), name)
        function.attributes.add("nounwind")
        if internal:
            function.linkage = "internal"
            function.attributes.add("noinline")
        for argument in function.args:
            if argument.type == POINTER:
                argument.add_attribute("noalias")
        return function

    def _sequence(self, name: str, nests: list[Nest]) -> "_Body":
        """NAME(w, u, table): nests that do not vary. Still open: the caller ends it."""
        functions = [self._nest(f"{name}.{k}", nest, False) for k, nest in enumerate(nests)]
        function = self._function(name, [POINTER] * 3, internal=False)
        w, u, _ = function.args
        builder = ir.IRBuilder(function.append_basic_block())
        null = ir.Constant(POINTER, None)
        for each in functions:
            builder.call(each, [w, u, u, null, I64(1)])
        return _Body(self, builder, [w, u, u, None, None], False)

    def _run(self, before: "_Body", examples: ir.Function, after: "_Body") -> None:
        """run(call): everything, in one thread; `call` is w, u, v, n, the seed, and the table."""
        for body in (before, after):
            body.b.ret_void()
        function = self._function("run", [POINTER], internal=False)
        (call,) = function.args
        b = ir.IRBuilder(function.append_basic_block())
        fields = [b.gep(call, [I64(k)], source_etype=I64) for k in range(CALL + 1)]
        w, u, v = (b.load(field, typ=POINTER) for field in fields[:3])
        n, seed = b.load(fields[3], typ=I64), b.load(fields[4], typ=self.number)
        table = fields[CALL]
        body = _Body(self, b, [w, u, u, v, n], True)
        b.call(before.b.function, [w, u, table])
        chunks = b.sdiv(plus(b, n, I64(self.plan.lanes - 1)), I64(self.plan.lanes))
        with b.if_else(b.icmp_signed("<=", chunks, I64(1))) as (one, many):
            with one:
                b.call(examples, [w, u, u, v, table, seed, n, I64(0), chunks])
            with many:
                self._segments(body, examples, chunks, table, seed)
        b.call(after.b.function, [w, u, table])
        b.ret_void()

    def _segments(
        self,
        body: "_Body",
        examples: ir.Function,
        chunks: ir.Value,
        table: ir.Value,
        seed: ir.Value,
    ) -> None:
        """The parts of the examples in turn, each with sums of its own, as in several threads."""
        b, segments = body.b, I64(self.plan.segments)
        w, u, _, v, n = body.arguments
        r = b.gep(u, [I64(self.plan.uniform)], source_etype=self.number)
        with body.loop(I64(self.plan.reduced)) as i:
            body.store_number(u, i, ir.Constant(self.number, 0.0))
        with body.loop(segments) as s:
            first, last = (b.sdiv(times(b, chunks, x), segments) for x in (s, plus(b, s, I64(1))))
            with b.if_then(b.icmp_signed("<", first, last)):
                b.call(examples, [w, u, r, v, table, seed, n, first, last])
                b.call(self.module.globals["combine"], [u, r])

    def _scalars(self) -> None:
        """scalars(x0, x1, ...): one number of numbers, all memory on the stack."""
        inputs = len(self.plan.program.inputs)
        type = ir.FunctionType(self.number, [self.number] * inputs)
        function = ir.Function(self.module, type, "scalars")
        b = ir.IRBuilder(function.append_basic_block())
        u, v, numbers = (
            b.alloca(self.number, I64(n))
            for n in (self.plan.uniform + self.plan.reduced + 1, self.plan.rows, inputs + 1)
        )
        call = b.alloca(I64, I64(CALL + 2 * inputs + 1))
        one = b.bitcast(ir.Constant(self.number, 1.0), I64)
        header = [I64(0), b.ptrtoint(u, I64), b.ptrtoint(v, I64), I64(1), one]
        for k, x in enumerate(header):
            b.store(x, b.gep(call, [I64(k)], source_etype=I64))
        for k in range(inputs + 1):
            at, entry = b.gep(numbers, [I64(k)], source_etype=self.number), CALL + 2 * k
            b.store(b.ptrtoint(at, I64), b.gep(call, [I64(entry)], source_etype=I64))
            if k < inputs:
                b.store(function.args[k], at)
                b.store(I64(1), b.gep(call, [I64(entry + 1)], source_etype=I64))
        b.call(self.module.globals["run"], [call])
        b.ret(b.load(b.gep(numbers, [I64(inputs)], source_etype=self.number), typ=self.number))

    def _combine(self) -> None:
        """combine(u, r): adds the sums over one segment of the examples to those over all."""
        function = self._function("combine", [POINTER] * 2, internal=False)
        u, r = function.args
        body = _Body(
            self, ir.IRBuilder(function.append_basic_block()), [None, u, r, None, None], False
        )
        with body.loop(I64(self.plan.reduced)) as i:
            body.store_number(u, i, body.b.fadd(body.load_number(u, i), body.load_number(r, i)))
        body.b.ret_void()

    def _nest(self, name: str, nest: Nest, varying: bool) -> ir.Function:
        function = self._function(name, [POINTER] * 4 + [I64])
        body = _Body(self, ir.IRBuilder(function.append_basic_block()), function.args, varying)
        if nest.over_examples:
            body.reduce(nest)
        elif nest.opens_with_sum:
            body.long_sum(nest)
        else:
            body.elementwise(nest)
        body.b.ret_void()
        return function

    def _examples(self) -> ir.Function:
        """examples(w, u, r, v, table, seed, n, first, last): chunks first ... last - 1 of examples.

        `table` holds for each input its address and the distance of its examples (0: one for all),
        then for each output its address.
        """
        plan = self.plan
        nests = [self._nest(f"examples.{k}", nest, True) for k, nest in enumerate(plan.examples)]
        types = [*[POINTER] * 5, self.number, I64, I64, I64]
        function = self._function("examples", types, internal=False)
        w, u, r, v, table, seed, n, first, last = function.args
        body = _Body(self, ir.IRBuilder(function.append_basic_block()), [w, u, r, v, n], True)
        b, lanes = body.b, I64(plan.lanes)
        with body.loop(I64(plan.reduced)) as i:
            body.store_number(r, i, ir.Constant(self.number, 0.0))
        with body.loop(last, first) as chunk:
            start = times(b, chunk, lanes)
            rest = b.sub(n, start)
            real = b.select(b.icmp_signed("<", rest, lanes), rest, lanes)
            vectors = b.sdiv(plus(b, real, I64(self.step - 1)), I64(self.step))
            padded = times(b, vectors, I64(self.step))
            for k, block in enumerate(plan.program.inputs):
                self._load_input(body, block, table, k, start, real, padded)
            with body.loop(padded) as e:
                inside = b.icmp_signed("<", e, real)
                x = b.select(inside, seed, ir.Constant(self.number, 0.0))
                body.store_number(
                    v, plus(b, e, I64(plan.offset[plan.program.seed] * plan.lanes)), x
                )
            for nest in nests:
                b.call(nest, [w, u, r, v, vectors])
            for k, gathers in enumerate(
                plan.program.outputs.values(), 2 * len(plan.program.inputs)
            ):
                if any(g.block.varying for g in gathers):
                    self._store_output(body, gathers, table, k, start, real)
        b.ret_void()
        return function

    def _load_input(
        self, body: "_Body", block: Block, table: ir.Value, k: int,
        start: ir.Value, real: ir.Value, padded: ir.Value,
    ) -> None:  # fmt: skip
        """Rows of lanes out of an array of shape (n, size); the last example pads its chunk."""
        b, lanes = body.b, I64(self.plan.lanes)
        v = body.arguments[3]
        address = b.load(b.gep(table, [I64(2 * k)], source_etype=I64), typ=I64)
        source = b.inttoptr(address, POINTER)
        distance = b.load(b.gep(table, [I64(2 * k + 1)], source_etype=I64), typ=I64)
        row = I64(self.plan.offset[block])

        def copy(place: ir.Value, e: ir.Value, example: ir.Value) -> None:
            at = plus(b, times(b, plus(b, start, example), distance), place)
            x = b.load(b.gep(source, [at], source_etype=self.number), typ=self.number)
            body.store_number(v, plus(b, times(b, plus(b, row, place), lanes), e), x)

        with body.loop(I64(block.size)) as place:
            with b.if_else(b.icmp_signed("==", distance, I64(1))) as (near, far):
                with near, body.loop(real) as e:
                    at = plus(b, plus(b, start, e), place)
                    x = b.load(b.gep(source, [at], source_etype=self.number), typ=self.number)
                    body.store_number(v, plus(b, times(b, plus(b, row, place), lanes), e), x)
                with far, body.loop(real) as e:
                    copy(place, e, e)
            with body.loop(padded, real) as e:
                copy(place, e, b.sub(real, I64(1)))

    def _store_output(
        self, body: "_Body", gathers: list[Gather], table: ir.Value, k: int,
        start: ir.Value, real: ir.Value,
    ) -> None:  # fmt: skip
        b = body.b
        out = b.inttoptr(b.load(b.gep(table, [I64(k)], source_etype=I64), typ=I64), POINTER)
        members = sum(map(len, gathers))
        offset = 0
        for gather in gathers:
            read = access(gather, (len(gather),))
            with body.loop(I64(len(gather))) as i:
                row = body.place(read, [i], None)
                with body.loop(real) as e:
                    x = body.load_lane(read.block, row, e)
                    at = plus(b, times(b, plus(b, start, e), I64(members)), plus(b, i, I64(offset)))
                    body.store_number(out, at, x)
            offset += len(gather)

    def _uniform_outputs(self, body: "_Body") -> None:
        b, program = body.b, self.plan.program
        table = b.function.args[2]
        for k, gathers in enumerate(program.outputs.values(), 2 * len(program.inputs)):
            if any(g.block.varying for g in gathers):
                continue
            out = b.inttoptr(b.load(b.gep(table, [I64(k)], source_etype=I64), typ=I64), POINTER)
            offset = 0
            for gather in gathers:
                read = access(gather, (len(gather),))
                with body.loop(I64(len(gather))) as i:
                    x = body.load_lane(read.block, body.place(read, [i], None), I64(0))
                    body.store_number(out, plus(b, i, I64(offset)), x)
                offset += len(gather)

    # Data of the module.

    def table(self, index: Any) -> ir.GlobalVariable:
        """Its entries as 32-bit numbers, written as bytes: long tables are parsed faster so."""
        entries = np.ascontiguousarray(index, dtype=np.int32).tobytes()
        if entries not in self.tables:
            text = 'c"\\' + entries.hex("\\") + '"'
            array = ir.FormattedConstant(ir.ArrayType(I8, len(entries)), text)
            self.tables[entries] = self._global(f"table.{len(self.tables)}", array)
        return self.tables[entries]

    def constant_numbers(self) -> ir.GlobalVariable:
        if self.constants is None:
            values = self.plan.program.constant_values
            array = ir.Constant(ir.ArrayType(self.number, len(values)), values)
            self.constants = self._global("constants", array)
        return self.constants

    def _global(self, name: str, data: ir.Constant) -> ir.GlobalVariable:
        variable = ir.GlobalVariable(self.module, data.type, name)
        variable.initializer, variable.global_constant = data, True
        variable.linkage, variable.align = "internal", 64
        return variable

    def mathematics(self, name: str, count: int, vector: ir.Type) -> ir.Function:
        """An elementary function, as a function of the module."""
        known = self.module.globals.get(f"{name}.{vector}")
        if known is not None:
            return known
        function = ir.Function(
            self.module, ir.FunctionType(vector, [vector] * count), f"{name}.{vector}"
        )
        function.linkage = "internal"
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block())
        emit = self._library_call if self.exact else vectormath.emit
        builder.ret(emit(builder, name, list(function.args)))
        return function

    def _library_call(self, b: ir.IRBuilder, name: str, operands: list[ir.Value]) -> ir.Value:
        """The C library's function, lane by lane: the very bits of the eager engine."""
        type = ir.FunctionType(self.number, [self.number] * len(operands))
        library = {"abs": "fabs"}.get(name, name)
        callee = self.module.globals.get(library) or ir.Function(self.module, type, library)
        vector = operands[0].type
        if not isinstance(vector, ir.VectorType):
            return b.call(callee, operands)
        result = ir.Constant(vector, ir.Undefined)
        for lane in range(vector.count):
            x = b.call(callee, [b.extract_element(operand, I32(lane)) for operand in operands])
            result = b.insert_element(result, x, I32(lane))
        return result


Places = list[ir.Value]  # of a member, one in each axis


class _Body:
    """Emits within one function: loops, loads and stores, arithmetic.

    In the lanes of a register lie examples; or, where there is one example only, neighbours along
    `axis`: members, or terms of a sum; or one number, alone.
    """

    def __init__(self, emitter: Emitter, builder: ir.IRBuilder, arguments: Any, varying: bool):
        self.emitter, self.b, self.arguments = emitter, builder, arguments
        self.examples = varying and emitter.examples_in_lanes
        self._set_lanes("examples" if self.examples else "", emitter.width)
        self.flags = () if emitter.exact else REORDER

    def _set_lanes(self, axis: str, width: int) -> None:
        number = self.emitter.number
        self.axis, self.width = axis, width if axis else 1
        self.vector: ir.Type = ir.VectorType(number, width) if axis else number
        self.truth: ir.Type = ir.VectorType(I1, width) if axis else I1

    @contextmanager
    def lanes_along(self, axis: str) -> Iterator[None]:
        self._set_lanes(axis, self.emitter.width)
        yield
        self._set_lanes("", 1)

    # Loops.

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
        with self.loop(self.arguments[4]) if self.examples else _once() as x:
            self._enter(x)
            yield

    def _enter(self, x: ir.Value) -> None:
        """From here on, rows are read and written at vector x."""
        v, at = self.arguments[3], times(self.b, x, I64(self.emitter.step))
        self._rows = v if v is None else self.b.gep(v, [at], source_etype=self.emitter.number)

    # Nests.

    def elementwise(self, nest: Nest) -> None:
        def tile(members: list[Places]) -> None:
            for member in members:
                self._steps(nest.steps, {}, member)

        self._members(nest, 1, tile)

    def long_sum(self, nest: Nest) -> None:
        first = nest.steps[0]

        def tile(members: list[Places]) -> None:
            totals = self._total(first, [self._start(first) for _ in members], members)
            for member, total in zip(members, totals):
                self._store(first, total, member)
                self._steps(nest.steps[1:], {first: total}, member)

        self._members(nest, TILE, tile)

    def _members(self, nest: Nest, tile: int, action: Callable[[list[Places]], None]) -> None:
        """action(members) for all members, `tile` of them at once; in vectors where that goes."""
        outer, n, width = nest.axes[:-1], nest.axes[-1], self.emitter.width
        vectors = n // width if not self.examples and nest.is_contiguous else 0

        def at(places: Places) -> None:
            def members(first: ir.Value, count: int, apart: int = 1) -> None:
                at = [plus(self.b, first, I64(k * apart)) for k in range(count)]
                with self.over_vectors():
                    action([[*places, i] for i in at])

            if vectors:
                with self.lanes_along("members"):
                    self.tiled(
                        vectors,
                        min(tile, VECTOR_TILE),
                        lambda i, count: members(times(self.b, i, I64(width)), count, width),
                    )
            self.tiled(n, tile, members, start=vectors * width)

        self.axes(outer, at)

    def _total(self, step: Step, totals: list[ir.Value], members: list[Places]) -> list[ir.Value]:
        """The totals of a tile of members, with all terms of a sum added."""
        for terms, factors in step.products:
            start = 0
            if self._terms_in_lanes(step, terms, factors):
                start = terms // self.emitter.width * self.emitter.width
                with self.lanes_along("terms"):
                    parts = self._add_terms(
                        step, [self.zero() for _ in members], members, factors, 0, start
                    )
                    sums = [self._across(part) for part in parts]
                totals = [self.b.fadd(x, y, flags=self.flags) for x, y in zip(totals, sums)]
            totals = self._add_terms(step, totals, members, factors, start, terms)
        return totals

    def _terms_in_lanes(self, step: Step, terms: int, factors: list[Any]) -> bool:
        """Whether terms are neighbours in memory, and may be added in any order."""
        free = not (self.axis or self.emitter.exact) and step.combine is ops.add
        near = all(f.table is None and f.term in (0, 1) for f in factors)
        return free and near and terms >= self.emitter.width

    def _add_terms(
        self,
        step: Step,
        totals: list[Any],
        members: list[Places],
        factors: Any,
        start: int,
        stop: int,
    ) -> list[ir.Value]:
        def add(totals: list[ir.Value], t: ir.Value) -> list[ir.Value]:
            read: dict[Any, ir.Value] = {}  # members share what does not depend on their place
            return [
                self._combine(step, total, [self._shared(read, f, member, t) for f in factors])
                for total, member in zip(totals, members)
            ]

        return self.accumulate(
            totals, I64(stop), add, I64(start), self.width if self.axis == "terms" else 1
        )

    def _shared(
        self, read: dict[Any, ir.Value], factor: Any, member: Places, t: ir.Value
    ) -> ir.Value:
        moving = [id(i) for i, stride in zip(member, factor.strides) if stride]
        key = id(factor), *(map(id, member) if factor.table is not None else moving)
        if key not in read:
            read[key] = self._read(factor, {}, member, t)
        return read[key]

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

    def reduce(self, nest: Nest) -> None:
        """Sums over the examples of a tile of rows and columns, in vectors; last across lanes."""
        (step,) = nest.steps
        if not self.examples:  # one example: its terms, in vectors of members
            self._members(nest, TILE, lambda members: self._reduce_tile(step, members))
            return
        *outer, rows, columns = (1, *nest.axes)

        def at(places: Places) -> None:
            def row(i: ir.Value, height: int) -> None:
                def tile(j: ir.Value, breadth: int) -> None:
                    members = [
                        [*places, plus(self.b, i, I64(p)), plus(self.b, j, I64(q))]
                        for p in range(height)
                        for q in range(breadth)
                    ]
                    self._reduce_tile(step, [m[-len(nest.axes) :] for m in members])

                self.tiled(columns, REDUCE_TILE, tile)

            self.tiled(rows, REDUCE_TILE, row)

        self.axes(tuple(outer), at)

    def _reduce_tile(self, step: Step, members: list[Places]) -> None:
        def at(totals: list[ir.Value], x: ir.Value) -> list[ir.Value]:
            self._enter(x)
            return self._total(step, totals, members)

        count = self.arguments[4] if self.examples else I64(1)
        totals = self.accumulate([self.zero() for _ in members], count, at)
        offset = I64(self.emitter.plan.offset[step.target.block])
        for member, total in zip(members, totals):
            at_ = plus(self.b, self.place(step.target, member, None), offset)
            pointer = self.b.gep(self.arguments[2], [at_], source_etype=self.emitter.number)
            total = self._across(total) if self.examples else total
            sofar = self.b.load(pointer, typ=total.type, align=self._bytes)
            self.b.store(self.b.fadd(sofar, total), pointer, align=self._bytes)

    def _across(self, total: ir.Value) -> ir.Value:
        name = f"llvm.vector.reduce.fadd.{_suffix(self.vector)}"
        type = ir.FunctionType(self.emitter.number, [self.emitter.number, self.vector])
        callee = self.emitter.module.globals.get(name) or ir.Function(
            self.emitter.module, type, name
        )
        start = ir.Constant(self.emitter.number, 0.0)
        return self.b.call(callee, [start, total], fastmath=self.flags)

    def _steps(self, steps: list[Step], known: dict[Step, ir.Value], places: Places) -> None:
        for step in steps:
            if step.op is None:
                value = None if step.products else self.constant(0.0).value
                for terms, factors in step.products:
                    for t in range(terms):
                        read = [self._read(f, known, places, I64(t)) for f in factors]
                        value = self._combine(step, value, read)
            else:
                operands = [self._read(o, known, places, I64(0)) for o in step.operands]
                registers = [Register(self, operand) for operand in operands]
                value = _apply(step.op, tuple(registers)).value
            assert value is not None
            known[step] = value
            self._store(step, value, places)

    # Memory.

    def place(self, access: Access, places: list[ir.Value], t: ir.Value | None) -> ir.Value:
        """The place in its block that an access reads."""
        b = self.b
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
        pointer = self._pointer(access.block, place)
        if near:
            return self.b.load(pointer, typ=self.vector, align=self._alignment)
        return self._broadcast(self.b.load(pointer, typ=self.emitter.number))

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
        at = plus(b, times(b, plus(b, place, I64(plan.offset[block])), I64(plan.lanes)), e)
        return self.load_number(self.arguments[3], at)

    def _uniform(self, block: Block, place: ir.Value) -> tuple[ir.Value, ir.Value]:
        plan = self.emitter.plan
        if block is plan.program.constants:
            return self.emitter.constant_numbers(), place
        if block is plan.program.parameters:
            return self.arguments[0], place
        return self.arguments[1], plus(self.b, place, I64(plan.offset[block]))

    def _row(self, block: Block, place: ir.Value) -> ir.Value:
        plan, b = self.emitter.plan, self.b
        row = times(b, plus(b, place, I64(plan.offset[block])), I64(plan.lanes))
        return b.gep(self._rows, [row], source_etype=self.emitter.number)

    def _store(self, step: Step, value: ir.Value, places: Places) -> None:
        if not step.stored:
            return
        if step.target.block.boolean:
            value = self.b.select(value, self.constant(1.0).value, self.constant(0.0).value)
        pointer = self._pointer(step.target.block, self.place(step.target, places, None))
        self.b.store(value, pointer, align=self._alignment)

    @property
    def _bytes(self) -> int:
        """Of a number."""
        return 8 if isinstance(self.emitter.number, ir.DoubleType) else 4

    @property
    def _alignment(self) -> int:
        """Rows of examples begin at cache lines; members and terms lie where they lie."""
        return self._bytes * (self.width if self.axis == "examples" else 1)

    def load_number(self, pointer: ir.Value, place: ir.Value) -> ir.Value:
        at = self.b.gep(pointer, [place], source_etype=self.emitter.number)
        return self.b.load(at, typ=self.emitter.number)

    def store_number(self, pointer: ir.Value, place: ir.Value, value: ir.Value) -> None:
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
        if step.combine is ops.add:
            return self.add_product(total, factors)
        (term,) = factors
        if total is None:
            return term
        return _apply(step.combine, (Register(self, total), Register(self, term))).value

    def add_product(self, total: ir.Value | None, factors: list[ir.Value]) -> ir.Value:
        b = self.b
        if total is None:
            return factors[0] if len(factors) == 1 else b.fmul(*factors, flags=self.flags)
        if len(factors) == 1:
            return b.fadd(total, factors[0], flags=self.flags)
        if self.emitter.exact:
            return b.fadd(total, b.fmul(*factors))
        return b.fadd(total, b.fmul(*factors, flags=self.flags), flags=self.flags)

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

    def _intrinsic(self, name: str, operands: list[ir.Value]) -> ir.Value:
        full = f"llvm.{name}.{_suffix(self.vector)}"
        type = ir.FunctionType(self.vector, [self.vector] * len(operands))
        callee = self.emitter.module.globals.get(full) or ir.Function(
            self.emitter.module, type, full
        )
        return self.b.call(callee, operands)

    def _truth(self, x: ir.Value) -> ir.Value:
        return x if x.type == self.truth else self.b.fcmp_unordered("!=", x, self.zero())

    def _number(self, x: ir.Value) -> ir.Value:
        return x if x.type == self.vector else self.b.uitofp(x, self.vector)


_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "neg": "fneg"}
_COMPARISONS = {"less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!="}
_LOGIC = {"logical_and": "and_", "logical_or": "or_", "logical_not": "not_"}


def _suffix(type: ir.Type) -> str:
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{_suffix(type.element)}"
    return "f64" if isinstance(type, ir.DoubleType) else "f32"


def plus(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """x + y of integers, folded where they are known: most addresses are."""
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return I64(x.constant + y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 0 else b.add(x, y)


def times(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return I64(x.constant * y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 1 else b.mul(x, y)


@contextmanager
def _once(place: int = 0) -> Iterator[ir.Value]:
    yield I64(place)
