"""train_table: trains a model that predicts one column of a table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from micrograd.files.containers import Columns
from micrograd.files.table import Table
from micrograd.files.whole_file import check_format, check_writable
from micrograd.files.written import Written
from micrograd.names import names_keywords
from micrograd.optim import Adam
from micrograd.schedules import CosineDecay
from micrograd.tables.prepare import Prepared, in_parts, prepare, prepare_pieces
from micrograd.tables.table_model import TableModel, as_table
from micrograd.tables.targets import Figure
from micrograd.training.data.pieces import LARGE_NUMBERS, is_large
from micrograd.training.fit import fit
from micrograd.training.run.checkpoint import forget
from micrograd.training.run.history import History
from micrograd.training.run.run import Callback

STEPS = 2_000  # the approximate number of steps, unless `epochs` is given


@dataclass(frozen=True)
class Trained:
    """A model, the history of its training, and its metrics on the held-out rows, if any."""

    model: TableModel
    history: History
    figures: list[Figure]
    prepared: Prepared

    def __repr__(self) -> str:
        shown = [f"{figure.name} {figure.shown()[0]}" for figure in self.figures]
        return f"Trained({self.model.target.name!r}, {', '.join(shown)})"

    def __str__(self) -> str:
        count = len(self.prepared.held_out)
        sample = len(self.prepared.training)
        trained = "the" if sample == self.prepared.rows else f"{sample:,} of the"
        rows = f"{count:,} rows held out" if count else f"{trained} rows trained on"
        trivial = self.figures[0].trivial
        lines = [f"{rows:<{max(24, len(rows) + 1)}}{'this model':>12}  {trivial:>{len(trivial)}}"]
        for figure in self.figures:
            model, baseline = figure.shown()
            lines.append(f"{figure.name:<24}{model:>12}  {baseline:>{len(trivial)}}")
        return "\n".join(lines)


@names_keywords()
def train_table(
    table: Table | Columns | str | Path,
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
    keep: Sequence[str] = (),
    decimal: str = "",
    missing: Sequence[str] | None = None,
    encoding: str = "",
    patience: int | None = None,
    time_limit: float | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    output: str | Path | None = None,
    announce: Callable[[Prepared], None] = lambda prepared: None,
    callbacks: Callback | Sequence[Callback] = (),
) -> Trained:
    """Trains an MLP to predict the column `target` from the others, as `micrograd train` does.

    `table` is a CSV or Parquet file, a Table, or anything that `Table.of` takes: a mapping of
    arrays, a list of mappings, a table of pandas, polars or Arrow. `validation` is the fraction of
    the rows to hold out, 0 for none. Columns in `drop` are left out; those in `categorical` are
    categories even if they look numeric; those in `keep` are inputs even if they number the rows or
    identify them. `decimal` is the mark, a point or a comma, before the decimals of numbers, by
    default inferred; `missing` are the words for missing values, instead of the usual ones such as
    NA, so that `missing=[]` keeps NA as a class; `encoding` is that of a CSV file, by default
    UTF-8, or that of a byte-order mark. `epochs` defaults to about 2,000 steps, but at least 10 and
    at most 100 epochs. The learning rate decays to zero along half a cosine. The model is written
    to `output` if that is given. `announce` is called before training starts. Ctrl-C ends training
    early with the current weights. `patience`, `time_limit`, `checkpoint` and `resume` are those of
    `fit`; the checkpoint is removed after the run has finished.

    A file of more than 20 million numbers (Parquet) or 200 MB (CSV) is read in pieces: encodings
    are fitted to a sample of 100,000 rows, part of the sample is held out, and all other rows are
    trained on. A table with as many inputs to the network is encoded in pieces.

    Raises TableError for an unsuitable table, ValueError for invalid arguments, OSError if the
    model cannot be written (before training, where possible), and KeyboardInterrupt if Ctrl-C comes
    before the end of the first epoch.

    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "kind": ["small", "small", "big", "big"] * 10}
    >>> trained = train_table(table, "kind", hidden=(4,), epochs=20)
    >>> trained.model.predict({"size": [0.0, 10.0]}).values.tolist()
    ['small', 'big']
    """
    if output is not None:
        check_writable(output, table)
        check_format(output, "a model is written", ".safetensors")
    how = target, hidden, activation, validation, seed, task, drop, categorical, keep
    written = Written.of(decimal, missing, encoding)
    prepared = _prepared(table, how, written)
    announce(prepared)
    batches = math.ceil(prepared.rows / max(batch_size, 1))
    if epochs is None:
        epochs = min(max(math.ceil(STEPS / batches), 10 if prepared.pieces is None else 1), 100)
    X, y = (prepared.pieces, None) if prepared.pieces else prepared.part(prepared.training)
    history = fit(
        *(prepared.network, X, y),
        loss=prepared.target.loss,
        optimizer=Adam(CosineDecay(learning_rate, max(epochs * batches, 1))),
        epochs=epochs,
        batch_size=batch_size,
        validation=prepared.part(prepared.watched()) if len(prepared.held_out) else None,
        seed=seed,
        patience=patience,
        time_limit=time_limit,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
        callbacks=callbacks,
    )
    if not history.epochs and history.interrupted:
        raise KeyboardInterrupt
    model = TableModel(prepared.network, prepared.inputs, prepared.target, written.missing)
    if output is not None:
        model.save(output)
    if checkpoint is not None and history.stopped not in ("interrupted", "time"):
        forget(checkpoint)
    judged = prepared.held_out if len(prepared.held_out) else prepared.training
    figures = prepared.target.figures(model.outputs(judged), judged[target])
    return Trained(model, history, figures, prepared)


def _prepared(
    table: Table | Columns | str | Path, how: tuple[Any, ...], written: Written
) -> Prepared:
    """The table, prepared in pieces if it is large."""
    target, *_, seed, _task, _drop, categorical, _keep = how
    if isinstance(table, (str, Path)) and is_large(Path(table)):
        return prepare_pieces(Path(table), *how, written=written)
    prepared = prepare(as_table(table, [target, *categorical], written), *how)
    if len(prepared.training) * prepared.inputs.width > LARGE_NUMBERS:
        return replace(prepared, pieces=in_parts(prepared, seed))
    return prepared
