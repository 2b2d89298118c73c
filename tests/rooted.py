"""The ways to run a function that contains a root."""

import shutil
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd as mg
from micrograd.compiler.api.function import CompiledOne
from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.numpy_kernel import NumPyKernel

EPS = 2.0**-52


class InNumPy(CompiledOne):
    """As without llvmlite: the program is evaluated in NumPy."""

    def kernel_of(self, program: Program, made: Any = None, how: str = "") -> NumPyKernel:
        return NumPyKernel(made() if made else program, self.dtype, self.exact)


WAYS: dict[str, Callable[..., Any]] = {
    "eager": lambda f: f,
    "compiled": mg.compile,
    "NumPy": lambda f: InNumPy(f, "float64", 1, False),
}
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def polynomial(x: Any, coefficients: Any) -> Any:
    """By Horner's scheme, the highest power first."""
    y = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


def each(f: Callable[..., Any], *arguments: Any) -> np.ndarray:
    """The eager results for all examples; what does not converge is NaN without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mg.ConvergenceWarning)
        return np.array([f(*example) for example in zip(*arguments)])


def in_silence(f: Callable[..., Any], *arguments: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mg.ConvergenceWarning)
        return f(*arguments)
