"""Checkpoints: all that a training run needs to go on, in a file that is whole at any moment."""

import glob
import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.training.whole_file import check_writable, write_whole

FORMAT = "micrograd.checkpoint"  # the key of the state in the metadata
VERSION = 1

State = tuple[dict[str, np.ndarray], dict[str, Any]]  # arrays, and what JSON holds


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one of another run."""


class Checkpoint:
    """The file at `path`, and the one before it, which is kept beside it as `path`.previous.

    `run` describes what must be the same where a run goes on, and `every` is the number of steps
    from one checkpoint to the next; None: an epoch.
    """

    def __init__(self, path: str | Path, every: int | None, run: Mapping[str, Any]):
        check_writable(path)
        self.path, self.every, self.run = Path(path), every, dict(run)
        self.previous = _previous(self.path)
        self.failed = False

    def save(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Replaces the checkpoint. Where that fails, the old one stays, and a warning says so."""
        from safetensors.numpy import save

        described = json.dumps({"version": VERSION, "run": self.run, **state})
        try:
            content = save(
                {name: np.atleast_1d(a) for name, a in arrays.items()}, {FORMAT: described}
            )
            self._keep_previous()
            write_whole(self.path, content)
            self.failed = False
        except OSError as error:
            if not self.failed:  # say it once, not at every step
                warnings.warn(
                    f"the checkpoint {self.path} cannot be written ({error}); training goes on, "
                    "and the one before it is kept",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self.failed = True

    def _keep_previous(self) -> None:
        """A second name for the file that is about to be replaced: it is there at any moment."""
        if self.path.exists():
            part = self.path.with_name(f".{self.path.name[:200]}.{os.getpid()}.link")
            with suppress(FileNotFoundError):
                part.unlink()
            try:
                os.link(self.path, part)
            except OSError:  # a file system without links
                return
            os.replace(part, self.previous)
            part.unlink(missing_ok=True)  # left where both names are of one file

    def load(self) -> State | None:
        """The newest state; None where there is none yet.

        Where the newest file is damaged, the previous one, with a warning. Raises CheckpointError
        where both are, and for a checkpoint of another run.
        """
        for left in self.path.parent.glob(f".{glob.escape(self.path.name[:200])}.*"):
            if left.suffix in (".part", ".link"):  # of a run that was killed
                left.unlink(missing_ok=True)
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
            self._check(state[1], path)
            return state
        if damage:
            raise damage
        return None

    def _check(self, state: dict[str, Any], path: Path) -> None:
        differ = [name for name, value in self.run.items() if state["run"].get(name) != value]
        if differ:
            told = "; ".join(
                f"its {name} is {state['run'].get(name)}, here {self.run[name]}" for name in differ
            )
            raise CheckpointError(
                f"{path} is of another run: {told}. Train as before, or use another checkpoint"
            )


def forget(path: str | Path) -> None:
    """Removes the checkpoint at `path`, and the one before it."""
    Path(path).unlink(missing_ok=True)
    _previous(Path(path)).unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def read(path: Path) -> State:
    """The state in a file. Raises CheckpointError for one that is cut short, or none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dict
            state = json.loads((file.metadata() or {})[FORMAT])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is cut short or is no checkpoint ({error})") from None
    if state.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has version {state.get('version')} of the format, and this micrograd reads "
            f"version {VERSION}"
        )
    return arrays, state


def fingerprint(arrays: list[np.ndarray]) -> str:
    """What tells one set of examples from another."""
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(str((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
