"""What `train_table` makes of a table before it trains, for the tests of reading."""

from pathlib import Path
from typing import Any

from micrograd.files.written import Written
from micrograd.neuralnet import MLP
from micrograd.tables.prepare import Prepared, prepare
from micrograd.tables.table_model import TableModel, as_table


def prepared(table: Any, target: str = "y", *, categorical: Any = (), **written: Any) -> Prepared:
    """All rows as training rows, in their order."""
    made = as_table(table, [target, *categorical], Written.of(**written))
    return prepare(made, target, 0.0, 0, "auto", (), categorical)


def untrained(table: Any, target: str = "y", **options: Any) -> TableModel:
    """The model of a table before any training."""
    found = prepared(table, target, **options)
    network = MLP(found.inputs.width, [found.target.outputs], seed=0)
    return TableModel(network, found.inputs, found.target, options.get("missing"))


def write(path: Path, columns: dict[str, Any], delimiter: str = ",") -> Path:
    """A CSV file of columns; missing values are empty."""
    rows = [columns, *zip(*columns.values())]
    lines = (delimiter.join("" if x is None else str(x) for x in row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
