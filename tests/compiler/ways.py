"""The ways to run a program, and the tolerance of each against the eager engine."""

from collections.abc import Callable
from typing import Any

import micrograd as mg
from micrograd.compiler.api import function
from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.numpy_kernel import NumPyKernel


class InNumPy(function.Vectorized):
    """As without llvmlite: the program is evaluated in NumPy."""

    def kernel_of(self, program: Program, made: Any = None, how: str = "") -> NumPyKernel:
        return NumPyKernel(made() if made else program, self.dtype, self.exact)


class OneInNumPy(function.CompiledOne):
    """The same, for one example a call."""

    kernel_of = InNumPy.kernel_of


def in_numpy(f: Callable[..., Any], each: Any = None, in_axes: Any = 0) -> InNumPy:
    return InNumPy(f, "float64", 1, False, each, in_axes)


def native(f: Callable[..., Any], **how: Any) -> Any:
    return mg.vectorize(f, **how)


def in_two_threads(f: Callable[..., Any], **how: Any) -> Any:
    return mg.vectorize(f, threads=2, **how)


def in_float32(f: Callable[..., Any], **how: Any) -> Any:
    return mg.vectorize(f, dtype="float32", **how)


WAYS: dict[str, tuple[Callable[..., Any], float]] = {
    "NumPy": (in_numpy, 1e-12),
    "native": (native, 1e-12),
    "threads": (in_two_threads, 1e-12),
    "float32": (in_float32, 2e-4),
}
