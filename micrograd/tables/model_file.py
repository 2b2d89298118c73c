"""The model file: the weights of a network, and the encoding of its inputs and outputs."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.array_file import Kind, is_special
from micrograd.files.whole_file import write_whole

FORMAT = "micrograd.table_model"  # the key of the description in the metadata


class ModelFileError(ValueError):
    """A file that is not a model, or a model that cannot be read."""


MODEL = Kind(FORMAT, 3, "model of `micrograd train`", ModelFileError)


def save_model(path: str | Path, arrays: dict[str, Any], description: dict[str, Any]) -> None:
    """Writes the file atomically. Raises OSError if that fails."""
    tensors = {name: np.ascontiguousarray(array, dtype=float) for name, array in arrays.items()}
    write_whole(path, MODEL.pack(tensors, description, allow_nan=False))


def load_model(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the description. Raises ModelFileError for a file that is not a model."""
    if not isinstance(path, (str, PathLike)):
        raise TypeError(f"expected a model, or the name of its file, got {type(path).__name__}")
    path = Path(path)
    if not is_special(path):
        with open(path, "rb"):  # raises the system's error if the file cannot be opened
            pass
    return MODEL.read(path)
