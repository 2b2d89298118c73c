"""write_whole: a file that is written to its end, or not at all."""

import os
import re
import secrets
import stat
import zlib
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

# A draft is named after its process, whose number may have been that of another, and a count.
_PROCESS, _count = secrets.token_hex(4), count()


def write_whole(
    path: str | Path, content: bytes | Iterable[bytes], previous: Path | None = None
) -> None:
    """Writes `content`, or its parts as they come, beside `path`; then puts it there in one step.

    Whatever goes wrong, the old file stays as it was and no half-written one is left. It becomes
    `previous`, if that is given, once the new one is there: both names are of a file at any moment,
    and of two. A device or a pipe, which cannot be replaced, is written to. Raises OSError where
    writing fails.
    """
    check_writable(path)
    parts = [content] if isinstance(content, bytes) else content
    path = Path(os.path.realpath(path))  # what a link points to, not the link
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with open(path, "wb") as file:
            file.writelines(parts)
        return
    part, old = beside(path, "part"), beside(path, "old")
    try:
        with open(part, "xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        linked = previous is not None and _linked(path, old)
        os.replace(part, path)
        if previous is not None and linked:
            os.replace(old, previous)
        _sync_names(path.parent)
    finally:
        part.unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def _linked(path: Path, old: Path) -> bool:
    """Gives a file a second name. False where there is none, or no such thing as a link."""
    try:
        os.link(path, old)
    except OSError:
        return False
    return True


def _sync_names(directory: Path) -> None:
    """Makes the names in a directory outlast a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(path: str | Path) -> None:
    """Removes what processes that were killed have left of `path`, beside it."""
    path = Path(os.path.realpath(path))
    ours = re.compile(re.escape(_stem(path)) + r"\.(\d{1,9})-(\w+)-\d+\.(part|old)")
    for left in path.parent.iterdir():
        name = ours.fullmatch(left.name)
        if name and not _at_work(int(name[1]), name[2]):
            left.unlink(missing_ok=True)


def beside(path: Path, kind: str) -> Path:
    """A name beside `path` that nobody else has, not even another thread."""
    return path.with_name(f"{_stem(path)}.{os.getpid()}-{_PROCESS}-{next(_count)}.{kind}")


def _at_work(number: int, process: str) -> bool:
    """Whether a draft may still be written: by this process, or by another that is alive."""
    if number == os.getpid() or os.name != "posix":
        return process == _PROCESS
    try:
        os.kill(number, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def _stem(path: Path) -> str:
    """What the names beside `path` begin with: no longer than a name may be, yet of no other."""
    return f".{path.name[:50]}.{zlib.crc32(os.fsencode(path.name)):08x}"


def check_writable(path: str | Path, *read: Any) -> None:
    """Raises OSError if a file cannot be written at `path`: before the work, not after it.

    Nor over a file that is `read`; what is no path is none.
    """
    path = Path(os.path.realpath(path))
    for other in read:
        if isinstance(other, (str, Path)) and path == Path(os.path.realpath(other)):
            raise FileExistsError(f"cannot write {path}: it is read, too; name another file")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: permission denied")
