"""Data: the arrays or the file passed to `fit`, as training and validation examples."""

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from micrograd.errors import ShapeError
from micrograd.training.data.examples import Batches, ClassWeight, Examples
from micrograd.training.data.marks import Mark, of_file, of_table
from micrograd.training.data.pieces import InMemory, PieceBatches, Pieces, numbers_in

Source = ArrayLike | str | Path | Pieces  # arrays, or a file
Targets = ArrayLike | str | None  # or the name of the file's column
Validation = float | tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Data:
    """Training examples and, if any, those held out for validation.

    `training` holds all training examples or, with `pieces`, those of the first piece. `called` is
    the name of the held-out targets in error messages.
    """

    training: Examples
    held_out: Examples | None
    called: str = "y"
    pieces: Pieces | None = None

    @classmethod
    def of(
        cls,
        X: Source,
        y: Targets,
        validation: Validation | None,
        random: np.random.Generator,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
    ) -> "Data":
        """From the arguments of `fit`: arrays or the path of a file. See `Examples.of`."""
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
                raise ShapeError(f"X is {training}, but the X of validation is {held_out}")
        elif pieces is not None:
            held_out = pieces.held_out()
        elif validation is not None:
            training, held_out = training.split(validation, random)
        return cls(training.normalised(), held_out, called, pieces)

    def batches(self, size: int | None, dtype: Any) -> Batches | PieceBatches:
        """Batches of `size` examples; None means all in one batch."""
        if self.pieces is not None:
            refuse_for_files(**{"batch_size=None": size is None})
            return PieceBatches(self.pieces, size or 1, dtype, self.training)
        return Batches(self.training, len(self.training) if size is None else size, dtype)

    @property
    def labels(self) -> np.ndarray:
        """All training targets; for pieces, the distinct ones."""
        known = None if self.pieces is None else self.pieces.labels
        return self.training.targets if known is None else known

    @property
    def table(self) -> Mark:
        """The identity of the file or table that is read in pieces."""
        if self.pieces is None:
            return "None", ""
        source = self.pieces.source
        return of_table(source.table) if isinstance(source, InMemory) else of_file(source.path)


def _pieces(
    X: Source, y: Targets, share: float | None, random: np.random.Generator
) -> Pieces | None:
    """The examples in the file `X`; None if `X` is not a file."""
    if isinstance(X, Pieces):
        return X
    if not isinstance(X, (str, Path)):
        return None
    if not isinstance(y, str):
        raise TypeError(f"y must name a column of {X}, got {y!r:.60}")
    return numbers_in(X, y, share, int(random.integers(1 << 62)))


def refuse_for_files(**given: bool) -> None:
    """Raises ValueError for the first given argument that training in pieces does not support."""
    for name, is_given in given.items():
        if is_given:
            raise ValueError(
                f"training on a file does not support {name}; leave it out, or load the file into "
                "arrays"
            )


def share_or_examples(validation: Any) -> Validation | None:
    """A fraction as a Python float; a tuple unchanged. Raises TypeError for anything else."""
    if isinstance(validation, Real):
        return float(validation)
    if validation is None or (isinstance(validation, tuple) and len(validation) in (2, 3)):
        return validation
    raise TypeError(
        "validation must be a number in (0, 1), or a tuple (X, y) or (X, y, weights), got "
        f"{type(validation).__name__} {validation!r:.60}"
    )
