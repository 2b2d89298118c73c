"""The compile cache: hits, rejected entries, and concurrent writers."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import micrograd as mg
from micrograd.compiler.api import specializer
from micrograd.compiler.program import fingerprint
from micrograd.compiler.runtime import disk_cache as cache
from micrograd.compiler.runtime import native_kernel
from micrograd.ops import TABLE

NAME = cache.key("a program")
CODE = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of an empty cache, not yet created, with no warnings issued yet."""
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "cache"))
    cache._warn.cache_clear()
    path = cache.directory()
    assert path
    return path


def test_an_entry_comes_back(folder: Path) -> None:
    assert cache.load(NAME) is None
    cache.store(NAME, CODE)
    assert cache.load(NAME) == CODE
    assert cache.load(cache.key("another program")) is None


def test_only_the_user_may_read_and_write(folder: Path) -> None:
    cache.store(NAME, CODE)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(e.name, e.stat().st_mode & 0o777) for e in folder.iterdir()] == [(NAME, 0o600)]


# Kinds of damage to an entry: functions of its bytes.
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut within the checksum": lambda data: data[:20],
    "cut within the code": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "a byte of the checksum": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a byte of the code": lambda data: data[:99] + bytes([data[99] ^ 128]) + data[100:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_counts_as_none_and_is_replaced(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    cache.store(NAME, CODE)
    (folder / NAME).write_bytes(damage((folder / NAME).read_bytes()))
    assert cache.load(NAME) is None
    cache.store(NAME, CODE)
    assert cache.load(NAME) == CODE


def test_an_entry_under_another_name_counts_as_damaged(folder: Path) -> None:
    cache.store(NAME, CODE)
    other = cache.key("another program")
    (folder / NAME).rename(folder / other)
    assert cache.load(other) is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_directory_that_others_write_to_is_not_trusted(folder: Path, mode: int) -> None:
    cache.store(NAME, CODE)
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to it; chmod 700"):
        assert cache.load(NAME) is None
    cache.store(cache.key("another program"), CODE)  # no second warning, and nothing written
    assert [entry.name for entry in folder.iterdir()] == [NAME]


def test_a_file_that_others_write_to_is_not_trusted(folder: Path) -> None:
    cache.store(NAME, CODE)
    (folder / NAME).chmod(0o666)
    assert cache.load(NAME) is None


def test_what_belongs_to_another_user_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(NAME, CODE)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert cache.load(NAME) is None


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    cache.store(NAME, CODE)
    (folder / NAME).rename(tmp_path / NAME)
    (folder / NAME).symlink_to(tmp_path / NAME)
    with pytest.warns(RuntimeWarning, match="not kept on disk"):
        assert cache.load(NAME) is None


def test_an_empty_name_turns_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", "")
    assert cache.directory() is None
    cache.store(NAME, CODE)
    assert cache.load(NAME) is None


def test_a_directory_that_cannot_be_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one warning if the user chose the directory, and otherwise none."""
    folder.parent.write_text("a file")
    with pytest.warns(RuntimeWarning, match="not kept on disk"):
        cache.store(NAME, CODE)
    assert cache.load(NAME) is None
    monkeypatch.delenv("MICROGRAD_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent))
    monkeypatch.setattr(sys, "platform", "linux")
    cache.store(NAME, CODE)
    assert cache.load(NAME) is None


@pytest.mark.parametrize(
    ("platform", "xdg", "expected"),
    [
        ("linux", None, "home/.cache/micrograd"),
        ("linux", "elsewhere", "elsewhere/micrograd"),
        ("darwin", None, "home/Library/Caches/micrograd"),
    ],
)
def test_where_it_lies(
    platform: str, xdg: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MICROGRAD_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / xdg))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.directory() == tmp_path / expected


def test_what_was_not_used_for_longest_makes_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 3 * (len(CODE) + 32))
    names = [cache.key(str(k)) for k in range(4)]
    for age, name in zip((300, 200, 100), names):
        cache.store(name, CODE)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    assert cache.load(names[0]) == CODE  # the oldest entry is used again
    cache.store(names[3], CODE)
    assert [cache.load(name) is not None for name in names] == [True, False, True, True]


NOT_ENTRIES = "photo.raw", "thesis.txt", NAME.upper(), NAME[:-1], f"{NAME}.part", f"{NAME}.txt", "a"


def test_files_of_others_are_neither_counted_nor_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether they lie in the directory that the user named, or in the cache's own inside it."""
    monkeypatch.setattr(cache, "LIMIT", len(CODE) + 32)
    folder.mkdir(mode=0o700, parents=True)
    others = [where / name for where in (folder, folder.parent) for name in NOT_ENTRIES]
    others.append(folder.parent / NAME)  # as an earlier version wrote it, or anybody
    for other in others:
        other.write_bytes(bytes(2 * cache.LIMIT))
        os.utime(other, (1e9, 1e9))
    cache.store(cache.key("another program"), CODE)
    cache.store(NAME, CODE)
    assert all(other.stat().st_size == 2 * cache.LIMIT for other in others)
    assert {e.name for e in folder.iterdir()} == {NAME, *NOT_ENTRIES}


def test_what_a_killed_writer_left_is_removed_in_its_turn(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", len(CODE) + 32)
    folder.mkdir(mode=0o700, parents=True)
    draft = folder / f"{NAME}.{'0' * 16}"
    draft.write_bytes(CODE)
    os.utime(draft, (1e9, 1e9))
    cache.store(NAME, CODE)
    assert [entry.name for entry in folder.iterdir()] == [NAME]


def test_a_directory_that_is_shared_may_be_named(folder: Path) -> None:
    """The cache's own directory inside it is private."""
    folder.parent.mkdir()
    folder.parent.chmod(0o777)
    cache.store(NAME, CODE)
    assert cache.load(NAME) == CODE
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.warns(RuntimeWarning, match="No space left"):
        cache.store(NAME, CODE)
    assert list(folder.iterdir()) == []


# With the compiler.

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
