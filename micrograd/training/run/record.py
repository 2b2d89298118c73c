"""Record: the numbers of a training run, epoch by epoch, and the model for `diagnose`."""

from dataclasses import dataclass, field
from typing import Any

from micrograd.training.data.examples import Examples


@dataclass
class Patient:
    """The model that `diagnose` examines, its training examples, and the loss of one."""

    model: Any
    examples: Examples
    loss: Any = None


@dataclass(repr=False)
class Record:
    """The fields of a `History`, which documents them."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: str = ""
    scores: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    stopped: str = ""
    diverged: str = ""
    best_epoch: int | None = None
    patient: Patient | None = None
