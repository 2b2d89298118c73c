"""The model file: arrays and a description in JSON, in one .safetensors file. No pickle."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.training.whole_file import write_whole

FORMAT = "micrograd.table_model"  # the key of the description in the metadata
VERSION = 1


class ModelFileError(ValueError):
    """A file that is no model, or not one that can be read."""


def save_model(path: str | Path, arrays: dict[str, Any], description: dict[str, Any]) -> None:
    """Writes all of it or nothing. Raises OSError where that fails."""
    from safetensors.numpy import save

    described = {"version": VERSION, **description}
    metadata = {FORMAT: json.dumps(described, ensure_ascii=False, allow_nan=False)}
    tensors = {name: np.ascontiguousarray(array, dtype=float) for name, array in arrays.items()}
    write_whole(path, save(tensors, metadata))


def load_model(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the description. Raises ModelFileError for another file, OSError for none."""
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):  # says why where it cannot be opened, in the words of the system
        pass
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dict
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or ["it cannot be read"])[0]
        raise ModelFileError(
            f"{path} is cut short or is no model of `micrograd train` ({reason})"
        ) from None
    if FORMAT not in metadata:
        raise ModelFileError(f"{path} is a .safetensors file, but no model of `micrograd train`")
    try:
        description = json.loads(metadata[FORMAT])
        version = description.pop("version")
    except (KeyError, ValueError, TypeError, AttributeError):
        raise ModelFileError(f"the description of the model in {path} is damaged") from None
    if version != VERSION:
        raise ModelFileError(
            f"{path} has version {version} of the model format, and this micrograd reads version "
            f"{VERSION}; train it again, or install the micrograd that wrote it"
        )
    return arrays, description
