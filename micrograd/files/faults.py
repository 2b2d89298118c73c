"""Faults: invalid values in a column, with their number and the first row of each kind."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from micrograd.files.column import Column, TableError
from micrograd.files.numerals import in_the_way
from micrograd.files.readings import GAPS, ORDERS, WAYS, Reading, Readings
from micrograd.files.table import Table


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
    words: dict[str, Places] = field(default_factory=lambda: {way: Places() for way in WAYS})
    first: dict[str, str] = field(default_factory=dict)  # word, by way like `words`
    gaps: Places = field(default_factory=Places)  # marks such as "-" that may be missing values
    texts: int = 0  # all text
    readings: Readings = field(default_factory=Readings)
    hint: str = ""  # the way to read the column, if known

    def look(self, column: Column, rows: np.ndarray) -> None:
        """Examines one piece of the column; `rows` are its row numbers in the table."""
        missing = column.missing
        self.missing.add(rows[missing])
        if column.kind != "text":
            self.infinite.add(rows[np.isinf(column.values)])
            return
        self.hint, self.texts = column.way, self.texts + int((~missing).sum())
        self.gaps.add(rows[_among(column.values, {*GAPS})])
        if self.readings.settled:
            return
        meant = {t: self.readings.add(t) for t in sorted({*column.values} - {None, *GAPS})}
        for way in WAYS:
            found = rows[_among(column.values, {t for t, n in meant.items() if n[way] is None})]
            if len(found):
                self.first.setdefault(way, column.values[rows == found[0]][0])
            self.words[way].add(found)
        infinite = {t for t, n in meant.items() if (one := n["."]) and np.isinf(one.value)}
        self.infinite.add(rows[_among(column.values, infinite)])

    @property
    def reading(self) -> Reading:
        """The best reading of the column's text."""
        return self.readings.best(self.hint)

    def meaning(self, instead: str = "") -> Reading | None:
        """The reading of the column's text, if all of it denotes numbers or dates in one way.

        None if it is words. Raises TableError for words among numbers or dates, two units, and
        numbers that may be read in two ways; `instead` says how to keep the column as it is.
        """
        reading = self.reading
        if reading.words and reading.mostly_values():
            raise self._words_among_values(reading, instead)
        if reading.words or not reading.values:
            return None
        units = [unit for unit in reading.units if unit or "%" in reading.units]
        if len(units) > 1:
            one, other = [reading.units[unit] for unit in units][:2]
            raise TableError(
                f"column {self.name!r} holds numbers in two units, such as {one!r} and {other!r}; "
                f"convert them to one{instead}"
            )
        if reading.way not in ORDERS and (doubt := self.readings.doubt(self.hint)):
            text, point, comma = doubt
            raise TableError(
                f"column {self.name!r} can be read in two ways: {text!r} may be {point:g} or "
                f"{comma:g}; say which mark separates decimals: --decimal . or --decimal , "
                "(decimal= in Python)"
            )
        self.check_finite()
        return reading

    def _words_among_values(self, reading: Reading, instead: str) -> TableError:
        words, word = self.words[reading.way], self.first[reading.way]
        way = in_the_way(word)
        return TableError(
            f"column {self.name!r} holds {reading.what}, but text in {words.count} of {self.texts} "
            f"rows (first {word!r:.40}, row {words.first}{f': {way} is in the way' * bool(way)}); "
            f"correct these values, leave them empty, or drop the column{instead}"
        )

    def check(self, kind: str, categorical: bool = False) -> None:
        """Raises TableError for infinite numbers, and for text among numbers."""
        if kind != "text":
            self.check_finite()
        elif not categorical:
            self.meaning(f"; --categorical {self.name} takes all as categories")

    def check_finite(self) -> None:
        """Raises TableError for infinite numbers."""
        if self.infinite.count:
            raise TableError(
                f"column {self.name!r} is infinite in {self.infinite}; correct these values, or "
                "leave them empty"
            )

    def check_numbers(self, way: str = "") -> None:
        """Raises TableError for text that is no number (or date, as `way` says), and infinity."""
        way = way or self.hint or "."
        if self.words[way].count:
            raise TableError(
                f"column {self.name!r} should hold {'dates' if way in ORDERS else 'numbers'}, but "
                f"row {self.words[way].first} has {self.first[way]!r:.40}; correct it, or leave it "
                "empty"
            )
        self.check_finite()

    def check_no_gaps(self) -> None:
        """Raises TableError for marks such as "-", which are missing values among numbers."""
        if self.gaps.count:
            raise TableError(
                f"column {self.name!r} has '-', '.' or '?' among numbers in {self.gaps}; leave "
                "these values empty, or name the mark: --missing - (missing= in Python)"
            )

    def check_complete(self) -> None:
        """Raises TableError for missing and infinite values."""
        for what, places in (("missing", self.missing), ("infinite", self.infinite)):
            if places.count:
                raise TableError(
                    f"column {self.name!r} is {what} in {places}; fill in these values, leave "
                    "these rows out, or use train_table, which fills in missing values"
                )


def understood(table: Table, categorical: Collection[str] = ()) -> Table:
    """The table, in which text that denotes numbers or dates is numbers or dates.

    Raises TableError for invalid values in any column.
    """
    columns = {n: _understood(column, n in categorical) for n, column in table.columns.items()}
    return Table(columns)


def _understood(column: Column, categorical: bool) -> Column:
    faults = faults_of(column)
    faults.check(column.kind, categorical)
    if categorical or column.kind != "text" or not (reading := faults.meaning()):
        return _whole(column)
    if reading.way in ORDERS and (doubt := faults.readings.doubt(faults.hint)):
        days = " or ".join(str(np.datetime64(int(day), "D")) for day in doubt[1:])
        return Column(column.name, f"dates in an unknown order: {doubt[0]!r} may be {days}",
                      np.full(len(column.values), np.nan))  # fmt: skip
    return in_numbers(column, reading)


def faults_of(column: Column) -> Faults:
    """The faults of a whole column."""
    faults = Faults(column.name)
    faults.look(column, np.arange(1, len(column.values) + 1))
    return faults


def in_numbers(column: Column, reading: Reading) -> Column:
    """A column of text as numbers or dates, read in one way."""
    column = replace(column, way=reading.way)
    kind = "date" if reading.way in ORDERS else "number"
    return _whole(replace(column, kind=kind, values=column.numbers(reading.way)))


def _whole(column: Column) -> Column:
    """The column, in which numbers without decimals are whole numbers."""
    if column.kind != "number" or not np.all(column.values[~column.missing] % 1 == 0):
        return column
    return replace(column, kind="whole")


def finite_numbers(column: Column, way: str = ".") -> np.ndarray:
    """The column as floats, NaN where missing; `way` is how to read text, unless that is known.

    Raises TableError for text and infinity.
    """
    numbers = column.numbers(way) if column.kind == "text" else column.values
    faults = Faults(column.name)
    faults.infinite.add(1 + np.flatnonzero(np.isinf(numbers)))
    faults.check_finite()
    return numbers


def _among(texts: np.ndarray, wanted: set[str]) -> np.ndarray:
    """Where a text is one of `wanted`, as an array of bool."""
    if not wanted:
        return np.zeros(len(texts), bool)
    return np.fromiter((text in wanted for text in texts), bool, len(texts))
