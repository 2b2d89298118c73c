"""Record: the numbers of a training run, epoch by epoch, and what can be examined after it."""

from dataclasses import dataclass, field
from typing import Any

from micrograd.training.data.examples import Examples


@dataclass
class Patient:
    """What is examined: the model, and the examples that it learned from."""

    model: Any
    examples: Examples


@dataclass(repr=False)
class Record:
    """The fields of a `History`, which says what they are."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: str = ""
    scores: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    stopped: str = ""
    diverged: str = ""
    best_epoch: int | None = None
    patient: Patient | None = None  # what `diagnose` examines
