"""Examples: validated inputs, targets and weights; their splits and the batches of an epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from micrograd.errors import ShapeError
from micrograd.real import is_real
from micrograd.training.data.shuffle import random_order

MISSING = "NoneType", "NAType", "NaTType"  # the last two are types of pandas

ClassWeight = str | Mapping[int, float] | Mapping[float, float]


@dataclass(frozen=True)
class Examples:
    """Inputs of shape (examples, features); targets of shape (examples,) or (examples, outputs).

    `weights` has the shape (examples,); None means that all examples have equal weight.

    >>> Examples.of([[0, 1], [1, 0], [1, 1]], [1, 1, 0])
    Examples(3, features=2)
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def of(cls, X: Any, y: Any, sample_weight: Any = None) -> "Examples":
        """The examples in arrays or nested lists.

        Raises ShapeError for shapes that do not match, TypeError for values that are not numbers,
        and ValueError for NaN or infinity.
        """
        inputs, targets = _numbers("X", X), _numbers("y", y)
        if not inputs.size:
            raise ShapeError(f"X must not be empty, got the shape {inputs.shape}")
        if inputs.ndim != 2:
            hint = "; for a single feature pass X.reshape(-1, 1)" if inputs.ndim == 1 else ""
            raise ShapeError(
                f"X must have the shape (examples, features), got {inputs.shape}{hint}"
            )
        if targets.ndim not in (1, 2):
            raise ShapeError(
                "y must have the shape (examples,) or (examples, outputs), got "
                f"{targets.shape}; flatten the rest with y.reshape(len(y), -1)"
            )
        if len(inputs) != len(targets):
            raise ShapeError(f"X has {len(inputs)} examples, but y has {len(targets)} targets")
        weights = None if sample_weight is None else _weights(sample_weight, len(inputs))
        return cls(inputs if inputs.dtype.kind == "f" else inputs.astype(float), targets, weights)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return f"Examples({len(self)}, features={self.inputs.shape[1]})"

    @property
    def arrays(self) -> list[np.ndarray]:
        """Inputs and targets, and the weights if there are any."""
        return [a for a in (self.inputs, self.targets, self.weights) if a is not None]

    def take(self, rows: np.ndarray) -> "Examples":
        """The examples with these indices."""
        return Examples(*(array[rows] for array in self.arrays))

    def split(self, share: float, random: np.random.Generator) -> tuple["Examples", "Examples"]:
        """A random split; the second part has the fraction `share` of the examples.

        Raises ValueError if either part would be empty, or would have a total weight of 0.
        """
        if not 0 < share < 1:
            raise ValueError(f"validation must be in (0, 1), or a tuple (X, y), got {share}")
        held_out = max(1, round(share * len(self)))
        if held_out >= len(self):
            raise ValueError(f"{len(self)} examples are too few to hold out a fraction of {share}")
        order = random.permutation(len(self))
        parts = self.take(order[held_out:]), self.take(order[:held_out])
        for part, name in zip(parts, ("to train on", "held out")):
            if part.weights is not None and not part.weights.any():
                raise ValueError(
                    f"all {len(part)} examples {name} have the weight 0; leave such examples out, "
                    "try another seed, or give validation=(X, y)"
                )
        return parts

    def weighted(self, class_weight: ClassWeight | None) -> "Examples":
        """The examples, their weights multiplied by those of their classes.

        `class_weight` maps each class to a weight; "balanced" gives all classes the same total.
        Raises ValueError for a class without a weight, and for targets that are not classes.
        """
        if class_weight is None:
            return self
        labels = self.targets[:, 0] if self.targets.shape[1:] == (1,) else self.targets
        if labels.ndim != 1 or np.any(labels != np.floor(labels)):
            raise ValueError("class_weight needs one integer class per example in y")
        classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if class_weight == "balanced":
            each = len(self) / (len(classes) * counts)
        elif isinstance(class_weight, Mapping):
            lacking = [c for c in classes.tolist() if c not in class_weight]
            if lacking:
                raise ValueError(f"class_weight has no weight for the classes {lacking}")
            each = np.array([float(class_weight[c]) for c in classes.tolist()])
        else:
            raise ValueError(
                f'class_weight must be "balanced" or a weight for each class, got {class_weight!r}'
            )
        weights = each[place] if self.weights is None else each[place] * self.weights
        return replace(self, weights=_weights(weights, len(self)))

    def normalised(self) -> "Examples":
        """The examples with weights scaled to a mean of 1, so that a mean of losses is weighted."""
        if self.weights is None:
            return self
        return replace(self, weights=self.weights / self.weights.mean())


class Batches:
    """The batches of an epoch: every example once, in random order, `size` at a time.

    `load` writes the indices of a batch's rows in `arrays` to `rows`, always in the same memory.
    The last batch may be smaller. A single batch of all examples keeps their order, and `rows` is
    None.
    """

    def __init__(self, examples: Examples, size: int, dtype: Any = None):
        self.examples, self.size = len(examples), min(size, len(examples))
        self.count = -(-self.examples // self.size)  # of batches, in an epoch
        self.arrays = [
            np.ascontiguousarray(a, a.dtype if dtype is None else dtype) for a in examples.arrays
        ]
        self.rows = np.zeros(self.size, np.int64) if self.count > 1 else None
        self.order = np.empty(0, np.int32)

    def shuffle(self, random: np.random.Generator) -> None:
        """Draws the order of the examples in the next epoch."""
        if self.count > 1:
            self.order = random_order(self.examples, random)

    def load(self, batch: int) -> int:
        """Writes the indices of this batch, counted from 0, to `rows`; returns its size."""
        if self.rows is None:
            return self.size
        rows = self.order[batch * self.size : (batch + 1) * self.size]
        self.rows[: len(rows)] = rows
        return len(rows)


def _numbers(name: str, values: Any) -> np.ndarray:
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} has {np.ma.count_masked(values)} masked values; fill them in with "
            f"{name}.filled(...), or leave those examples out"
        )
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"the rows of {name} differ in length") from None
    if array.dtype.kind == "O":
        array = _unboxed(name, values, array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got an array of {array.dtype}")
    if not np.isfinite(_sum(array)) and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        place = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{name} has {len(bad)} values that are NaN or infinite, the first at [{place}]; "
            "fill them in, or leave those examples out"
        )
    return array


def _unboxed(name: str, values: Any, array: np.ndarray) -> np.ndarray:
    """Floats from an array of objects, such as that of a DataFrame with columns of mixed dtypes."""
    columns = getattr(values, "columns", None)
    for place, x in np.ndenumerate(array):
        if is_real(type(x)):
            continue
        if x is None and not place:
            raise ValueError(f"{name} is missing: expected a number for each example, got None")
        where = f"at {[*place]}" if columns is None else f"in the column {columns[place[-1]]!r}"
        if type(x).__name__ in MISSING:
            raise ValueError(
                f"{name} has a missing value {where}; fill it in, or leave that example out"
            )
        raise TypeError(
            f"{name} must hold real numbers, got {type(x).__name__} {x!r:.60} {where}; encode it "
            "as numbers, or leave it out"
        )
    return array.astype(float)


def _sum(array: np.ndarray) -> Any:
    """The sum; finite only if all elements are. Takes half the time of `isfinite` on each."""
    with np.errstate(all="ignore"):
        return np.add.reduce(array, axis=None)


def _weights(weights: Any, examples: int) -> np.ndarray:
    array = _numbers("sample_weight", weights).astype(float)
    if array.shape != (examples,):
        raise ShapeError(f"sample_weight must have the shape ({examples},), got {array.shape}")
    if array.min() < 0 or not array.any():
        raise ValueError("weights must be at least 0, and not all 0")
    return array
