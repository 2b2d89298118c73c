"""Survey: one pass over a file that finds types, faults and a sample, before training."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from micrograd.files.column import Column, TableError
from micrograd.files.faults import Faults
from micrograd.files.table import Table
from micrograd.files.table_file import TableFile

NUMBERS = 1 << 23  # the most numbers in a piece
ROWS = 65_536  # the most rows in a piece
SAMPLE = 100_000  # the most rows in a sample
CLASSES = 10_000  # the most distinct targets that are all kept
GOLDEN = (5**0.5 - 1) / 2


def rows_of(width: int) -> int:
    """The number of rows in a piece, given the numbers per row."""
    return max(1, min(ROWS, NUMBERS // max(width, 1)))


def places(count: int, seed: int, piece: int) -> np.ndarray:
    """Equally spaced numbers in [0, 1), in random order: the fraction s of them is below s.

    The offset is a low-discrepancy sequence over the pieces, so that rounding evens out over many
    small pieces: Weyl, "Über die Gleichverteilung von Zahlen mod. Eins", 1916.

    >>> places(4, seed=0, piece=0)
    array([0.875, 0.125, 0.625, 0.375])
    """
    order = np.random.default_rng([seed, piece + 1]).permutation(count)
    return (order + (0.5 + piece * GOLDEN) % 1) / count


@dataclass(frozen=True)
class Drawn:
    """Rows of one piece; each has its number in the file, from 0, and its `places` number."""

    places: np.ndarray
    numbers: np.ndarray
    table: Table

    def __len__(self) -> int:
        return len(self.numbers)

    def below(self, share: float) -> "Drawn":
        """The rows whose places are below `share`: this fraction of them."""
        rows = np.flatnonzero(self.places < share)
        return Drawn(self.places[rows], self.numbers[rows], self.table.take(rows))


@dataclass
class Survey:
    """The number of rows with a target in each piece of a file, and a sample of these rows.

    `faults` counts the invalid values of each column in rows with a target. `sampled` holds the
    sorted row numbers, from 0, of the sample.
    """

    file: TableFile
    target: str
    rows: int  # in a piece
    kinds: dict[str, str] = field(default_factory=dict)
    labelled: list[int] = field(default_factory=list)
    without_target: int = 0
    faults: dict[str, Faults] = field(default_factory=dict)
    known: set[Any] = field(default_factory=set)  # distinct values of the target
    sampled: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    sample: Table | None = None

    @classmethod
    def of(cls, file: TableFile, target: str, share: float = 1.0, seed: int = 0) -> Self:
        """Reads the file. The sample is a random fraction `share` of each piece.

        The fraction is halved until the sample has at most 100,000 rows. Raises TableError for a
        file without rows or without targets, and the errors of `read_table`.
        """
        names = file.names()
        survey = cls(file, target, rows_of(len(names)))
        most, start, below = min(SAMPLE, max(1, NUMBERS // len(names))), 0, share
        parts: list[Drawn] = []
        for piece in file.pieces(survey.rows):
            kinds = {name: column.kind for name, column in piece.columns.items()}
            if survey.kinds not in ({}, kinds):
                return cls.of(file, target, share, seed)  # now with types that fit all rows
            survey.kinds = kinds
            labelled = np.flatnonzero(~piece[target].missing)
            drawn = places(len(labelled), seed, len(parts))
            rows = Drawn(drawn, start + labelled, piece.take(labelled))
            survey._look(rows)
            survey.without_target += len(piece) - len(rows)
            parts.append(rows.below(below))
            while sum(map(len, parts)) > most:
                below /= 2
                parts = [part.below(below) for part in parts]
            start += len(piece)
        if not start:
            raise TableError(f"{file.path} has no rows below its header")
        if not sum(survey.labelled):
            raise TableError(f"{file.path} has no rows with a value for the target {target!r}")
        survey.sampled = np.concatenate([part.numbers for part in parts])
        survey.sample = _joined([part.table for part in parts], survey.ways)
        return survey

    @property
    def ways(self) -> dict[str, str]:
        """The way to read each column of text that is not ambiguous, by its name."""
        texts = {n: f for n, f in self.faults.items() if self.kinds[n] == "text"}
        known = {n: f.reading for n, f in texts.items() if not f.readings.doubt(f.hint)}
        return {name: reading.way for name, reading in known.items() if reading.values}

    @property
    def targets(self) -> Column:
        """The distinct targets; of more than 10,000, some of them with the least and greatest."""
        kind, values = self.kinds[self.target], np.array(sorted(self.known))
        if kind == "text":
            values = values.astype(object)
        return Column(self.target, kind, values, self.file.decimal)

    def _look(self, rows: Drawn) -> None:
        """Counts the faults and the targets in the rows of one piece that have a target."""
        self.labelled.append(len(rows))
        for name, column in rows.table.columns.items():
            self.faults.setdefault(name, Faults(name)).look(column, rows.numbers + 1)
        values = rows.table[self.target].values
        if len(values) and len(self.known) > CLASSES:
            values = np.array([values.min(), values.max()])
        self.known.update(values.tolist())


def _joined(parts: list[Table], ways: dict[str, str]) -> Table:
    """Tables with the same columns, concatenated; `ways` are those to read columns, if known."""
    columns = {}
    for name, column in parts[0].columns.items():
        values = np.concatenate([part[name].values for part in parts])
        gaps = tuple(sorted({word for part in parts for word in part[name].gaps}))
        columns[name] = Column(name, column.kind, values, ways.get(name, column.way), gaps)
    return Table(columns, parts[0].above)
