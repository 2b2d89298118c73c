"""train_table: from a table and the name of its target to a model that predicts it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.neuralnet import MLP
from micrograd.optim import Adam
from micrograd.schedules import CosineDecay
from micrograd.training.checkpoint import forget
from micrograd.training.fit import fit
from micrograd.training.history import History
from micrograd.training.inputs import Category, Inputs, Quantity, check_columns
from micrograd.training.pieces import Pieces, is_large
from micrograd.training.split import hold_out
from micrograd.training.table import Column, Table, enumerated
from micrograd.training.table_model import TableModel, as_table
from micrograd.training.targets import Classes, Figure, Target, as_learned, learn_target, task_of
from micrograd.training.whole_file import check_writable

STEPS = 2_000  # about as many are taken unless the number of epochs is given


@dataclass(frozen=True)
class Prepared:
    """A table as it was understood: `training` and `held_out` rows, its inputs and its target."""

    training: Table
    held_out: Table
    inputs: Inputs
    target: Target
    network: MLP
    missing: dict[str, int]
    without_target: int
    pieces: Pieces | None = None  # of the rest of a file that is larger than this sample

    def part(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of some rows, as `fit` takes them."""
        target = as_learned(table[self.target.name], self.target)
        return self.inputs.encode(table), self.target.encode(target)

    def __str__(self) -> str:
        rows = self._described()
        for label, kind in (("numbers", Quantity), ("categories", Category)):
            rows[label] = enumerated(str(c) for c in self.inputs.columns if isinstance(c, kind))
        reasons = dict.fromkeys(self.inputs.ignored.values())
        rows["left out"] = "; ".join(
            f"{enumerated(n or repr(n) for n, why in self.inputs.ignored.items() if why == reason)}"
            f" ({reason})"
            for reason in reasons
        )
        if self.missing:
            where = enumerated(f"{name} {count:,}" for name, count in self.missing.items())
            total = sum(self.missing.values())
            rows["missing"] = f"{total:,} values, filled in and flagged: {where}"
        return "\n".join(f"{label:<11}{text}" for label, text in rows.items() if text)

    def _described(self) -> dict[str, str]:
        held_out = f", {len(self.held_out):,} of them held out" if len(self.held_out) else ""
        dropped = f"; {self.without_target:,} without a target are dropped"
        known = len(self.training) + len(self.held_out)
        rows = f"{known + len(self.pieces or ()):,}{held_out}"
        read = f"; read in pieces, {known:,} of them to know the columns by"
        sizes, parameters = [self.network.nin, *self.network.sizes], len(self.network.parameters())
        return {
            "task": f"{self.target.kind} of {self._target()}",
            "rows": rows + dropped * bool(self.without_target) + read * bool(self.pieces),
            "network": f"{'-'.join(map(str, sizes))}, {parameters:,} parameters",
        }

    def _target(self) -> str:
        if not isinstance(self.target, Classes):
            return self.target.name
        classes = self.target.classes
        return f"{self.target.name}, {len(classes)} classes: {enumerated(classes)}"


@dataclass(frozen=True)
class Trained:
    """A model, how its training went, and how good it is on the rows held out, if there are any."""

    model: TableModel
    history: History
    figures: list[Figure]
    prepared: Prepared

    def __str__(self) -> str:
        count = len(self.prepared.held_out)
        rows = f"{count:,} rows held out" if count else "the rows trained on"
        trivial = self.figures[0].trivial
        lines = [f"{rows:<24}{'this model':>12}  {trivial:>{len(trivial)}}"]
        for figure in self.figures:
            model, baseline = figure.shown()
            lines.append(f"{figure.name:<24}{model:>12}  {baseline:>{len(trivial)}}")
        return "\n".join(lines)


def train_table(
    table: Table | Mapping[str, Any] | str | Path,
    target: str,
    *,
    hidden: Sequence[int] = (16, 16),
    activation: str = "relu",
    epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 0.01,
    validation: float = 0.2,
    seed: int = 0,
    task: str = "auto",
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    patience: int | None = None,
    time_limit: float | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    output: str | Path | None = None,
    announce: Callable[[Prepared], None] = lambda prepared: None,
) -> Trained:
    """Trains an MLP to predict the column `target` from the others; what `micrograd train` does.

    `table` is a CSV or Parquet file, a Table, or a mapping of arrays. `validation` is the share of
    the rows to hold out, 0 for none; columns in `drop` are left out and those in `categorical` hold
    categories, whatever they look like. `epochs` is as many as make about 2,000 steps, from 10 to
    100, unless it is given. The learning rate falls to zero along half a cosine. The model is
    written to `output`, if that is given. `announce` is called before training begins. Ctrl-C ends
    the training early; the model stays as it is then. `patience`, `time_limit`, `checkpoint` and
    `resume` are those of `fit`; a checkpoint is removed when it has served.

    A file of more than 20 million numbers (Parquet) or 200 MB (CSV) is read in pieces: a sample of
    100,000 rows says what the columns are, part of it is held out, and all others are trained on.

    Raises TableError for a table that cannot be learned from, ValueError for other arguments, and
    OSError where the model cannot be written: before training, if that can be known.
    """
    if output is not None:
        check_writable(output)
    how = target, hidden, activation, validation, seed, task, drop, categorical
    if isinstance(table, (str, Path)) and is_large(Path(table)):
        prepared = prepare_pieces(Path(table), *how)
    else:
        prepared = prepare(as_table(table, [target, *categorical]), *how)
    announce(prepared)
    rows = len(prepared.training if prepared.pieces is None else prepared.pieces)
    batches = math.ceil(rows / max(batch_size, 1))
    if epochs is None:
        epochs = min(max(math.ceil(STEPS / batches), 10 if prepared.pieces is None else 1), 100)
    history = fit(
        prepared.network,
        *((prepared.pieces,) if prepared.pieces else prepared.part(prepared.training)),
        loss=prepared.target.loss,
        optimizer=Adam(CosineDecay(learning_rate, max(epochs * batches, 1))),
        epochs=epochs,
        batch_size=batch_size,
        validation=prepared.part(prepared.held_out) if len(prepared.held_out) else None,
        seed=seed,
        patience=patience,
        time_limit=time_limit,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )
    if not history.epochs and history.interrupted:
        raise KeyboardInterrupt
    model = TableModel(prepared.network, prepared.inputs, prepared.target)
    if output is not None:
        model.save(output)
    if checkpoint is not None and history.stopped not in ("interrupted", "time"):
        forget(checkpoint)
    judged = prepared.held_out if len(prepared.held_out) else prepared.training
    figures = prepared.target.figures(model.outputs(judged), judged[target])
    return Trained(model, history, figures, prepared)


def prepare(
    table: Table,
    target: str,
    hidden: Sequence[int],
    activation: str,
    validation: float,
    seed: int,
    task: str,
    drop: Sequence[str],
    categorical: Sequence[str],
) -> Prepared:
    """Everything that comes before training; what is learned here is of the training part only."""
    if not 0 <= validation < 1:
        raise ValueError(f"validation must be a share from 0 up to, but not, 1; got {validation}")
    column = task_of(table[target], task)
    features = _without(table, (target, *drop), categorical)
    check_columns(features, categorical)
    labelled = ~column.missing
    column, features = column.take(labelled), features.take(labelled)
    training, held_out = hold_out(column, validation, np.random.default_rng(seed))
    inputs = Inputs.learn(features.take(training), categorical)
    learned = learn_target(column.take(training))
    whole = Table({**features.columns, target: column})
    return Prepared(
        whole.take(training),
        whole.take(held_out),
        inputs,
        learned,
        MLP(inputs.width, [*hidden, learned.outputs], activation=activation, seed=seed),
        inputs.missing(features),
        int((~labelled).sum()),
    )


def prepare_pieces(path: Path, target: str, *how: Any) -> Prepared:
    """The same for a large file, as a sample of its rows says; the others are trained on."""

    def encode(table: Table) -> tuple[np.ndarray, np.ndarray]:
        return prepared.part(table)

    categorical = how[-1]
    pieces = Pieces.of(path, target, encode, share=0.5, texts=(target, *categorical))
    assert pieces.sample is not None
    prepared = prepare(pieces.sample, target, *how)
    prepared = replace(prepared, pieces=pieces, without_target=pieces.without_target)
    return prepared


def _without(table: Table, drop: Sequence[str], categorical: Sequence[str]) -> Table:
    """The table without some of its columns; all that are named must exist."""
    columns: dict[str, Column] = dict(table.columns)
    for name in (*categorical, *drop):
        table[name]
    return Table({name: column for name, column in columns.items() if name not in drop})
