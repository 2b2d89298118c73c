"""What several commands share: options, and how their values are read."""

import click

from micrograd.commands.program import Interrupted, to_go_on


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


PROGRESS = click.option(
    "--progress/--no-progress",
    default=None,
    help="A progress bar on stderr.  [default: in a terminal]",
)


def report_interruption(epochs: int, checkpoint: str | None = None) -> None:
    how = f"; {to_go_on(checkpoint)}" if checkpoint else ""
    raise Interrupted(f"interrupted after {epochs} epochs; the model was saved{how}")
