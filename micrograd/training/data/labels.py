"""Labels: checks, before training, that the targets suit the loss.

Arithmetic would not notice a class without an output, or labels in another encoding: training
would run, and learn something else.
"""

from collections.abc import Callable

import numpy as np

from micrograd.errors import ShapeError


def check_labels(loss: str, targets: np.ndarray, outputs: int, name: str = "y") -> None:
    """Checks the targets for the loss of this name; losses that take any number pass.

    Raises IndexError for a class without an output, and ValueError for a target that is not a valid
    label.

    >>> check_labels("hinge", np.array([0, 1]), outputs=1)
    Traceback (most recent call last):
    ValueError: hinge takes targets of -1 and 1, but y holds 0; 2 * y - 1 converts from 0 and 1
    """
    if loss in CHECKS:
        CHECKS[loss](targets, outputs, name)


def _sign(targets: np.ndarray, outputs: int, name: str) -> None:
    for t in targets[np.abs(targets) != 1]:
        raise ValueError(
            f"hinge takes targets of -1 and 1, but {name} holds {t:g}; 2 * y - 1 converts from 0 "
            "and 1"
        )


def _probability(targets: np.ndarray, outputs: int, name: str) -> None:
    for t in targets[(targets < 0) | (targets > 1)]:
        raise ValueError(
            f"bce_with_logits takes targets in [0, 1], but {name} holds {t:g}; (y + 1) / 2 "
            "converts from -1 and 1"
        )


def _class(targets: np.ndarray, outputs: int, name: str) -> None:
    if targets.ndim != 1:
        column = targets.shape[1] == 1
        remedy = "y[:, 0]" if column else "y.argmax(axis=1) if the rows are one-hot"
        raise ShapeError(
            f"cross_entropy takes one class index per example, but {name} has the shape "
            f"{targets.shape}; pass {remedy}"
        )
    for t in targets[targets != np.floor(targets)]:
        raise ValueError(f"cross_entropy takes integer classes, but {name} holds {t:g}")
    for t in targets[(targets < 0) | (targets >= outputs)]:
        raise IndexError(
            f"class {t:g} in {name} has no output: the model has {outputs}, for classes 0 to "
            f"{outputs - 1}. Class k needs k + 1 outputs; np.unique(y, return_inverse=True)[1] "
            "renumbers the classes from 0"
        )


CHECKS: dict[str, Callable[[np.ndarray, int, str], None]] = {
    "hinge": _sign, "bce_with_logits": _probability, "cross_entropy": _class,
}  # fmt: skip
