"""Examples: inputs and targets, checked once, in parts and in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.errors import ShapeError


@dataclass(frozen=True)
class Examples:
    """Inputs of shape (examples, features); targets of shape (examples,) or (examples, outputs).

    >>> Examples.of([[0, 1], [1, 0], [1, 1]], [1, 1, 0])
    Examples(3, features=2)
    """

    inputs: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, X: Any, y: Any) -> "Examples":
        """The examples in arrays or nested lists.

        Raises ShapeError where shapes do not fit, TypeError for what is no number and ValueError
        for a NaN or an infinity.
        """
        inputs, targets = _numbers("X", X), _numbers("y", y)
        if inputs.ndim != 2:
            hint = "; X.reshape(-1, 1) makes a table of one feature" if inputs.ndim == 1 else ""
            raise ShapeError(
                f"X must have the shape (examples, features), got {inputs.shape}{hint}"
            )
        if targets.ndim not in (1, 2):
            raise ShapeError(f"y must have one or two dimensions, got the shape {targets.shape}")
        if len(inputs) != len(targets):
            raise ShapeError(f"X has {len(inputs)} examples, but y has {len(targets)} targets")
        if not inputs.size:
            raise ShapeError(f"there is nothing to learn from: X has the shape {inputs.shape}")
        return cls(inputs.astype(float), targets)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return f"Examples({len(self)}, features={self.inputs.shape[1]})"

    def take(self, rows: np.ndarray) -> "Examples":
        """The examples with these indices."""
        return Examples(self.inputs[rows], self.targets[rows])

    def split(self, share: float, random: np.random.Generator) -> tuple["Examples", "Examples"]:
        """Two parts, the second with this share of the examples, drawn at random.

        Raises ValueError where one of the two would be empty.
        """
        if not 0 < share < 1:
            raise ValueError(f"validation must be a share between 0 and 1, or (X, y); got {share}")
        held_out = max(1, round(share * len(self)))
        if held_out >= len(self):
            raise ValueError(f"{len(self)} examples are too few to hold out a share of {share}")
        order = random.permutation(len(self))
        return self.take(order[held_out:]), self.take(order[:held_out])

    def batches(self, size: int, random: np.random.Generator) -> Iterator["Examples"]:
        """All examples once, in random order, `size` at a time; the last batch may be smaller."""
        order = random.permutation(len(self))
        for start in range(0, len(self), size):
            yield self.take(order[start : start + size])


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"the rows of {name} differ in length") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got an array of {array.dtype}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{name} has {len(bad)} values that are NaN or infinite, the first at [{place}]; "
            "fill them in, or leave those examples out"
        )
    return array
