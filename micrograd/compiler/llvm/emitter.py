"""LLVM: loops become native code for this machine.

One function for each nest, or each stretch of straight-line code, and one that calls them in order
for a range of chunks of examples. In all of them `w` are the parameters, `u` the uniform numbers,
`r` and `d` the sums over examples and `v` the rows of examples: see `instructions.Memory`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count, groupby
from typing import Any

import numpy as np
from llvmlite import ir

from micrograd.compiler.llvm import vectormath
from micrograd.compiler.llvm.addressing import POINTER, Body, Memory
from micrograd.compiler.llvm.builder import Builder
from micrograd.compiler.llvm.control_flow import I1, I8, I32, I64, plus, times
from micrograd.compiler.llvm.loop_nests import NestBody
from micrograd.compiler.llvm.marshalling import TransferBody
from micrograd.compiler.schedule.plan import CALL, CHUNKS, SMALL, Nest, Plan, Stretch
from micrograd.compiler.schedule.straight_line import stretches

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
        self.numbers = count()  # of the stretches of straight-line code

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

    def _sequence(self, name: str, nests: list[Nest]) -> TransferBody:
        """NAME(w, u, table): nests that do not vary. Still open: the caller ends it."""
        functions = [self._nest(f"{name}.{k}", nest, False) for k, nest in enumerate(nests)]
        function = self._function(name, [POINTER] * 3, internal=False)
        w, u, table = function.args
        builder = Builder(function.append_basic_block())
        body = TransferBody(self, builder, Memory(w, u), False)
        d = self._in_place(body, table)
        body.memory = Memory(w, u, u, d)
        for k, block in enumerate(self.plan.program.inputs if name == "before" else ()):
            if not block.varying:
                place = I64(self.plan.offset[block])
                body.copy(I64(block.size), (body.address(table, 2 * k), I64(0)), (u, place))
        for each in functions:
            null = ir.Constant(POINTER, None)
            builder.call(each, [w, u, u, d, null, null, I64(1), I1(1)])
        return body

    def _in_place(self, body: TransferBody, table: ir.Value) -> ir.Value:
        """Where the output lies that is computed in its place."""
        if self.plan.in_place is None:
            return body.memory.u
        return body.address(table, 2 * len(self.plan.program.inputs) + self.plan.in_place[0])

    def _run(self, before: Body, examples: ir.Function, after: Body) -> None:
        """run(call): everything, in one thread; `call` is w, u, v, n, the seed, the rows, whether a
        gradient holds a NaN, and the table."""
        for body in (before, after):
            body.b.ret_void()
        function = self._function("run", [POINTER], internal=False)
        (call,) = function.args
        b = Builder(function.append_basic_block())
        fields = [b.gep(call, [I64(k)], source_etype=I64) for k in range(CALL + 1)]
        b.store(I64(0), fields[CALL - 1])
        w, u, v = (b.load(field, typ=POINTER) for field in fields[:3])
        n, seed = b.load(fields[3], typ=I64), b.load(fields[4], typ=self.number)
        table = fields[CALL]
        body = TransferBody(self, b, Memory(w, u), True)
        d = self._in_place(body, table)
        b.call(before.b.function, [w, u, table])
        chunks = b.sdiv(plus(b, n, I64(self.plan.lanes - 1)), I64(self.plan.lanes))
        segments = b.sdiv(plus(b, chunks, I64(CHUNKS - 1)), I64(CHUNKS))
        most = I64(self.plan.segments)
        segments = b.select(b.icmp_signed("<", segments, most), segments, most)
        r = b.gep(u, [I64(self.plan.uniform)], source_etype=self.number)
        with body.loop(segments) as s:  # each with sums of its own, as in several threads
            first, last = (b.sdiv(times(b, chunks, x), segments) for x in (s, plus(b, s, I64(1))))
            begins = b.icmp_signed("==", s, I64(0))
            sums = b.select(begins, u, r), b.select(begins, d, r)
            b.call(examples, [w, u, *sums, v, table, seed, n, first, last])
            with b.if_then(b.not_(begins)):
                b.call(self.module.globals["combine"], [u, d, r])
        b.call(after.b.function, [w, u, table])
        b.ret_void()

    def _scalars(self) -> None:
        """scalars(x0, x1, ...): one number of numbers, all memory on the stack."""
        inputs = len(self.plan.program.inputs)
        type = ir.FunctionType(self.number, [self.number] * inputs)
        function = ir.Function(self.module, type, "scalars")
        b = Builder(function.append_basic_block())
        u, v, numbers = (
            b.alloca(self.number, I64(n))
            for n in (self.plan.uniform + self.plan.reduced + 1, self.plan.rows, inputs + 1)
        )
        call = b.alloca(I64, I64(CALL + 2 * inputs + 1))
        one = b.bitcast(ir.Constant(self.number, 1.0), I64)
        header = [I64(0), b.ptrtoint(u, I64), b.ptrtoint(v, I64), I64(1), one, I64(0), I64(0)]
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
        """combine(u, d, r): adds the sums over one segment of the examples to those before it."""
        function = self._function("combine", [POINTER] * 3, internal=False)
        u, d, r = function.args
        body = Body(self, Builder(function.append_basic_block()), Memory(u, u), False)
        size = self.plan.reduced_in_place
        for total, start, stop in ((d, 0, size), (u, size, self.plan.reduced)):

            def add(i: ir.Value, total: ir.Value = total, start: int = start) -> None:
                at = plus(body.b, i, I64(start))
                body.store(total, at, body.b.fadd(body.load(total, at), body.load(r, at)))

            body.streamed(I64(stop - start), add)
        body.b.ret_void()

    def _nest(self, name: str, nest: Nest, varying: bool) -> ir.Function:
        body = self._nest_body(name, varying)
        if nest.over_examples:
            body.reduce(nest)
        elif nest.opens_with_sum:
            body.long_sum(nest)
        else:
            body.elementwise(nest)
        body.b.ret_void()
        return body.b.function

    def _nest_body(self, name: str, varying: bool) -> NestBody:
        function = self._function(name, [*[POINTER] * 6, I64, I1])
        memory = Memory(*function.args)
        if self.plan.lanes == self.step:
            memory = memory._replace(vectors=I64(1))
        return NestBody(self, Builder(function.append_basic_block()), memory, varying)

    def _stretch(self, name: str, stretch: Stretch) -> ir.Function:
        """Straight-line code, which is as it shall be: LLVM's passes leave it alone."""
        body = self._nest_body(name, True)
        body.b.function.attributes.add("optnone")
        body.in_a_line(stretch)
        body.b.ret_void()
        return body.b.function

    def _phase(self, nests: list[Nest]) -> Iterator[ir.Function]:
        """The functions that compute nests for a chunk of examples, in their order."""
        for straight, some in groupby(enumerate(nests), key=lambda each: each[1].straight):
            if straight:
                for stretch in stretches([nest for _, nest in some]):
                    yield self._stretch(f"stretch.{next(self.numbers)}", stretch)
            else:
                for k, nest in some:
                    yield self._nest(f"examples.{k}", nest, True)

    def _even(self, b: ir.IRBuilder, n: ir.Value) -> ir.Value:
        """How many examples a chunk holds, if all hold as many vectors: `lanes` at most."""
        lanes = self.plan.lanes
        if lanes == 1:
            return I64(1)

        def over(x: ir.Value, y: ir.Value) -> ir.Value:
            return b.sdiv(b.sub(plus(b, x, y), I64(1)), y)

        chunks = over(n, I64(lanes))
        some = b.select(b.icmp_signed("<", chunks, I64(1)), I64(1), chunks)
        return times(b, over(over(n, some), I64(self.step)), I64(self.step))

    def _examples(self) -> ir.Function:
        """examples(w, u, r, d, v, table, seed, n, first, last): chunks from first to before last.

        `table` holds for each input its address and the distance of its examples (0: one for all;
        ~d: d, and example k is in row rows[k]), then for each output its address.
        """
        plan = self.plan
        products = {nest.output: nest for nest in plan.examples if nest.output is not None}
        nests = [*self._phase([nest for nest in plan.examples if nest.output is None])]
        types = [*[POINTER] * 6, self.number, I64, I64, I64]
        function = self._function("examples", types, internal=False)
        *pointers, table, seed, n, first, last = function.args
        b = Builder(function.append_basic_block())
        pointers.append(b.alloca(POINTER, I64(len(plan.streams) + len(plan.starts) + 1)))
        body, lanes = TransferBody(self, b, Memory(*pointers), True), I64(plan.lanes)
        for entry in plan.starts.values():
            b.store(b.alloca(POINTER, lanes), body.elsewhere(entry))
        inputs, outputs = plan.program.inputs, plan.program.outputs.values()
        apart = body.are_apart(table, len(inputs), len(outputs))
        size = self._even(b, n)
        with body.loop(last, first) as chunk:
            body.start = times(b, chunk, size)
            rest = b.sub(n, body.start)
            body.real = b.select(b.icmp_signed("<", rest, size), rest, size)
            vectors = b.sdiv(plus(b, body.real, I64(self.step - 1)), I64(self.step))
            body.padded = times(b, vectors, I64(self.step))
            for k, block in enumerate(inputs):
                if block.varying:
                    array, distance = body.address(table, 2 * k), body.entry(table, 2 * k + 1)
                    body.load_input(block, array, distance, body.address(table, -2))
            body.fill_seed(seed)
            for k, gathers in enumerate(outputs, 2 * len(inputs)):
                if gathers and gathers[0].block in plan.streams:
                    body.open_output(gathers[0].block, body.address(table, k), apart)
            begins = b.icmp_signed("==", chunk, first)
            body.memory = body.memory._replace(vectors=vectors)
            for nest in nests:
                b.call(nest, [*pointers, vectors, begins])
            for k, gathers in enumerate(outputs):
                if any(g.block.varying for g in gathers):
                    out = body.address(table, 2 * len(inputs) + k)
                    with body.watching(table) if k else nullcontext():
                        if k in products:
                            body.store_products(products[k], out)
                        else:
                            body.store_output(gathers, out)
        b.ret_void()
        return function

    def _uniform_outputs(self, body: TransferBody) -> None:
        inputs, outputs = self.plan.program.inputs, self.plan.program.outputs.values()
        table = body.b.function.args[2]
        for k, gathers in enumerate(outputs):
            if any(g.block.varying for g in gathers):
                continue
            with body.watching(table) if k else nullcontext():
                out = body.address(table, 2 * len(inputs) + k)
                if self.plan.in_place and k == self.plan.in_place[0]:
                    body.look_over(I64(self.plan.in_place[1].size), out)
                else:
                    body.store_uniform(gathers, out)

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
        builder = Builder(function.append_basic_block())
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
