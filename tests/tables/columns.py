"""Columns of text and of numbers, and a table of both."""

import numpy as np

from micrograd.files.column import Column
from micrograd.files.table import Table


def text(*values: str | None) -> Column:
    return Column("c", "text", np.array(values, dtype=object))


def number(*values: float) -> Column:
    return Column("c", "number", np.array(values, dtype=float))


def mixed(rows: int = 120) -> Table:
    random = np.random.default_rng(0)
    x, colour = random.normal(size=rows), random.choice(["red", "blue"], rows).astype(object)
    y = 3 * x + 2 * (colour == "red")
    x[::10], colour[::15], y[::20] = np.nan, None, np.nan
    return Table.of({"x": x, "colour": colour, "y": y, "unused": np.ones(rows)})
