"""fit: train a model on examples.

>>> import micrograd as mg
>>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
>>> model = mg.MLP(2, [8, 1], activation="tanh", seed=0)
>>> history = mg.fit(model, X, [-1, 1, 1, -1], loss="hinge", optimizer=mg.Adam(0.05), epochs=60)
>>> [model(x)[0].data > 0 for x in X]
[False, True, True, False]
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from micrograd.errors import ShapeError
from micrograd.losses import Loss, loss_function
from micrograd.optim import Adam, Optimizer
from micrograd.training.eager import EagerStep
from micrograd.training.examples import Examples
from micrograd.training.history import History
from micrograd.training.metrics import METRICS, NO_METRIC
from micrograd.training.progress import Progress


class DivergenceError(ArithmeticError):
    """The loss became NaN or infinite; `history` is the run up to there."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation: float | tuple[Any, Any] | None = None,
    seed: int | None = 0,
    progress: bool | None = None,
) -> History:
    """Trains `model` to make the mean `loss` of the examples small, and tells how that went.

    `X` has the shape (examples, features), `y` one target for each example: arrays or nested lists.
    `loss` is a name ("mse", "mae", "huber", "hinge", "bce_with_logits", "cross_entropy") or a
    function of one example's outputs and target. `optimizer` is Adam unless another is given; a
    fresh one like it does the work, so that the same call gives the same model. `validation` is the
    share of the examples to hold out, or a pair (X, y). `seed` decides what is held out and the
    order of the batches; with None both differ every time. `progress` shows a bar; None shows it
    where somebody watches. Ctrl-C ends the run early: the model stays as it is then.

    Raises ShapeError, TypeError and ValueError for examples and numbers that do not fit, and
    DivergenceError where the loss becomes NaN or infinite.
    """
    _check_counts(epochs=epochs, batch_size=batch_size)
    random = np.random.default_rng(seed)
    training, held_out = _parts(Examples.of(X, y), validation, random)
    metric, score = METRICS.get(loss, NO_METRIC) if isinstance(loss, str) else NO_METRIC
    history = History(metric=metric if held_out else "")
    step = _step(model, loss, optimizer)
    with Progress(epochs, math.ceil(len(training) / batch_size), progress) as bar:
        try:
            for _ in range(epochs):
                history.loss.append(
                    _epoch(step, training.batches(batch_size, random), bar, history)
                )
                if held_out:
                    mean, outputs = step.evaluate(held_out)
                    history.validation_loss.append(mean)
                    history.scores += [score(outputs, held_out.targets)] if score else []
                bar.epoch(history)
        except KeyboardInterrupt:
            history.interrupted = True
    return history


def _epoch(step: EagerStep, batches: Iterable[Examples], bar: Progress, history: History) -> float:
    """One step a batch; the mean loss of all examples, each as it was before its step."""
    total, examples = 0.0, 0
    for batch in batches:
        mean = step(batch)
        if not math.isfinite(mean):
            raise DivergenceError(
                f"the loss became {mean} in epoch {history.epochs + 1}; try a smaller learning "
                "rate, or inputs of a smaller scale",
                history,
            )
        total += mean * len(batch)
        examples += len(batch)
        bar.step()
    return total / examples


def _parts(
    examples: Examples, validation: float | tuple[Any, Any] | None, random: np.random.Generator
) -> tuple[Examples, Examples | None]:
    """The examples to train on, and those held out, if any."""
    if validation is None:
        return examples, None
    if isinstance(validation, (int, float)):
        return examples.split(validation, random)
    held_out = Examples.of(*validation)
    if held_out.inputs.shape[1] != examples.inputs.shape[1]:
        raise ShapeError(f"X is {examples}, but the X of validation {held_out}")
    return examples, held_out


def _step(model: Any, loss: str | Loss, optimizer: Optimizer | None) -> EagerStep:
    """The engine behind one training step."""
    if not callable(getattr(model, "parameters", None)):
        raise TypeError(f"expected a model with parameters(), such as mg.MLP, got {model!r:.60}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"expected an optimizer, such as mg.Adam(1e-3), got {optimizer!r:.60}")
    return EagerStep(model, loss_function(loss), (optimizer or Adam()).fresh())


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or not hasattr(count, "__index__") or count < 1:
            raise ValueError(f"{name} must be a whole number, at least 1; got {count!r}")
