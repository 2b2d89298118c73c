"""accuracy, r2: what a loss amounts to, in figures that people compare."""

from collections.abc import Callable

import numpy as np


def accuracy(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The share of examples that are classified right.

    `outputs` has the shape (examples, classes) and `targets` holds the indices of classes. Where
    there is one output, its sign decides, and a target is of the first class if it is not above 0.

    >>> accuracy(np.array([[0.1, 2.0], [1.0, 0.0]]), np.array([1, 1]))
    0.5
    """
    if outputs.shape[1] == 1:
        return float(np.mean((outputs[:, 0] > 0) == (targets.reshape(len(outputs)) > 0)))
    return float(np.mean(outputs.argmax(axis=1) == targets.reshape(len(outputs))))


def r2(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The share of the targets' variance that is explained: 1 at best, 0 for their mean.

    NaN where the targets do not vary.

    >>> r2(np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    targets = targets.reshape(outputs.shape)
    variation = float(np.sum((targets - targets.mean(axis=0)) ** 2))
    return 1 - float(np.sum((targets - outputs) ** 2)) / variation if variation else float("nan")


Metric = tuple[str, Callable[[np.ndarray, np.ndarray], float] | None]
NO_METRIC: Metric = ("", None)
METRICS: dict[str, Metric] = {
    "mse": ("r2", r2),
    "mae": ("r2", r2),
    "huber": ("r2", r2),
    "hinge": ("accuracy", accuracy),
    "bce_with_logits": ("accuracy", accuracy),
    "cross_entropy": ("accuracy", accuracy),
}
