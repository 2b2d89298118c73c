"""scikit-learn's estimators on native code: `MLPClassifier` and `MLPRegressor`.

A program that uses those of `sklearn.neural_network` runs after its import is changed.

>>> from sklearn.datasets import load_iris
>>> from micrograd.sklearn import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier((16,), solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
>>> model.score(X, y) > 0.95
True
"""

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "micrograd.sklearn needs scikit-learn: pip install 'micrograd-native[sklearn]'"
    ) from None

from micrograd.sklearn.classifier import MLPClassifier
from micrograd.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
