"""write_whole: a file that is written to its end, or not at all."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: str | Path, content: bytes | Iterable[bytes]) -> None:
    """Writes `content`, or its parts as they come, beside `path`; then puts it there in one step.

    Whatever goes wrong, the old file stays as it was and no half-written one is left. A device or a
    pipe, which cannot be replaced, is written to. Raises OSError where writing fails.
    """
    check_writable(path)
    parts = [content] if isinstance(content, bytes) else content
    path = Path(os.path.realpath(path))  # what a link points to, not the link
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with open(path, "wb") as file:
            file.writelines(parts)
        return
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Raises OSError if a file cannot be written at `path`: before the work, not after it."""
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: permission denied")
