"""explain_table: how much a model depends on each column of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micrograd.files.containers import Columns
from micrograd.files.table import Table
from micrograd.files.written import Written
from micrograd.tables.evaluation import labelled
from micrograd.tables.scores import Scores
from micrograd.tables.table_model import TableModel
from micrograd.training.options import whole

MOST_ROWS = 10_000  # a random sample of as many says the same


@dataclass(frozen=True)
class Importance:
    """How far a metric falls, on the average and its deviation, without a column's information."""

    column: str
    fall: float
    deviation: float


@dataclass(frozen=True)
class Importances:
    """The importance of each column, largest first; `metric` is `value` with all columns."""

    metric: str
    value: float
    rows: int
    columns: tuple[Importance, ...]

    def __str__(self) -> str:
        width = max(24, *(len(one.column) for one in self.columns))
        head = f"{'column shuffled':<{width}}  {self.metric + ' falls by':>18}"
        lines = [
            f"{one.column:<{width}}  {one.fall:>9.4f} ± {one.deviation:.4f}" for one in self.columns
        ]
        return "\n".join(
            [f"{self.metric} {self.value:.4f} on {self.rows:,} rows", "", head, *lines]
        )


def explain_table(
    model: TableModel | str | Path, table: Table | Columns | str | Path,
    *, repeats: int = 10, seed: int = 0, decimal: str = "", encoding: str = "",
) -> Importances:  # fmt: skip
    """The permutation importance of each input of a model, or a model file, on a table with the
    target, as `micrograd explain` prints it.

    A column is shuffled, which keeps its values but takes its information away, and the accuracy or
    R² of the model falls (Breiman, "Random forests", 2001). The fall is the mean of `repeats`
    shuffles. Columns that say the same share their importance: each alone may seem to matter
    little. Raises ValueError unless `repeats` is at least 1, and as `evaluate_table`.

    >>> import micrograd as mg
    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "day": [1, 2, 3, 4, 5] * 8}
    >>> table["kind"] = ["small", "small", "big", "big"] * 10
    >>> model = mg.train_table(table, "kind", hidden=(4,), epochs=20).model
    >>> [one.column for one in mg.explain_table(model, table).columns]
    ['size', 'day']
    """
    repeats = whole("repeats", repeats)
    loaded = model if isinstance(model, TableModel) else TableModel.load(model)
    made, column = labelled(loaded, table, Written(decimal, loaded.missing, encoding))
    random = np.random.default_rng(seed)
    if len(made) > MOST_ROWS:
        rows = np.sort(random.permutation(len(made))[:MOST_ROWS])
        made, column = made.take(rows), column.take(rows)

    def score(shown: Table) -> float:
        outputs = loaded.finite_outputs(shown)
        return Scores.of("", loaded.target, column, outputs, {}).figures[0].value

    value = score(made)
    found = [
        _importance(made, one.name, repeats, random, lambda shown: value - score(shown))
        for one in loaded.inputs.columns
    ]
    found.sort(key=lambda one: -one.fall)
    metric = Scores.of("", loaded.target, column, loaded.outputs(made), {}).figures[0].name
    return Importances(metric, value, len(made), tuple(found))


def _importance(
    table: Table, name: str, repeats: int, random: np.random.Generator,
    fall: Callable[[Table], float],
) -> Importance:  # fmt: skip
    falls = []
    for _ in range(repeats):
        shuffled = table[name].take(random.permutation(len(table)))
        falls.append(fall(Table({**table.columns, name: shuffled})))
    return Importance(name, float(np.mean(falls)), float(np.std(falls)))
