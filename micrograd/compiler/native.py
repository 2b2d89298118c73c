"""Native code: a module of LLVM, compiled for this processor, as functions to call."""

import ctypes
import ctypes.util
import threading
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

_lock = threading.Lock()  # LLVM's optimiser is not for several threads at once


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.load_library_permanently(ctypes.util.find_library("m") or "")


def target_machine() -> Any:
    """The processor that this process runs on, with all its features. An engine owns its own."""
    _initialise()
    features = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit"
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=2, jit=True
    )


def vector_bytes() -> int:
    """How wide this processor's vectors are: 64, 32 or 16 bytes."""
    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


class Native:
    """The functions of a module, by name, as numbers: their addresses."""

    def __init__(self, module: ir.Module):
        with _lock:
            machine = target_machine()
            module.triple = machine.triple
            module.data_layout = str(machine.target_data)
            parsed = llvm.parse_assembly(str(module))
            parsed.verify()
            options = llvm.create_pipeline_tuning_options(speed_level=2)
            options.loop_vectorization = options.slp_vectorization = True
            builder = llvm.create_pass_builder(machine, options)
            builder.getModulePassManager().run(parsed, builder)
            self.assembly = lambda: machine.emit_assembly(parsed)
            self.optimised = lambda: str(parsed)
            self._engine = llvm.create_mcjit_compiler(parsed, machine)
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        return self._engine.get_function_address(name)
