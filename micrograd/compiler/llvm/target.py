"""Target: the processor that code is compiled for.

`MICROGRAD_CPU` names a level of x86-64, such as `x86-64-v3`, in place of this processor: the code
then runs on every processor of that level.
"""

import ctypes.util
import os
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        llvm.load_library_permanently("libm.so.6")
    except RuntimeError:  # its name elsewhere; to ask for it starts a process
        llvm.load_library_permanently(ctypes.util.find_library("m") or "")


class Processor(NamedTuple):
    """What code is compiled for: its name and features, as LLVM has them, and bytes a vector."""

    name: str
    features: str
    vector_bytes: int


# The levels of x86-64, with the widest vectors of each and what this processor must have to run it.
_LEVELS = {
    "x86-64-v2": (16, "sse4.2"),
    "x86-64-v3": (32, "avx2"),
    "x86-64-v4": (64, "avx512vl"),
}


@cache
def processor() -> Processor:
    """This processor, with all its features, or the level that is named in its place."""
    features = llvm.get_host_cpu_features()
    named = os.environ.get("MICROGRAD_CPU", "")
    if not named:
        widest = 64 if features.get("avx512f") else 32 if features.get("avx2") else 16
        flags = features.flatten() + ",-prefer-256-bit"
        return Processor(llvm.get_host_cpu_name(), flags, widest)
    if named not in _LEVELS:
        levels = ", ".join(_LEVELS)
        raise ValueError(f"MICROGRAD_CPU must be empty or one of {levels}; got {named!r}")
    width, feature = _LEVELS[named]
    if not features.get(feature):
        raise ValueError(f"MICROGRAD_CPU is {named}, but this processor has no {feature}")
    return Processor(named, "-prefer-256-bit", width)


def target_machine(code_level: int = 2) -> Any:
    """For the `processor`. An engine owns its own."""
    _initialise()
    name, features, _ = processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=code_level, jit=True
    )


def vector_bytes() -> int:
    """How wide the processor's vectors are: 64, 32 or 16 bytes."""
    return processor().vector_bytes


def header() -> str:
    """The lines with which the text of a module begins."""
    machine = target_machine()
    return f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'


def text_of(module: ir.Module) -> str:
    """The text of a module for this processor."""
    machine = target_machine()
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    return str(module)
