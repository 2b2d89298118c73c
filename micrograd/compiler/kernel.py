"""Kernel: a program that is ready to run on arrays, in native code or in NumPy."""

import ctypes
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler import program as program_stage
from micrograd.compiler.program import Program, evaluate
from micrograd.compiler.schedule import CALL, CHUNKS, MARGIN, SMALL, Plan, schedule, verify

Array = NDArray[Any]


@dataclass(slots=True)
class Call:
    """The arguments of one call, ready for a kernel: an array for each input, of n examples."""

    n: int
    inputs: Sequence[Array]
    addresses: list[int] | None = None  # of each input, and how far its examples lie apart

    def entries(self, sizes: list[int]) -> list[int]:
        """The addresses and distances, for inputs of so many numbers an example."""
        if self.addresses is None:
            self.addresses = [
                entry
                for x, size in zip(self.inputs, sizes)
                for entry in (_address(x), size if x.size == self.n * size else 0)
            ]
        return self.addresses


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


Answer = Array | float


class Kernel(Protocol):
    """Runs a program on a call, with these parameters and seed; answers its outputs, in order.

    An input is an array of n times size numbers, or of size numbers that all examples share. A
    varying output has the shape (n, members), a uniform one (members,); the first is a float if it
    is one uniform number. Beside the outputs it answers whether one after the first holds a NaN.
    """

    program: Program

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]: ...

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array]
    ) -> Callable[[int, float], bool]:
        """For loops: a call again and again, `run(n, seed)`, on the first n examples of its arrays.

        Each answers whether an output after the first holds a NaN. The outputs are written into
        `answers`; these, the inputs and the parameters stay where they are. Where a number depends
        on the inputs of its own example only, an answer may be an input.
        """
        ...


class NumPyKernel:
    """The program's evaluation of itself, where there is no code generator."""

    def __init__(self, program: Program, dtype: Any):
        self.program, self.dtype = program, dtype

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]:
        wide = [
            np.broadcast_to(x.reshape(-1, block.size), (call.n, block.size))
            for x, block in zip(call.inputs, self.program.inputs)
        ]
        answers = evaluate(self.program, wide, parameters, np.full(call.n, seed)).values()
        first, *others = (x.astype(self.dtype) for x in answers)
        nan = any(bool(np.isnan(x).any()) for x in others)
        return [first.item() if first.shape == (1,) else first, *others], nan

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array]
    ) -> Callable[[int, float], bool]:
        """See `Kernel`."""

        def again(n: int, seed: float) -> bool:
            part = Call(n, [array[:n] for array in call.inputs])
            outputs, nan = self(part, parameters, seed)
            for answer, x in zip(answers, outputs):
                answer[: n if np.ndim(x) == 2 else None] = np.ravel(x)
            return nan

        return again


_ADDRESS, _INTEGER = ctypes.c_void_p, ctypes.c_int64
LINE = 64  # bytes of the cache


class NativeKernel:
    """The program as machine code. Several threads may call at once; the GIL is released."""

    def __init__(self, program: Program, dtype: Any, threads: int, exact: bool, single: bool):
        from micrograd.compiler.llvm import Emitter
        from micrograd.compiler.native import Native, vector_bytes

        self.program, self.dtype, self.threads = program, np.dtype(dtype), threads
        width = vector_bytes() // self.dtype.itemsize
        self.plan: Plan = schedule(program, 1 if single else width, self.dtype.itemsize)
        if program_stage.always_verify:
            verify(self.plan)
        double = self.dtype == np.float64
        self.module = Emitter(self.plan, width, double, exact).build()
        self.native = Native(self.module, self.plan.straight)
        number = ctypes.c_double if double else ctypes.c_float
        self._run = self._function("run", _ADDRESS)
        self._before = self._function("before", *[_ADDRESS] * 3)
        self._after = self._function("after", *[_ADDRESS] * 3)
        self._combine = self._function("combine", *[_ADDRESS] * 3)
        self._examples = self._function("examples", *[_ADDRESS] * 6, number, *[_INTEGER] * 3)
        self._sizes = [block.size for block in program.inputs]
        self._outputs = [
            (any(g.block.varying for g in gathers), sum(map(len, gathers)))
            for gathers in program.outputs.values()
        ]
        self._free: list[_Memory] = []  # of calls that have ended
        self._large = Large()
        self._spare: dict[int, list[tuple[Array, int]]] = {}  # memory for answers of each size
        self._parameters: tuple[Any, int] = (lambda: None, 0)  # of the last call, held weakly

    def _function(self, name: str, *types: Any) -> Any:
        return ctypes.CFUNCTYPE(None, *types)(self.native.address(name))

    def __call__(self, call: Call, parameters: Array, seed: float) -> tuple[list[Answer], bool]:
        memory = self._free.pop() if self._free else self._new_memory()
        table, k = memory.table, CALL
        for entry in call.entries(self._sizes):
            table[k] = entry
            k += 1
        answers: list[Answer] = []
        for varying, members in self._outputs:
            if members == 1 and not varying and not answers:
                table[k] = memory.number_address
                answers.append(0.0)
            else:
                answer, table[k] = self._new_answer(call.n if varying else None, members)
                answers.append(answer)
            k += 1
        table[0] = self._address_of(parameters)
        table[3] = call.n
        memory.seed.value = seed
        if self.threads > 1 and call.n > self.plan.lanes:
            self._in_threads(memory)
        else:
            self._run(memory.address)
        if answers[0].__class__ is float:
            answers[0] = memory.number.value
        nan = table[CALL - 1] != 0
        self._free.append(memory)
        return answers, nan

    def prepared(
        self, call: Call, parameters: Array, answers: list[Array]
    ) -> Callable[[int, float], bool]:
        """See `Kernel`."""
        memory = self._new_memory()
        table, address, run = memory.table, memory.address, self._run
        entries = [*call.entries(self._sizes), *map(_address, answers)]
        table[CALL : CALL + len(entries)] = entries
        table[0] = _address(parameters)
        held = call, parameters, answers  # their memory must outlive the loop

        def again(n: int, seed: float, held: Any = held) -> bool:
            table[3] = n
            memory.seed.value = seed
            if self.threads > 1 and n > self.plan.lanes:
                self._in_threads(memory)
            else:
                run(address)
            return table[CALL - 1] != 0

        return again

    def _new_answer(self, n: int | None, members: int) -> tuple[Array, int]:
        """Memory for an answer, and where it is: many small ones are cut from one array."""
        if n is not None or members * self.dtype.itemsize > SMALL:
            answer, address = self._large.take((n or 1) * members, self.dtype)
            return answer if n is None else answer.reshape(n, members), address
        spare = self._spare.setdefault(members, [])
        if not spare:
            rows = np.empty((32, members), self.dtype)
            first, step = _address(rows), rows.strides[0]
            spare += [(row, first + k * step) for k, row in enumerate(rows)]
        return spare.pop()

    def _address_of(self, parameters: Array) -> int:
        """Where the parameters are: mostly where they were."""
        known, address = self._parameters
        if known() is not parameters:
            address = _address(parameters)
            self._parameters = ref(parameters), address
        return address

    def _new_memory(self) -> "_Memory":
        return _Memory(self.plan, self.dtype, 2 * len(self._sizes) + len(self._outputs))

    def scalars(self) -> Any:
        """For a program of numbers, without parameters, that answers one number: the short way.

        A function of floats; None where the program is anything else.
        """
        of_numbers = all(size == 1 for size in self._sizes) and self._outputs == [(True, 1)]
        small = self.plan.rows + self.plan.uniform < SMALL
        if not (of_numbers and small and not self.program.parameters.size):
            return None
        if self.dtype != np.float64 or self.plan.lanes != 1:
            return None
        numbers = [ctypes.c_double] * (len(self._sizes) + 1)
        return ctypes.CFUNCTYPE(*numbers)(self.native.address("scalars"))

    def _in_threads(self, memory: "_Memory") -> None:
        """The segments of the examples, shared out; their sums added in order, as in one thread."""
        plan, u, n, seed = self.plan, memory.u, memory.table[3], memory.seed.value
        w, table = memory.table[0], memory.address + 8 * CALL
        memory.table[CALL - 1] = 0
        chunks = math.ceil(n / plan.lanes)
        segments = min(plan.segments, math.ceil(chunks / CHUNKS))
        bounds = [chunks * s // segments for s in range(segments + 1)]
        outputs = CALL + 2 * len(self._sizes)
        d = memory.table[outputs + plan.in_place[0]] if plan.in_place else u
        self._before(w, u, table)

        def segment(s: int) -> Any:
            part = memory
            if s:
                part = self._free.pop() if self._free else self._new_memory()
            sums = (part.u, part.u) if s else (u, d)
            self._examples(w, u, *sums, part.v, table, seed, n, bounds[s], bounds[s + 1])
            return part

        for s, part in enumerate(_pool(self.threads).map(segment, range(segments))):
            if s:
                self._combine(u, d, part.u)
                self._free.append(part)
        self._after(w, u, table)


class _Memory:
    """What one call computes in: uniform numbers, rows of lanes, and what the code is told."""

    def __init__(self, plan: Plan, dtype: Any, addresses: int):
        self.uniform, self.u = _aligned(plan.uniform + plan.reduced, dtype)
        self.rows, self.v = _aligned((plan.rows + plan.turned + MARGIN) * plan.lanes, dtype)
        self.table = (ctypes.c_int64 * (CALL + addresses))()
        self.address = ctypes.addressof(self.table)
        self.table[1], self.table[2] = self.u, self.v
        number = ctypes.c_double if dtype == np.float64 else ctypes.c_float
        self.seed = number.from_address(self.address + 8 * 4)
        self.number = number()
        self.number_address = ctypes.addressof(self.number)


class Large:
    """Memory for large answers. The system is slow to hand out pages: what nobody holds any longer
    is used again."""

    KEPT = 64 << 20  # bytes at most that are kept

    def __init__(self) -> None:
        self._kept: list[Array] = []
        self._lock = Lock()

    def take(self, size: int, dtype: Any) -> tuple[Array, int]:
        """An array at the start of a cache line, its numbers anything, and its address."""
        wanted = size * dtype.itemsize
        with self._lock:
            memory = self._unused(wanted + LINE)
            address = _address(memory)
            skip = -address % LINE
            return memory[skip : skip + wanted].view(dtype), address + skip

    def _unused(self, size: int) -> Array:
        for k, nbytes in enumerate([memory.nbytes for memory in self._kept]):
            if nbytes == size and sys.getrefcount(self._kept[k]) == 2:  # the list, and this call
                return self._kept[k]
        memory = np.empty(size, np.uint8)
        if size <= self.KEPT:
            self._kept.append(memory)
        while sum(each.nbytes for each in self._kept) > self.KEPT:
            del self._kept[0]
        return memory


def _aligned(size: int, dtype: Any) -> tuple[Array, int]:
    """Memory at the start of a cache line, and its address."""
    bytes_ = np.zeros(size * dtype.itemsize + LINE, np.uint8)
    skip = -bytes_.ctypes.data % LINE
    array = bytes_[skip : skip + size * dtype.itemsize].view(dtype)
    return array, bytes_.ctypes.data + skip


_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(threads: int) -> ThreadPoolExecutor:
    key = os.getpid(), threads  # a forked process has no threads yet
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(threads, thread_name_prefix="micrograd")
    return _pools[key]
