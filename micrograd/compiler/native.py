"""Native code: a module of LLVM, compiled for this processor, as functions to call.

`MICROGRAD_CPU` names a level of x86-64, such as `x86-64-v3`, to compile for in its place: code that
every processor of that level runs, as this one would without its other features.
"""

import ctypes.util
import os
import threading
from functools import cache
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

import micrograd
from micrograd.compiler import cache as disk

_lock = threading.Lock()  # LLVM's optimiser is not for several threads at once

# The emitter writes vectors and tiles as they shall be, and LLVM need not look for them. Level 1
# without unrolling takes half the time of level 2 to compile, and the same time to run.
_PASSES, _CODE = 1, 2
_TUNING = {"loop_vectorization": False, "loop_unrolling": False}

# Of a program that is straight-line code in the main, the optimiser's passes take up to half of the
# time to compile, and leave it as it was. Beside it the rest counts little, and is quicker to make.
_STRAIGHT = 0, 1
_LONG = 25_000  # lines of a program that must be such
_VERY_LONG = 40_000  # the quickest code generator: code a half slower, four times as fast to make


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


def levels(straight: bool, lines: int) -> tuple[int, int]:
    """How far LLVM goes, in its passes and in its code generator."""
    if lines > _VERY_LONG:
        return 0, 0
    if straight:
        return _STRAIGHT
    return _PASSES if lines < _LONG else 0, _CODE


def target_machine(code_level: int = _CODE) -> Any:
    """For the `processor`. An engine owns its own."""
    _initialise()
    name, features, _ = processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=code_level, jit=True
    )


def vector_bytes() -> int:
    """How wide the processor's vectors are: 64, 32 or 16 bytes."""
    return processor().vector_bytes


class Native:
    """The functions of a module, by name, as numbers: their addresses.

    `straight` says that it is straight-line code in the main.
    """

    def __init__(self, module: ir.Module, straight: bool = False):
        with _lock:
            machine = target_machine()
            module.triple, module.data_layout = machine.triple, str(machine.target_data)
            self._text = str(module)
            lines = self._text.count("\n")  # a table is one line, however long
            self._passes, self._code = levels(straight, lines)
            machine = target_machine(self._code)
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
            return str(self._optimised(target_machine(self._code)))

    def assembly(self) -> str:
        with _lock:
            machine = target_machine(self._code)
            return machine.emit_assembly(self._optimised(machine))

    def _key(self) -> str:
        """Of the machine code: a hash of all that it depends on."""
        versions = micrograd.__version__, llvmlite.__version__, repr(llvm.llvm_version_info)
        settings = repr((self._passes, self._code, _TUNING))
        return disk.key(self._text, *processor()[:2], *versions, settings)

    def _optimised(self, machine: Any) -> Any:
        parsed = llvm.parse_assembly(self._text)
        parsed.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=self._passes)
        for name, value in _TUNING.items():
            setattr(options, name, value)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(parsed, builder)
        return parsed
