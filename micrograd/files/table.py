"""Table: named columns, each of one kind.

The kind of a column is number, whole (integers), date, text or empty. Numbers and dates (in days
since 1970-01-01) are floats, with NaN for missing values; text is strings, with None.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.files.numerals import numeral
from micrograd.names import did_you_mean


class TableError(ValueError):
    """A table, or a column of one, that cannot be used as it is."""


@dataclass(frozen=True)
class Column:
    """One column of a table; `values` are float64 with NaN or, for text, str and None.

    >>> Column("size", "text", np.array(["1", "2.5", None], dtype=object)).numbers()
    array([1. , 2.5, nan])
    """

    name: str
    kind: str  # number, whole, date, text, empty, or the name of an unsupported type
    values: np.ndarray
    decimal: str = ""  # the decimal mark of text, if known

    @property
    def missing(self) -> np.ndarray:
        """Where there is no value, as an array of bool."""
        if self.values.dtype == float:
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)

    def numbers(self, mark: str = ".") -> np.ndarray:
        """Text as floats, NaN where missing; `mark` is the decimal mark, unless it is known.

        Raises TableError for text that is not a number.
        """
        known: dict[Any, float] = {None: np.nan}
        for row, value in enumerate(self.values):
            if value not in known:
                found = numeral(value, self.decimal or mark)
                if found is None:
                    raise TableError(
                        f"column {self.name!r} should hold numbers, but row {row + 1} has "
                        f"{value!r:.40}; correct it, or leave it empty"
                    )
                known[value] = found.value
        return np.array([known[value] for value in self.values], dtype=float)

    def texts(self) -> np.ndarray:
        """The values as text, None where missing."""
        if self.kind == "text":
            return self.values
        return np.array([None if v != v else self._written(v) for v in self.values], dtype=object)

    def _written(self, value: float) -> str:
        return str(int(value)) if self.kind == "whole" else str(value)

    def take(self, rows: np.ndarray) -> "Column":
        """The column restricted to `rows`: indices, or an array of bool."""
        return Column(self.name, self.kind, self.values[rows], self.decimal)


@dataclass(frozen=True)
class Table:
    """Columns of one length, by name and in order.

    >>> table = Table.of({"x": [1.5, 2.5], "colour": ["red", None]})
    >>> len(table), [f"{c.name}: {c.kind}" for c in table.columns.values()]
    (2, ['x: number', 'colour: text'])
    """

    columns: dict[str, Column]

    def __len__(self) -> int:
        return next((len(column.values) for column in self.columns.values()), 0)

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            known = f"there are {enumerated(map(repr, self.columns))}"
            hint = did_you_mean(name, self.columns) or known
            raise TableError(f"there is no column {name!r}; {hint}")
        return self.columns[name]

    def take(self, rows: np.ndarray) -> "Table":
        """The table restricted to `rows`: indices, or an array of bool."""
        return Table({name: column.take(rows) for name, column in self.columns.items()})

    @classmethod
    def of(cls, columns: Mapping[str, Any], decimal: str = "") -> "Table":
        """A table from arrays or lists of numbers or text, all of one length, or TableError.

        `decimal` is the decimal mark of numbers that are written as text, if known.
        Raises TypeError for anything but a mapping.
        """
        if not hasattr(columns, "items"):
            raise TypeError(
                "expected a table: a file's name, a Table, a DataFrame, or a dict of columns such "
                f'as {{"size": [1.0, 2.0]}}; got {type(columns).__name__} {columns!r:.60}'
            )
        made = {str(n): _column_of(str(n), values, decimal) for n, values in columns.items()}
        if len({len(column.values) for column in made.values()}) > 1:
            lengths = ", ".join(f"{c.name!r} has {len(c.values)}" for c in made.values())
            raise TableError(f"all columns must have the same length, but {lengths}")
        return cls(made)


def _column_of(name: str, values: Any, decimal: str) -> Column:
    array = np.asarray(values)
    if array.ndim != 1:
        raise TableError(f"column {name!r} must be one-dimensional, got the shape {array.shape}")
    if array.dtype.kind in "iuf":
        return Column(name, "number" if array.dtype.kind == "f" else "whole", array.astype(float))
    texts = [None if v is None or v != v else str(v) for v in array.tolist()]
    return Column(name, "text", np.array(texts, dtype=object), decimal)


def enumerated(names: Iterable[str], most: int = 10) -> str:
    """The names, separated by commas; of many, the first ones and the total.

    >>> enumerated("abcdef", most=3)
    'a, b, c, ... (6 in all)'
    """
    names = list(names)
    return ", ".join(names[:most]) + f", ... ({len(names)} in all)" * (len(names) > most)
