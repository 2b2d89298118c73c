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


Score = Callable[[np.ndarray, np.ndarray], float]  # of outputs and targets; higher is better
SCORES: dict[str, Score] = {"accuracy": accuracy, "r2": r2}
USUAL = {
    "mse": "r2", "mae": "r2", "huber": "r2",
    "hinge": "accuracy", "bce_with_logits": "accuracy", "cross_entropy": "accuracy",
}  # fmt: skip


def metric_of(metric: str | Score | None, loss: object) -> tuple[str, Score | None]:
    """The name of a metric and its function; None is what is usual for the loss, if anything.

    Raises ValueError for an unknown name.

    >>> metric_of(None, "hinge")[0]
    'accuracy'
    """
    if metric is None:
        metric = USUAL.get(loss, "") if isinstance(loss, str) else ""
        return metric, SCORES.get(metric)
    if callable(metric):
        return getattr(metric, "__name__", "metric"), metric
    if metric not in SCORES:
        raise ValueError(
            f"there is no metric {metric!r}; pass a function of outputs and targets, or one of: "
            f"{', '.join(SCORES)}"
        )
    return metric, SCORES[metric]
