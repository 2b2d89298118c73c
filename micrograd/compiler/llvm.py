"""LLVM: loops become native code for this machine.

One function for each nest, and one that calls them in order for a range of chunks of examples. In
all of them `w` are the parameters, `u` the uniform numbers, `r` the sums over examples and `v` the
rows of examples.
"""

from collections import Counter
from typing import Any

import numpy as np
from llvmlite import ir

from micrograd.compiler import vectormath
from micrograd.compiler.instructions import I8, I32, I64, POINTER, Body, plus, times
from micrograd.compiler.nests import NestBody
from micrograd.compiler.program import Block, Gather
from micrograd.compiler.schedule import CALL, SMALL, Nest, Plan, access

VOID = ir.VoidType()
INLINE_CALLS = 16  # of one elementary function: more of them, and the code outgrows its use


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

    def _sequence(self, name: str, nests: list[Nest]) -> Body:
        """NAME(w, u, table): nests that do not vary. Still open: the caller ends it."""
        functions = [self._nest(f"{name}.{k}", nest, False) for k, nest in enumerate(nests)]
        function = self._function(name, [POINTER] * 3, internal=False)
        w, u, _ = function.args
        builder = ir.IRBuilder(function.append_basic_block())
        null = ir.Constant(POINTER, None)
        for each in functions:
            builder.call(each, [w, u, u, null, I64(1)])
        return Body(self, builder, [w, u, u, None, None], False)

    def _run(self, before: Body, examples: ir.Function, after: Body) -> None:
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
        body = Body(self, b, [w, u, u, v, n], True)
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
        body: Body,
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
        body = Body(
            self, ir.IRBuilder(function.append_basic_block()), [None, u, r, None, None], False
        )
        with body.loop(I64(self.plan.reduced)) as i:
            body.store_number(u, i, body.b.fadd(body.load_number(u, i), body.load_number(r, i)))
        body.b.ret_void()

    def _nest(self, name: str, nest: Nest, varying: bool) -> ir.Function:
        function = self._function(name, [POINTER] * 4 + [I64])
        body = NestBody(self, ir.IRBuilder(function.append_basic_block()), function.args, varying)
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
        body = Body(self, ir.IRBuilder(function.append_basic_block()), [w, u, r, v, n], True)
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
        self, body: Body, block: Block, table: ir.Value, k: int,
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
        self, body: Body, gathers: list[Gather], table: ir.Value, k: int,
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

    def _uniform_outputs(self, body: Body) -> None:
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
