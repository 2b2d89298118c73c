"""The compile cache: hits, rejected entries, and concurrent writers."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from micrograd.compiler.runtime import disk_cache as cache

NAME = cache.key("a program")
CODE = bytes(range(256)) * 4


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
    others.append(folder.parent / NAME)  # as an earlier version, or another program, wrote it
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
