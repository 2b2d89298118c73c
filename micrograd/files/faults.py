"""Faults: invalid values in a column, with their number and the first row of each kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from micrograd.files.table import Column, Table, TableError


@dataclass
class Places:
    """A number of rows, and the first of them, counted from 1.

    >>> places = Places()
    >>> places.add(np.array([7, 9]))
    >>> print(places)
    2 rows (first: row 7)
    """

    count: int = 0
    first: int = 0

    def add(self, rows: np.ndarray) -> None:
        """Adds rows that come after all others."""
        if len(rows):
            self.first = self.first or int(rows[0])
            self.count += len(rows)

    def __str__(self) -> str:
        return f"{self.count} rows (first: row {self.first})"


@dataclass
class Faults:
    """The missing, infinite and non-numeric values in the pieces of a column seen so far."""

    name: str
    missing: Places = field(default_factory=Places)
    infinite: Places = field(default_factory=Places)
    words: Places = field(default_factory=Places)  # text that is not a number
    texts: int = 0  # all text
    word: str = ""  # the first such text

    def look(self, column: Column, rows: np.ndarray) -> None:
        """Examines one piece of the column; `rows` are its row numbers in the table."""
        missing = column.missing
        self.missing.add(rows[missing])
        if column.kind != "text":
            self.infinite.add(rows[np.isinf(column.values)])
            return
        meant = {text: _number(text, column.decimal) for text in {*column.values} - {None}}
        words = {text for text, number in meant.items() if number is None}
        infinite = {text for text, number in meant.items() if number in (np.inf, -np.inf)}
        self.texts += int((~missing).sum())
        self.infinite.add(rows[_among(column.values, infinite)])
        found = rows[_among(column.values, words)]
        if len(found) and not self.word:
            self.word = column.values[rows == found[0]][0]
        self.words.add(found)

    def check(self, kind: str, categorical: bool = False) -> None:
        """Raises TableError for infinite numbers, and for a little text among numbers.

        A little text, at most a tenth of the rows, is more likely a mistake than a category.
        """
        if kind != "text":
            self.check_finite()
        elif not categorical and 0 < 10 * self.words.count <= self.texts:
            raise TableError(
                f"column {self.name!r} holds numbers, but text in {self.words.count} of "
                f"{self.texts} rows (first {self.word!r:.40}, row {self.words.first}); correct "
                "these values, leave them empty, or drop the column"
            )

    def check_finite(self) -> None:
        """Raises TableError for infinite numbers."""
        if self.infinite.count:
            raise TableError(
                f"column {self.name!r} is infinite in {self.infinite}; correct these values, or "
                "leave them empty"
            )

    def check_numbers(self) -> None:
        """Raises TableError for text and infinite numbers."""
        if self.words.count:
            raise TableError(
                f"column {self.name!r} should hold numbers, but row {self.words.first} has "
                f"{self.word!r:.40}; correct it, or leave it empty"
            )
        self.check_finite()

    def check_complete(self) -> None:
        """Raises TableError for missing and infinite values."""
        for what, places in (("missing", self.missing), ("infinite", self.infinite)):
            if places.count:
                raise TableError(
                    f"column {self.name!r} is {what} in {places}; fill in these values, leave "
                    "these rows out, or use train_table, which fills in missing values"
                )


def check_columns(table: Table, categorical: Iterable[str] = ()) -> None:
    """Raises TableError for invalid values in any column."""
    for name, column in table.columns.items():
        faults = Faults(name)
        faults.look(column, np.arange(1, len(table) + 1))
        faults.check(column.kind, name in {*categorical})


def finite_numbers(column: Column) -> np.ndarray:
    """The column as floats, NaN where missing. Raises TableError for text and infinity."""
    numbers = column.numbers() if column.kind == "text" else column.values
    faults = Faults(column.name)
    faults.infinite.add(1 + np.flatnonzero(np.isinf(numbers)))
    faults.check_finite()
    return numbers


def _among(texts: np.ndarray, wanted: set[str]) -> np.ndarray:
    """Where a text is one of `wanted`, as an array of bool."""
    if not wanted:
        return np.zeros(len(texts), bool)
    return np.fromiter((text in wanted for text in texts), bool, len(texts))


def _number(text: str, decimal: str) -> float | None:
    """The number that a text denotes, or None."""
    try:
        return float(text.replace(decimal, "."))
    except ValueError:
        return None
