"""cross_validated: scores of all rows, each predicted by a model that was trained without it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd.files.column import Column, TableError
from micrograd.neuralnet import MLP
from micrograd.tables.baselines import baselines
from micrograd.tables.prepare import Prepared
from micrograd.tables.scores import Scores
from micrograd.tables.split import Fold
from micrograd.tables.table_model import TableModel
from micrograd.tables.targets import Classes, Target

Array = np.ndarray[Any, Any]
Learn = Callable[[Prepared], MLP]


def check_folds(folds: int, prepared: Prepared) -> None:
    """Raises ValueError or TableError for a number of folds that does not suit the rows."""
    if not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds must be at least 2, or 0 for none, got {folds!r}")
    if prepared.pieces is not None:
        raise TableError("a table that is read in pieces cannot be cross-validated")
    column = prepared.training[prepared.target.name]
    if folds > len(column.values):
        raise TableError(f"{folds} folds need as many rows, but there are {len(column.values)}")
    if isinstance(prepared.target, Classes):
        name, rows = min(Counter(column.texts()).items(), key=lambda pair: pair[1])
        if rows < 2:
            raise TableError(
                f"to cross-validate, each class needs two rows or more, but {name!r} has one; "
                "leave this row out, or merge the class into another"
            )


def cross_validated(
    folds: int, prepare: Callable[[Fold], Prepared], learn: Learn, target: Target
) -> Scores:
    """Trains once for each fold, and scores all predictions together in terms of `target`."""
    columns: list[Array] = []
    outputs: list[dict[str, Array]] = []
    for k in range(folds):
        prepared = prepare(Fold(k, folds))
        model = TableModel(learn(prepared), prepared.inputs, prepared.target)
        held_out = prepared.held_out
        found = {"": model.outputs(held_out), **baselines(prepared, held_out)}
        outputs.append({n: translated(x, prepared.target, target) for n, x in found.items()})
        columns.append(held_out[target.name].values)
    values = np.concatenate(columns)
    column = Column(target.name, "text" if values.dtype == object else "number", values)
    joined = {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}
    ours = joined.pop("")
    return Scores.of(f"{len(values):,} rows in {folds} folds", target, column, ours, joined)


def translated(outputs: Array, theirs: Target, ours: Target) -> Array:
    """Outputs for one encoding of a target as those for another: other units, more classes."""
    if isinstance(theirs, Classes):
        assert isinstance(ours, Classes)
        places = [ours.classes.index(name) for name in theirs.classes]
        found = np.full((len(outputs), len(ours.classes)), -np.inf)
        found[:, places] = outputs
        return found
    assert not isinstance(ours, Classes)
    return (theirs.decode(outputs)[:, None] - ours.mean) / ours.scale
