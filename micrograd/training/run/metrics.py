"""accuracy, r2: what a loss amounts to, in figures that people compare."""

from collections.abc import Callable

import numpy as np

from micrograd.losses import Loss, loss_name
from micrograd.names import unknown


def accuracy(outputs: np.ndarray, targets: np.ndarray, threshold: float = 0.0) -> float:
    """The share of examples that are classified right; of several labels each, the share of labels.

    `outputs` has the shape (examples, classes) and `targets` holds the indices of classes. Where
    there is a target for each output, they are labels, which an example has or has not: the sign of
    the output decides, and an example has the label if the target is above `threshold`. Outputs
    that are NaN are never right.

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
    """The accuracy where targets are probabilities."""
    return accuracy(outputs, targets, threshold=0.5)


def r2(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The share of the targets' variance that is explained: 1 at best, 0 for their mean.

    NaN where the targets do not vary.

    >>> r2(np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    targets = targets.reshape(outputs.shape)
    variation = float(np.sum((targets - targets.mean(axis=0)) ** 2))
    return 1 - float(np.sum((targets - outputs) ** 2)) / variation if variation else float("nan")


Score = Callable[[np.ndarray, np.ndarray], float]  # of outputs and targets; higher is better
SCORES: dict[str, Score] = {"accuracy": accuracy, "r2": r2}
USUAL = {
    "mse": "r2", "mae": "r2", "huber": "r2",
    "hinge": "accuracy", "bce_with_logits": "accuracy", "cross_entropy": "accuracy",
}  # fmt: skip


def metric_of(metric: str | Score | None, loss: str | Loss) -> tuple[str, Score | None]:
    """The name of a metric and its function; None is what is usual for the loss, if anything.

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
