"""Programs in the compile cache: compiled once, told apart, and written by several processes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import micrograd as mg
from micrograd.compiler.api import specializer
from micrograd.compiler.program import fingerprint
from micrograd.compiler.runtime import disk_cache as cache
from micrograd.compiler.runtime import native_kernel
from micrograd.ops import TABLE

native = pytest.importorskip("micrograd.compiler.runtime.jit", reason="needs llvmlite")
target = pytest.importorskip("micrograd.compiler.llvm.target", reason="needs llvmlite")


QUARTER = mg.Value(0.25)


def compiled() -> mg.Compiled:
    return mg.compile(lambda x, y: mg.tanh(x) * y + 0.25)


def test_a_program_is_compiled_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled().value_and_grad(0.5, 2.0)
    stages = "program", "plan", "llvm", "assembly", "c"
    texts = [(f := compiled()).source(stage, 0.5, 2.0) for stage in stages]

    def fail(*_: object) -> None:
        raise AssertionError("compiled again")

    with monkeypatch.context() as patch:
        for module, name in (
            (native, "_optimised"),
            (native_kernel, "schedule"),
            (specializer, "add_adjoint"),
        ):
            patch.setattr(module, name, fail)
        assert compiled().value_and_grad(0.5, 2.0) == first
        with pytest.raises(AssertionError, match="compiled again"):
            mg.compile(lambda x, y: mg.tanh(x) * y + 0.5)(0.5, 2.0)
    assert [f.source(stage, 0.5, 2.0) for stage in stages] == texts


def test_what_a_found_program_shows(folder: Path) -> None:
    """The stages are only computed when they are printed."""

    def page() -> list[str]:
        f = compiled()
        f.value_and_grad(0.5, 2.0)
        return [f.source("program"), f.source("plan"), f.source("c"), f.explain()]

    assert page() == page()


def test_operations_of_a_user_are_known_by_what_they_are(folder: Path) -> None:
    """Not by their names alone."""

    def cubed(factor: float) -> tuple[float, float]:
        @mg.op(derivative=lambda g, z, x: 3 * factor * g * x**2)
        def cube(x):
            return factor * x**3

        del TABLE["cube"]
        return mg.compile(lambda x: cube(x)).value_and_grad(2.0)

    assert cubed(1.0) == (8.0, 12.0)
    assert cubed(2.0) == (16.0, 24.0)


@pytest.mark.parametrize(
    "other",
    [
        lambda x, y: mg.tanh(y) * x + 0.25,
        lambda x, y: mg.tanh(x) * y - 0.25,
        lambda x, y: mg.tanh(x) * y + QUARTER,
        lambda x, y: mg.sin(x) * y + 0.25,
        lambda x, y: mg.maximum(mg.tanh(x), y) + 0.25,
        lambda x, y: mg.tanh(x) + y + 0.25,
        lambda x, y: mg.tanh(x) * y * y + 0.25,
        lambda x, y: mg.tanh(x) * y + 0.25 * x,
    ],
)
def test_fingerprints_tell_programs_apart(other: Any) -> None:
    def of(f: Any) -> str | None:
        g = mg.compile(f)
        g(0.5, 2.0)
        return fingerprint.of_program(g.kernel(g.specializations[0]).program)

    assert of(other) != of(lambda x, y: mg.tanh(x) * y + 0.25)
    assert of(other) == of(other)


def test_a_damaged_program_is_compiled_again(folder: Path) -> None:
    first = compiled()(0.5, 2.0)
    (entry,) = folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    assert compiled()(0.5, 2.0) == first
    assert entry.read_bytes() == whole


PROGRAM = """
import micrograd as mg
f = mg.compile(lambda x: mg.sum(mg.sin(k * x) for k in range(20)))
print(f(0.75).hex())
"""


def test_several_processes_at_once(folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(printed)) == 1
    entries = [*folder.iterdir()]
    assert len(entries) == 2  # the program, and the extension
    assert all(cache.load(entry.name) is not None for entry in entries)
