"""Cache: machine code on disk, so that a program is compiled once, not at every start.

An entry is a file named after the SHA-256 of all that its code depends on; it holds a checksum, and
then the code. Whoever can write an entry can run a program as its reader: so nothing is read from a
directory, nor from a file, that belongs to another user or that others may write to. What is
damaged counts as not there. An entry is written under a name of its own and then renamed: several
processes at once see all of it or nothing.

`MICROGRAD_CACHE_DIR` names another place for the directory; empty, it turns the cache off. The
directory is the cache's own, made inside the one that is named; of the files in it the cache
removes only those whose names it gives itself.
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

LIMIT = 256 << 20  # bytes; beyond it, what was not used for longest is removed
_NAMED = "MICROGRAD_CACHE_DIR"
_OWN = "micrograd-compiled"  # the directory inside the one that is named
_ENTRY = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16})?")  # an entry, or one that is being written


class UnsafeError(PermissionError):
    """The directory belongs to another user, or others may write to it."""


def directory() -> Path | None:
    """Where the entries lie; None where there is no cache."""
    if not hasattr(os, "geteuid"):  # a system on which files have no such owners
        return None
    named = os.environ.get(_NAMED)
    if named is not None:
        return Path(named) / _OWN if named else None
    with suppress(RuntimeError):  # there is no home
        home = Path.home()
        if sys.platform == "darwin":
            return home / "Library" / "Caches" / "micrograd"
        return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "micrograd"
    return None


def key(*parts: str) -> str:
    """The name of an entry that depends on `parts`, and on nothing else.

    >>> key("a", "bc") == key("ab", "c")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """The code of an entry; None if there is none that is whole and the user's own."""
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
    """Keeps `code` as an entry, where there is a cache."""
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
        os.utime(entry.fileno())  # used now
        return code


def _write(folder: int, name: str, code: bytes) -> None:
    draft = f"{name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as entry:
            entry.write(_checksum(name, code) + code)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:  # no space left, perhaps
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def _checksum(name: str, code: bytes) -> bytes:
    """Of the entry's name too: one that was renamed counts as damaged."""
    return hashlib.sha256(name.encode() + code).digest()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The directory, made where there is none, and held open once it is known to be private."""
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
    """Trouble makes a start slower, no more; whoever named the directory hears of it."""
    if isinstance(error, UnsafeError) or _NAMED in os.environ:
        _warn(f"compiled code is not kept on disk: {error}")


@cache
def _warn(message: str) -> None:
    """Once in a process."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _trim(folder: int) -> None:
    """Removes the entries that were not used for longest, until the rest is within LIMIT."""
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
