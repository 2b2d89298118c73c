"""Checkpoints: everything a training run needs to resume, in a file that is replaced atomically."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.caller import warn
from micrograd.files.array_file import Kind
from micrograd.files.whole_file import check_writable, sweep, write_whole
from micrograd.training.data.marks import Description

State = tuple[dict[str, np.ndarray], dict[str, Any]]  # arrays, and the description in JSON


class CheckpointError(ValueError):
    """A file that is not a checkpoint, or is a checkpoint of another run.

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
    """The file at `path`; the checkpoint before it is kept as `path`.previous.

    `every` is the number of steps between checkpoints; None means once an epoch. `run` describes
    everything that must be unchanged on resume. A `fresh` run replaces the checkpoint of an earlier
    one, which its first save moves to `path`.replaced.
    """

    def __init__(
        self,
        path: str | Path,
        every: int | None,
        run: Description | None = None,
        fresh: bool = False,
    ):
        check_writable(path)
        self.fresh = fresh
        self.path, self.every, self.run = _place(path), every, run or {}
        self.previous = _previous(self.path)
        self.failed = False

    def save(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Replaces the checkpoint. On failure the old one is kept, with a warning."""
        arrays = {name: np.atleast_1d(array) for name, array in arrays.items()}
        content = CHECKPOINT.pack(arrays, {"run": self.run, **state}, default=_plain)
        try:
            self._set_aside()
            write_whole(self.path, content, self.previous if is_whole(self.path) else None)
            self.failed = False
        except OSError as error:
            if not self.failed:  # warn once, not at every step
                kept = next(filter(is_whole, (self.path, self.previous)), None)
                warnings.warn(
                    f"the checkpoint {self.path} cannot be written ({error}); training continues "
                    + (f"and {kept} is kept" if kept else "without a checkpoint"),
                    RuntimeWarning,
                    stacklevel=2,
                )
            self.failed = True

    def _set_aside(self) -> None:
        """Moves the checkpoint of an earlier run to another name, once, with a warning."""
        old = next(filter(is_whole, (self.path, self.previous)), None) if self.fresh else None
        self.fresh = False
        if old is None:
            return
        aside = self.path.with_name(self.path.name + ".replaced")
        os.replace(old, aside)
        self.previous.unlink(missing_ok=True)
        warn(
            f"{self.path} held the checkpoint of an earlier run, which is now {aside}. To go on "
            "with an earlier run, pass resume=True",
            RuntimeWarning,
        )

    def load(self) -> State | None:
        """The newest state; None if there is no checkpoint yet.

        If the newest file is damaged, warns and returns the state of the previous one. Raises
        CheckpointError if both are damaged.
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
                warnings.warn(f"{damage}; resuming from {path}", RuntimeWarning, stacklevel=2)
            return state
        if damage:
            raise CheckpointError(f"{damage}; remove it to start again, or name another file")
        return None

    def check_replaceable(self) -> None:
        """Raises CheckpointError if the file exists and was never a checkpoint."""
        if not self.path.is_file() or not self.path.stat().st_size:
            return
        with open(self.path, "rb") as file:
            begins = file.read(1 << 16)
        if CHECKPOINT.key.encode() not in begins and not is_whole(self.path):
            raise CheckpointError(
                f"{self.path} exists and is not a checkpoint; it would be overwritten. Use another "
                "name, or remove the file"
            )

    def belong(self, run: Description, saved: State | None) -> None:
        """Sets the run to save. Raises CheckpointError if `saved` is of another run."""
        self.run, theirs = run, saved[1]["run"] if saved else run
        differences = []
        for name, (words, mark) in run.items():
            others, other = theirs.get(name, ("unknown", ""))
            if other != mark:
                differences.append(
                    f"its {name} is another {words}"
                    if others == words
                    else f"its {name} is {others}, here {words}"
                )
        if differences:
            raise CheckpointError(
                f"{self.path} belongs to another run: {'; '.join(differences)}. Train with the "
                "same arguments, or use another checkpoint"
            )


def forget(path: str | Path) -> None:
    """Removes the checkpoint at `path` and the one before it."""
    for each in (_previous(_place(path)), _place(path), Path(path)):
        each.unlink(missing_ok=True)


def _place(path: str | Path) -> Path:
    """The real path: links are followed, so that both files lie in one directory."""
    return Path(os.path.realpath(path))


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def read(path: Path) -> State:
    """The state in a file. Raises CheckpointError for a damaged file or another kind of file."""
    return CHECKPOINT.read(path)


def is_whole(path: Path) -> bool:
    """Whether `path` is a readable checkpoint."""
    try:
        read(path)
    except CheckpointError:
        return False
    return True


def _plain(number: Any) -> Any:
    """A NumPy number as a Python number, an array as a list."""
    return number.tolist()
