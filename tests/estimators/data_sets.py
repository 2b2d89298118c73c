"""The data sets of the tests, some rows of them, and whether scikit-learn has weights."""

from typing import Any

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import scale

from micrograd.sklearn import MLPClassifier, MLPRegressor

WEIGHTS = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 7)  # of examples, in theirs

IRIS = load_iris(return_X_y=True)
DIGITS = [a[:300] for a in load_digits(return_X_y=True)]
DIGITS[0] = scale(DIGITS[0])
DIABETES = load_diabetes(return_X_y=True)

KINDS: dict[str, tuple[Any, Any, Any, Any]] = {
    "classes": (MLPClassifier, TheirClassifier, DIGITS[0], DIGITS[1]),
    "two classes": (MLPClassifier, TheirClassifier, DIGITS[0], DIGITS[1] % 2),
    "labels": (
        MLPClassifier, TheirClassifier, DIGITS[0],
        np.column_stack([DIGITS[1] % 2, DIGITS[1] % 3 == 0]).astype(int),
    ),
    "numbers": (MLPRegressor, TheirRegressor, DIGITS[0], DIGITS[1] / 3),
    "rows of numbers": (
        MLPRegressor, TheirRegressor, DIGITS[0], np.column_stack([DIGITS[1] / 3, DIGITS[1] % 2]),
    ),
}  # fmt: skip


def fitted_both(kind: str, **options: Any) -> tuple[Any, Any, Any, Any]:
    ours, theirs, X, y = KINDS[kind]
    given = {"hidden_layer_sizes": (20,), "max_iter": 25, "random_state": 3} | options
    return ours(**given).fit(X, y), theirs(**given).fit(X, y), X, y
