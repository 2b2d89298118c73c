"""Pieces: examples in a file that is larger than memory, read a piece at a time."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.training.examples import Examples
from micrograd.training.shuffle import random_order
from micrograd.training.table import Column, Table, TableError, is_parquet, read_pieces, told_of

NUMBERS = 1 << 23  # in a piece, at most
ROWS = 65_536  # in a piece, at most
LARGE_SAMPLE = 100_000  # rows
LARGE_NUMBERS, LARGE_BYTES = 20_000_000, 200_000_000  # of Parquet and CSV, to be read in pieces

Encode = Callable[[Table], tuple[np.ndarray, np.ndarray]]


@dataclass
class Pieces:
    """The rows of a CSV or Parquet file that have a target, in pieces, but for a sample.

    The sample is every so many-th row: it is in memory, to learn from what the columns are and to
    judge by. `encode` makes inputs and targets of a table. `counts` are the rows of each piece.
    """

    path: Path
    target: str
    encode: Encode
    texts: tuple[str, ...]
    rows: int  # of a piece
    every: int | None
    counts: list[int]
    sample: Table | None
    without_target: int = 0  # of all rows

    @classmethod
    def of(
        cls, path: str | Path, target: str, encode: Encode, *,
        share: float | None = None, texts: tuple[str, ...] = (),
    ) -> "Pieces":  # fmt: skip
        """Reads the file once. The sample has this share of the rows, 100,000 of them at most.

        Raises TableError for a file without rows or target, and as `read_table` does.
        """
        if share is not None and not 0 < share < 1:
            raise ValueError(f"validation must be a share between 0 and 1, or (X, y); got {share}")
        path = Path(path)
        total, columns = extent(path)
        every = None if share is None else max(2, round(1 / share), -(-total // LARGE_SAMPLE))
        rows = max(1, min(ROWS, NUMBERS // columns))
        pieces = cls(path, target, encode, texts, rows, every, [], None)
        parts: list[Table] = []
        for number, piece in enumerate(read_pieces(path, rows, texts)):
            sampled = pieces._sampled(number, piece)
            missing = piece[target].missing
            pieces.counts.append(int((~sampled & ~missing).sum()))
            pieces.without_target += int(missing.sum())
            parts.append(piece.take(sampled))
        if not sum(pieces.counts):
            raise TableError(f"{path} has no rows with a {target!r} to learn from")
        if every is not None:
            pieces.sample = _joined(parts)
        return pieces

    def _sampled(self, number: int, piece: Table) -> np.ndarray:
        rows = np.arange(number * self.rows, number * self.rows + len(piece))
        return rows % self.every == 0 if self.every else np.zeros(len(piece), bool)

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Examples]:
        """The examples of one piece after another, encoded."""
        for number, piece in enumerate(read_pieces(self.path, self.rows, self.texts)):
            keep = ~self._sampled(number, piece) & ~piece[self.target].missing
            yield Examples.of(*self.encode(piece.take(keep)))

    def first(self) -> Examples:
        """The examples of the first piece."""
        return next(iter(self))

    def held_out(self) -> Examples | None:
        """The examples of the sample, if there is one."""
        if self.sample is None:
            return None
        labelled = ~self.sample[self.target].missing
        return Examples.of(*self.encode(self.sample.take(labelled)))


class PieceBatches:
    """The batches of an epoch: piece after piece, the examples of each in random order.

    What `Batches` is for examples in memory.
    """

    def __init__(self, pieces: Pieces, size: int, dtype: Any, like: Examples):
        self.pieces, self.size, self.examples = pieces, size, len(pieces)
        ends = np.cumsum([-(-count // size) for count in pieces.counts])
        self.ends, self.count = ends, int(ends[-1])  # batches up to the end of each piece; all
        self.dtypes = [a.dtype if dtype is None else dtype for a in like.arrays]
        self.arrays = [
            np.empty((size, *a.shape[1:]), kind) for a, kind in zip(like.arrays, self.dtypes)
        ]
        self.rows = None  # they are copied, from one piece after the other
        self.seed, self.number = 0, -1  # of the epoch; of the piece in memory
        self.stream: Iterator[Examples] = iter(())

    def shuffle(self, random: np.random.Generator) -> None:
        """Draws the order of the next epoch."""
        self.seed, self.number, self.stream = int(random.integers(1 << 62)), -1, iter(self.pieces)

    def load(self, batch: int) -> int:
        """Makes `arrays` hold this batch, counted from 0; answers how many examples it has."""
        number = int(np.searchsorted(self.ends, batch, side="right"))
        while self.number < number:
            piece = next(self.stream)
            self.number += 1
            if self.number == number:
                self.whole = [a.astype(kind) for a, kind in zip(piece.arrays, self.dtypes)]
                random = np.random.default_rng([self.seed, number])
                self.order = random_order(len(piece), random)
        first = (batch - int(self.ends[number - 1] if number else 0)) * self.size
        rows = self.order[first : first + self.size]
        for array, whole in zip(self.arrays, self.whole):
            np.take(whole, rows, axis=0, out=array[: len(rows)], mode="clip")
        return len(rows)


def extent(path: Path) -> tuple[int, int]:
    """How many rows and columns a file has."""
    if is_parquet(path):
        with told_of(path):
            from pyarrow import parquet

            metadata = parquet.ParquetFile(path).metadata
            return metadata.num_rows, metadata.num_columns
    rows = columns = 0
    for piece in read_pieces(path, ROWS):
        rows, columns = rows + len(piece), len(piece.columns)
    if not rows:
        raise TableError(f"{path} has no rows below its header")
    return rows, columns


def is_large(path: Path) -> bool:
    """Whether a file is better read in pieces. False for none: who reads it says what is wrong."""
    if not path.is_file():
        return False
    if is_parquet(path):
        return math.prod(extent(path)) > LARGE_NUMBERS
    return path.stat().st_size > LARGE_BYTES


def numbers_of(target: str) -> Encode:
    """Inputs are all columns but the target, as they are; all must be numbers."""

    def encode(table: Table) -> tuple[np.ndarray, np.ndarray]:
        for column in table.columns.values():
            if column.kind not in ("number", "whole", "date"):
                raise TableError(
                    f"column {column.name!r} holds {column.kind}; fit takes numbers from a file. "
                    "train_table encodes text"
                )
        inputs = [column.values for column in table.columns.values() if column.name != target]
        return np.column_stack(inputs), table[target].values

    return encode


def _joined(parts: list[Table]) -> Table:
    """Tables of the same columns, one below the other."""
    columns = {}
    for name, column in parts[0].columns.items():
        values = np.concatenate([part[name].values for part in parts])
        columns[name] = Column(name, column.kind, values, column.decimal)
    return Table(columns)
