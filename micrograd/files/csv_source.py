"""The bytes of a CSV file: unpacks gzip and ZIP, and finds the encoding."""

import codecs
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from micrograd.files.column import TableError

HEAD = 1 << 16  # bytes from which the layout is inferred
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


def is_packed(path: Path) -> bool:
    """Whether the content of a file is gzip or ZIP, whatever its name."""
    with open(path, "rb") as file:
        return file.read(4)[:2] in (b"\x1f\x8b", b"PK")


def opened(path: Path) -> Any:
    """Arrow's stream of the bytes in a file; gzip, and one file in a ZIP archive, are unpacked."""
    import pyarrow as pa

    with open(path, "rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return pa.CompressedInputStream(pa.OSFile(str(path)), "gzip")
    if start == b"PK\x03\x04":
        return pa.PythonFile(_in_archive(path), "r")
    return pa.OSFile(str(path))


def _in_archive(path: Path) -> Any:
    archive = zipfile.ZipFile(path)
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names:
        raise TableError(f"{path} is a workbook of Excel; save its sheet as CSV")
    if len(names) != 1:
        raise TableError(
            f"{path} is an archive of {len(names)} files; unpack the one that you mean: "
            f"{', '.join(names[:5])}"
        )
    try:
        return archive.open(names[0])
    except RuntimeError:
        raise TableError(f"{path} is locked by a password; unpack it first") from None


def encoding_of(path: Path, given: str = "") -> str:
    """The encoding of a file: the given one, that of its byte-order mark, or UTF-8."""
    if given:
        return given
    with opened(path) as stream:
        start = stream.read(4)
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")


def head_of(path: Path, encoding: str) -> str:
    """The start of a CSV file, up to the end of a line.

    Raises TableError if it is empty or not text.
    """
    with opened(path) as stream:
        start = stream.read(HEAD)
    text = start.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="ignore")
    if not text.strip():
        raise TableError(f"{path} is empty; expected a header and rows")
    if "\0" in text:
        raise TableError(not_text(path, encoding))
    return text if len(start) < HEAD else text.rpartition("\n")[0] or text


def not_text(path: Path, encoding: str) -> str:
    """The message about a file that is not text in this encoding."""
    name, where = encoding.upper(), ""
    with suppress(OSError, EOFError, zipfile.BadZipFile):
        for number, line in enumerate(_lines(path), 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                where = f" (line {number} has {line[: error.end].decode('latin-1')[-20:]!r})"
                break
    return (
        f"{path} is not {name} text{where}; name its encoding, such as --encoding latin-1 "
        "(encoding= in Python), or convert it to UTF-8"
    )


def _lines(path: Path) -> Iterator[bytes]:
    rest = b""
    with opened(path) as stream:
        while part := stream.read(1 << 20):
            *lines, rest = (rest + part).split(b"\n")
            yield from lines
    yield rest
