"""write_whole: writes a file atomically, completely or not at all."""

import os
import re
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

# The name of a temporary file has a counter, the process id and, since ids recur, a random token.
_PROCESS, _count = secrets.token_hex(4), count()


def write_whole(
    path: str | Path, content: bytes | Iterable[bytes], previous: Path | None = None
) -> None:
    """Writes `content` (or its parts, one by one) to a temporary file, then renames it to `path`.

    On any error the old file is unchanged and no partial file remains. If `previous` is given, the
    old file is renamed to it after the new one is in place, so that both names always refer to
    complete, distinct files. Devices and pipes cannot be replaced, so they are written to directly.
    Raises OSError if writing fails.
    """
    check_writable(path)
    with _naming(path):
        _write_whole(path, content, previous)


def _write_whole(path: str | Path, content: bytes | Iterable[bytes], previous: Path | None) -> None:
    parts = [content] if isinstance(content, bytes) else content
    path = Path(os.path.realpath(path))  # replace the target of a link, not the link
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


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Errors of the system that name no file, such as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def _linked(path: Path, old: Path) -> bool:
    """Makes a hard link. False if there is no file, or the file system has no links."""
    try:
        os.link(path, old)
    except OSError:
        return False
    return True


def _sync_names(directory: Path) -> None:
    """Makes the names in a directory durable across a power cut, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(path: str | Path) -> None:
    """Removes the temporary files for `path` that killed processes have left."""
    path = Path(os.path.realpath(path))
    ours = re.compile(re.escape(_stem(path)) + r"\.(\d{1,9})-(\w+)-\d+\.(part|old)")
    for left in path.parent.iterdir():
        name = ours.fullmatch(left.name)
        if name and not _at_work(int(name[1]), name[2]):
            left.unlink(missing_ok=True)


def beside(path: Path, kind: str) -> Path:
    """A temporary name in the directory of `path`, unique among processes and threads."""
    return path.with_name(f"{_stem(path)}.{os.getpid()}-{_PROCESS}-{next(_count)}.{kind}")


def _at_work(number: int, process: str) -> bool:
    """Whether the process that writes a temporary file may still be running."""
    if number == os.getpid() or os.name != "posix":
        return process == _PROCESS
    try:
        os.kill(number, 0)  # sends no signal
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user
        return True
    return True


def _stem(path: Path) -> str:
    """The prefix of temporary names: short enough for the file system, and unique to `path`."""
    return f".{path.name[:50]}.{zlib.crc32(os.fsencode(path.name)):08x}"


FORMATS = {
    *(".csv", ".tsv", ".xlsx", ".xls", ".ods", ".json", ".parquet", ".pq", ".feather", ".arrow"),
    *(".gz", ".zip", ".npy", ".npz", ".pkl", ".pickle", ".pt", ".onnx", ".h5", ".safetensors"),
}


def check_format(path: str | Path, what: str, own: str) -> None:
    """Raises ValueError for the suffix of a known format other than `own`."""
    suffix = Path(path).suffix.lower()
    if suffix in FORMATS and suffix != own:
        raise ValueError(f"{path}: {what} in the format {own}; name a file that ends in {own}")


def check_writable(path: str | Path, *read: Any) -> None:
    """Raises OSError, before the work starts, if `path` cannot be written.

    It must not be one of the files in `read`, either; objects that are not paths are ignored.
    """
    path = Path(os.path.realpath(path))
    for other in read:
        if isinstance(other, (str, Path)) and path == Path(os.path.realpath(other)):
            raise FileExistsError(f"cannot write {path}: it is an input; name another file")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: permission denied")
