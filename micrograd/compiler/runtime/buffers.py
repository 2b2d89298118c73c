"""Buffers: the working memory of a call of native code, and the memory of its results."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.llvm import abi
from micrograd.compiler.runtime import extension
from micrograd.compiler.schedule.plan import MARGIN, Plan

Array = NDArray[Any]

LINE = 64  # bytes of a cache line


@dataclass(frozen=True)
class Sizes:
    """The layout of the arguments and of the memory of native code, for its callers."""

    inputs: list[int]  # of each: how many numbers an example has
    parameters: int
    outputs: list[list[Any]]  # of each: whether it varies, and how many numbers it has
    lanes: int
    rows: int  # of the plan, of packed columns, and of the margin
    uniform: int
    reduced: int
    segments: int
    in_place: int | None  # the index of that output

    @classmethod
    def of(cls, plan: Plan) -> "Sizes":
        """The sizes of a plan; see `Plan` for the names."""
        program = plan.program
        outputs = [
            [any(g.block.varying for g in gathers), sum(map(len, gathers))]
            for gathers in program.outputs.values()
        ]
        return cls(
            [block.size for block in program.inputs], program.parameters.size, outputs,
            plan.lanes, plan.rows + plan.packed + MARGIN, plan.uniform, plan.reduced, plan.segments,
            plan.in_place and plan.in_place[0],
        )  # fmt: skip


def address_of(array: Array) -> int:
    """The current address of a C-contiguous array: `resize` and `__setstate__` change it."""
    try:
        return ctypes.addressof(_char.from_buffer(array))  # the fastest way
    except (TypeError, ValueError):  # read-only, or empty
        return array.__array_interface__["data"][0]


_char: Any = ctypes.c_char


class CallMemory:
    """The working memory of one call: uniform numbers, rows of lanes, and the words of the call."""

    def __init__(self, sizes: Sizes, dtype: Any, run: int):
        self.uniform, self.u = aligned(sizes.uniform + sizes.reduced, dtype)
        self.rows, self.v = aligned(sizes.rows * sizes.lanes, dtype)
        inputs, outputs = len(sizes.inputs), len(sizes.outputs)
        words: Any = np.zeros(abi.words(inputs, outputs), np.int64)
        python = extension.python_words()
        header = {
            abi.Call.UNIFORMS: self.u, abi.Call.ROWS: self.v, abi.Call.RUN: run,
            abi.Call.PYTHON: python.ctypes.data, abi.Call.INPUTS: inputs,
        }  # fmt: skip
        for word, value in header.items():
            words[word] = value
        words[len(words) - inputs :] = sizes.inputs
        self.place, self.run = (extension.caller(words, run) for run in (False, True))
        self.words = (ctypes.c_int64 * len(words)).from_buffer(words)  # the same memory
        self.address = ctypes.addressof(self.words)
        number = ctypes.c_double if dtype == np.float64 else ctypes.c_float
        self.seed = number.from_address(self.address + abi.BYTES * abi.Call.SEED)
        self.number = number()  # the first output, if it is one uniform number
        first = abi.TABLE + abi.output_address(0, inputs)
        self.words[first] = ctypes.addressof(self.number)
        self.shares: Shares | None = None  # made at the first call with several threads


class Shares:
    """The memory of a call that threads share: its words, sums per segment, rows per thread."""

    def __init__(
        self,
        sizes: Sizes,
        dtype: Any,
        threads: int,
        functions: dict[abi.Job, int],
        u: int,
        table: int,
    ):
        reduced = sizes.reduced * dtype.itemsize
        width = -(-reduced // LINE) * LINE
        sums = aligned(sizes.segments * width, np.dtype(np.uint8))
        rows = [aligned(sizes.rows * sizes.lanes, dtype) for _ in range(threads)]
        self.held = sums, rows
        words = {
            **functions, abi.Job.UNIFORMS: u, abi.Job.TABLE: table, abi.Job.SUMS: sums[1],
            abi.Job.WIDTH: width, abi.Job.IS_DOUBLE: dtype == np.float64,
        }  # fmt: skip
        self.words = (ctypes.c_int64 * (abi.JOB_ROWS + threads))()
        for word, value in words.items():
            self.words[word] = value
        self.words[abi.JOB_ROWS :] = [address for _, address in rows]
        self.address = ctypes.addressof(self.words)

    def submit(self, call: Any, in_place: int, chunks: int, segments: int) -> None:
        """Writes the words that differ from call to call."""
        self.words[abi.PER_CALL] = (
            call[abi.Call.PARAMETERS], in_place, call[abi.Call.EXAMPLES], call[abi.Call.SEED],
            chunks, segments,
        )  # fmt: skip


def _references(held: list[Any]) -> int:
    """The references to the one array in a list. Those of a name count or not, by the version of
    Python; so this is compared with what it says of an array without others.

    >>> array = np.empty(0)
    >>> _references([array]) > ALONE
    True
    """
    return sys.getrefcount(held[0])


ALONE = _references([np.empty(0)])


class Pool:
    """Memory for large results. The system is slow to hand out pages, so the last arrays are
    reused once there are no other references to them.

    The pool keeps, and searches, a bounded number of arrays, however many a caller keeps.
    """

    ARRAYS, BYTES = 8, 64 << 20  # kept at most
    LARGE = 1 << 16  # bytes; for smaller arrays the C library's allocator is faster

    def __init__(self) -> None:
        self._kept: list[Array] = []

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, shape: tuple[int, ...], size: int, dtype: np.dtype[Any]) -> Array:
        """An uninitialised array of `size` numbers; a large one begins at a cache line."""
        wanted = size * dtype.itemsize
        if wanted < self.LARGE:
            return np.empty(shape, dtype)
        memory = self._unused(wanted + LINE)
        if memory is None:
            memory = np.empty(wanted + LINE, np.uint8)
        self._keep(memory)
        skip = -address_of(memory) % LINE
        return memory[skip : skip + wanted].view(dtype).reshape(shape)

    def _unused(self, size: int) -> Array | None:
        """An array without other references, or None.

        There is no lock, since another thread could hold it while the process forks. `pop` gives an
        array to one thread only, and while that thread inspects it, others do not see it.
        """
        for _ in range(len(self._kept)):
            held = [popped(self._kept, 0)]  # not in a name: see `_references`
            if held[0] is None:
                break
            if held[0].nbytes == size and _references(held) == ALONE:
                return held[0]
            self._keep(held[0])
        return None

    def _keep(self, memory: Array) -> None:
        if memory.nbytes <= self.BYTES:
            self._kept.append(memory)
        while len(self._kept) > self.ARRAYS or sum(x.nbytes for x in [*self._kept]) > self.BYTES:
            popped(self._kept, 0)


def popped(spare: list[Any], place: int = -1) -> Any:
    """`spare.pop(place)`, or None if other threads have emptied the list."""
    try:
        return spare.pop(place)
    except IndexError:
        return None


def aligned(size: int, dtype: Any) -> tuple[Array, int]:
    """Memory at the start of a cache line, and its address."""
    bytes_ = np.zeros(size * dtype.itemsize + LINE, np.uint8)
    skip = -bytes_.ctypes.data % LINE
    array = bytes_[skip : skip + size * dtype.itemsize].view(dtype)
    return array, bytes_.ctypes.data + skip
