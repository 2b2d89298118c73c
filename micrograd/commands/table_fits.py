"""`fit`: a formula, fitted to a table."""

from pathlib import Path

import click

from micrograd.commands.click_options import PROGRESS, example
from micrograd.commands.program import WithoutResult, saying_what_was_written
from micrograd.compiler.llvm.level import check_level
from micrograd.parser import numbers_by_name


@click.command(
    short_help="Fit a formula to columns of a table.",
    epilog=example(
        'micrograd fit decay.csv --model "a * exp(-b * x) + c" --x time --y signal',
        'micrograd fit plates.csv --model "top / (1 + (c / x) ** h)" --x dose --y response \\',
        "    --by compound -o fits.csv --plot fits.png",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="FORMULA", help="A formula of x and parameters.")
@click.option("--x", required=True, metavar="COLUMN", help="The column of x.")
@click.option("--y", required=True, metavar="COLUMN", help="The column of the measured values.")
@click.option("--by", metavar="COLUMN", help="Fit each group of rows with one value here.")
@click.option("--sigma", metavar="COLUMN", help="The column of the standard deviations of y.")
@click.option(
    "--start", default="", metavar="NUMBERS",
    help="Starts of parameters: a=2,b=0.5.  [default: guessed from the data]",
)  # fmt: skip
@click.option("-o", "--output", help="A CSV file with a row for each fit.")
@click.option("--plot", metavar="PICTURE", help="Draw data and curves: PNG, SVG or PDF.")
@PROGRESS
def fit(
    file: Path, model: str, x: str, y: str, by: str | None, sigma: str | None, start: str,
    output: str | None, plot: str | None, progress: bool | None,
) -> None:  # fmt: skip
    """Fit a FORMULA to two columns of FILE (CSV or Parquet), and print what was found.

    The formula has names, numbers, operators, and operations of the table (`micrograd ops`). It is
    parsed, never run as Python. The name x stands for the column of x, which may also be named
    itself; all other names are parameters. Rows with missing values are left out.

    The exit status is 0 if a fit converged, 1 if none did, and 2 for bad input.
    """
    check_level()
    from micrograd import plots
    from micrograd.files.whole_file import check_format, check_writable, write_whole
    from micrograd.tables.fit_table import fit_table

    starts = numbers_by_name(start)
    if output is not None:
        check_format(output, "fits are written", ".csv")
        check_writable(output, file)
    if plot is not None:
        check_writable(plot, file, output)
        plots.check_drawable(plot)
    with saying_what_was_written(*filter(None, (output, plot))):
        found = fit_table(file, model, x, y, by, sigma, starts, progress)
        click.echo(found)
        for note in found.notes:
            click.echo(f"micrograd: warning: {note}", err=True)
        if output is not None:
            write_whole(output, found.rows())
            click.echo(f"\nfits       {output}")
        if plot is not None:
            found.plot(plot, x, y)
            click.echo(f"curves     {plot}")
    if found.failure:
        raise WithoutResult(found.failure)
