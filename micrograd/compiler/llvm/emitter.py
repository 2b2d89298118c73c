"""Emitter: the loops of a plan become an LLVM module.

Each nest, and each stretch of straight-line code, becomes a function, with the arguments of
`addressing.Memory`. Another function calls them in order for a range of chunks of examples.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from llvmlite import ir

from micrograd.compiler.llvm import abi
from micrograd.compiler.llvm.addressing import Body, Memory
from micrograd.compiler.llvm.branches import TreeEmitter
from micrograd.compiler.llvm.builder import POINTER, Builder
from micrograd.compiler.llvm.call_table import CallTable
from micrograd.compiler.llvm.control_flow import I1, I64, plus, times
from micrograd.compiler.llvm.direct import applies, function_of
from micrograd.compiler.llvm.loop_nests import LoopNests
from micrograd.compiler.llvm.marshalling import Marshalling
from micrograd.compiler.llvm.module import Module
from micrograd.compiler.schedule.plan import CHUNKS, LoopNest, Nest, Nests, Plan, Stretch
from micrograd.compiler.schedule.straight_line import in_order


class Emitter:
    """Builds the module of a plan. Call `build` once."""

    def __init__(self, plan: Plan, width: int, double: bool, exact: bool):
        self.plan, self.module = plan, Module(width, double, exact)
        self.number = self.module.number

    def build(self) -> ir.Module:
        """Functions `before`, `examples`, `combine`, `after`, and `run`, which calls them."""
        before = self._sequence("before", self.plan.before)
        after = self._sequence("after", self.plan.after)
        self._uniform_outputs(after)
        self._combine()
        self._run(before, self._examples(), after)
        self.module.keep_frequent_functions_apart()
        return self.module.ir

    def _body(self, function: ir.Function, memory: Memory, varying: bool) -> Body:
        builder = Builder(function.append_basic_block())
        return Body(self.module, self.plan, builder, memory, varying)

    def _table(self, b: ir.IRBuilder, pointer: ir.Value) -> CallTable:
        return CallTable(b, pointer, len(self.plan.program.inputs))

    def _sequence(self, name: str, nests: Nests) -> Body:
        """NAME(w, u, table): the uniform nests of a phase. The caller adds the return."""
        functions = [self._function(f"{name}.{k}", nest, False) for k, nest in enumerate(nests)]
        function = self.module.define(name, [POINTER] * 3, internal=False)
        w, u, pointer = function.args
        body = self._body(function, Memory(w, u), False)
        table = self._table(body.b, pointer)
        d = self._in_place(body, table)
        body.memory = Memory(w, u, u, d)
        for k, block in enumerate(self.plan.program.inputs if name == "before" else ()):
            if not block.varying:
                source, place = table.input(k), I64(self.plan.offset[block])
                Marshalling(body).copy(I64(block.size), (source, I64(0)), (u, place))
        for each in functions:
            null = ir.Constant(POINTER, None)
            body.b.call(each, [w, u, u, d, null, null, I64(1), I1(1)])
        return body

    def _in_place(self, body: Body, table: CallTable) -> ir.Value:
        """The pointer to the output that is computed in place; if there is none, any pointer."""
        if self.plan.in_place is None:
            return body.memory.uniforms
        return table.output(self.plan.in_place[0])

    def _run(self, before: Body, examples: ir.Function, after: Body) -> None:
        """run(call): the whole program, in one thread. See `abi` for the layout of a call."""
        for body in (before, after):
            body.b.ret_void()
        function = self.module.define("run", [POINTER], internal=False)
        (call,) = function.args
        b = Builder(function.append_basic_block())
        words = [b.gep(call, [I64(k)], source_etype=I64) for k in range(abi.TABLE + 1)]
        b.store(I64(0), words[abi.Call.HAS_NAN])
        addresses = abi.Call.PARAMETERS, abi.Call.UNIFORMS, abi.Call.ROWS
        w, u, v = (b.load(words[word], typ=POINTER) for word in addresses)
        n = b.load(words[abi.Call.EXAMPLES], typ=I64)
        seed = b.load(words[abi.Call.SEED], typ=self.number)
        table = words[abi.TABLE]
        body = Body(self.module, self.plan, b, Memory(w, u), True)
        d = self._in_place(body, self._table(b, table))
        b.call(before.b.function, [w, u, table])
        chunks, segments = self._parts(b, n)
        r = body.at(u, I64(self.plan.uniform))
        with body.loops.loop(segments) as s:  # each has sums of its own, as with several threads
            first, last = (b.sdiv(times(b, chunks, x), segments) for x in (s, plus(b, s, I64(1))))
            begins = b.icmp_signed("==", s, I64(0))
            sums = b.select(begins, u, r), b.select(begins, d, r)
            b.call(examples, [w, u, *sums, v, table, seed, n, first, last])
            with b.if_then(b.not_(begins)):
                b.call(self.module.ir.globals["combine"], [u, d, r])
        b.call(after.b.function, [w, u, table])
        b.ret_void()

    def _parts(self, b: ir.IRBuilder, n: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The number of chunks of n examples, and the number of segments of chunks."""
        chunks = b.sdiv(plus(b, n, I64(self.plan.lanes - 1)), I64(self.plan.lanes))
        segments = b.sdiv(plus(b, chunks, I64(CHUNKS - 1)), I64(CHUNKS))
        most = I64(self.plan.segments)
        return chunks, b.select(b.icmp_signed("<", segments, most), segments, most)

    def _combine(self) -> None:
        """combine(u, d, r): adds the sums of one segment to those of the segments before it."""
        function = self.module.define("combine", [POINTER] * 3, internal=False)
        u, d, r = function.args
        body = self._body(function, Memory(u, u), False)
        size = self.plan.reduced_in_place
        for total, start, stop in ((d, 0, size), (u, size, self.plan.reduced)):

            def add(i: ir.Value, total: ir.Value = total, start: int = start) -> None:
                at = plus(body.b, i, I64(start))
                body.store(total, at, body.b.fadd(body.load(total, at), body.load(r, at)))

            body.streamed(I64(stop - start), add)
        body.b.ret_void()

    def _function(self, name: str, nest: Nest | LoopNest, varying: bool) -> ir.Function:
        if isinstance(nest, Nest):
            return self._nest(name, nest, varying)
        nests = [
            self._nest(f"{name}.{k}", each, varying, in_loop=True)
            for k, each in enumerate(nest.nests)
        ]
        body = self._nest_body(name, varying)
        arguments = body.b.function.args
        with body.loops.loop(I64(nest.trips)) as trip:
            s = body.b.sub(I64(nest.trips - 1), trip) if nest.backwards else trip
            first = body.b.and_(body.memory.first, body.b.icmp_signed("==", trip, I64(0)))
            for each in nests:
                body.b.call(each, [*arguments[:-1], first, s])
        body.b.ret_void()
        return body.b.function

    def _nest(self, name: str, nest: Nest, varying: bool, in_loop: bool = False) -> ir.Function:
        body = self._nest_body(name, varying, in_loop)
        nests = LoopNests(body)
        if nest.over_examples:
            nests.reduce(nest)
        elif nest.is_tree:
            TreeEmitter(body, nest).emit()
        elif nest.is_opaque:
            nests.opaque(nest)
        elif nest.opens_with_sum:
            nests.long_sum(nest)
        else:
            nests.elementwise(nest)
        body.b.ret_void()
        return body.b.function

    def _nest_body(self, name: str, varying: bool, in_loop: bool = False) -> Body:
        function = self.module.define(name, [*[POINTER] * 6, I64, I1, *[I64] * in_loop])
        body = self._body(function, Memory(*function.args), varying)
        if self.plan.lanes == body.step:
            body.memory = body.memory._replace(vectors=I64(1))
        return body

    def _stretch(self, name: str, stretch: Stretch) -> ir.Function:
        """Straight-line code. LLVM's passes would find nothing to improve, so they skip it."""
        body = self._nest_body(name, True)
        body.b.function.attributes.add("optnone")
        LoopNests(body).straight_line(stretch)
        body.b.ret_void()
        return body.b.function

    def _phase(self, parts: list[Stretch | Nest | LoopNest]) -> Iterator[ir.Function]:
        """The functions that compute the parts for a chunk of examples, in order."""
        for k, part in enumerate(parts):
            if isinstance(part, list):
                yield self._stretch(f"stretch.{k}", part)
            else:
                yield self._function(f"examples.{k}", part, True)

    def _even(self, b: ir.IRBuilder, n: ir.Value, step: int) -> ir.Value:
        """The examples per chunk, at most `lanes`, if all chunks have equally many vectors."""
        lanes = self.plan.lanes
        if lanes == 1:
            return I64(1)

        def over(x: ir.Value, y: ir.Value) -> ir.Value:
            return b.sdiv(b.sub(plus(b, x, y), I64(1)), y)

        chunks = over(n, I64(lanes))
        some = b.select(b.icmp_signed("<", chunks, I64(1)), I64(1), chunks)
        return times(b, over(over(n, some), I64(step)), I64(step))

    def _examples(self) -> ir.Function:
        """examples(w, u, r, d, v, table, seed, n, first, last): chunks first ... last - 1."""
        plan = self.plan
        parts = in_order([nest for nest in plan.examples if nest.output is None])
        nests, direct = [*self._phase(parts)], function_of(self.module, plan, parts)
        types = [*[POINTER] * 6, self.number, I64, I64, I64]
        function = self.module.define("examples", types, internal=False)
        *pointers, pointer, seed, n, first, last = function.args
        body = self._body(function, Memory(*pointers), True)
        b, table = body.b, self._table(body.b, pointer)
        self._allocate_entries(body)
        marshalling = Marshalling(body)
        apart = table.are_apart(len(plan.program.outputs))
        size = self._even(b, n, body.step)
        with body.loops.loop(last, first) as chunk:
            marshalling.start = times(b, chunk, size)
            rest = b.sub(n, marshalling.start)
            marshalling.real = b.select(b.icmp_signed("<", rest, size), rest, size)
            vectors = b.sdiv(plus(b, marshalling.real, I64(body.step - 1)), I64(body.step))
            marshalling.padded = times(b, vectors, I64(body.step))
            body.memory = body.memory._replace(vectors=vectors)
            begins = b.icmp_signed("==", chunk, first)
            if direct is None:
                self._by_rows(nests, marshalling, table, seed, apart, begins)
            else:
                with b.if_else(applies(marshalling, table, apart)) as (yes, no):
                    with yes:
                        uniform = [*body.memory[:4], pointer, seed]
                        b.call(direct, [*uniform, marshalling.start, vectors])
                    with no:
                        self._by_rows(nests, marshalling, table, seed, apart, begins)
        b.ret_void()
        return function

    def _by_rows(
        self, nests: list[ir.Function], marshalling: Marshalling, table: CallTable,
        seed: ir.Value, apart: ir.Value, begins: ir.Value,
    ) -> None:  # fmt: skip
        """A chunk of examples."""
        self._load_inputs(marshalling, table, seed, apart)
        *pointers, vectors, _, _ = marshalling.body.memory
        for nest in nests:
            marshalling.b.call(nest, [*pointers, vectors, begins])
        self._store_outputs(marshalling, table)

    def _allocate_entries(self, body: Body) -> None:
        """Allocates the streams on the stack: pointers to rows that may lie in other arrays."""
        plan, b = self.plan, body.b
        entries = b.alloca(POINTER, I64(len(plan.streams) + len(plan.starts) + 1))
        body.memory = body.memory._replace(streams=entries)
        for entry in plan.starts.values():
            b.store(b.alloca(POINTER, I64(plan.lanes)), body.elsewhere(entry))

    def _load_inputs(
        self, marshalling: Marshalling, table: CallTable, seed: ir.Value, apart: ir.Value
    ) -> None:
        program = self.plan.program
        for k, block in enumerate(program.inputs):
            if block.varying:
                marshalling.load_input(block, table, k)
        marshalling.fill_seed(seed)
        for k, gathers in enumerate(program.outputs.values()):
            if gathers and gathers[0].block in self.plan.streams:
                marshalling.open_output(gathers[0].block, table.output(k), apart)

    def _store_outputs(self, marshalling: Marshalling, table: CallTable) -> None:
        """Stores the varying outputs of a chunk."""
        plain = [nest for nest in self.plan.examples if isinstance(nest, Nest)]
        products = {nest.output: nest for nest in plain if nest.output is not None}
        for k, gathers in enumerate(self.plan.program.outputs.values()):
            if any(g.block.varying for g in gathers):
                out = table.output(k)
                with self._watching(marshalling, table, k):
                    if k in products:
                        marshalling.store_products(products[k], out)
                    else:
                        marshalling.store_output(gathers, out)

    def _uniform_outputs(self, body: Body) -> None:
        marshalling = Marshalling(body)
        table = self._table(body.b, body.b.function.args[2])
        for k, gathers in enumerate(self.plan.program.outputs.values()):
            if any(g.block.varying for g in gathers):
                continue
            with self._watching(marshalling, table, k):
                out = table.output(k)
                if self.plan.in_place and k == self.plan.in_place[0]:
                    marshalling.look_over(I64(self.plan.in_place[1].size), out)
                else:
                    marshalling.store_uniform(gathers, out)

    def _watching(
        self, marshalling: Marshalling, table: CallTable, output: int
    ) -> AbstractContextManager[None]:
        watched = self.plan.program.watches(output)
        return marshalling.watching(table) if watched else nullcontext()
