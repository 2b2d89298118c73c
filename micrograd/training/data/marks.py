"""Marks: descriptions and hashes that identify data, the same in every process.

Arrays and tables are identified by their numbers, a file by its size and three of its blocks.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.table import Table
from micrograd.training.data.examples import Examples

BLOCK = 1 << 20  # bytes of a file read at once

Mark = tuple[str, str]  # a readable description, and a hash
Description = Mapping[str, Mark]


def written(**parts: Any) -> dict[str, Mark]:
    """Marks of parts that are identified by their text.

    >>> written(seed=0)
    {'seed': ('0', '0')}
    """
    return {name: (words(part), words(part)) for name, part in parts.items()}


def words(x: Any) -> str:
    """The text of `x` without memory addresses, which differ between processes.

    >>> words(words)
    '<function words>'
    """
    try:
        return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(x))
    except Exception:  # a user's __repr__ may raise anything
        return type(x).__qualname__


def of_examples(examples: Examples | None) -> Mark:
    """The mark of all numbers."""
    arrays = [] if examples is None else examples.arrays
    return words(examples), hashed(*[part for a in arrays for part in _parts(a)])


def of_file(path: Path) -> Mark:
    """The mark of a file's size and its first, middle and last block; its folder does not count."""
    size, blocks = path.stat().st_size, []
    with open(path, "rb") as file:
        for start in (0, (size - BLOCK) // 2, size - BLOCK):
            file.seek(max(start, 0))
            blocks.append(file.read(BLOCK))
    return path.name, hashed(str(size).encode(), *blocks)


def of_table(table: Table) -> Mark:
    """The mark of all columns."""
    columns = table.columns.values()
    parts = [part for c in columns for part in (c.name.encode(), *_parts(c.values))]
    return "table", hashed(*parts)


def _parts(array: np.ndarray) -> tuple[bytes, Any]:
    shape = f"{array.dtype.str}{array.shape}".encode()
    if array.dtype.hasobject:
        return shape, repr(array.tolist()).encode(errors="surrogatepass")
    return shape, np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def hashed(*parts: Any) -> str:
    """A hash of the bytes of all parts."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
