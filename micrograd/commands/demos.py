"""`demo`: training on bundled data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from micrograd.commands.click_options import PROGRESS, example, report_interruption
from micrograd.commands.program import Choice, saying_what_was_written
from micrograd.compiler.llvm.level import check_level

SECONDS_TO_OPEN = 10.0  # at most: a browser may start more slowly than a model trains


@click.command(
    short_help="Train on bundled data, and draw the result.",
    epilog=example("micrograd demo moons -o pictures"),
)
@click.argument("name", type=Choice(["iris", "digits", "moons", "sine"]), default="iris")
@click.option("-o", "--output", default="demo", show_default=True, help="A directory.")
@click.option("--epochs", type=click.IntRange(1), help="Override the demo's number of epochs.")
@click.option("--watch", is_flag=True, help="Show the run in a browser while it trains.")
@PROGRESS
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
        report_interruption(trained.history.epochs)


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
    with served(recording) as watched:
        click.echo(f"watch it at {watched.address}")
        started = webbrowser.open(watched.address)
        yield
        path = Path(output) / f"{name}-run.html"
        recording.save(path)
        click.echo(path)
        if started or watched.opened:
            watched.finish(SECONDS_TO_OPEN)
