"""Native code: a module of LLVM, compiled for this processor, as functions to call.

`MICROGRAD_CPU` names a level of x86-64, such as `x86-64-v3`, to compile for in its place: code that
every processor of that level runs, as this one would without its other features.
"""

import ctypes.util
import json
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

from micrograd.compiler.program import fingerprint
from micrograd.compiler.program import ir as program
from micrograd.compiler.runtime import disk_cache as disk

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


def _levels(text: str) -> tuple[int, int]:
    """How far LLVM goes with a module, in its passes and in its code generator."""
    lines = text.count("\n")  # a table is one line, however long
    if lines > _VERY_LONG:
        return 0, 0
    if "optnone" in text:  # stretches that are as they shall be
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


def header() -> str:
    """The lines with which the text of a module begins."""
    machine = target_machine()
    return f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'


def text_of(module: ir.Module) -> str:
    """The text of a module for this processor."""
    machine = target_machine()
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    return str(module)


class Native:
    """The functions of a module, by name, as numbers: their addresses.

    `make` gives its text, and a note to be kept beside its machine code, which JSON holds. `key`
    says what both depend on, so that where the code is known neither is made; None: the text.
    """

    def __init__(self, key: tuple[str, ...] | None, make: Callable[[], tuple[str, Any]]):
        self._make = make
        made = None
        if key is None:
            made = make()
            key = (made[0],)
        name = disk.key(*key, *_settings())
        entry = disk.load(name)
        if entry is None:
            text, note = made or make()
            with _lock:
                code = _machine_of(text).emit_object(_optimised(text))
            entry = json.dumps(note).encode() + b"\n" + code
            disk.store(name, entry)
        note, _, code = entry.partition(b"\n")
        self.note: Any = json.loads(note)
        with _lock:
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        return self._engine.get_function_address(name)

    def optimised(self) -> str:
        """The module as LLVM's optimiser leaves it."""
        text, _ = self._make()
        with _lock:
            return str(_optimised(text))

    def assembly(self) -> str:
        text, _ = self._make()
        with _lock:
            return _machine_of(text).emit_assembly(_optimised(text))


@cache
def _settings() -> tuple[str, ...]:
    """What machine code depends on besides its program."""
    versions = fingerprint.of_compiler(), llvmlite.__version__, repr(llvm.llvm_version_info)
    return *processor()[:2], *versions


def _machine_of(text: str) -> Any:
    return target_machine(_levels(text)[1])


def _optimised(text: str) -> Any:
    parsed = llvm.parse_assembly(text)
    if program.always_verify:
        parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=_levels(text)[0])
    for name, value in _TUNING.items():
        setattr(options, name, value)
    builder = llvm.create_pass_builder(_machine_of(text), options)
    builder.getModulePassManager().run(parsed, builder)
    return parsed
