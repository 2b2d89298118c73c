"""Saved: the description in a checkpoint, validated on its own and against the current run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files import fields
from micrograd.training.run.checkpoint import Checkpoint, CheckpointError, State


@dataclass(frozen=True)
class Saved:
    """The description of a checkpoint: attributes of a `Loop`, its run and its history, by name.

    Raises ValueError for numbers that no run can have.
    """

    run: dict[str, tuple[str, str]]
    steps: int
    position: int
    total: float
    seen: int
    total_before: float
    seen_before: int
    waited: int
    lowest: float
    top: float
    random_first: dict[str, Any]
    random_before: dict[str, Any] | None
    random: dict[str, Any]
    loss: list[float]
    validation_loss: list[float]
    scores: list[float]
    gradient_norms: list[float]
    rates: list[float]
    best_epoch: int | None

    def __post_init__(self) -> None:
        epochs = len(self.loss)
        if min(self.steps, self.position, self.waited, self.seen_before) < 0:
            raise ValueError("a count is negative")
        if self.seen_before > self.seen or (self.seen > 0) != (self.position > 0):
            raise ValueError("its seen does not fit its position")
        if {len(self.gradient_norms), len(self.rates)} != {epochs}:
            raise ValueError("its curves have different lengths")
        if self.best_epoch is not None and not 1 <= self.best_epoch <= epochs:
            raise ValueError(f"best_epoch is not one of its {epochs} epochs")
        for name in ("random_first", "random", "random_before"):
            if name != "random_before" or self.position:
                _check_random(name, getattr(self, name))

    def check_fits(self, batches: int, judged: dict[str, bool]) -> None:
        """Raises ValueError if a run with so many batches per epoch cannot resume from here.

        `judged` maps each curve of the held-out examples to whether the run has it.
        """
        if self.position >= batches:
            raise ValueError(f"its position is {self.position}, of {batches} batches")
        for name, there in judged.items():
            if len(getattr(self, name)) != there * len(self.loss):
                raise ValueError(f"{name} has {len(getattr(self, name))} numbers")


def check_arrays(arrays: dict[str, np.ndarray], names: set[str], size: int) -> None:
    """Raises ValueError unless the arrays have these names and hold `size` floats each."""
    if arrays.keys() != names or {array.shape for array in arrays.values()} != {(size,)}:
        raise ValueError("its arrays are not those of this model and optimizer")
    if not all(array.dtype.kind == "f" for array in arrays.values()):
        raise ValueError("an array does not hold floats")


def _check_random(name: str, state: Any) -> None:
    try:
        np.random.default_rng(0).bit_generator.state = state
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ValueError(f"{name} is not a state of NumPy's generator") from None


@contextmanager
def damage_in(path: Path) -> Iterator[None]:
    """Turns a ValueError about a field into a CheckpointError that names the file."""
    try:
        yield
    except ValueError as error:
        raise CheckpointError(f"the checkpoint in {path} is damaged ({error})") from None


def load(checkpoint: Checkpoint) -> State | None:
    """The validated state to resume from; None if there is no checkpoint.

    Raises CheckpointError for an invalid one.
    """
    state = checkpoint.load()
    if state:
        with damage_in(checkpoint.path):
            fields.read(Saved, state[1], "the description")
    return state
