"""MLPRegressor: a network for real targets, with scikit-learn's interface."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from micrograd.losses import Loss
from micrograd.names import unknown
from micrograd.neuralnet import Activation
from micrograd.sklearn.estimator import Metric, NetworkEstimator, has_epochs, keep
from micrograd.sklearn.heads import HEADS, Head

Array = np.ndarray


class MLPRegressor(RegressorMixin, NetworkEstimator):
    """scikit-learn's `MLPRegressor` on native code: the same parameters, attributes and weights.

    What is new: `loss` may be a function of one example's outputs and target, and `activation` one
    of a scalar, or any name that `mg.MLP` knows; `dropout` is the probability that a step drops a
    hidden unit; `callbacks` are functions of the estimator, called after each epoch, and one that
    returns True ends the training. `partial_fit` works with `early_stopping`: it holds out a part
    of the examples of each call, and records their loss in `validation_loss_curve_`; `metric` is
    the score of these examples, a function of the targets and the predictions such as
    `sklearn.metrics.d2_tweedie_score`; `progress` shows a bar. `save` writes a `.safetensors` file.

    A difference: of several outputs, `solver="lbfgs"` minimises the sum of their losses. The
    gradients of both packages are those of this sum.

    >>> from micrograd.sklearn import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0).fit(X, y)
    >>> model.predict([[10.0]]).round(3)
    array([21.])
    """

    _metric = "r2"

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Activation = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        callbacks: Any = (),
        metric: Metric | None = None,
        progress: bool | None = False,
    ):
        keep(self, locals())

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, Array, int]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=(np.float64, np.float32), reset=first,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y.astype(X.dtype, copy=False), 1 if y.ndim == 1 else y.shape[1]

    @property
    def _head(self) -> Head:
        if callable(self.loss):
            return HEADS["squared_error"]
        if self.loss not in ("squared_error", "poisson"):
            raise ValueError(unknown("loss", self.loss, ("squared_error", "poisson")))
        return HEADS[self.loss]

    def predict(self, X: Any) -> Array:
        """The predictions, of shape (samples,) or, for several outputs, (samples, outputs)."""
        return self._predicted(self._checked_outputs(X))

    def _predicted(self, outputs: Array) -> Array:
        predicted = self._head.activate(outputs)
        return predicted.ravel() if predicted.shape[1] == 1 else predicted

    def _scored(self, targets: Array, outputs: Array, weights: Array | None) -> float:
        return r2_score(targets, self._predicted(outputs), sample_weight=weights)

    @available_if(has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch on these examples; the solver keeps its state from call to call."""
        return self._fit(X, y, sample_weight, incremental=True)
