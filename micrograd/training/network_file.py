"""save, load: the numbers of a model in one .safetensors file, without pickle."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from micrograd.files import fields
from micrograd.files.array_file import Kind
from micrograd.files.whole_file import check_format, write_whole
from micrograd.module import Module
from micrograd.names import names_keywords
from micrograd.neuralnet import MLP

M = TypeVar("M", bound=Module)
SAVED = Kind("micrograd.network", 1, "model of `mg.save`", ValueError)


@dataclass(frozen=True)
class _Stored:
    """A model in JSON, without its numbers; `mlp` is how to make it, if it is an MLP."""

    kind: str
    mlp: dict[str, Any] | None


@names_keywords()
def save(model: Module, path: str | Path) -> None:
    """Writes the parameters of `model` to a .safetensors file, atomically.

    Raises TypeError for anything but a Module, ValueError for a name that ends as another format,
    and OSError if the file cannot be written.

    >>> import micrograd as mg
    >>> from tempfile import TemporaryDirectory
    >>> model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    >>> with TemporaryDirectory() as directory:
    ...     mg.save(model, f"{directory}/net.safetensors")
    ...     again = mg.load(f"{directory}/net.safetensors")
    >>> again
    MLP(2, [3, 1], activation='tanh')
    >>> again([0.5, 1.0])[0].data == model([0.5, 1.0])[0].data
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"expected a Module, such as mg.MLP, to save, got {model!r:.60}")
    check_format(path, "a model is written", ".safetensors")
    arrays = {name: np.array(x, dtype=float) for name, x in model.state_dict().items()}
    write_whole(path, SAVED.pack(arrays, {"kind": type(model).__name__, "mlp": _made_by(model)}))


def _made_by(model: Module) -> dict[str, object] | None:
    """The arguments that make an MLP, unless an activation is a function."""
    if type(model) is not MLP:
        return None
    activation = model.activation
    names = [activation] if isinstance(activation, str) or callable(activation) else [*activation]
    if not all(isinstance(name, str) for name in (*names, model.output_activation)):
        return None
    return {
        "nin": model.nin, "sizes": model.sizes, "output_activation": model.output_activation,
        "activation": activation if isinstance(activation, str) else names,
    }  # fmt: skip


def _check_file(path: Any) -> None:
    """Raises TypeError if it is no path, the system's error if it cannot be opened."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"load expected the path of a file, got {type(path).__name__} {path!r:.60}")
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        expected = f"{error.strerror}; expected a file that micrograd.save wrote"
        raise type(error)(error.errno, expected, str(path)) from None


@overload
def load(path: str | Path, into: None = None) -> MLP: ...
@overload
def load(path: str | Path, into: M) -> M: ...
@names_keywords()
def load(path: str | Path, into: Module | None = None) -> Module:
    """The model in a file that `save` wrote.

    An `MLP` is made anew. For another Module, or an MLP with a function as activation, pass a model
    of the same shapes as `into`, which gets the numbers, and is returned. Raises ValueError for any
    other file and if `into` is needed, ShapeError if it has other shapes, OSError if the file
    cannot be read, and TypeError if `path` is none.

    >>> import micrograd as mg
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     mg.save(mg.Neuron(2, seed=0), f"{directory}/neuron.safetensors")
    ...     mg.load(f"{directory}/neuron.safetensors", into=mg.Neuron(2)).state_dict().keys()
    dict_keys(['weights', 'bias'])
    """
    _check_file(path)
    arrays, description = SAVED.read(Path(path))
    stored = fields.read(_Stored, description, "the description")
    if into is None and stored.mlp is None:
        raise ValueError(
            f"{path} holds the numbers of a {stored.kind}; make one of the same shapes, and pass "
            "it as into="
        )
    model = into if into is not None else MLP(**(stored.mlp or {}))
    model.load_state_dict({name: array.tolist() for name, array in arrays.items()})
    return model
