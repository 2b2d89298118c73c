"""Table: named columns, each of one kind.

The kind of a column is number, whole (integers), date, text or empty. Numbers and dates (in days
since 1970-01-01) are floats, with NaN for missing values; text is strings, with None.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from micrograd.files.column import Column, TableError
from micrograd.files.containers import Columns, columns_of
from micrograd.files.written import INFERRED, Written
from micrograd.names import did_you_mean


@dataclass(frozen=True)
class Table:
    """Columns of one length, by name and in order.

    >>> table = Table.of({"x": [1.5, 2.5], "colour": ["red", None]})
    >>> len(table), [f"{c.name}: {c.kind}" for c in table.columns.values()]
    (2, ['x: number', 'colour: text'])
    """

    columns: dict[str, Column]
    above: tuple[str, ...] = ()  # lines above the header of a file

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
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Table(columns, self.above)

    @classmethod
    def of(cls, columns: Columns, written: Written = INFERRED) -> "Table":
        """A table from columns in memory, all of one length, or TableError.

        `columns` are a mapping of arrays or lists, a list of mappings, a structured array, or a
        table of pandas, polars, Arrow or another library with `__arrow_c_stream__` or
        `__dataframe__`. `written` has the decimal mark of numbers that are written as text, and the
        words for missing values. Raises TypeError for anything else.
        """
        made = columns_of(columns, written.decimal, written.missing)
        repeated = [name for name, count in Counter(c.name for c in made).items() if count > 1]
        if repeated:
            raise TableError(f"more than one column is named {repeated[0]!r}; rename them")
        if len({len(column.values) for column in made}) > 1:
            lengths = ", ".join(f"{c.name!r} has {len(c.values)}" for c in made)
            raise TableError(f"all columns must have the same length, but {lengths}")
        return cls({column.name: column for column in made})


def enumerated(names: Iterable[str], most: int = 10) -> str:
    """The names, separated by commas; of many, the first ones and the total.

    >>> enumerated("abcdef", most=3)
    'a, b, c, ... (6 in all)'
    """
    names = list(names)
    return ", ".join(names[:most]) + f", ... ({len(names)} in all)" * (len(names) > most)
