"""accuracy, r2: metrics that, unlike a loss, can be compared between models."""

from collections.abc import Callable

import numpy as np

from micrograd.losses import Loss, loss_name
from micrograd.names import unknown


def accuracy(outputs: np.ndarray, targets: np.ndarray, threshold: float = 0.0) -> float:
    """The fraction of correctly classified examples or, with several labels each, correct labels.

    `outputs` has the shape (examples, classes) and `targets` holds class indices. If there is one
    target per output, each output is a binary label: positive outputs predict it, and targets above
    `threshold` have it. NaN outputs are never correct.

    >>> accuracy(np.array([[0.1, 2.0], [1.0, 0.0]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([[0.1, 2.0], [1.0, -1.0]]), np.array([[1, 1], [0, 0]]))
    0.75
    """
    known = ~np.isnan(outputs)
    if targets.size == outputs.size:
        right = (outputs > 0) == (targets.reshape(outputs.shape) > threshold)
        return float(np.mean(right & known))
    right = outputs.argmax(axis=1) == targets.reshape(len(outputs))
    return float(np.mean(right & known.all(axis=1)))


def _likely(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The accuracy for targets that are probabilities."""
    return accuracy(outputs, targets, threshold=0.5)


def r2(outputs: np.ndarray, targets: np.ndarray) -> float:
    """R², the fraction of the targets' variance explained: at most 1, and 0 for their mean.

    NaN if the targets do not vary.

    >>> r2(np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    targets = targets.reshape(outputs.shape)
    variation = float(np.sum((targets - targets.mean(axis=0)) ** 2))
    return 1 - float(np.sum((targets - outputs) ** 2)) / variation if variation else float("nan")


Score = Callable[[np.ndarray, np.ndarray], float]  # (outputs, targets) -> score; higher is better
SCORES: dict[str, Score] = {"accuracy": accuracy, "r2": r2}
USUAL = {
    "mse": "r2", "mae": "r2", "huber": "r2",
    "hinge": "accuracy", "bce_with_logits": "accuracy", "cross_entropy": "accuracy",
}  # fmt: skip


def metric_of(metric: str | Score | None, loss: str | Loss) -> tuple[str, Score | None]:
    """The name of a metric and its function; None selects the default for the loss, if any.

    Raises ValueError for an unknown name.

    >>> metric_of(None, "hinge")[0]
    'accuracy'
    """
    if callable(metric):
        return getattr(metric, "__name__", "metric"), metric
    name = loss_name(loss)
    metric = USUAL.get(name) if metric is None else metric
    if metric is None:
        return "", None
    if metric not in SCORES:
        remedy = "pass a function of outputs and targets, or "
        raise ValueError(unknown("metric", metric, SCORES, remedy))
    likely = metric == "accuracy" and name == "bce_with_logits"
    return metric, _likely if likely else SCORES[metric]
