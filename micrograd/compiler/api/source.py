"""Source: the code of a kernel at each stage of the pipeline, as text."""

from typing import Any

import numpy as np

from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.kernel import Kernel
from micrograd.compiler.runtime.native_kernel import NativeKernel
from micrograd.compiler.schedule.plan import Plan
from micrograd.compiler.schedule.schedule import schedule


def in_c(
    program: Program, dtype: Any, lanes: int, name: str, parameters: list[str], exact: bool
) -> str:
    """The function `name` in C99, with `lanes` examples side by side.

    The program must have its guards: C code cannot retry with guards after a NaN from 0 * inf.
    """
    from micrograd.compiler.c import source as c

    itemsize = np.dtype(dtype).itemsize
    plan = schedule(program, lanes, itemsize, native=False)
    return c.source(plan, itemsize == 8, name, parameters, exact)


def of(kernel: Kernel, stage: str) -> str:
    """A kernel at a stage.

    Raises ValueError for an unknown stage, RuntimeError if the stage needs LLVM and it is missing.
    """
    if stage == "program":
        return str(kernel.program)
    if stage not in ("plan", "llvm", "assembly"):
        raise ValueError(
            f"stage must be trace, paths, program, plan, llvm, assembly or c, got {stage!r}"
        )
    if not isinstance(kernel, NativeKernel):
        raise RuntimeError(f"there is no {stage!r} without llvmlite; install it")
    if stage == "plan":
        return str(kernel.plan)
    return kernel.native.optimised() if stage == "llvm" else kernel.native.assembly()


def plan_of(kernel: Kernel, lanes: int) -> Plan:
    """The plan of a kernel; for one that runs in NumPy, the plan that it would have."""
    return kernel.plan if isinstance(kernel, NativeKernel) else schedule(kernel.program, lanes)
