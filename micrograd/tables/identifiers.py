"""Identifiers: columns that number the rows, or name them, and are no inputs."""

import numpy as np

from micrograd.files.column import Column
from micrograd.files.table import Table

FEWEST = 20  # rows; in fewer, numbers that grow by one may mean anything
IDENTIFIERS = (
    "", "id", "index", "row", "rownames", "rowname", "rownum", "obs", "key", "uuid",
    "__index_level_0__",
)  # fmt: skip


class Ignored(Exception):
    """The reason why a column is not an input."""


def check_identifier(column: Column) -> None:
    """Raises Ignored for a column that identifies single rows."""
    name = column.name.lower()
    named = (
        name in IDENTIFIERS
        or name.startswith("unnamed: 0")
        or name.endswith(("_id", " id", "-id"))
        or column.name.endswith(("Id", "ID"))
    )
    present = column.values[~column.missing]
    different, rows = len({*present}), len(column.values)
    if named and different == rows:
        raise Ignored("it is an identifier: all values differ")
    if named and rows - different <= max(1, rows // 50):
        raise Ignored("it is an identifier: almost all values differ")
    if column.kind == "text" and different > 3 and 3 * different > 2 * len(present):
        raise Ignored(f"almost all values differ ({different} in {len(present)})")


def row_numbers(table: Table, rows: np.ndarray) -> dict[str, str]:
    """The columns that number the rows, with the reason why they are no inputs.

    They grow by one from row to row, except at a gap or a repetition; `rows` are the row numbers.

    >>> row_numbers(Table.of({"n": range(7, 57), "x": [1, 2] * 25}), np.arange(50))
    {'n': 'it numbers the rows'}
    """
    found = {}
    for name, column in table.columns.items():
        if column.kind in ("whole", "number") and len(rows) >= FEWEST:
            others = int((np.diff(column.values) != np.diff(rows)).sum())
            if others <= max(2, len(rows) // 50):
                found[name] = "it numbers the rows"
    return found
