"""Source: the code of a kernel at each stage of the pipeline, as text."""

from typing import Any

import numpy as np

from micrograd.compiler.program.ir import Program
from micrograd.compiler.runtime.kernel import Kernel, NativeKernel
from micrograd.compiler.schedule.plan import Plan
from micrograd.compiler.schedule.schedule import schedule


def in_c(program: Program, dtype: Any, lanes: int, name: str, parameters: list[str]) -> str:
    """The function `name` in C99, with so many examples side by side.

    The program has its guards: what makes a NaN of 0 * inf cannot be run again there.
    """
    from micrograd.compiler.c import source as c

    itemsize = np.dtype(dtype).itemsize
    plan = schedule(program, lanes, itemsize, delivers=False)
    return c.source(plan, itemsize == 8, name, parameters)


def of(kernel: Kernel, stage: str) -> str:
    """A kernel at a stage.

    Raises ValueError for a stage that is none, RuntimeError for one of LLVM where that is missing.
    """
    if stage == "program":
        return str(kernel.program)
    if stage not in ("plan", "llvm", "assembly"):
        raise ValueError(f"source shows trace, program, plan, llvm, assembly and c; got {stage!r}")
    if not isinstance(kernel, NativeKernel):
        raise RuntimeError(f"there is no {stage!r} without llvmlite; install it")
    if stage == "plan":
        return str(kernel.plan)
    return kernel.native.optimised() if stage == "llvm" else kernel.native.assembly()


def plan_of(kernel: Kernel, lanes: int) -> Plan:
    """The loops of a kernel; of one that runs in NumPy, those that it would have."""
    return kernel.plan if isinstance(kernel, NativeKernel) else schedule(kernel.program, lanes)
