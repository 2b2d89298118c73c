"""Saved estimators: parameters, classes and weights in one .safetensors file, without pickle."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

import micrograd
from micrograd.files.array_file import Kind
from micrograd.files.whole_file import check_format, write_whole

SAVED = Kind("micrograd.estimator", 1, "saved estimator of micrograd.sklearn", ValueError)
LEARNED = ("n_iter_", "t_", "n_outputs_", "n_layers_", "out_activation_", "n_features_in_", "loss_",
           "loss_curve_", "validation_scores_", "validation_loss_curve_", "best_loss_",
           "best_validation_score_")  # fmt: skip
NAMES = ("classes_", "feature_names_in_")  # arrays that may hold text
PLAIN = (str, bool, int, float, type(None))


def write_estimator(estimator: Any, path: str | Path) -> None:
    """Writes a fitted estimator. Raises ValueError for a parameter that is a function."""
    check_format(path, "an estimator is written", ".safetensors")
    given = {name: _stored(name, x) for name, x in estimator.get_params(deep=False).items()}
    learned = {n: _stored(n, getattr(estimator, n)) for n in LEARNED if hasattr(estimator, n)}
    arrays = {f"coefs.{i}": array for i, array in enumerate(estimator.coefs_)}
    arrays |= {f"intercepts.{i}": array for i, array in enumerate(estimator.intercepts_)}
    names = {}
    for name in NAMES:
        if (found := getattr(estimator, name, None)) is not None:
            names[name] = [found.dtype.str, found.tolist()]
    described = {
        "made by": micrograd.__version__, "class": type(estimator).__name__, "parameters": given,
        "learned": learned, "names": names,
        "labels": getattr(getattr(estimator, "_binarizer", None), "y_type_", ""),
    }  # fmt: skip
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_whole(path, SAVED.pack(contiguous, described))


def _stored(name: str, x: Any) -> Any:
    """A parameter in JSON; numbers of NumPy become Python's, tuples lists."""
    x = x.item() if isinstance(x, np.generic) else x
    if isinstance(x, (list, tuple, np.ndarray)):
        return [_stored(name, element) for element in x]
    if isinstance(x, dict):
        return {"pairs": [[_stored(name, key), _stored(name, v)] for key, v in x.items()]}
    if not isinstance(x, PLAIN):
        raise ValueError(
            f"{name}={x!r:.60} cannot be written without pickle; set it to None, or use pickle"
        )
    return x


def read_estimator(kind: type[Any], path: str | Path) -> Any:
    """The estimator of class `kind` in a file. Raises ValueError for any other file."""
    arrays, described = SAVED.read(Path(path))
    if described["class"] != kind.__name__:
        raise ValueError(f"{path} holds a {described['class']}; load it by {described['class']}")
    parameters = described["parameters"].items()
    it = kind(**{name: _given(x) for name, x in parameters})
    for name, x in described["learned"].items():
        setattr(it, name, x)
    for name, (dtype, names) in described["names"].items():
        setattr(it, name, np.array(names, dtype))
    layers = it.n_layers_ - 1
    it.coefs_ = [arrays[f"coefs.{i}"] for i in range(layers)]
    it.intercepts_ = [arrays[f"intercepts.{i}"] for i in range(layers)]
    it._solver, it._waited, it._best = None, 0, (it.coefs_, it.intercepts_)
    if described["labels"]:
        several = described["labels"] == "multilabel-indicator"
        it._binarizer = LabelBinarizer().fit(np.eye(len(it.classes_), dtype=int) if several
                                             else it.classes_)  # fmt: skip
    return it


def _given(x: Any) -> Any:
    if isinstance(x, dict):
        return dict(x["pairs"])
    return tuple(map(_given, x)) if isinstance(x, list) else x
