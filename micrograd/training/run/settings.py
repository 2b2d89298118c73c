"""Settings: the keyword arguments of `fit`, checked, and where a run begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from micrograd.losses import Loss, loss_function
from micrograd.names import did_you_mean, unknown
from micrograd.optim import SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from micrograd.training.data.data import Validation, share_or_examples
from micrograd.training.options import amount, each, several, whole
from micrograd.training.run.checkpoint import Checkpoint, State
from micrograd.training.run.metrics import Score
from micrograd.training.run.run import Callback
from micrograd.training.run.saved import load


@dataclass(kw_only=True)
class Settings:
    """The arguments of one call of `fit`, which documents them.

    Raises TypeError or ValueError for arguments that no run can have.
    """

    loss: str | Loss
    optimizer: Optimizer | Literal["lbfgs"] | None
    epochs: int
    batch_size: int | None
    validation: Validation | None
    seed: int | None
    progress: bool | None
    metric: str | Score | None
    l1: float
    l2: float
    dropout: float
    patience: int | None
    monitor: str | None
    time_limit: float | None
    callbacks: Callback | Sequence[Callback]
    checkpoint: str | Path | None
    every: int | None
    resume: bool
    engine: Literal["native", "eager"]
    dtype: DTypeLike
    threads: int
    begun: float  # the clock time of the call

    def __post_init__(self) -> None:
        loss_function(self.loss)
        _check_optimizer(self.optimizer)
        if self.engine not in ("native", "eager"):
            raise ValueError(unknown("engine", self.engine, ["native", "eager"]))
        self.epochs = whole("epochs", self.epochs)
        self.seed = None if self.seed is None else whole("seed", self.seed, least=0)
        self.batch_size, self.patience, self.every = each(
            whole, batch_size=self.batch_size, patience=self.patience, every=self.every
        )
        self.l1, self.l2, self.dropout, self.time_limit = each(
            amount, l1=self.l1, l2=self.l2, dropout=self.dropout, time_limit=self.time_limit
        )
        self.validation = share_or_examples(self.validation)
        self.callbacks = several(self.callbacks)
        if self.checkpoint is None and (self.resume or self.every):
            raise ValueError("resume and every need checkpoint=, the path of a file")

    def check_lbfgs(self) -> None:
        """Raises ValueError for what L-BFGS does not support."""
        for name in ("l1", "dropout", "checkpoint"):
            if getattr(self, name):
                raise ValueError(f'optimizer="lbfgs" does not support {name}; leave it out')


def _check_optimizer(optimizer: Any) -> None:
    if optimizer is None or optimizer == "lbfgs" or isinstance(optimizer, Optimizer):
        return
    names = [kind.__name__ for kind in (SGD, Momentum, Nesterov, RMSprop, Adam, AdamW)]
    named = did_you_mean(optimizer, names) if isinstance(optimizer, str) else ""
    raise TypeError(
        f'expected an optimizer, such as mg.Adam(1e-3), or "lbfgs", got {optimizer!r:.60}'
        + ("; " * bool(named) + named)
    )


@dataclass(frozen=True)
class Start:
    """Where a run begins: the random numbers, and the checkpoint that it writes and continues."""

    random: np.random.Generator
    random_first: Any  # the state of `random` before any examples are held out
    checkpoint: Checkpoint | None
    saved: State | None

    @classmethod
    def of(cls, settings: Settings) -> "Start":
        """Raises CheckpointError for a damaged checkpoint, and to replace a file that is none."""
        path, random = settings.checkpoint, np.random.default_rng(settings.seed)
        checkpoint = (
            None if path is None else Checkpoint(path, settings.every, fresh=not settings.resume)
        )
        if checkpoint and not settings.resume:
            checkpoint.check_replaceable()
        saved = load(checkpoint) if checkpoint and settings.resume else None
        if saved:  # hold out the same examples as in the saved run
            random.bit_generator.state = saved[1]["random_first"]
        return cls(random, random.bit_generator.state, checkpoint, saved)
