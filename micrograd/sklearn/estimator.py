"""NetworkEstimator: what the classifier and the regressor share.

The names and meanings are those of scikit-learn's multilayer perceptron, and so is the order in
which random numbers are drawn: with the same `random_state` both learn the same weights, up to
rounding. What follows is its algorithm, on native code.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from micrograd.engine import write_numbers
from micrograd.neuralnet import MLP, activation_function
from micrograd.sklearn.batches import Batches
from micrograd.sklearn.epochs import Epochs
from micrograd.sklearn.heads import Head, half_squared_error
from micrograd.sklearn.network import Design, Network, network_of
from micrograd.sklearn.parameters import check_parameters, hidden_sizes
from micrograd.sklearn.solvers import SGD, Adam, Solver

Array = np.ndarray

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

    coefs_: list[Array]
    intercepts_: list[Array]

    # What a kind of estimator says of its targets.

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
        """The score of activated outputs for held-out examples."""
        raise NotImplementedError

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
            self._fit_lbfgs(network, examples)
        else:
            self._fit_epochs(network, examples, random, incremental)
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
            self.best_validation_score_ = -math.inf if early else None

    def _fit_epochs(
        self, network: Network, examples: list[Any], random: Any, incremental: bool
    ) -> None:
        """Passes over the examples until the loss, or the score, stands still."""
        training, held_out = (
            self._split(examples, random) if self.early_stopping else (examples, ())
        )
        epochs = self._epochs(network, training, random, incremental)
        self.n_iter_, stopped = 0, False
        try:
            while not stopped and self.n_iter_ < (1 if incremental else self.max_iter):
                stopped = self._epoch(epochs, network, held_out)
            if not (stopped or incremental):
                warnings.warn(NOT_CONVERGED.format(self.max_iter), ConvergenceWarning, stacklevel=4)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self.coefs_, self.intercepts_ = network.layered(epochs.theta)
        if self.early_stopping and (stopped or not incremental):
            self.coefs_, self.intercepts_ = self._best

    def _epochs(
        self, network: Network, examples: list[Any], random: Any, incremental: bool
    ) -> Epochs:
        theta = network.flat(self.coefs_, self.intercepts_)
        if self._solver is None or not incremental:
            self._solver = self._new_solver(len(theta), theta.dtype)
        return Epochs(
            network, self._solver, theta, examples, self._size(examples[0].shape[0]),
            alpha=self.alpha, dropout=self.dropout, share=self._share(), random=random,
        )  # fmt: skip

    def _share(self) -> float:
        """What the reported loss of an example is, of the sum over the outputs."""
        return 1 / self.n_outputs_ if self._head.mean and not callable(self.loss) else 1.0

    def _new_solver(self, size: int, dtype: np.dtype) -> Solver:
        rate = self.learning_rate_init
        if self.solver == "adam":
            return Adam(size, dtype, rate, self.beta_1, self.beta_2, self.epsilon)
        how = self.learning_rate, self.momentum, self.nesterovs_momentum, self.power_t
        return SGD(size, dtype, rate, *how)

    def _size(self, examples: int) -> int:
        """The number of examples in a batch."""
        if self.batch_size == "auto":
            return min(200, examples)
        if self.batch_size > examples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                f"clipped: batch_size={self.batch_size}, but there are {examples} examples",
                stacklevel=6,
            )
        return min(int(self.batch_size), examples)

    def _split(self, examples: list[Any], random: Any) -> tuple[list[Any], Sequence[Any]]:
        """The examples to train on, and those that are held out."""
        rows, share = np.arange(examples[0].shape[0]), self.validation_fraction
        training, held_out = train_test_split(
            rows, random_state=random, test_size=share, stratify=self._stratified(examples[1])
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                f"your dataset: {share} of {len(rows)} examples are {len(held_out)}"
            )
        return [a[training] for a in examples], [a[held_out] for a in examples]

    def _epoch(self, epochs: Epochs, network: Network, held_out: Sequence[Any]) -> bool:
        """One pass; returns whether training is to stop."""
        self.loss_ = epochs.run(self.shuffle)
        if not math.isfinite(self.loss_):
            raise ValueError(NOT_FINITE)
        self.n_iter_ += 1
        self.t_ += epochs.batches.examples
        self.loss_curve_.append(self.loss_)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        if held_out or self._callbacks():
            self.coefs_, self.intercepts_ = network.layered(epochs.theta)
        if held_out:
            self._judge_score(held_out)
        else:
            self._judge_loss()
        solver = self._solver
        assert solver is not None
        solver.end_epoch(self.t_)
        return self._stands_still(solver) or self._stopped_by_callback()

    def _judge_loss(self) -> None:
        """Counts the epochs in which the loss did not fall by `tol`."""
        assert self.best_loss_ is not None
        self._waited = self._waited + 1 if self.loss_ > self.best_loss_ - self.tol else 0
        self.best_loss_ = min(self.best_loss_, self.loss_)

    def _judge_score(self, held_out: Sequence[Any]) -> None:
        """Counts the epochs in which the score did not rise by `tol`; keeps the best weights."""
        score, best = self._score(*held_out), self.best_validation_score_
        assert self.validation_scores_ is not None
        assert best is not None
        self.validation_scores_.append(score)
        if self.verbose:
            print(f"Validation score: {score:f}")
        self._waited = self._waited + 1 if score < best + self.tol else 0
        if score > best:
            self.best_validation_score_ = score
            self._best = self.coefs_, self.intercepts_

    def _stands_still(self, solver: Solver) -> bool:
        """Whether there was no progress for `n_iter_no_change` epochs, at the least rate."""
        if self._waited <= self.n_iter_no_change:
            return False
        what = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            "consecutive epochs."
        )
        slower = solver.slow_down()
        if self.verbose:
            print(message, f"Setting learning rate to {solver.rate:f}" if slower else "Stopping.")
        self._waited = 0 if slower else self._waited
        return not slower

    def _callbacks(self) -> Sequence[Callable[[Any], Any]]:
        return [self.callbacks] if callable(self.callbacks) else list(self.callbacks)

    def _stopped_by_callback(self) -> bool:
        answers = [callback(self) for callback in self._callbacks()]
        return any(isinstance(x, (bool, np.bool_)) and bool(x) for x in answers)

    def _score(self, X: Any, targets: Array, weights: Array | None = None) -> float:
        """The score of held-out examples; NaN if an output is not finite."""
        outputs = self._outputs(X)
        if not np.isfinite(outputs).all():
            return math.nan
        return float(self._scored(targets, outputs, weights))

    def _fit_lbfgs(self, network: Network, examples: list[Any]) -> None:
        """Minimises the loss of all examples at once.

        Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization",
        1995. Of several outputs the sum is minimised, whose gradient this is.
        """
        theta = network.flat(self.coefs_, self.intercepts_)
        g = np.zeros_like(theta)
        whole = Batches(examples[0], examples[1:], examples[0].shape[0], theta.dtype)
        n, weights = whole.load(0), examples[2] if len(examples) > 2 else None
        weight = whole.weight(n, weights)
        gradient, penalty = (
            network.gradient_on(whole.arrays, None, [], theta, g),
            self.alpha / weight,
        )

        def loss_and_gradient(x: Array) -> tuple[float, Array]:
            theta[:] = x
            mean, coefs = gradient(n, 1.0 / weight), theta * network.is_coef
            return mean + 0.5 * penalty * float(coefs.dot(coefs)), g + penalty * coefs

        limits = {"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol}
        found = minimize(
            loss_and_gradient, theta.copy(), method="L-BFGS-B", jac=True, options=limits
        )
        loss_and_gradient(found.x)
        squares = float((theta * network.is_coef).dot(theta))
        self.n_iter_ = min(found.nit, self.max_iter)
        self.loss_ = self._share() * gradient(n, 1.0 / weight) + 0.5 * penalty * squares
        if found.status:
            warnings.warn(
                f"lbfgs failed to converge after {found.nit} iteration(s) "
                f"(status={found.status}):\n{found.message}\n\nIncrease max_iter, or scale X",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.coefs_, self.intercepts_ = network.layered(found.x.astype(theta.dtype))

    # Predicting.

    def _checked_outputs(self, X: Any) -> Array:
        """The activated outputs for the rows of `X`. Raises NotFittedError before `fit`."""
        check_is_fitted(self)
        return self._outputs(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))

    def _outputs(self, X: Any) -> Array:
        """The activated outputs, of shape (samples, outputs)."""
        activate = ACTIVATIONS.get(self.activation) if isinstance(self.activation, str) else None
        if activate is None or (isinstance(X, Array) and len(X) >= MANY):
            return self._head.activate(self._native_outputs(X))
        signals = X
        for layer, (coefs, intercepts) in enumerate(zip(self.coefs_, self.intercepts_), start=1):
            signals = signals @ coefs + intercepts
            if layer < len(self.coefs_):
                signals = activate(signals)
        return self._head.activate(signals)

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


def checked_weights(sample_weight: Any, X: Any) -> Array:
    """The weights of the rows of `X`, one number for all or one for each.

    Raises ValueError for another shape, NaN, infinity, and negative weights.
    """
    rows = X.shape[0]
    if isinstance(sample_weight, Real):
        return np.full(rows, float(sample_weight), X.dtype)
    weights = check_array(sample_weight, ensure_2d=False, dtype=X.dtype, input_name="sample_weight")
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    if weights.min() < 0:
        raise ValueError("Negative values in data passed to `sample_weight`")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number, got zeros only")
    return weights


NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed: scale them, for example by sklearn.preprocessing.StandardScaler"
)
NOT_CONVERGED = (
    "Stochastic Optimizer: Maximum iterations ({}) reached and the optimization hasn't converged "
    "yet; increase max_iter, or scale the data"
)


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
