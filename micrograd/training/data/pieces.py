"""Pieces: examples larger than memory, read or encoded one piece at a time."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.column import TableError
from micrograd.files.csv_source import is_packed, opened
from micrograd.files.survey import Survey, rows_of
from micrograd.files.table import Table
from micrograd.files.table_file import TableFile, errors_about, is_parquet
from micrograd.training.data.examples import Examples
from micrograd.training.data.shuffle import random_order

LARGE_NUMBERS, LARGE_BYTES = 20_000_000, 200_000_000  # Parquet, CSV: larger is read in pieces

Encode = Callable[[Table], tuple[np.ndarray, np.ndarray]]


class Pieces:
    """The rows of a file or a table that have a target and are not held out, as examples.

    `encode` turns a table into inputs, `width` numbers per row, and targets. `labelled` counts the
    rows with a target in each piece. `without` holds the numbers, from 0, of the held-out rows, all
    of which have a target; `examples` are these rows, encoded. `labels` are the distinct targets;
    if there are very many, some of them with the smallest and the largest; None if unknown.
    """

    def __init__(
        self, source: "TableFile | InMemory", target: str, encode: Encode, width: int, *,
        rows: int, labelled: list[int], without: np.ndarray, examples: Examples | None = None,
        labels: np.ndarray | None = None,
    ):  # fmt: skip
        self.source, self.target, self.encode = source, target, encode
        self.rows, self.without, self.examples, self.labels = rows, without, examples, labels
        self.most = rows_of(width)  # rows encoded at once
        held = np.bincount(without // rows, minlength=len(labelled))
        self.counts = [n for kept in labelled - held for n in self._parts(int(kept))]
        if not self.counts:
            raise TableError("no rows with a target are left to train on; hold out fewer")

    def _parts(self, count: int) -> list[int]:
        """The sizes of the parts in which `count` rows are encoded."""
        return [min(self.most, count - first) for first in range(0, count, self.most)]

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Examples]:
        """The encoded examples, part by part; the sizes are those in `counts`."""
        start, number = 0, 0
        for piece in self.source.pieces(self.rows):
            keep = ~piece[self.target].missing
            first, end = np.searchsorted(self.without, (start, start + len(piece)))
            keep[self.without[first:end] - start] = False
            start, kept = start + len(piece), np.flatnonzero(keep)
            for count in self._parts(len(kept)):
                if number == len(self.counts) or count != self.counts[number]:
                    raise self.source.changed()
                rows, kept, number = kept[:count], kept[count:], number + 1
                yield Examples.of(*self.encode(piece.take(rows)))
        if number < len(self.counts):
            raise self.source.changed()

    def first(self) -> Examples:
        """The examples of the first piece."""
        return next(iter(self))

    def held_out(self) -> Examples | None:
        """The validation examples, if there are any."""
        return self.examples


class InMemory:
    """A table in memory, as one piece. Only its encoded form would be too large."""

    def __init__(self, table: Table):
        self.table = table

    def pieces(self, rows: int) -> Iterator[Table]:
        """The table, whatever `rows`."""
        yield self.table

    def changed(self) -> Exception:
        """An internal error: a table in memory does not change."""
        return AssertionError("a table in memory has changed")


class PieceBatches:
    """The batches of an epoch, piece after piece; each piece is shuffled.

    It has the interface of `Batches`, which is for examples in memory.
    """

    def __init__(self, pieces: Pieces, size: int, dtype: Any, like: Examples):
        self.pieces, self.size, self.examples = pieces, size, len(pieces)
        ends = np.cumsum([-(-count // size) for count in pieces.counts])
        self.ends, self.count = ends, int(ends[-1])  # batches up to the end of each piece; in all
        self.dtypes = [a.dtype if dtype is None else dtype for a in like.arrays]
        self.arrays = [
            np.empty((size, *a.shape[1:]), kind) for a, kind in zip(like.arrays, self.dtypes)
        ]
        self.rows = None  # `load` copies the examples instead
        self.seed, self.number = 0, -1  # the epoch's seed; the number of the piece in memory
        self.stream: Iterator[Examples] = iter(())

    def shuffle(self, random: np.random.Generator) -> None:
        """Draws the order of the next epoch."""
        self.seed, self.number, self.stream = int(random.integers(1 << 62)), -1, iter(self.pieces)

    def load(self, batch: int) -> int:
        """Copies this batch, counted from 0, to `arrays`; returns its size."""
        number = int(np.searchsorted(self.ends, batch, side="right"))
        while self.number < number:
            piece = next(self.stream)
            self.number += 1
            if self.number == number:
                self.whole = [
                    a.astype(kind, copy=False) for a, kind in zip(piece.arrays, self.dtypes)
                ]
                random = np.random.default_rng([self.seed, number])
                self.order = random_order(len(piece), random)
        first = (batch - int(self.ends[number - 1] if number else 0)) * self.size
        rows = self.order[first : first + self.size]
        for array, whole in zip(self.arrays, self.whole):
            np.take(whole, rows, axis=0, out=array[: len(rows)], mode="clip")
        return len(rows)


def is_large(path: Path) -> bool:
    """Whether to read a file in pieces. False if there is no file: reading it raises the error."""
    if not path.is_file():
        return False
    if is_parquet(path):
        with errors_about(path):
            from pyarrow import parquet

            metadata = parquet.ParquetFile(path).metadata
            return metadata.num_rows * metadata.num_columns > LARGE_NUMBERS
    if is_packed(path):
        with errors_about(path):
            return _unpacks_to_more(path, LARGE_BYTES)
    return path.stat().st_size > LARGE_BYTES


def _unpacks_to_more(path: Path, limit: int) -> bool:
    """Whether a file decompresses to more than `limit` bytes; reads no further than that."""
    size = 0
    with suppress(OSError), opened(path) as stream:  # reading raises the error later
        while size <= limit and (part := stream.read(1 << 20)):
            size += len(part)
    return size > limit


def numbers_in(path: str | Path, target: str, share: float | None = None, seed: int = 0) -> Pieces:
    """The examples in a numeric file; all columns but the target are inputs, unscaled.

    A random `share` of the rows is held out, at most 100,000. Raises TableError for a column that
    is not numeric or has missing values, and if no rows, or all rows, would be held out.
    """
    if share is not None and not 0 < share < 1:
        raise ValueError(f"validation must be in (0, 1), or a tuple (X, y), got {share}")
    file = TableFile(path, numeric=True)
    survey = Survey.of(file, target, share or 0.0, seed)
    for name, kind in survey.kinds.items():
        if kind not in ("number", "whole", "date"):
            raise TableError(
                f"column {name!r} holds {kind}, but fit needs numbers; use train_table, which "
                "encodes text"
            )
        survey.faults[name].check_complete()
    width = len(survey.kinds) - 1
    if not width:
        raise TableError(f"{path} has no column but {target!r}; add columns to predict it from")

    def encode(table: Table) -> tuple[np.ndarray, np.ndarray]:
        columns = table.columns.values()
        inputs = [column.values for column in columns if column.name != target]
        return np.column_stack(inputs), table[target].values

    examples, count = None, sum(survey.labelled)
    if share is not None:
        assert survey.sample is not None
        if not 0 < len(survey.sample) < count:
            raise TableError(
                f"{count} rows with a target are too few to hold out a fraction of {share}"
            )
        examples = Examples.of(*encode(survey.sample))
    return Pieces(
        file, target, encode, width, rows=survey.rows, labelled=survey.labelled,
        without=survey.sampled, examples=examples, labels=survey.targets.values,
    )  # fmt: skip
