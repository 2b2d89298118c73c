"""The kernel in machine code: a call fills a table of addresses, and native code reads it."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from micrograd.compiler.llvm import abi
from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.buffers import (
    Array,
    CallMemory,
    Pool,
    Shares,
    Sizes,
    address_of,
    popped,
)
from micrograd.compiler.runtime.building import one_builder
from micrograd.compiler.runtime.callbacks import Callbacks
from micrograd.compiler.runtime.extension import builtin, python_words
from micrograd.compiler.runtime.kernel import Answer, Call
from micrograd.compiler.runtime.thread_pool import thread_pool
from micrograd.compiler.schedule.plan import CHUNKS, SMALL, Plan, checked
from micrograd.compiler.schedule.schedule import schedule
from micrograd.lazy import importing
from micrograd.ops import Op

# As plain integers: a look-up in an Enum would show in a call of some microseconds.
EXAMPLES, HAS_NAN = int(abi.Call.EXAMPLES), int(abi.Call.HAS_NAN)

# The layout of a call is part of the cache's key: code with another layout must not be found.
_SIZES = [field.name for field in fields(Sizes)]
LAYOUT = repr((abi.HEADER, [*abi.Call], [*abi.Python], [*abi.Job], _SIZES))


class NativeKernel:
    """The program as machine code. Several threads may call at once; the GIL is released.

    `made` makes the program, and `key` identifies it. If its machine code is in the disk cache, the
    program is made only when `program` or `plan` is read.
    """

    def __init__(
        self, made: Callable[[], Program], key: tuple[str, ...] | None,
        dtype: Any, threads: int, exact: bool, single: bool,
    ):  # fmt: skip
        with importing():
            from micrograd.compiler.llvm.target import vector_bytes
            from micrograd.compiler.runtime.jit import Native

        self._made = made
        self._program: Program | None = None
        self._plan: Plan | None = None
        self.dtype, self.threads, self._exact = np.dtype(dtype), threads, exact
        self._vector = vector_bytes() // self.dtype.itemsize
        self._width = 1 if single else self._vector
        if key is not None:
            key = *key, self.dtype.str, repr((exact, single)), LAYOUT
        self._opaque: list[Op] = []  # operations that run in Python, in the order of the text
        self.native = Native(key, self._text)
        self.sizes = Sizes(**self.native.note)
        self._callbacks: Callbacks | None = None
        if self._opaque:
            self._callbacks = Callbacks(self._opaque, self.native, self.dtype, exact)
            self.threads = 1
        self._free: list[CallMemory] = []  # for reuse, from calls that have ended
        self._pool = Pool()
        # Of each output, as in `Sizes`; None for a first one of one uniform number.
        self._outputs: list[Any] = [*self.sizes.outputs]
        if self._outputs[:1] == [[False, 1]]:
            self._outputs[0] = None

    @property
    def program(self) -> Program:
        """The program of the code."""
        with one_builder():
            if self._program is None:
                self._program = self._made()
            return self._program

    @property
    def plan(self) -> Plan:
        """The loops of the code."""
        with one_builder():
            if self._plan is None:
                self._plan = checked(schedule(self.program, self._width, self.dtype.itemsize))
            return self._plan

    def _text(self) -> tuple[str, dict[str, Any]]:
        with importing():
            from micrograd.compiler.llvm.emitter import Emitter
            from micrograd.compiler.llvm.scalars import scalars_text
            from micrograd.compiler.llvm.target import text_of

        emitter = Emitter(self.plan, self._vector, self._double, self._exact)
        text = text_of(emitter.build())
        self._opaque = [*emitter.module.opaque]
        if self._double:
            text += scalars_text(self.plan)
        return text, asdict(Sizes.of(self.plan))

    @property
    def _double(self) -> bool:
        return self.dtype == np.float64

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]:
        memory = popped(self._free) or self._new_memory()
        n = call.n
        answers: list[Any] = [each and self._array(n, *each) for each in self._outputs]
        memory.words[EXAMPLES] = n
        memory.seed.value = seed
        if self.threads > 1 and n > self.sizes.lanes:
            memory.place(parameters, *call.inputs, *answers)
            nan = self._in_threads(memory)
        else:
            nan = memory.run(parameters, *call.inputs, *answers)
        if answers[0] is None:
            answers[0] = memory.number.value
        self._free.append(memory)
        return answers, nan

    def _array(self, n: int, varying: bool, members: int) -> Array:
        """Memory for an output of n examples."""
        shape = (n, members) if varying else (members,)
        return self._pool.take(shape, n * members if varying else members, self.dtype)

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array], rows: Array | None = None,
        placed: int = 0,
    ) -> Callable[[int, float], bool]:  # fmt: skip
        """See `Kernel`."""
        memory = self._new_memory()
        words, run = memory.words, memory.run
        assert len(answers) == len(self.sizes.outputs)
        words[EXAMPLES] = call.n
        memory.place(parameters, *call.inputs, *answers)
        if rows is not None:
            words[abi.Call.ROW_NUMBERS] = address_of(rows)
            for k, size in enumerate(self.sizes.inputs[:placed]):
                words[abi.TABLE + abi.input_stride(k)] = abi.gathered(size)
        held = call, parameters, answers, rows  # their memory must outlive the loop

        def again(n: int, seed: float, held: Any = held) -> bool:
            words[EXAMPLES] = n
            memory.seed.value = seed
            if self.threads > 1 and n > self.sizes.lanes:
                return self._in_threads(memory)
            return run()

        return again

    def _new_memory(self) -> "CallMemory":
        memory = CallMemory(self.sizes, self.dtype, self.native.address("run"))
        if self._callbacks is not None:
            memory.run = self._callbacks.raising(memory.run)
        return memory

    def scalars(self) -> Callable[..., Any] | None:
        """See `Kernel`."""
        if self._opaque:  # what they raise is raised at the end of a call
            return None
        sizes = self.sizes
        ones = [*sizes.inputs, *[members for _, members in sizes.outputs]]
        small = sizes.rows + sizes.uniform < SMALL
        if {*ones} != {1} or not small or sizes.parameters or not self._double or sizes.lanes != 1:
            return None
        return builtin(self.native.address("scalars"), python_words(), self.native)

    def _in_threads(self, memory: "CallMemory") -> bool:
        """Shares out the segments; adds up their sums in the same order as one thread does.
        Returns whether a NaN was seen."""
        chunks = -(-memory.words[abi.Call.EXAMPLES] // self.sizes.lanes)
        segments = min(self.sizes.segments, -(-chunks // CHUNKS))
        pool = thread_pool(self.threads)
        if segments < 2 or not pool.free.acquire(blocking=False):  # busy with another call
            return memory.run()
        try:
            memory.words[abi.Call.HAS_NAN] = 0
            if memory.shares is None:
                memory.shares = self._new_shares(memory)
            memory.shares.submit(memory.words, self._in_place_of(memory), chunks, segments)
            pool.run(memory.shares.address)
        finally:
            pool.free.release()
        return memory.words[HAS_NAN] != 0

    def _in_place_of(self, memory: "CallMemory") -> int:
        """The address of the output that is computed in place; if there is none, any address."""
        if self.sizes.in_place is None:
            return memory.u
        place = abi.output_address(self.sizes.in_place, len(self.sizes.inputs))
        return memory.words[abi.TABLE + place]

    def _new_shares(self, memory: "CallMemory") -> "Shares":
        functions = {
            abi.Job.EXAMPLES_FUNCTION: self.native.address("examples"),
            abi.Job.BEFORE_FUNCTION: self.native.address("before"),
            abi.Job.AFTER_FUNCTION: self.native.address("after"),
            abi.Job.COMBINE_FUNCTION: self.native.address("combine"),
        }
        table = memory.address + abi.BYTES * abi.TABLE
        return Shares(self.sizes, self.dtype, self.threads, functions, u=memory.u, table=table)
