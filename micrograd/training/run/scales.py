"""Scales: inputs and targets that are too large, too small or too far from zero to learn from."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd.losses import loss_name
from micrograd.training.run.finding import Finding
from micrograd.training.run.record import Record

LARGE, SMALL, SPREAD = 10.0, 0.01, 1e3

Array = np.ndarray[Any, Any]

# For each loss of quantities: the constant that minimises it, and the loss of an error.
QUANTITIES: dict[str, tuple[Callable[..., Any], Callable[[Array], Array]]] = {
    "mse": (np.mean, np.square),
    "mae": (np.median, np.abs),
    "huber": (np.median, lambda e: np.where(abs(e) <= 1, 0.5 * e * e, abs(e) - 0.5)),
}


def unscaled_inputs(X: Array) -> Iterator[Finding]:
    """Features far from zero mean and unit deviation."""
    mean, deviation = np.abs(X.mean(axis=0)), X.std(axis=0)
    varying = deviation > 0
    if not varying.any():
        return
    size = np.maximum(mean, deviation)
    largest = int(size.argmax())
    spread = deviation[varying].max() / deviation[varying].min()
    if size[largest] > LARGE or size[varying].max() < SMALL or spread > SPREAD:
        yield Finding(
            "unscaled inputs",
            f"feature {largest} has mean {X[:, largest].mean():.3g} and standard deviation "
            f"{deviation[largest]:.3g}; the standard deviations of all features span a factor of "
            f"{spread:.3g}",
            "(X - X.mean(axis=0)) / X.std(axis=0), with the mean and deviation of the training set",
        )


def unscaled_targets(history: Record, y: Array, loss: Any) -> Iterator[Finding]:
    """Quantities far from zero mean and unit deviation, which the run has not learned."""
    name = loss_name(loss)
    if name not in QUANTITIES or not history.loss:
        return
    y = y.reshape(len(y), -1)
    mean, deviation = y.mean(axis=0), y.std(axis=0)
    worst = int(np.maximum(abs(mean), deviation).argmax())
    unscaled = max(abs(mean[worst]), deviation[worst]) > LARGE or 0 < deviation.max() < SMALL
    constant, of = QUANTITIES[name]
    trivial = float(of(y - constant(y, axis=0)).mean())
    if unscaled and not history.loss[-1] <= 0.5 * trivial:
        which = "the targets have" if y.shape[1] == 1 else f"target {worst} has"
        yield Finding(
            "unscaled targets",
            f"{which} mean {mean[worst]:.3g} and standard deviation {deviation[worst]:.3g}; the "
            f"training loss is {history.loss[-1]:.3g}, and that of the best constant would be "
            f"{trivial:.3g}",
            "(y - y.mean(axis=0)) / y.std(axis=0), and outputs * deviation + mean as predictions",
        )
