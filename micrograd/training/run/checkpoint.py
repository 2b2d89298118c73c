"""Checkpoints: all that a training run needs to go on, in a file that is whole at any moment."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.array_file import Kind
from micrograd.files.whole_file import check_writable, sweep, write_whole
from micrograd.training.run.run_identity import Description

State = tuple[dict[str, np.ndarray], dict[str, Any]]  # arrays, and what JSON holds


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one of another run.

    >>> import micrograd as mg
    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:  # doctest: +ELLIPSIS
    ...     _ = file.write(b"no checkpoint at all")
    ...     file.flush()
    ...     model = mg.MLP(1, [1])
    ...     mg.fit(model, [[0.0]], [0.0], loss="mse", checkpoint=file.name, resume=True)
    Traceback (most recent call last):
    micrograd.training.run.checkpoint.CheckpointError: ...
    """


CHECKPOINT = Kind("micrograd.checkpoint", 1, "checkpoint", CheckpointError)


class Checkpoint:
    """The file at `path`, and the one before it, which is kept beside it as `path`.previous.

    `every` is the number of steps from one checkpoint to the next; None: an epoch. `run` describes
    what must be the same where a run goes on.
    """

    def __init__(self, path: str | Path, every: int | None, run: Description | None = None):
        check_writable(path)
        self.path, self.every, self.run = _place(path), every, run or {}
        self.previous = _previous(self.path)
        self.failed = False

    def save(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Replaces the checkpoint. Where that fails, the old one stays, and a warning says so."""
        arrays = {name: np.atleast_1d(array) for name, array in arrays.items()}
        content = CHECKPOINT.pack(arrays, {"run": self.run, **state}, default=_plain)
        try:
            write_whole(self.path, content, self.previous if is_whole(self.path) else None)
            self.failed = False
        except OSError as error:
            if not self.failed:  # say it once, not at every step
                kept = next(filter(is_whole, (self.path, self.previous)), None)
                warnings.warn(
                    f"the checkpoint {self.path} cannot be written ({error}); training goes on, "
                    + (f"and {kept} is kept" if kept else "without one so far"),
                    RuntimeWarning,
                    stacklevel=2,
                )
            self.failed = True

    def load(self) -> State | None:
        """The newest state; None where there is none yet.

        Where the newest file is damaged, the previous one, with a warning. Raises CheckpointError
        where both are.
        """
        sweep(self.path)
        damage: CheckpointError | None = None
        for path in (self.path, self.previous):
            if not path.exists():
                continue
            try:
                state = read(path)
            except CheckpointError as error:
                damage = damage or error
                continue
            if damage:
                warnings.warn(f"{damage}; going on from {path}", RuntimeWarning, stacklevel=2)
            return state
        if damage:
            raise CheckpointError(f"{damage}; remove it to begin anew, or name another file")
        return None

    def belong(self, run: Description, saved: State | None) -> None:
        """What is saved from now on is of this run. Raises CheckpointError if `saved` is not."""
        self.run, theirs = run, saved[1]["run"] if saved else run
        told = []
        for name, (words, mark) in run.items():
            others, other = theirs.get(name, ("unknown", ""))
            if other != mark:
                told.append(
                    f"its {name} is another {words}"
                    if others == words
                    else f"its {name} is {others}, here {words}"
                )
        if told:
            raise CheckpointError(
                f"{self.path} is of another run: {'; '.join(told)}. Train as before, or use "
                "another checkpoint"
            )


def forget(path: str | Path) -> None:
    """Removes the checkpoint at `path`, and the one before it."""
    for each in (_previous(_place(path)), _place(path), Path(path)):
        each.unlink(missing_ok=True)


def _place(path: str | Path) -> Path:
    """Where the file is: what a link points to, so that it and the one before are neighbours."""
    return Path(os.path.realpath(path))


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def read(path: Path) -> State:
    """The state in a file. Raises CheckpointError for one that is cut short, or none."""
    return CHECKPOINT.read(path)


def is_whole(path: Path) -> bool:
    """Whether there is a checkpoint that can be read."""
    try:
        read(path)
    except CheckpointError:
        return False
    return True


def _plain(number: Any) -> Any:
    """A number of NumPy's as one of Python's, an array as a list."""
    return number.tolist()
