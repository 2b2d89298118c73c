"""`evaluate` and `explain`: how good a model of a table is, and what it depends on."""

from pathlib import Path
from typing import Any

import click

from micrograd.commands.click_options import DECIMAL, ENCODING, example
from micrograd.compiler.llvm.level import check_level


@click.command(
    short_help="Score a model on another table with the target.",
    epilog=example("micrograd evaluate iris.safetensors new.csv"),
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@DECIMAL
@ENCODING
def evaluate(model: Path, file: Path, **options: Any) -> None:
    """Score a MODEL from `train` on FILE (CSV or Parquet), which has the target as well.

    The rows should be new: a model knows those that it was trained on.
    """
    check_level()
    from micrograd.tables.evaluation import evaluate_table

    click.echo(evaluate_table(model, file, **options))


@click.command(
    short_help="Print how much a model depends on each column.",
    epilog=example("micrograd explain iris.safetensors new.csv"),
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--repeats", type=click.IntRange(1), default=10, show_default=True,
    help="How often each column is shuffled.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@DECIMAL
@ENCODING
def explain(model: Path, file: Path, **options: Any) -> None:
    """Print the importance of each column for a MODEL from `train`, on FILE with the target.

    Each column is shuffled in turn. The further the accuracy or R² falls, the more the model
    depends on that column.
    """
    check_level()
    from micrograd.tables.importance import explain_table

    click.echo(explain_table(model, file, **options))
