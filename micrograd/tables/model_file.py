"""The model file: the numbers of a network, and what they mean."""

from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.array_file import Kind, is_special
from micrograd.files.whole_file import write_whole

FORMAT = "micrograd.table_model"  # the key of the description in the metadata


class ModelFileError(ValueError):
    """A file that is no model, or not one that can be read."""


MODEL = Kind(FORMAT, 1, "model of `micrograd train`", ModelFileError)


def save_model(path: str | Path, arrays: dict[str, Any], description: dict[str, Any]) -> None:
    """Writes all of it or nothing. Raises OSError where that fails."""
    tensors = {name: np.ascontiguousarray(array, dtype=float) for name, array in arrays.items()}
    write_whole(path, MODEL.pack(tensors, description, allow_nan=False))


def load_model(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the description. Raises ModelFileError for another file, OSError for none."""
    path = Path(path)
    if not is_special(path):
        with open(path, "rb"):  # says why where it cannot be opened, in the words of the system
            pass
    return MODEL.read(path)
