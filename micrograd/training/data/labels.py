"""Labels: the targets that a loss is for, looked at before any work is done.

A class without an output, or a label of another kind, is no error of arithmetic: training would go
on, and learn something else.
"""

from collections.abc import Callable

import numpy as np

from micrograd.errors import ShapeError


def check_labels(loss: str, targets: np.ndarray, outputs: int, name: str = "y") -> None:
    """Of the loss of this name, if it is for labels, on a model with so many outputs.

    Raises IndexError for a class that has no output, ValueError for what is no label of that kind.

    >>> check_labels("hinge", np.array([0, 1]), outputs=1)
    Traceback (most recent call last):
    ValueError: hinge takes targets of -1 and 1, but y holds 0; 2 * y - 1 makes them of 0 and 1
    """
    if loss in CHECKS:
        CHECKS[loss](targets, outputs, name)


def _sign(targets: np.ndarray, outputs: int, name: str) -> None:
    for t in targets[np.abs(targets) != 1]:
        raise ValueError(
            f"hinge takes targets of -1 and 1, but {name} holds {t:g}; 2 * y - 1 makes them of 0 "
            "and 1"
        )


def _probability(targets: np.ndarray, outputs: int, name: str) -> None:
    for t in targets[(targets < 0) | (targets > 1)]:
        raise ValueError(
            f"bce_with_logits takes targets from 0 to 1, but {name} holds {t:g}; (y + 1) / 2 makes "
            "them of -1 and 1"
        )


def _class(targets: np.ndarray, outputs: int, name: str) -> None:
    if targets.ndim != 1:
        column = targets.shape[1] == 1
        remedy = "y[:, 0]" if column else "y.argmax(axis=1), where each row marks its class"
        raise ShapeError(
            f"cross_entropy takes one class number an example, but {name} has the shape "
            f"{targets.shape}; pass {remedy}"
        )
    for t in targets[targets != np.floor(targets)]:
        raise ValueError(f"cross_entropy takes whole numbers of classes, but {name} holds {t:g}")
    for t in targets[(targets < 0) | (targets >= outputs)]:
        raise IndexError(
            f"class {t:g} in {name} has no output: the model has {outputs}, for the classes 0 to "
            f"{outputs - 1}. Class k needs k + 1 outputs; np.unique(y, return_inverse=True)[1] "
            "numbers the classes from 0"
        )


CHECKS: dict[str, Callable[[np.ndarray, int, str], None]] = {
    "hinge": _sign, "bce_with_logits": _probability, "cross_entropy": _class,
}  # fmt: skip
