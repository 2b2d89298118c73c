"""Target: the processor that code is compiled for.

`MICROGRAD_CPU` names a level of x86-64, such as `x86-64-v3`, in place of this processor: the code
then runs on every processor of that level.
"""

import ctypes.util
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir

from micrograd.compiler.llvm.level import FEATURES, named_level
from micrograd.compiler.llvm.thread import on_llvm_thread


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        llvm.load_library_permanently("libm.so.6")
    except RuntimeError:  # other systems name it differently; `find_library` starts a process
        llvm.load_library_permanently(ctypes.util.find_library("m") or "")


class Processor(NamedTuple):
    """The target processor: its name and features, as LLVM writes them, and bytes per vector."""

    name: str
    features: str
    vector_bytes: int


VECTOR_BYTES = {"x86-64-v2": 16, "x86-64-v3": 32, "x86-64-v4": 64}


def _host() -> tuple[str, Any]:
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features()


@cache
def processor() -> Processor:
    """This processor, with all its features, or the level that the user names instead."""
    named = named_level()
    host, features = on_llvm_thread(
        lambda: (llvm.get_host_cpu_name(), llvm.get_host_cpu_features())
    )
    if not named:
        widest = 64 if features.get("avx512f") else 32 if features.get("avx2") else 16
        return Processor(host, features.flatten() + ",-prefer-256-bit", widest)
    if not features.get(FEATURES[named]):
        raise ValueError(f"MICROGRAD_CPU is {named}, but this processor has no {FEATURES[named]}")
    return Processor(named, "-prefer-256-bit", VECTOR_BYTES[named])


def target_machine(code_level: int = 2) -> Any:
    """A target machine for `processor()`, which must have been called before. Call it on LLVM's
    thread. An engine takes ownership of its target machine."""
    _initialise()
    name, features, _ = processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=code_level, jit=True
    )


def vector_bytes() -> int:
    """The width of the processor's vectors: 64, 32 or 16 bytes."""
    return processor().vector_bytes


@cache
def _layout() -> tuple[str, str]:
    """The target triple and the data layout."""
    processor()

    def ask() -> tuple[str, str]:
        machine = target_machine()
        return machine.triple, str(machine.target_data)

    return on_llvm_thread(ask)


def header() -> str:
    """The first lines of a module's text."""
    triple, layout = _layout()
    return f'target triple = "{triple}"\ntarget datalayout = "{layout}"\n'


def text_of(module: ir.Module) -> str:
    """The text of a module for this processor."""
    module.triple, module.data_layout = _layout()
    return str(module)
