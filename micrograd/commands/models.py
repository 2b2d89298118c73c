"""`train` and `predict`: a model of a table, in a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import click

from micrograd.commands.click_options import (
    DECIMAL,
    ENCODING,
    PROGRESS,
    class_weights,
    column_names,
    example,
    layer_sizes,
    report_interruption,
    words,
)
from micrograd.commands.program import Choice, Interrupted, saying_what_was_written
from micrograd.compiler.llvm.level import check_level
from micrograd.neuralnet import ACTIVATIONS


@click.command(
    short_help="Train a network to predict a column of a table.",
    epilog=example(
        "micrograd train iris.csv --target species -o iris.safetensors",
        "micrograd train prices.parquet --target price --drop id,address --patience 10",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
@click.option(
    "-o", "--output", default="model.safetensors", show_default=True, help="The model file."
)
@click.option(
    "--hidden", default="16,16", callback=layer_sizes, show_default=True, help="Hidden layer sizes."
)
@click.option(
    "--activation", default="relu", show_default=True,
    help=f"Activation of the hidden layers: {', '.join(ACTIVATIONS)}.",
)  # fmt: skip
@click.option(
    "--members", type=click.IntRange(1), metavar="N",
    help="The number of networks that are averaged.  [default: 5; 1 for a large table]",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(1), help="At most.  [default: 2,000 steps, but 10 epochs]"
)
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=0.01, show_default=True,
    help="Adam's initial learning rate; it decays to zero.",
)  # fmt: skip
@click.option(
    "--validation", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
    help="The fraction of the rows to hold out.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(0), default=0, metavar="K",
    help="Hold out nothing, but score each row by one of K models that did not learn it.",
)  # fmt: skip
@click.option(
    "--l2", type=click.FloatRange(0), metavar="NUMBER",
    help="The coefficient of the sum of the squared weights.  [default: 3 / rows]",
)  # fmt: skip
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
    help="The probability that a step drops a hidden unit.",
)  # fmt: skip
@click.option(
    "--loss", type=Choice(["mse", "mae", "huber", "cross_entropy"]),
    help="What is minimised.  [default: mse for numbers, cross_entropy for classes]",
)  # fmt: skip
@click.option(
    "--class-weight", metavar="WEIGHTS", callback=class_weights,
    help="'balanced', or a weight for each class: yes=5,no=1.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--task", type=Choice(["auto", "classification", "regression"]), default="auto",
    show_default=True,
)  # fmt: skip
@click.option(
    "--drop", default="", metavar="COLUMNS", callback=column_names, help="Columns to leave out: a,b"
)
@click.option(
    "--categorical", default="", metavar="COLUMNS", callback=column_names,
    help="Columns of categories that look numeric: a,b",
)  # fmt: skip
@click.option(
    "--keep", default="", metavar="COLUMNS", callback=column_names, help="Identifiers to keep."
)
@DECIMAL
@click.option(
    "--missing", metavar="WORDS", callback=words,
    help="The words for missing values: a,b; '' for none.  [default: NA, null, and others]",
)  # fmt: skip
@ENCODING
@click.option(
    "--patience", type=click.IntRange(1), help="Stop after N epochs without improvement.",
    metavar="N",
)  # fmt: skip
@click.option(
    "--time", "time_limit", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
    help="Stop after this time.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Resume where the same command was stopped.")
@click.option("--plot", metavar="PICTURE", help="Draw the loss curve: PNG, SVG or PDF.")
@PROGRESS
def train(file: Path, output: str, resume: bool, plot: str | None, **options: Any) -> None:
    """Train a network on a CSV or Parquet FILE to predict one column.

    Classification: a target of text or booleans, or of integers with at most 20 different values.
    Regression: any other numeric target. --task overrides this rule.

    Numbers and dates are standardised; text is one-hot encoded. Numbers may be written as $1,300,
    (12.50) or 45 %, dates as 2024-01-31, 31.01.2024 or 01/31/2024. Missing values are replaced by
    the median or the most frequent category, and flagged by an additional input. Constant columns
    and identifiers are left out.

    The model is the mean of networks, each of which leaves out a part of the rows; these parts
    choose the epoch that is kept. The score is that of rows that were held out from all of this,
    beside the scores of a linear model and of a constant.

    With --resume a checkpoint is kept beside the model until training has finished; the same
    command continues from it, to the same model as an uninterrupted run.
    """
    check_level()
    from micrograd.files.whole_file import check_writable
    from micrograd.tables.train import train_table

    if output == "-":
        raise click.BadParameter("a model cannot be written to stdout; name a file with -o")
    if plot is not None:
        from micrograd import plots

        check_writable(plot, file, output)
        plots.check_drawable(plot)
    checkpoint = f"{output}.checkpoint" if resume else None
    with saying_what_was_written(output, *([plot] if plot else []), checkpoint=checkpoint):
        trained = train_table(
            file,
            output=output,
            announce=click.echo,
            checkpoint=checkpoint,
            resume=resume,
            **options,
        )
        click.echo(f"\n{trained}\n")
        for label, text in _remarks(trained, options["class_weight"]):
            click.echo(f"{label:<11}{text}")
        click.echo(f"model      {output}")
        if plot is not None:
            trained.history.plot(plot)
            click.echo(f"losses     {plot}")
    if trained.history.stopped in ("time", "patience"):
        click.echo(f"stopped    {_why_stopped(trained.history)}")
    if trained.history.interrupted:
        report_interruption(trained.history.epochs, checkpoint)


def _remarks(trained: Any, weights: Any) -> Iterator[tuple[str, str]]:
    """What is known of the run besides its scores: labels, and lines to print beside them."""
    history, missed = trained.history, trained.scores.missed()
    if history.best_epoch and not history.interrupted:
        by = "had the lowest loss of rows that were left out; its weights are kept"
        yield "epoch", f"{history.best_epoch} of {history.epochs} {by}"
    if missed and weights is None:
        named = ", ".join(missed[:5])
        yield "recall 0 %", f"{named}: with --class-weight balanced, all classes weigh alike"
    unscored = [name for name, recall in trained.scores.recall().items() if recall != recall]
    if unscored:
        named = ", ".join(unscored[:5])
        yield "not scored", f"{named}: no row was held out; --folds 3 scores all rows"
    for k, line in enumerate(str(history.diagnose()).splitlines()):
        yield "" if k else "diagnosis", line


def _why_stopped(history: Any) -> str:
    if history.stopped == "time":
        return f"time limit, after {history.epochs} epochs"
    return f"no further improvement; the model is that of epoch {history.best_epoch}"


@click.command(
    short_help="Predict that column for each row of another table.",
    epilog=example(
        "micrograd predict iris.safetensors new.csv -o predictions.csv",
        "micrograd predict iris.safetensors new.csv --probabilities | head",
    ),
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", default="-", help="A CSV file.  [default: stdout]")
@click.option("--probabilities", is_flag=True, help="Add the probability of each class.")
@DECIMAL
@ENCODING
def predict(
    model: Path, file: Path, output: str, probabilities: bool, decimal: str, encoding: str
) -> None:
    """Predict the target for each row of FILE (CSV or Parquet) with a MODEL from `train`.

    Writes CSV with a header. Columns that are not inputs of the model are ignored. The file may be
    larger than memory.
    """
    check_level()
    from micrograd.files.whole_file import check_format, check_writable, write_whole
    from micrograd.tables.file_predictions import FilePredictions

    predictions = FilePredictions(model, file, probabilities, decimal=decimal, encoding=encoding)
    if output != "-":
        check_writable(output, model, file)
        check_format(output, "predictions are written", ".csv")
        with saying_what_was_written(output):
            write_whole(output, predictions)
            _warn(predictions.notes)
        return
    with SpooledTemporaryFile(1 << 23) as whole:  # print nothing if there is an error in any row
        whole.writelines(predictions)
        _warn(predictions.notes)
        whole.seek(0)
        _print(iter(lambda: whole.read(1 << 16), b""))


def _print(contents: Iterable[bytes]) -> None:
    """Prints; raises Interrupted on Ctrl-C, since the output is incomplete then."""
    try:
        for content in contents:
            click.echo(content, nl=False)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the output is incomplete") from None


def _warn(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(f"micrograd: warning: {note}", err=True)
