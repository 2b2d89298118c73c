"""Pieces: examples that are read, or encoded, a piece at a time: they are larger than memory."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.survey import Survey, rows_of
from micrograd.files.table import Table, TableError
from micrograd.files.table_file import TableFile, is_parquet, told_of
from micrograd.training.data.examples import Examples
from micrograd.training.data.shuffle import random_order

LARGE_NUMBERS, LARGE_BYTES = 20_000_000, 200_000_000  # of Parquet and CSV, to be read in pieces

Encode = Callable[[Table], tuple[np.ndarray, np.ndarray]]


class Pieces:
    """Examples of the rows of a file, or of a table, that have a target, but for some held out.

    `encode` makes inputs and targets of a table, so many numbers a row: `width`. `labelled` says
    how many rows of each piece have a target, `without` which rows are held out, by number from 0;
    all have one. `examples` are those held out to judge by, and `labels` are all targets, each once
    or, of very many, some, the least and the greatest: if they are to be known here.
    """

    def __init__(
        self, source: "TableFile | InMemory", target: str, encode: Encode, width: int, *,
        rows: int, labelled: list[int], without: np.ndarray, examples: Examples | None = None,
        labels: np.ndarray | None = None,
    ):  # fmt: skip
        self.source, self.target, self.encode = source, target, encode
        self.rows, self.without, self.examples, self.labels = rows, without, examples, labels
        self.most = rows_of(width)  # that are encoded at once
        held = np.bincount(without // rows, minlength=len(labelled))
        self.counts = [n for kept in labelled - held for n in self._parts(int(kept))]
        if not self.counts:
            raise TableError("no rows with a target are left to train on; hold out fewer")

    def _parts(self, count: int) -> list[int]:
        """So many rows, as they are encoded."""
        return [min(self.most, count - first) for first in range(0, count, self.most)]

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Examples]:
        """The examples of one piece after another, encoded: as many as `counts` says."""
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
        """The examples to judge by, if there are any."""
        return self.examples


class InMemory:
    """A table as one piece: only what is encoded of it would be too large."""

    def __init__(self, table: Table):
        self.table = table

    def pieces(self, rows: int) -> Iterator[Table]:
        """The table, whatever `rows`."""
        yield self.table

    def changed(self) -> Exception:
        """Its rows cannot be others than they were."""
        return AssertionError("a table in memory has changed")


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
    """Whether a file is better read in pieces. False for none: who reads it says what is wrong."""
    if not path.is_file():
        return False
    if is_parquet(path):
        with told_of(path):
            from pyarrow import parquet

            metadata = parquet.ParquetFile(path).metadata
            return metadata.num_rows * metadata.num_columns > LARGE_NUMBERS
    if path.suffix.lower() == ".gz":
        with told_of(path):
            return _unpacks_to_more(path, LARGE_BYTES)
    return path.stat().st_size > LARGE_BYTES


def _unpacks_to_more(path: Path, limit: int) -> bool:
    """Whether a compressed file holds more bytes than that. No more are read, nor kept."""
    import pyarrow as pa

    size = 0
    with suppress(OSError), pa.input_stream(str(path)) as stream:  # who reads it says what is wrong
        while size <= limit and (part := stream.read(1 << 20)):
            size += len(part)
    return size > limit


def numbers_in(path: str | Path, target: str, share: float | None = None, seed: int = 0) -> Pieces:
    """The examples in a file of numbers; all columns but the target are inputs, as they are.

    A share of the rows, drawn at random, is held out, 100,000 at most. Raises TableError for a
    column that is no numbers, or not in every row, and where no rows are held out, or all.
    """
    if share is not None and not 0 < share < 1:
        raise ValueError(f"validation must be a share between 0 and 1, or (X, y); got {share}")
    file = TableFile(path, numeric=True)
    survey = Survey.of(file, target, share or 0.0, seed)
    for name, kind in survey.kinds.items():
        if kind not in ("number", "whole", "date"):
            raise TableError(
                f"column {name!r} holds {kind}; fit takes numbers from a file. train_table encodes "
                "text"
            )
        survey.faults[name].check_complete()
    width = len(survey.kinds) - 1
    if not width:
        raise TableError(f"{path} has no column but {target!r}: there is nothing to learn from")

    def encode(table: Table) -> tuple[np.ndarray, np.ndarray]:
        columns = table.columns.values()
        inputs = [column.values for column in columns if column.name != target]
        return np.column_stack(inputs), table[target].values

    examples, count = None, sum(survey.labelled)
    if share is not None:
        assert survey.sample is not None
        if not 0 < len(survey.sample) < count:
            raise TableError(
                f"{count} rows with a target are too few to hold out a share of {share}"
            )
        examples = Examples.of(*encode(survey.sample))
    return Pieces(
        file, target, encode, width, rows=survey.rows, labelled=survey.labelled,
        without=survey.sampled, examples=examples, labels=survey.targets.values,
    )  # fmt: skip
