"""Native code: a module of LLVM, compiled for this processor, as functions to call."""

import ctypes.util
import threading
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

import micrograd
from micrograd.compiler import cache as disk

_lock = threading.Lock()  # LLVM's optimiser is not for several threads at once

# The emitter writes vectors and tiles as they shall be, and LLVM need not look for them. Level 1
# without unrolling takes half the time of level 2 to compile, and the same time to run.
_LEVEL, _CODE_LEVEL = 1, 2
_TUNING = {"loop_vectorization": False, "loop_unrolling": False}

# Lines of a program that is straight-line code in the main: the optimiser's passes take more than
# half of its time to compile, and leave it as it was.
_LONG = 25_000
_VERY_LONG = 40_000  # the quickest code generator: code a half slower, four times as fast to make


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        llvm.load_library_permanently("libm.so.6")
    except RuntimeError:  # its name elsewhere; to ask for it starts a process
        llvm.load_library_permanently(ctypes.util.find_library("m") or "")


def target_machine(code_level: int = _CODE_LEVEL) -> Any:
    """The processor that this process runs on, with all its features. An engine owns its own."""
    _initialise()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=code_level, jit=True
    )


def _features() -> str:
    return llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit"


def vector_bytes() -> int:
    """How wide this processor's vectors are: 64, 32 or 16 bytes."""
    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


class Native:
    """The functions of a module, by name, as numbers: their addresses."""

    def __init__(self, module: ir.Module):
        with _lock:
            machine = target_machine()
            module.triple, module.data_layout = machine.triple, str(machine.target_data)
            self._text = str(module)
            self._lines = self._text.count("\n")  # a table is one line, however long
            if self._lines > _VERY_LONG:
                machine = target_machine(code_level=0)
            key = self._key()
            code = disk.load(key)
            if code is None:
                code = machine.emit_object(self._optimised(machine))
                disk.store(key, code)
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        return self._engine.get_function_address(name)

    def optimised(self) -> str:
        """The module as LLVM's optimiser leaves it."""
        with _lock:
            return str(self._optimised(target_machine()))

    def assembly(self) -> str:
        with _lock:
            machine = target_machine()
            return machine.emit_assembly(self._optimised(machine))

    def _key(self) -> str:
        """Of the machine code: a hash of all that it depends on."""
        processor = llvm.get_host_cpu_name(), _features()
        versions = micrograd.__version__, llvmlite.__version__, repr(llvm.llvm_version_info)
        settings = repr((_LEVEL, _CODE_LEVEL, _TUNING, _LONG, _VERY_LONG))
        return disk.key(self._text, *processor, *versions, settings)

    def _optimised(self, machine: Any) -> Any:
        parsed = llvm.parse_assembly(self._text)
        parsed.verify()
        level = _LEVEL if self._lines < _LONG else 0
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        for name, value in _TUNING.items():
            setattr(options, name, value)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(parsed, builder)
        return parsed
