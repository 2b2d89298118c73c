"""evaluate_table: how well a model predicts the target of a table that it has not seen."""

from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.categories import known, same
from micrograd.files.column import Column, TableError
from micrograd.files.containers import Columns
from micrograd.files.faults import finite_numbers
from micrograd.files.table import Table, enumerated
from micrograd.files.written import Written
from micrograd.tables.scores import Scores
from micrograd.tables.table_model import TableModel, as_table
from micrograd.tables.targets import Classes

Array = np.ndarray[Any, Any]


def evaluate_table(
    model: TableModel | str | Path, table: Table | Columns | str | Path,
    *, decimal: str = "", encoding: str = "",
) -> Scores:  # fmt: skip
    """The scores of a model, or a model file, on a table with the target, as `micrograd evaluate`.

    Rows without a target are left out. Beside the model is the best constant: the mean of the
    training rows, or the majority class of this table. Raises ModelFileError for a file that is not
    a model, and TableError for a table without the target, for a class that training did not see,
    and as `TableModel.predict`.

    >>> import micrograd as mg
    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "kind": ["small", "small", "big", "big"] * 10}
    >>> model = mg.train_table(table, "kind", hidden=(4,), epochs=20).model
    >>> scores = mg.evaluate_table(model, table)
    >>> scores.figures[0].name, scores.figures[0].value, scores.recall()
    ('accuracy', 1.0, {'big': 1.0, 'small': 1.0})
    """
    loaded = model if isinstance(model, TableModel) else TableModel.load(model)
    made, column = labelled(loaded, table, Written(decimal, loaded.missing, encoding))
    outputs = loaded.finite_outputs(made)
    name, constant = _constant(loaded, column)
    others = {name: np.broadcast_to(constant, outputs.shape)}
    return Scores.of(f"{len(made):,} rows", loaded.target, column, outputs, others)


def labelled(
    model: TableModel, table: Table | Columns | str | Path, written: Written
) -> tuple[Table, Column]:
    """The rows of a table that have a target, and the target as the model's encoding takes it."""
    target = model.target
    texts = [*model.categories(), *([target.name] if isinstance(target, Classes) else [])]
    made = as_table(table, texts, written)
    column = made[target.name]
    rows = np.flatnonzero(~column.missing)
    if not len(rows):
        raise TableError(f"the target {target.name!r} is missing in all {len(made)} rows")
    made, column = made.take(rows), column.take(rows)
    model.inputs.check(made)
    model.inputs.check_seen(model.inputs.seen(made))
    if not isinstance(target, Classes):
        return made, Column(target.name, "number", finite_numbers(column))
    names, places = column.texts(), known(target.classes)
    strange = sorted({name for name in names if name is not None and same(name) not in places})
    if strange:
        raise TableError(
            f"the target {target.name!r} has classes that training did not see: "
            f"{enumerated(map(repr, strange))}; leave these rows out"
        )
    return made, Column(target.name, "text", names)


def _constant(model: TableModel, column: Column) -> tuple[str, Array]:
    """The name and the outputs of the best constant prediction."""
    target = model.target
    if not isinstance(target, Classes):
        return "the mean", np.zeros(1)
    counts = np.bincount(target.encode(column), minlength=target.outputs)
    return "the majority class", np.log(np.maximum(counts, 0.5) / counts.sum())
