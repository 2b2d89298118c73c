"""Run: the state of a training run after each epoch, and every reason to end it."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from micrograd.names import unknown
from micrograd.training.data.examples import Examples
from micrograd.training.run.history import History
from micrograd.training.run.metrics import Score
from micrograd.training.run.progress import Progress
from micrograd.training.steps.compiled_step import NativeStep
from micrograd.training.steps.eager import EagerStep

Callback = Callable[[History], object]


class DivergenceError(ArithmeticError):
    """The loss or a weight became NaN or infinite; `history` is the run up to that point.

    >>> import micrograd as mg
    >>> model = mg.MLP(1, [1], seed=0)
    >>> mg.fit(model, [[1e200]], [0.0], loss="mse", optimizer=mg.SGD(1.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.training.run.run.DivergenceError: ...
    """

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


@dataclass
class Limits:
    """The limits of a run: epochs, seconds, and epochs without improvement (`patience`).

    `monitor` names the curve that must improve; `callbacks` run after every epoch. The seconds
    count from the clock time `begun`.
    """

    epochs: int
    begun: float
    seconds: float | None = None
    patience: int | None = None
    monitor: str = "loss"
    callbacks: Sequence[Callback] = ()


def monitored(monitor: str | None, held_out: Examples | None, metric: str) -> str:
    """The curve that early stopping monitors, or its default. Raises ValueError for another name.

    >>> monitored(None, None, "r2")
    'loss'
    """
    if monitor is None:
        return "validation_loss" if held_out else "loss"
    curves = ["loss", *(["validation_loss"] if held_out else []), *([metric] if metric else [])]
    if monitor not in curves:
        hint = "" if held_out else "; with validation= there are more"
        raise ValueError(unknown("curve to monitor", monitor, curves) + hint)
    return monitor


@dataclass
class Run:
    """A model in training, evaluated after each epoch on the held-out examples."""

    step: EagerStep | NativeStep
    limits: Limits
    held_out: Examples | None = None
    score: Score | None = None
    history: History = field(default_factory=History)

    waited: int = 0  # epochs since the best one
    top: float = -math.inf  # the best value of the monitored curve; losses are negated

    def start(self) -> None:
        """Sets the deadline, and keeps the initial weights as the best so far."""
        seconds = self.limits.seconds
        self.deadline = math.inf if seconds is None else self.limits.begun + seconds
        self.best = self.step.weights()

    def finish_epoch(self, mean: float, rate: float, bar: Progress) -> str:
        """Records an epoch in the history; returns the reason to end the run, or ""."""
        history = self.history
        if self.held_out:
            validation, outputs = self.step.evaluate(self.held_out)
            if not math.isfinite(validation):
                where = history.epochs + 1, self.step.steps
                raise self.divergence("the validation loss", validation, *where, rate)
            history.validation_loss.append(validation)
            if self.score:
                history.scores.append(float(self.score(outputs, self.held_out.targets)))
        history.loss.append(mean)
        history.rates.append(rate)
        history.gradient_norms.append(self.step.gradient_norm)
        if self.limits.patience:
            self._compare()
        bar.epoch(history)
        return self._reason()

    def _compare(self) -> None:
        """Keeps the weights if they are the best so far."""
        monitor = self.limits.monitor
        last = self.history.curve(monitor)[-1]
        height = -last if monitor in ("loss", "validation_loss") else last
        if height > self.top:
            self.top, self.best, self.waited = height, self.step.weights(), 0
            self.history.best_epoch = self.history.epochs
        else:
            self.waited += 1

    def _reason(self) -> str:
        if self.limits.callbacks:
            self.step.write()
            answers = [callback(self.history) for callback in self.limits.callbacks]
            self.step.read()
            if any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers):
                return "callback"
        if self.waited_enough():
            return "patience"
        return "time" if time.monotonic() >= self.deadline else ""

    def waited_enough(self) -> bool:
        """Whether there was no better epoch for `patience` epochs."""
        return self.limits.patience is not None and self.waited >= self.limits.patience

    def divergence(
        self, what: str, number: float, epoch: int, step: int, rate: float
    ) -> DivergenceError:
        """The error for a number that became NaN or infinite, which the history records as well."""
        history = self.history
        history.diverged = f"{what} became {number} in epoch {epoch}, step {step}"
        return DivergenceError(
            f"{history.diverged}; try a smaller learning rate (it was {rate:.3g}), "
            "clip_norm=1.0 in the optimizer, or inputs of a smaller scale. The model has the last "
            "good weights",
            history,
        )

    def end(self) -> History:
        """With early stopping, restores the best weights unless Ctrl-C ended the run."""
        history = self.history
        if self.limits.patience and history.best_epoch and not history.interrupted:
            self.step.restore(self.best)
            self.step.write()
        return history
