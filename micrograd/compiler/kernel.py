"""Kernel: a program that is ready to run on arrays, in native code or in NumPy."""

import ctypes
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.program import Program, evaluate
from micrograd.compiler.schedule import SMALL, Plan, schedule

Array = NDArray[Any]


class Kernel(Protocol):
    """Runs a program on n examples; answers its outputs, in order.

    Each input is an array of n times size numbers, or of size numbers for one that all examples
    share. A varying output has the shape (n, members), a uniform one (members,).
    """

    program: Program

    def __call__(
        self, n: int, inputs: list[Array], parameters: Array, seed: float
    ) -> list[Array]: ...


class NumPyKernel:
    """The program's evaluation of itself, where there is no code generator."""

    def __init__(self, program: Program, dtype: Any):
        self.program, self.dtype = program, dtype

    def __call__(self, n: int, inputs: list[Array], parameters: Array, seed: float) -> list[Array]:
        wide = [
            np.broadcast_to(x.reshape(-1, block.size), (n, block.size))
            for x, block in zip(inputs, self.program.inputs)
        ]
        answers = evaluate(self.program, wide, parameters, np.full(n, seed))
        return [answer.astype(self.dtype) for answer in answers.values()]


_ADDRESS, _INTEGER = ctypes.c_void_p, ctypes.c_int64


class NativeKernel:
    """The program as machine code. Several threads may call at once; the GIL is released."""

    def __init__(self, program: Program, dtype: Any, threads: int, exact: bool, single: bool):
        from micrograd.compiler.llvm import Emitter
        from micrograd.compiler.native import Native, vector_bytes

        self.program, self.dtype, self.threads = program, np.dtype(dtype), threads
        width = 1 if single else vector_bytes() // self.dtype.itemsize
        self.plan: Plan = schedule(program, width, self.dtype.itemsize)
        double = self.dtype == np.float64
        self.module = Emitter(self.plan, width, double, exact).build()
        self.native = Native(self.module)
        number = ctypes.c_double if double else ctypes.c_float
        self._run = self._function("run", *[_ADDRESS] * 4, number, _INTEGER)
        self._before = self._function("before", *[_ADDRESS] * 3)
        self._after = self._function("after", *[_ADDRESS] * 3)
        self._combine = self._function("combine", *[_ADDRESS] * 2)
        self._examples = self._function("examples", *[_ADDRESS] * 5, number, *[_INTEGER] * 3)
        self._sizes = [block.size for block in program.inputs]
        self._outputs = [
            (any(g.block.varying for g in gathers), sum(map(len, gathers)))
            for gathers in program.outputs.values()
        ]
        self._free: list[_Memory] = []  # of calls that have ended

    def _function(self, name: str, *types: Any) -> Any:
        return ctypes.CFUNCTYPE(None, *types)(self.native.address(name))

    def __call__(self, n: int, inputs: list[Array], parameters: Array, seed: float) -> list[Array]:
        outputs = [
            np.empty((n, members) if varying else members, self.dtype)
            for varying, members in self._outputs
        ]
        memory = (
            self._free.pop()
            if self._free
            else _Memory(self.plan, self.dtype, len(inputs), len(outputs))
        )
        table, k = memory.table, 0
        for x, size in zip(inputs, self._sizes):
            table[k] = x.__array_interface__["data"][0]
            table[k + 1] = size if x.size == n * size else 0
            k += 2
        for out in outputs:
            table[k] = out.__array_interface__["data"][0]
            k += 1
        w = parameters.__array_interface__["data"][0]
        if self.threads > 1 and n > self.plan.lanes:
            self._in_threads(memory, w, seed, n)
        else:
            self._run(w, memory.u, memory.v, memory.table_address, seed, n)
        self._free.append(memory)
        return outputs

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

    def _in_threads(self, memory: "_Memory", w: int, seed: float, n: int) -> None:
        """The segments of the examples, shared out; their sums added in order, as in one thread."""
        plan, u, table = self.plan, memory.u, memory.table_address
        chunks = math.ceil(n / plan.lanes)
        bounds = [chunks * s // plan.segments for s in range(plan.segments + 1)]
        self._before(w, u, table)
        memory.uniform[: plan.reduced] = 0

        def segment(s: int) -> Any:
            if bounds[s] == bounds[s + 1]:
                return None
            part = _Memory(plan, self.dtype, 0, 0)
            self._examples(w, u, part.u, part.v, table, seed, n, bounds[s], bounds[s + 1])
            return part

        for part in _pool(self.threads).map(segment, range(plan.segments)):
            if part is not None:
                self._combine(u, part.u)
        self._after(w, u, table)


class _Memory:
    """What one call computes in: uniform numbers, rows of lanes, and the table of addresses."""

    def __init__(self, plan: Plan, dtype: Any, inputs: int, outputs: int):
        self.uniform, self.u = _aligned(plan.uniform + plan.reduced, dtype)
        self.rows, self.v = _aligned(plan.rows * plan.lanes, dtype)
        self.table = (ctypes.c_int64 * (2 * inputs + outputs))()
        self.table_address = ctypes.addressof(self.table)


def _aligned(size: int, dtype: Any) -> tuple[Array, int]:
    """Memory at the start of a cache line, and its address."""
    bytes_ = np.zeros(size * dtype.itemsize + 64, np.uint8)
    skip = -bytes_.ctypes.data % 64
    array = bytes_[skip : skip + size * dtype.itemsize].view(dtype)
    return array, bytes_.ctypes.data + skip


_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(threads: int) -> ThreadPoolExecutor:
    key = os.getpid(), threads  # a forked process has no threads yet
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(threads, thread_name_prefix="micrograd")
    return _pools[key]
