"""Column: one named column of a table, of one kind."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrograd.files.dates import ORDERS
from micrograd.files.readings import GAPS, read


class TableError(ValueError):
    """A table or a column that cannot be used as it is."""


# The words for missing values that pandas, polars, R, SQL and spreadsheets write.
MISSING = (
    "", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "-NaN", "-nan", "NaT", "NULL", "null", "None",
    r"\N", "#N/A", "#N/A N/A", "#NA", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!",
    "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN",
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of a table; `values` are float64 with NaN or, for text, str and None.

    `way` says how text is to be read, if known: a decimal mark, or the order of dates.
    `gaps` are the words that were read as missing values.

    >>> Column("size", "text", np.array(["1", "2.5", None], dtype=object)).numbers()
    array([1. , 2.5, nan])
    """

    name: str
    kind: str  # number, whole, date, text, empty, or the name of an unsupported type
    values: np.ndarray
    way: str = ""
    gaps: tuple[str, ...] = ()

    @property
    def missing(self) -> np.ndarray:
        """Where there is no value, as an array of bool."""
        if self.values.dtype == float:
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)

    def numbers(self, way: str = ".") -> np.ndarray:
        """Text as floats, NaN where missing; `way` says how to read it, unless the column does.

        Raises TableError for text that is not a number, or not a date.
        """
        way = way if way in ORDERS else self.way or way
        known: dict[Any, float] = {None: np.nan, **dict.fromkeys(GAPS, np.nan)}
        known |= {} if way in ORDERS else {"True": 1.0, "False": 0.0}
        for row, value in enumerate(self.values):
            if value not in known:
                found = read(value, way)
                if found is None:
                    what = f"dates ({way})" if way in ORDERS else "numbers"
                    raise TableError(
                        f"column {self.name!r} should hold {what}, but row {row + 1} has "
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
        if self.kind == "date":
            moment = np.datetime64(round(value * 86_400e6), "us")
            return str(moment.astype("M8[D]") if value % 1 == 0 else moment)
        return str(int(value)) if value % 1 == 0 else str(value)

    def take(self, rows: np.ndarray) -> "Column":
        """The column restricted to `rows`: indices, or an array of bool."""
        return replace(self, values=self.values[rows])


def text_column(
    name: str, texts: Iterable[str | None], rows: np.ndarray | None = None, *, way: str = "",
    missing: Collection[str] | None = None,
) -> Column:  # fmt: skip
    """A column of text. Blanks around a text are removed; words in `missing` are missing values.

    With `rows`, `texts` are the distinct texts, and `rows` the index of each row's text. By default
    the words are those that pandas, polars, R, SQL and spreadsheets write for a missing value.

    >>> text_column("c", ["yes", " yes", "NA", "-"]).values.tolist()
    ['yes', 'yes', None, '-']
    """
    words = {"", *(MISSING if missing is None else missing)}
    meant: dict[str | None, str | None] = {None: None}
    gaps = set()
    for text in (texts := [*texts]):
        if text is not None and text not in meant:
            bare = text.strip()
            meant[text] = None if bare in words else bare
            gaps |= {bare} & words
    values = np.array([meant[text] for text in texts], dtype=object)
    return Column(
        name, "text", values if rows is None else values[rows], way, (*sorted(gaps - {""}),)
    )
