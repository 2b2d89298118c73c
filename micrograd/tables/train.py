"""train_table: trains a model that predicts one column of a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from micrograd.files.containers import Columns
from micrograd.files.table import Table
from micrograd.files.whole_file import check_format, check_writable
from micrograd.files.written import Written
from micrograd.losses import Loss
from micrograd.names import names_keywords
from micrograd.neuralnet import MLP
from micrograd.tables.baselines import baselines
from micrograd.tables.course import Course, learn
from micrograd.tables.folds import check_folds, cross_validated
from micrograd.tables.members import Members
from micrograd.tables.prepare import Prepared, in_parts, prepare, prepare_pieces
from micrograd.tables.scores import Figure, Scores
from micrograd.tables.split import Fold
from micrograd.tables.table_model import TableModel, as_table
from micrograd.training.data.pieces import LARGE_NUMBERS, is_large
from micrograd.training.options import amount, each, whole
from micrograd.training.run.checkpoint import forget
from micrograd.training.run.history import History
from micrograd.training.run.run import Callback

MEMBERS = 5  # networks that are averaged, for a table of up to
FEW_NUMBERS = 1_000_000  # numbers; for larger ones, one network


@dataclass(frozen=True)
class Trained:
    """A model, the history of its training, and its scores on the held-out rows, if any."""

    model: TableModel
    history: History
    scores: Scores
    prepared: Prepared

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The metrics of `scores`."""
        return self.scores.figures

    def __repr__(self) -> str:
        shown = [f"{figure.name} {figure.shown()[0]}" for figure in self.figures]
        return f"Trained({self.model.target.name!r}, {', '.join(shown)})"

    def __str__(self) -> str:
        return str(self.scores)


@names_keywords()
def train_table(
    table: Table | Columns | str | Path,
    target: str,
    *,
    hidden: Sequence[int] = (16, 16),
    activation: str = "relu",
    epochs: int | None = None,
    batch_size: int = 64,
    learning_rate: float = 0.01,
    members: int | None = None,
    l2: float | None = None,
    dropout: float = 0.0,
    loss: str | Loss | None = None,
    class_weight: str | Mapping[str, float] | None = None,
    validation: float = 0.2,
    folds: int = 0,
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
    UTF-8, or that of a byte-order mark.

    The model is the mean of `members` networks, 5 up to a million numbers. Each leaves out a part
    of the training rows; together these parts choose the epoch whose weights are kept. A single
    network leaves out a fifth. The held-out rows choose nothing. `epochs` is the largest number of
    epochs, by default about 2,000 steps, but at least 10 epochs. The learning rate decays to zero
    along half a cosine. `l2` and `dropout` are those of `fit`, `l2` 3 / rows by default; `loss` is
    "mse", "mae", "huber", "cross_entropy" or a function of outputs and target, which is
    standardised; `class_weight` is "balanced" or a weight for each class. With `folds`, no rows are
    held out: the scores are those of all rows, each predicted by one of so many models that were
    trained without it.

    The model is written to `output` if that is given. `announce` is called before training starts.
    Ctrl-C ends training early with the current weights. `patience`, `time_limit`, `checkpoint` and
    `resume` are those of `fit`; the checkpoint is removed after the run has finished.

    A file of more than 20 million numbers (Parquet) or 200 MB (CSV) is read in pieces: encodings
    are fitted to a sample of 100,000 rows, part of the sample is held out, and all other rows are
    trained on; half of the rows held out choose the epoch. A table with as many inputs to the
    network is encoded in pieces.

    Raises TableError for an unsuitable table, ValueError for invalid arguments, TypeError for a
    target that is not a name, OSError if the model cannot be written (before training, where
    possible), and KeyboardInterrupt if Ctrl-C comes before the end of the first epoch.

    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10, "kind": ["small", "small", "big", "big"] * 10}
    >>> trained = train_table(table, "kind", hidden=(4,), epochs=20)
    >>> trained.model.predict({"size": [0.0, 10.0]}).values.tolist()
    ['small', 'big']
    """
    counts = {"epochs": epochs, "members": members, "patience": patience, "batch_size": batch_size}
    _check(target, counts, {"l2": l2, "validation": validation})
    _check_output(output, table)
    how = seed, task, drop, categorical, keep
    written = Written.of(decimal, missing, encoding)
    shape = hidden, activation, members, seed

    def prepared_with(share: float | Fold) -> Prepared:
        made = _prepared(table, (target, share, *how), written)
        return replace(made, network=_network(made, *shape))

    prepared = prepared_with(0.0 if folds else validation)
    if folds:
        check_folds(folds, prepared)
    announce(prepared)
    course = Course(
        epochs, batch_size, learning_rate, l2, dropout, loss, class_weight, patience, seed
    )
    scores = None
    if folds:

        def learned(fold: Prepared) -> MLP:
            network, history = learn(fold, course, time_limit=time_limit, progress=progress)
            if history.interrupted:
                raise KeyboardInterrupt
            return network

        scores = cross_validated(folds, prepared_with, learned, prepared.target)
    network, history = learn(
        prepared, course, time_limit=time_limit, checkpoint=checkpoint, resume=resume,
        progress=progress, callbacks=callbacks,
    )  # fmt: skip
    if not history.epochs and history.interrupted:
        raise KeyboardInterrupt
    model = TableModel(network, prepared.inputs, prepared.target, written.missing)
    if output is not None:
        model.save(output)
    if checkpoint is not None and history.stopped not in ("interrupted", "time"):
        forget(checkpoint)
    return Trained(model, history, scores or _scores(model, prepared), prepared)


def _check_output(output: str | Path | None, table: Any) -> None:
    """Raises OSError or ValueError for a file to which no model can be written."""
    if output is not None:
        check_writable(output, table)
        check_format(output, "a model is written", ".safetensors")


def _check(target: Any, counts: dict[str, Any], amounts: dict[str, Any]) -> None:
    """Raises TypeError or ValueError for arguments that are known to be wrong before any table."""
    if not isinstance(target, str):
        raise TypeError(f"target must be the name of a column, got {target!r:.60}")
    each(whole, **counts)
    each(amount, **amounts)


def _scores(model: TableModel, prepared: Prepared) -> Scores:
    """On the held-out rows or, if there are none, on training rows."""
    judged, rows = prepared.held_out, f"{len(prepared.held_out):,} rows held out"
    if not len(judged):
        judged = prepared.training
        sample = "the" if len(judged) == prepared.rows else f"{len(judged):,} of the"
        rows = f"{sample} rows trained on"
    column, outputs = judged[prepared.target.name], model.outputs(judged)
    return Scores.of(rows, prepared.target, column, outputs, baselines(prepared, judged))


def _network(
    prepared: Prepared, hidden: Sequence[int], activation: str, members: int | None, seed: int
) -> MLP:
    """One network, or several to be averaged."""
    few = prepared.rows * prepared.inputs.width <= FEW_NUMBERS and prepared.pieces is None
    count = members or (MEMBERS if few else 1)
    if count > 1 and prepared.pieces is not None:
        raise ValueError("a table that is read in pieces is learned by one network: members=1")
    random, sizes = Random(seed), [*hidden, prepared.target.outputs]
    networks = [
        MLP(prepared.inputs.width, sizes, activation=activation, seed=random) for _ in range(count)
    ]
    return Members(networks) if count > 1 else networks[0]


def _prepared(
    table: Table | Columns | str | Path, how: tuple[Any, ...], written: Written
) -> Prepared:
    """The table, prepared in pieces if it is large."""
    target, _validation, seed, _task, _drop, categorical, _keep = how
    if isinstance(table, (str, Path)) and is_large(Path(table)):
        return prepare_pieces(Path(table), *how, written=written)
    prepared = prepare(as_table(table, [target, *categorical], written), *how)
    if len(prepared.training) * prepared.inputs.width > LARGE_NUMBERS:
        return prepared.in_pieces(in_parts(prepared, seed))
    return prepared
