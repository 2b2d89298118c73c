"""Disk cache: machine code on disk, so that a program is compiled once, not at every start.

An entry is a file, named after the SHA-256 of everything that its code depends on; it holds a
checksum and the code. A user who can write an entry can run code as the user who reads it. So the
cache reads no directory and no file that belongs to another user, or that others may write to. A
damaged entry counts as missing. An entry is written under a temporary name and then renamed, so
that concurrent processes see all of it or nothing.

`MICROGRAD_CACHE_DIR` names another parent directory; if it is empty, there is no cache. The cache
makes a directory of its own inside it, and removes only files with names of its own form.
"""

import hashlib
import os
import re
import secrets
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

LIMIT = 256 << 20  # bytes; beyond it, the least recently used entries are removed
_NAMED = "MICROGRAD_CACHE_DIR"
_OWN = "micrograd-compiled"  # the cache's directory inside the named one
_ENTRY = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16})?")  # an entry, or its temporary name


class UnsafeError(PermissionError):
    """The directory belongs to another user, or others may write to it."""


def directory() -> Path | None:
    """The directory of the entries; None if there is no cache."""
    if not hasattr(os, "geteuid"):  # a system without POSIX file owners
        return None
    named = os.environ.get(_NAMED)
    if named is not None:
        return Path(named) / _OWN if named else None
    with suppress(RuntimeError):  # no home directory
        home = Path.home()
        if sys.platform == "darwin":
            return home / "Library" / "Caches" / "micrograd"
        return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "micrograd"
    return None


def key(*parts: str) -> str:
    """The name of the entry for `parts`.

    >>> key("a", "bc") == key("ab", "c")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """The code of an entry; None if it is missing, damaged, or not private to this user."""
    path = directory()
    if path is None:
        return None
    try:
        with _opened(path) as folder:
            return _read(folder, name)
    except FileNotFoundError:
        return None
    except OSError as error:
        _report(error)
        return None


def store(name: str, code: bytes) -> None:
    """Writes `code` as an entry, if there is a cache."""
    path = directory()
    if path is None:
        return
    try:
        with _opened(path) as folder:
            _write(folder, name, code)
            _trim(folder)
    except OSError as error:
        _report(error)


def _read(folder: int, name: str) -> bytes | None:
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as entry:
        if not _private(os.fstat(entry.fileno())):
            return None
        checksum, code = entry.read(32), entry.read()
        if checksum != _checksum(name, code):
            return None
        os.utime(entry.fileno())  # the time of last use, for `_trim`
        return code


def _write(folder: int, name: str, code: bytes) -> None:
    draft = f"{name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as entry:
            entry.write(_checksum(name, code) + code)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:  # for example no space left
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def _checksum(name: str, code: bytes) -> bytes:
    """The checksum includes the name: a renamed entry counts as damaged."""
    return hashlib.sha256(name.encode() + code).digest()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The directory, made if it is missing, and held open once it is known to be private."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _private(os.fstat(folder)):
            raise UnsafeError(
                f"{path} belongs to another user, or others may write to it; chmod 700 it, or name "
                f"another directory in {_NAMED}"
            )
        yield folder
    finally:
        os.close(folder)


def _private(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _report(error: OSError) -> None:
    """A broken cache only costs time: warn if the user chose the directory, or if it is unsafe."""
    if isinstance(error, UnsafeError) or _NAMED in os.environ:
        _warn(f"compiled code is not kept on disk: {error}")


@cache
def _warn(message: str) -> None:
    """Warns once per process."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _trim(folder: int) -> None:
    """Removes the least recently used entries, until the rest is within LIMIT."""
    entries = []
    with os.scandir(folder) as found:
        for entry in found:
            if _ENTRY.fullmatch(entry.name):
                with suppress(OSError):  # another process has removed it
                    status = entry.stat(follow_symlinks=False)
                    entries.append((status.st_mtime, status.st_size, entry.name))
    total = sum(size for _, size, _ in entries)
    for _, size, name in sorted(entries):
        if total <= LIMIT:
            return
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        total -= size
