"""Heads: for each kind of target, the loss of one example and the activation of the outputs.

Each loss takes the outputs before their activation, so that it is computed without overflow, and is
the sum over the outputs: its gradient is then that of scikit-learn's networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from micrograd import ops
from micrograd.elementary import xlogy
from micrograd.functions import sum as total
from micrograd.losses import Loss, as_scalars, cross_entropy

Array = np.ndarray


def half_squared_error(outputs: Any, target: Any) -> Any:
    """Half the squared error.

    >>> half_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    errors = [y - t for y, t in zip(as_scalars(outputs), as_scalars(target))]
    return 0.5 * total([error * error for error in errors])


def half_poisson_deviance(outputs: Any, target: Any) -> Any:
    """Half the Poisson deviance of the mean exp(output).

    >>> half_poisson_deviance([0.0], [1.0])
    0.0
    """
    pairs = zip(as_scalars(outputs), as_scalars(target))
    return total([ops.exp(y) - t * y + (xlogy(t, t) - t) for y, t in pairs])


def binary_log_loss(outputs: Any, target: Any) -> Any:
    """The cross entropy of the probability sigmoid(output) of each label.

    >>> round(binary_log_loss([0.0, 1000.0], [1.0, 1.0]), 6)
    0.693147
    """
    pairs = zip(as_scalars(outputs), as_scalars(target))
    return total([t * ops.softplus(-y) + (1.0 - t) * ops.softplus(y) for y, t in pairs])


@dataclass(frozen=True)
class Head:
    """The loss of one example, the activation of the outputs in NumPy, and its name in
    scikit-learn. With `mean`, the loss that is reported is the mean over the outputs."""

    loss: Loss
    activate: Callable[[Array], Array]
    name: str
    mean: bool = False


def _identity(outputs: Array) -> Array:
    return outputs


def _softmax(outputs: Array) -> Array:
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


HEADS = {
    "multiclass": Head(cross_entropy, _softmax, "softmax"),
    "labels": Head(binary_log_loss, expit, "logistic"),
    "squared_error": Head(half_squared_error, _identity, "identity", mean=True),
    "poisson": Head(half_poisson_deviance, np.exp, "exp"),
}
