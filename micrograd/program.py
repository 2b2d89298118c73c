"""Program: how the command line answers what goes wrong: one line on stderr, and a status.

Bad input is exit status 2, Ctrl-C is 130.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from micrograd.interrupt import deafen, once
from micrograd.names import did_you_mean, unknown

BAD_INPUT, INTERRUPTED = 2, 130
QUIET = {"standalone_mode": False}  # of click: it raises, and we say what happened


class Interrupted(click.ClickException):
    """Ctrl-C, and what was written before it."""


class Choice(click.Choice[str]):
    """One of several words; for another one, the word that was meant."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            said = f"{error.message} {did_you_mean(value, self.choices)}".rstrip()
            raise click.BadParameter(said, ctx, param) from None


class Program(click.Group):
    """A group of commands that answers a mistake with one line."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command that the arguments name, those of the process by default, and exits."""
        with once():
            self._main(*args, **options)

    def _main(self, *args: Any, **options: Any) -> Any:
        status, message = 0, ""
        try:
            status = super().main(*args, **{**options, "prog_name": "micrograd", **QUIET}) or 0
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            status, message = INTERRUPTED, "interrupted; nothing was written"
        except Interrupted as error:
            status, message = INTERRUPTED, error.message
        except click.ClickException as error:
            status, message = BAD_INPUT, error.format_message()
        except BrokenPipeError:
            _abandon_output()
        except OSError as error:
            status, message = BAD_INPUT, _reason(error)
            _abandon_output()
        except (ValueError, ArithmeticError, ModuleNotFoundError) as error:
            status, message = BAD_INPUT, str(error)
        deafen()
        if message:
            click.echo(f"micrograd: {' '.join(message.split())}", err=True)
        sys.exit(status)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command that is named, or an error that names the one that was meant."""
        if self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Where --help is answered."""
        with _until_the_reader_leaves():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        with _until_the_reader_leaves():
            return super().invoke(ctx)


@contextmanager
def _until_the_reader_leaves() -> Iterator[None]:
    """Who closes the pipe, as `head` does, has seen enough; for click that is a failure."""
    try:
        yield
    except BrokenPipeError:
        _abandon_output()
        raise click.exceptions.Exit(0) from None


def _abandon_output() -> None:
    """Python would try to write the rest once more at its exit, and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reason(error: OSError) -> str:
    """What the system says, with the file's name in front; our own messages say it all."""
    if error.strerror is None:
        return str(error)
    return ": ".join(str(part) for part in (error.filename, error.strerror.lower()) if part)


@contextmanager
def saying_what_was_written(*outputs: str | Path, checkpoint: str | None = None) -> Iterator[None]:
    """After Ctrl-C, at whatever moment it came, the disk is asked which of these files are new."""
    before = [*map(_stamp, outputs)]
    try:
        yield
        deafen()
    except KeyboardInterrupt:
        new = [str(path) for path, stamp in zip(outputs, before) if _stamp(path) != stamp]
        said = "interrupted; nothing was written"
        if checkpoint is not None and Path(checkpoint).exists():
            said = f"interrupted before a model was written; {to_go_on(checkpoint)}"
        if new:
            said = f"interrupted; {' and '.join(new)} {'were' if new[1:] else 'was'} written before"
        raise Interrupted(said) from None


def _stamp(path: str | Path) -> tuple[int, ...] | None:
    """Tells a file from the one that takes its place."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def to_go_on(checkpoint: str) -> str:
    """How a run that has left a checkpoint goes on."""
    return f"the same command goes on from {checkpoint}"
