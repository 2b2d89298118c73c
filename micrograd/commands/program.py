"""Program: error handling of the command line: one line on stderr, and an exit status.

The status is 1 for work without a result, 2 for bad input, and 130 for Ctrl-C.
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

WITHOUT_RESULT, BAD_INPUT, INTERRUPTED = 1, 2, 130
QUIET = {"standalone_mode": False}  # click raises its errors, and we print them


class Interrupted(click.ClickException):
    """Ctrl-C, with a message about the files that were written before it."""


class WithoutResult(click.ClickException):
    """The input was good and all work was done, but it found nothing."""


class Choice(click.Choice[str]):
    """A choice of words; the error for any other word suggests the closest one."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            said = f"{error.message} {did_you_mean(value, self.choices)}".rstrip()
            raise click.BadParameter(said, ctx, param) from None


class Program(click.Group):
    """A group of commands that reports each error in one line."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command given by the arguments (by default those of the process), and exits."""
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
        except WithoutResult as error:
            status, message = WITHOUT_RESULT, error.message
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
        """The named command, or an error that suggests the closest one."""
        if self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parses the arguments, and prints --help."""
        with _ignoring_a_closed_pipe():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        with _ignoring_a_closed_pipe():
            return super().invoke(ctx)


@contextmanager
def _ignoring_a_closed_pipe() -> Iterator[None]:
    """Exits with status 0, not click's 1, if the reader closes the pipe, as `head` does."""
    try:
        yield
    except BrokenPipeError:
        _abandon_output()
        raise click.exceptions.Exit(0) from None


def _abandon_output() -> None:
    """Redirects stdout to the null device, so that Python's flush at exit raises no error."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reason(error: OSError) -> str:
    """The system's message after the name of the file; our own messages are complete."""
    if error.strerror is None:
        return str(error)
    return ": ".join(str(part) for part in (error.filename, error.strerror.lower()) if part)


@contextmanager
def saying_what_was_written(*outputs: str | Path, checkpoint: str | None = None) -> Iterator[None]:
    """On Ctrl-C, checks on disk which of these files are new, and reports them."""
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
    """Inode, time and size of a file, which differ once it is replaced."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def to_go_on(checkpoint: str) -> str:
    """The message that says how to resume from a checkpoint."""
    return f"the same command resumes from {checkpoint}"
