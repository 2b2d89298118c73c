"""Source: the code of a kernel at each stage of the pipeline, as text."""

from micrograd.compiler.runtime.kernel import Kernel, NativeKernel
from micrograd.compiler.schedule.plan import Plan
from micrograd.compiler.schedule.schedule import schedule


def of(kernel: Kernel, stage: str, lanes: int, name: str, parameters: list[str]) -> str:
    """Of the function `name` at a stage; in C with so many examples side by side.

    Raises ValueError for a stage that is none, RuntimeError for one of LLVM where that is missing.
    """
    if stage == "program":
        return str(kernel.program)
    if stage == "c":
        from micrograd.compiler.c import source as c

        itemsize = kernel.dtype.itemsize
        plan = schedule(kernel.program, lanes, itemsize, delivers=False)
        return c.source(plan, itemsize == 8, name, parameters)
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
