"""Survey: what one reading of a file tells, before anything is learned from it."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from micrograd.files.faults import Faults
from micrograd.files.table import Column, Table, TableError
from micrograd.files.table_file import TableFile

NUMBERS = 1 << 23  # in a piece, at most
ROWS = 65_536  # in a piece, at most
SAMPLE = 100_000  # rows, at most
CLASSES = 10_000  # that a target can have to be looked at one by one


def rows_of(width: int) -> int:
    """The rows of a piece with so many numbers in each."""
    return max(1, min(ROWS, NUMBERS // max(width, 1)))


@dataclass
class Survey:
    """The rows with a target in each piece of a file, and every so many-th row as a sample.

    Among the rows with a target are the `faults` of each column; `targets` are its values, each
    once, or None where there are too many.
    """

    file: TableFile
    target: str
    rows: int  # of a piece
    every: int  # from one row of the sample to the next
    kinds: dict[str, str] = field(default_factory=dict)
    labelled: list[int] = field(default_factory=list)
    without_target: int = 0
    faults: dict[str, Faults] = field(default_factory=dict)
    targets: Column | None = None
    sample: Table | None = None

    @classmethod
    def of(cls, file: TableFile, target: str, every: int = 1) -> Self:
        """Reads the file. The sample is every so many-th row, or fewer, 100,000 at most.

        Raises TableError for a file without rows or target, and as `read_table` does.
        """
        names = file.names()
        survey = cls(file, target, rows_of(len(names)), every)
        most, start, parts = min(SAMPLE, max(1, NUMBERS // len(names))), 0, []
        for piece in file.pieces(survey.rows):
            kinds = {name: column.kind for name, column in piece.columns.items()}
            if survey.kinds not in ({}, kinds):
                return cls.of(file, target, every)  # all rows were asked what the columns are
            survey.kinds = kinds
            survey._look(piece, start)
            parts.append((start, piece.take(_every(survey.every, start, len(piece)))))
            while sum(len(part) for _, part in parts) > most:
                parts = [(at, _thinned(part, at, survey.every)) for at, part in parts]
                survey.every *= 2
            start += len(piece)
        if not start:
            raise TableError(f"{file.path} has no rows below its header")
        if not sum(survey.labelled):
            raise TableError(f"{file.path} has no rows with a {target!r} to learn from")
        survey.sample = _joined([part for _, part in parts])
        return survey

    @property
    def sampled(self) -> np.ndarray:
        """The numbers of the rows in the sample, from 0."""
        assert self.sample is not None
        return self.every * np.arange(len(self.sample))

    def _look(self, piece: Table, start: int) -> None:
        labelled = ~piece[self.target].missing
        self.labelled.append(int(labelled.sum()))
        self.without_target += int((~labelled).sum())
        rows = start + 1 + np.flatnonzero(labelled)
        for name, column in piece.take(labelled).columns.items():
            self.faults.setdefault(name, Faults(name)).look(column, rows)
        self._collect(piece[self.target].take(labelled), first=not start)

    def _collect(self, column: Column, first: bool) -> None:
        """The values of the target that are new."""
        if self.targets is None and not first:
            return
        known = [] if first or self.targets is None else [self.targets.values]
        values = np.array(sorted({*np.concatenate([*known, column.values]).tolist()}))
        if column.kind == "text":
            values = values.astype(object)
        found = Column(column.name, column.kind, values, column.decimal)
        self.targets = found if len(values) <= CLASSES else None


def _every(every: int, start: int, count: int) -> np.ndarray:
    """Of so many rows from `start` on, the indices of those in the sample."""
    return np.arange(-start % every, count, every)


def _thinned(part: Table, start: int, every: int) -> Table:
    """Half the sample of a piece."""
    first = -(-start // every)  # counted in rows of the sample
    return part.take(np.arange(first % 2, len(part), 2))


def _joined(parts: list[Table]) -> Table:
    """Tables of the same columns, one below the other."""
    columns = {}
    for name, column in parts[0].columns.items():
        values = np.concatenate([part[name].values for part in parts])
        columns[name] = Column(name, column.kind, values, column.decimal)
    return Table(columns)
