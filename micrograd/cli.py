"""The command line: parses arguments, makes one library call per command, and prints."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import click

import micrograd
from micrograd.compiler.llvm.level import check_level
from micrograd.neuralnet import ACTIVATIONS
from micrograd.ops import TABLE
from micrograd.program import Choice, Interrupted, Program, saying_what_was_written, to_go_on

# Each command imports what it needs, so that --help is instant: training needs NumPy.


def _example(*lines: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=Program, invoke_without_command=True, context_settings=_HELP)
@click.version_option(micrograd.__version__, prog_name="micrograd")
@click.pass_context
def main(context: click.Context) -> None:
    """Write it in scalars, differentiate it by the chain rule, run it at the machine's speed."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _sizes(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Layer sizes, such as 16,16; () for empty text."""
    try:
        sizes = tuple(int(size) for size in text.split(",") if text.strip())
        if all(size > 0 for size in sizes):
            return sizes
    except ValueError:
        pass
    raise click.BadParameter(f"expected layer sizes such as 16,16, got {text!r}")


def _names(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """Column names, separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


_PROGRESS = click.option(
    "--progress/--no-progress",
    default=None,
    help="A progress bar on stderr.  [default: in a terminal]",
)


@main.command(
    short_help="Train a network to predict a column of a table.",
    epilog=_example(
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
    "--hidden", default="16,16", callback=_sizes, show_default=True, help="Hidden layer sizes."
)
@click.option(
    "--activation", default="relu", show_default=True,
    help=f"Activation of the hidden layers: {', '.join(ACTIVATIONS)}.",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="[default: 10 to 100, for 2,000 steps]")
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=0.01, show_default=True,
    help="Adam's initial learning rate; it decays to zero.",
)  # fmt: skip
@click.option(
    "--validation", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
    help="The fraction of the rows to hold out.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--task", type=Choice(["auto", "classification", "regression"]), default="auto",
    show_default=True,
)  # fmt: skip
@click.option(
    "--drop", default="", metavar="COLUMNS", callback=_names, help="Columns to leave out: a,b"
)
@click.option(
    "--categorical", default="", metavar="COLUMNS", callback=_names,
    help="Columns of categories that look numeric: a,b",
)  # fmt: skip
@click.option("--keep", default="", metavar="COLUMNS", callback=_names, help="Identifiers to keep.")
@click.option(
    "--decimal", type=Choice([".", ","]), metavar="MARK",
    callback=lambda context, parameter, mark: mark or "",
    help="The mark before the decimals of numbers, a point or a comma.  [default: inferred]",
)  # fmt: skip
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
@_PROGRESS
def train(file: Path, output: str, resume: bool, plot: str | None, **options: Any) -> None:
    """Train a network on a CSV or Parquet FILE to predict one column.

    Classification: a target of text or booleans, or of integers with at most 20 different values.
    Regression: any other numeric target. --task overrides this rule.

    Numbers and dates are standardised; text is one-hot encoded. Missing values are replaced by the
    median or the most frequent category, and flagged by an additional input. Constant columns and
    identifiers are left out.

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
        click.echo(f"\n{trained}\n\nmodel      {output}")
        if plot is not None:
            trained.history.plot(plot)
            click.echo(f"losses     {plot}")
    if trained.history.stopped in ("time", "patience"):
        click.echo(f"stopped    {_why_stopped(trained.history)}")
    if trained.history.interrupted:
        _interrupted(trained.history.epochs, checkpoint)


def _why_stopped(history: Any) -> str:
    if history.stopped == "time":
        return f"time limit, after {history.epochs} epochs"
    return f"no further improvement; the model is that of epoch {history.best_epoch}"


def _interrupted(epochs: int, checkpoint: str | None = None) -> None:
    how = f"; {to_go_on(checkpoint)}" if checkpoint else ""
    raise Interrupted(f"interrupted after {epochs} epochs; the model was saved{how}")


@main.command(
    short_help="Predict that column for each row of another table.",
    epilog=_example(
        "micrograd predict iris.safetensors new.csv -o predictions.csv",
        "micrograd predict iris.safetensors new.csv --probabilities | head",
    ),
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", default="-", help="A CSV file.  [default: stdout]")
@click.option("--probabilities", is_flag=True, help="Add the probability of each class.")
def predict(model: Path, file: Path, output: str, probabilities: bool) -> None:
    """Predict the target for each row of FILE (CSV or Parquet) with a MODEL from `train`.

    Writes CSV with a header. Columns that are not inputs of the model are ignored. The file may be
    larger than memory.
    """
    check_level()
    from micrograd.files.whole_file import check_format, check_writable, write_whole
    from micrograd.tables.file_predictions import FilePredictions

    predictions = FilePredictions(model, file, probabilities)
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


@main.command(
    short_help="Train on bundled data, and draw the result.",
    epilog=_example("micrograd demo moons -o pictures"),
)
@click.argument("name", type=Choice(["iris", "digits", "moons", "sine"]), default="iris")
@click.option("-o", "--output", default="demo", show_default=True, help="A directory.")
@click.option("--epochs", type=click.IntRange(1), help="Override the demo's number of epochs.")
@click.option("--watch", is_flag=True, help="Show the run in a browser while it trains.")
@_PROGRESS
def demo(name: str, output: str, watch: bool, **options: Any) -> None:
    """Train on data bundled with MicroGrad, and draw the result.

    iris: species of flowers, from four lengths. digits: handwritten digits of 8 × 8 pixels. moons:
    two classes in the plane (synthetic). sine: a noisy curve (synthetic).

    With --watch, this machine alone serves a page with the curves, the weights and the decision
    surface, epoch by epoch; it is written to the directory as well.
    """
    check_level()
    from micrograd.tables.demo import demonstrate, files_of

    with saying_what_was_written(*files_of(name, output)), _watched(watch, name, output, options):
        trained, paths = demonstrate(name, output, announce=click.echo, **options)
        click.echo(f"\n{trained}\n")
        for path in paths:
            click.echo(path)
    if trained.history.interrupted:
        _interrupted(trained.history.epochs)


@contextmanager
def _watched(watch: bool, name: str, output: str, options: dict[str, Any]) -> Iterator[None]:
    """Records the run in the block, serves it meanwhile, and writes it at the end."""
    if not watch:
        yield
        return
    import webbrowser

    from micrograd.pictures.recording import Recording
    from micrograd.pictures.serving import served

    options["callbacks"] = recording = Recording(title=f"micrograd demo {name}")
    with served(recording) as address:
        click.echo(f"watch it at {address}")
        webbrowser.open(address)
        yield
        path = Path(output) / f"{name}-run.html"
        recording.save(path)
        click.echo(path)


@main.command(
    short_help="Print an expression as a graph, with its gradients; or draw it.",
    epilog=_example(
        'micrograd draw "tanh(w*x + b)" --at w=2,x=0.5,b=1',
        'micrograd draw "x**2 + sin(x)" --at x=3 -o graph.html',
    ),
)
@click.argument("expression")
@click.option("--at", default="", metavar="NUMBERS", help="The number of each name: w=2,x=0.5")
@click.option(
    "-o", "--output", help="A picture: HTML, SVG, DOT, PNG or PDF.  [default: text on stdout]"
)
def draw(expression: str, at: str, output: str | None) -> None:
    """Print the graph of EXPRESSION: each value, its gradient and the local derivatives.

    An expression has names, numbers, operators, and operations of the table (`micrograd ops`).
    """
    from micrograd.files.whole_file import check_writable
    from micrograd.parser import numbers_by_name, parse
    from micrograd.pictures.picture import check_format

    value = parse(expression, numbers_by_name(at))
    value.backward()
    picture = micrograd.draw(value)
    if output is None:
        click.echo(picture)
        return
    check_format(output)
    check_writable(output)
    with saying_what_was_written(output):
        picture.save(output)


@main.command(short_help="Open the tutorial in a browser.", epilog=_example("micrograd tutorial"))
@click.option("-o", "--output", help="Write the page to this file, and open nothing.")
def tutorial(output: str | None) -> None:
    """Open the tutorial in a browser: from a product of two numbers to compiled networks.

    The page is built here, by running its programs, and needs no network.
    """
    import webbrowser
    from tempfile import mkdtemp

    from micrograd.files.whole_file import check_writable, write_whole
    from micrograd.tutorial.site import site

    path = Path(output) if output else Path(mkdtemp(prefix="micrograd-")) / "tutorial.html"
    check_writable(path)
    with saying_what_was_written(path):
        write_whole(path, site().encode())
    click.echo(path)
    if output is None:
        webbrowser.open(path.as_uri())


@main.command(
    short_help="Print the table of operations.", epilog=_example("micrograd ops | grep exp")
)
def ops() -> None:
    """Print the table of operations: name, number of operands, meaning, derivative.

    The derivative is the contribution to each operand's gradient; z is the result, and g is its
    gradient.
    """
    from micrograd.formula import derivative_line

    width, meaning = max(map(len, TABLE)), max(len(row.doc) for row in TABLE.values())
    for row in TABLE.values():
        arity = "any" if row.arity is None else str(row.arity)
        line = f"{row.name:<{width}}  {arity:>3}  {row.doc:<{meaning}}  {derivative_line(row)}"
        click.echo(line.rstrip())
