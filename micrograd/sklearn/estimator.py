"""NetworkEstimator: what the classifier and the regressor share.

The names and meanings are those of scikit-learn's multilayer perceptron, and so is the order in
which random numbers are drawn: with the same `random_state` both learn the same weights, up to
rounding. What follows is its algorithm, on native code.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from micrograd.engine import write_numbers
from micrograd.neuralnet import MLP, activation_function
from micrograd.sklearn.constraints import check_parameters, checked_weights, hidden_sizes
from micrograd.sklearn.descent import NOT_FINITE, Descent
from micrograd.sklearn.estimator_file import read_estimator, write_estimator
from micrograd.sklearn.heads import Head, half_squared_error
from micrograd.sklearn.network import Design, network_of
from micrograd.sklearn.quasi_newton import minimise
from micrograd.sklearn.solvers import Solver
from micrograd.training.data.examples import Examples
from micrograd.training.run.diagnosis import Diagnosis
from micrograd.training.run.history import History
from micrograd.training.run.record import Patient

Array = np.ndarray

Metric = Callable[[Array, Array], float]  # of targets and predictions; higher is better

MANY = 20_000  # rows from which native code predicts; below, NumPy does, without compiling

# Activations in NumPy, by scikit-learn's names. All others predict in native code.
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


class NetworkEstimator(BaseEstimator):
    """A multilayer perceptron with scikit-learn's interface. Use a class derived from it."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str
    alpha: float
    batch_size: Any
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    loss: Any
    dropout: float
    callbacks: Any
    metric: Metric | None
    progress: bool | None

    _metric: str  # what `score` is

    coefs_: list[Array]
    intercepts_: list[Array]

    # Each kind of estimator defines these, for its targets.

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, Array, int]:
        """The inputs, the targets as the loss takes them, and the number of outputs."""
        raise NotImplementedError

    @property
    def _head(self) -> Head:
        raise NotImplementedError

    def _stratified(self, targets: Array) -> Array | None:
        """The classes that the validation part has in the same shares, if any."""
        return None

    def _scored(self, targets: Array, outputs: Array, weights: Array | None) -> float:
        """The score of the outputs, before their activation, for held-out examples."""
        raise NotImplementedError

    def _predicted(self, outputs: Array) -> Array:
        """The predictions, given the outputs before their activation."""
        raise NotImplementedError

    def _named(self, targets: Array) -> Array:
        """The targets as they were given to `fit`."""
        return targets

    def _weights(self, X: Any, y: Any, sample_weight: Any) -> Array | None:
        """The weight of each example."""
        return None if sample_weight is None else checked_weights(sample_weight, X)

    # Fitting.

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from the rows of `X` and their targets `y`; returns the estimator.

        `X` is an array, a frame or a sparse matrix of shape (samples, features). `sample_weight`
        has the shape (samples,). Raises ValueError for arguments or data that do not fit, and if
        the weights become infinite; warns with ConvergenceWarning at `max_iter`.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        check_parameters(self.get_params(deep=False))
        hidden = hidden_sizes(self.hidden_layer_sizes)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, targets, outputs = self._targets(X, y, first, incremental)
        weights = self._weights(X, y, sample_weight)
        design = Design(
            (X.shape[1], *hidden, outputs), _activation(self.activation), self._loss(),
            targets.shape[1] if targets.ndim == 2 else None, weights is not None,
            self.dropout > 0, X.dtype,
        )  # fmt: skip
        random = check_random_state(self.random_state)
        if first:
            self._initialize(design, random)
        examples = [X, targets] + ([] if weights is None else [weights])
        network = network_of(design)
        if self.solver == "lbfgs":
            minimise(self, network, examples)
        else:
            Descent(self, network, examples, random, incremental).run()
        if not all(np.isfinite(w).all() for w in (*self.coefs_, *self.intercepts_)):
            raise ValueError(NOT_FINITE)
        return self

    def _loss(self) -> Any:
        return self.loss if callable(self.loss) else self._head.loss

    def _initialize(self, design: Design, random: np.random.RandomState) -> None:
        """Draws the first weights, uniform with a bound by Glorot and Bengio, 2010, eq. 16."""
        self.n_iter_ = self.t_ = 0
        self.n_outputs_, self.n_layers_ = design.units[-1], len(design.units)
        self.out_activation_ = self._head.name
        factor = 2.0 if self.activation == "logistic" else 6.0
        self.coefs_, self.intercepts_ = [], []
        for inputs, units in zip(design.units, design.units[1:]):
            bound = math.sqrt(factor / (inputs + units))
            self.coefs_.append(random.uniform(-bound, bound, (inputs, units)).astype(design.dtype))
            self.intercepts_.append(random.uniform(-bound, bound, units).astype(design.dtype))
        self._solver: Solver | None = None
        self._waited, self._best = 0, (self.coefs_, self.intercepts_)
        if self.solver != "lbfgs":
            early = self.early_stopping
            self.loss_curve_: list[float] = []
            self.best_loss_ = None if early else math.inf
            self.validation_scores_: list[float] | None = [] if early else None
            self.validation_loss_curve_: list[float] | None = [] if early else None
            self.best_validation_score_ = -math.inf if early else None

    def _share(self) -> float:
        """The reported loss of an example, relative to the sum over the outputs."""
        return 1 / self.n_outputs_ if self._head.mean and not callable(self.loss) else 1.0

    # Predicting.

    def _checked_outputs(self, X: Any) -> Array:
        """The outputs for the rows of `X`. Raises NotFittedError before `fit`."""
        check_is_fitted(self)
        return self._outputs(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))

    def _outputs(self, X: Any) -> Array:
        """The outputs before their activation, of shape (samples, outputs)."""
        activate = ACTIVATIONS.get(self.activation) if isinstance(self.activation, str) else None
        if activate is None or (isinstance(X, Array) and len(X) >= MANY):
            return self._native_outputs(X)
        signals = X
        for layer, (coefs, intercepts) in enumerate(zip(self.coefs_, self.intercepts_), start=1):
            signals = signals @ coefs + intercepts
            if layer < len(self.coefs_):
                signals = activate(signals)
        return signals

    def _native_outputs(self, X: Any) -> Array:
        units = self.coefs_[0].shape[0], *[len(x) for x in self.intercepts_]
        columns = units[-1] if units[-1] > 1 else None
        any_loss, dtype = half_squared_error, self.coefs_[0].dtype
        design = Design(units, _activation(self.activation), any_loss, columns, False, False, dtype)
        network = network_of(design)
        dense = X if isinstance(X, Array) else X.toarray()
        return network.outputs(dense, network.flat(self.coefs_, self.intercepts_))

    def to_mlp(self) -> MLP:
        """The network as an `mg.MLP` of Values, to draw, compile or train further.

        Its outputs are those before the activation of the output layer, which is `out_activation_`.
        """
        check_is_fitted(self)
        sizes = [len(x) for x in self.intercepts_]
        model = MLP(self.coefs_[0].shape[0], sizes, _activation(self.activation), seed=0)
        for layer, coefs, intercepts in zip(model.layers, self.coefs_, self.intercepts_):
            for neuron, column, intercept in zip(layer.neurons, coefs.T, intercepts):
                write_numbers(neuron.weights, column.tolist())
                neuron.bias.data = float(intercept)
        return model

    def summary(self) -> str:
        """The layers of the network, with the shapes and numbers of their weights."""
        return self.to_mlp().summary()

    @property
    def history_(self) -> History:
        """The curves of the last fit, to plot."""
        check_is_fitted(self)
        scores = getattr(self, "validation_scores_", None) or []
        named = self._metric if self.metric is None else getattr(self.metric, "__name__", "metric")
        return History(
            loss=[*getattr(self, "loss_curve_", [])], metric=named if scores else "",
            validation_loss=[*(getattr(self, "validation_loss_curve_", None) or [])],
            scores=[*scores],
        )  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Writes the fitted estimator to a .safetensors file, without pickle.

        What only further training needs, the state of the solver, is not in it. Raises ValueError
        for a parameter that is a function, and OSError if the file cannot be written.
        """
        check_is_fitted(self)
        write_estimator(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote. Raises ValueError for any other file."""
        return read_estimator(cls, path)

    def diagnose(self, X: Any = None) -> Diagnosis:
        """The problems of the last fit, each with evidence and a remedy.

        With rows `X` of the training data, those of the inputs and the hidden units as well.
        """
        history = self.history_
        if X is not None:
            rows = np.asarray(X.toarray() if hasattr(X, "toarray") else X, float)
            history.patient = Patient(self.to_mlp(), Examples(rows, np.zeros(len(rows))))
        return history.diagnose()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _activation(activation: Any) -> Any:
    """scikit-learn's "logistic" is our "sigmoid"; all other names are the same.

    Raises ValueError for an unknown one.
    """
    name = "sigmoid" if activation == "logistic" else activation
    activation_function(name)
    return name


def keep(estimator: NetworkEstimator, names: dict[str, Any]) -> None:
    """Sets the attributes of an estimator: the arguments of its constructor, given its locals."""
    for name, x in names.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, x)


def has_epochs(estimator: NetworkEstimator) -> bool:
    """Whether `partial_fit` exists. Raises AttributeError for L-BFGS, which has no epochs."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True
