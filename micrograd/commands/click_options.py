"""Options that several commands have, and the parsing of their values."""

import codecs
from typing import Any

import click

from micrograd.commands.program import Choice, Interrupted, to_go_on


def example(*lines: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def layer_sizes(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Layer sizes, such as 16,16; () for empty text."""
    try:
        sizes = tuple(int(size) for size in text.split(",") if text.strip())
        if all(size > 0 for size in sizes):
            return sizes
    except ValueError:
        pass
    raise click.BadParameter(f"expected layer sizes such as 16,16, got {text!r}")


def column_names(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """Column names, separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def words(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Words, separated by commas; None without the option."""
    return None if text is None else tuple(word.strip() for word in text.split(","))


def class_weights(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """'balanced', or weights such as yes=5,no=1; None without the option."""
    if text is None or text.strip() == "balanced":
        return text and text.strip()
    pairs = [pair.rpartition("=") for pair in text.split(",") if pair.strip()]
    try:
        weights = {name.strip(): float(weight) for name, _, weight in pairs}
        if weights and all(map(str.strip, weights)):
            return weights
    except ValueError:
        pass
    raise click.BadParameter(f"expected 'balanced' or weights such as yes=5,no=1, got {text!r}")


def _encoding(context: click.Context, parameter: click.Parameter, name: str) -> str:
    try:
        codecs.lookup(name or "utf-8")
    except LookupError:
        raise click.BadParameter(f"expected an encoding such as latin-1, got {name!r}") from None
    return name


DECIMAL = click.option(
    "--decimal", type=Choice([".", ","]), metavar="MARK",
    callback=lambda context, parameter, mark: mark or "",
    help="The mark before the decimals of numbers, a point or a comma.  [default: inferred]",
)  # fmt: skip
ENCODING = click.option(
    "--encoding", metavar="NAME", default="", callback=_encoding,
    help="The encoding of a CSV file, such as latin-1.  [default: UTF-8, or by a byte-order mark]",
)  # fmt: skip
PROGRESS = click.option(
    "--progress/--no-progress",
    default=None,
    help="A progress bar on stderr.  [default: in a terminal]",
)


def report_interruption(epochs: int, checkpoint: str | None = None) -> None:
    how = f"; {to_go_on(checkpoint)}" if checkpoint else ""
    raise Interrupted(f"interrupted after {epochs} epochs; the model was saved{how}")
