"""Data: what `fit` is given, arrays or a file, as examples to train on and examples to judge by."""

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.errors import ShapeError
from micrograd.training.data.examples import Batches, ClassWeight, Examples
from micrograd.training.data.pieces import InMemory, PieceBatches, Pieces, numbers_in
from micrograd.training.run.run_identity import Mark, of_file, of_table

Validation = float | tuple[Any, Any] | tuple[Any, Any, Any]


@dataclass(frozen=True)
class Data:
    """`training` holds all examples to train on; of `pieces`, those of the first one.

    `held_out` are those to judge by, if there are any, and `called` is what the user calls their
    targets.
    """

    training: Examples
    held_out: Examples | None
    called: str = "y"
    pieces: Pieces | None = None

    @classmethod
    def of(
        cls,
        X: Any,
        y: Any,
        validation: Validation | None,
        random: np.random.Generator,
        sample_weight: Any = None,
        class_weight: ClassWeight | None = None,
    ) -> "Data":
        """Arrays or the path of a file, and what `fit` takes beside them. See `Examples.of`."""
        share = None if isinstance(validation, tuple) else validation
        pieces = _pieces(X, y, share, random)
        if pieces is None:
            training = Examples.of(X, y, sample_weight).weighted(class_weight)
        else:
            given = {"sample_weight": sample_weight, "class_weight": class_weight}
            refuse_for_files(**{name: x is not None for name, x in given.items()})
            training = pieces.first()
        called, held_out = "y", None
        if isinstance(validation, tuple):
            called, held_out = (
                "the y of validation",
                Examples.of(*validation).weighted(class_weight),
            )
            if held_out.inputs.shape[1] != training.inputs.shape[1]:
                raise ShapeError(f"X is {training}, but the X of validation {held_out}")
        elif pieces is not None:
            held_out = pieces.held_out()
        elif validation is not None:
            training, held_out = training.split(validation, random)
        return cls(training.normalised(), held_out, called, pieces)

    def batches(self, size: int | None, dtype: Any) -> Batches | PieceBatches:
        """So many examples at a time; None: all of them."""
        if self.pieces is not None:
            refuse_for_files(**{"batch_size=None": size is None})
            return PieceBatches(self.pieces, size or 1, dtype, self.training)
        return Batches(self.training, len(self.training) if size is None else size, dtype)

    @property
    def labels(self) -> np.ndarray:
        """All targets to train on, or all that are different."""
        known = None if self.pieces is None else self.pieces.labels
        return self.training.targets if known is None else known

    @property
    def table(self) -> Mark:
        """What tells a file, or the table that is read in pieces, from another."""
        if self.pieces is None:
            return "None", ""
        source = self.pieces.source
        return of_table(source.table) if isinstance(source, InMemory) else of_file(source.path)


def _pieces(X: Any, y: Any, share: float | None, random: np.random.Generator) -> Pieces | None:
    """The examples in a file, if X is one."""
    if isinstance(X, Pieces):
        return X
    if not isinstance(X, (str, Path)):
        return None
    if not isinstance(y, str):
        raise TypeError(f"y must be the name of a column of {X}, got {y!r:.60}")
    return numbers_in(X, y, share, int(random.integers(1 << 62)))


def refuse_for_files(**given: bool) -> None:
    """Raises ValueError for the first of what a file that is read in pieces cannot do."""
    for name, is_given in given.items():
        if is_given:
            raise ValueError(f"a file that is read in pieces cannot be trained on with {name}")


def share_or_examples(validation: Any) -> Validation | None:
    """A share as a float of Python's own; examples as they are. Raises TypeError for the rest."""
    if isinstance(validation, Real):
        return float(validation)
    if validation is None or (isinstance(validation, tuple) and len(validation) in (2, 3)):
        return validation
    raise TypeError(
        "validation must be a share between 0 and 1, or a tuple (X, y) or (X, y, weights); got "
        f"{type(validation).__name__} {validation!r:.60}"
    )
