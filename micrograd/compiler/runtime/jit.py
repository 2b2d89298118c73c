"""JIT: the text of an LLVM module becomes machine code."""

import json
import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from micrograd.compiler.llvm.target import processor, target_machine
from micrograd.compiler.llvm.thread import on_llvm_thread
from micrograd.compiler.program import fingerprint, verify
from micrograd.compiler.runtime import disk_cache as disk

_discarded: list[Any] = []  # unused engines, to be destroyed on LLVM's thread

# The emitter vectorises and tiles, so LLVM need not. Level 1 without unrolling compiles in half the
# time of level 2, to code of the same speed.
_PASSES, _CODE = 1, 2
_TUNING = {"loop_vectorization": False, "loop_unrolling": False}

# In mostly straight-line programs, the passes take up to half of the compile time and improve
# nothing. The few loops beside it matter little, so a faster code generator suffices.
_STRAIGHT_LINE = 0, 1
_LONG = 25_000  # lines: programs so long are mostly straight-line code
_VERY_LONG = 40_000  # lines: the fastest code generator runs in a quarter of the time; its code is
# 1.5 times as slow


def _levels(text: str) -> tuple[int, int]:
    """The optimisation levels of LLVM's passes and of its code generator, for a module."""
    lines = text.count("\n")  # a table is one line, however long
    if lines > _VERY_LONG:
        return 0, 0
    if "optnone" in text:  # it has stretches of straight-line code
        return _STRAIGHT_LINE
    return _PASSES if lines < _LONG else 0, _CODE


class Native:
    """The addresses of the functions of a module, by name.

    `make` returns its text and a note, which is stored beside the machine code as JSON. `key`
    identifies both, so that `make` is not called if the code is in the disk cache; with None, the
    text itself is the key. `levels` are LLVM's optimisation levels, if not chosen by the text.
    """

    def __init__(
        self,
        key: tuple[str, ...] | None,
        make: Callable[[], tuple[str, Any]],
        levels: tuple[int, int] | None = None,
    ):
        self._make, self._levels = make, levels
        made = None
        if key is None:
            made = make()
            key = (made[0],)
        name = _entry(key)
        entry = disk.load(name) if name else None
        if entry is None:
            text, note = made or make()
            code = on_llvm_thread(lambda: self._machine(text).emit_object(self._ir(text)))
            entry = json.dumps((_PUBLIC.findall(text), note)).encode() + b"\n" + code
            if name and name == _entry(key):  # no file has changed during compilation
                disk.store(name, entry)
        head, _, code = entry.partition(b"\n")
        names, self.note = json.loads(head)
        self._addresses, self._engine = on_llvm_thread(lambda: _loaded(code, names))

    _discard: Any = _discarded.append

    def __del__(self) -> None:
        if hasattr(self, "_engine"):
            self._discard(self._engine)

    def address(self, name: str) -> int:
        return self._addresses[name]

    def optimised(self) -> str:
        """The LLVM IR after optimisation."""
        text, _ = self._make()
        return on_llvm_thread(lambda: str(self._ir(text)))

    def assembly(self) -> str:
        text, _ = self._make()
        return on_llvm_thread(lambda: self._machine(text).emit_assembly(self._ir(text)))

    def _machine(self, text: str) -> Any:
        return target_machine((self._levels or _levels(text))[1])

    def _ir(self, text: str) -> Any:
        return _optimised(text, (self._levels or _levels(text))[0], self._machine(text))


def _optimised(text: str, level: int, machine: Any) -> Any:
    parsed = llvm.parse_assembly(text)
    if verify.always_verify:
        parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    for name, value in _TUNING.items():
        setattr(options, name, value)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    return parsed


# The names of functions, and of pointers to functions in Python.
_PUBLIC = re.compile(r'^(?:define (?!internal)[^@]*@"?|@"?(?=opaque\.))([^"( ]+)', re.MULTILINE)


def _entry(key: tuple[str, ...]) -> str | None:
    """The name in the cache; None if there is none, or this compiler cannot be identified."""
    if disk.directory() is None:
        return None
    compiler = fingerprint.of_compiler()
    if compiler is None:
        _warn_of_change()
        return None
    versions = llvmlite.__version__, repr(llvm.llvm_version_info)
    return disk.key(*key, *processor()[:2], compiler, *versions)


@cache
def _warn_of_change() -> None:
    """Warns once per process."""
    warnings.warn(
        "the files of micrograd have changed since it was imported: compiled code is not kept on "
        "disk. Start the process again, so that all of its parts are of one version",
        RuntimeWarning,
        stacklevel=2,
    )


def _loaded(code: bytes, names: list[str]) -> tuple[dict[str, int], Any]:
    """The addresses of functions by name, and the engine that owns their memory."""
    _discarded.clear()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return {name: engine.get_global_value_address(name) for name in names}, engine
