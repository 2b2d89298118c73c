"""Descent: the epochs of a fit with `solver="adam"` or `"sgd"`, until there is no more progress."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from micrograd.sklearn.epochs import Epochs
from micrograd.sklearn.network import Network, network_of
from micrograd.sklearn.solvers import SGD, Adam, Solver
from micrograd.training.run.progress import Progress

Array = np.ndarray

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed: scale them, for example by sklearn.preprocessing.StandardScaler"
)


class Descent:
    """Trains the weights of an estimator, and records loss and score in its attributes.

    With `incremental`, for `partial_fit`, there is one epoch, and the solver keeps its state.
    """

    def __init__(
        self, estimator: Any, network: Network, examples: list[Any], random: Any, incremental: bool
    ):
        self.estimator, self.network, self.incremental = estimator, network, incremental
        self.held_out: Sequence[Any] = ()
        if estimator.early_stopping:
            examples, self.held_out = split(estimator, examples, random)
        theta = network.flat(estimator.coefs_, estimator.intercepts_)
        if estimator._solver is None or not incremental:
            estimator._solver = new_solver(estimator, len(theta), theta.dtype)
        self.solver: Solver = estimator._solver
        self.epochs = Epochs(
            network, self.solver, theta, examples, batch_size(estimator, examples[0].shape[0]),
            alpha=estimator.alpha, dropout=estimator.dropout, share=estimator._share(),
            random=random,
        )  # fmt: skip
        self.held_out_loss = self._loss_of_held_out() if self.held_out else None

    def _loss_of_held_out(self) -> Callable[[], float]:
        """A function that returns the mean loss of the held-out examples, without penalty."""
        theta, network = self.epochs.theta, network_of(replace(self.network.design, masked=False))
        dense = [a if isinstance(a, Array) else a.toarray() for a in self.held_out]
        arrays = [np.ascontiguousarray(a, theta.dtype) for a in dense]
        loss = network.gradient_on(arrays, None, [], theta, np.zeros_like(theta))
        n = len(arrays[0])
        scale = self.estimator._share() / (float(arrays[2].sum()) if len(arrays) > 2 else n)
        return lambda: loss(n, scale)

    def run(self) -> None:
        """Trains until the loss, or the score, stops improving; warns if `max_iter` comes first."""
        it, stopped, batches = self.estimator, False, self.epochs.batches.count
        epochs = 1 if self.incremental else it.max_iter
        it.n_iter_ = 0
        try:
            with Progress(epochs, batches, it.progress) as bar:
                while not stopped and it.n_iter_ < epochs:
                    stopped = self._epoch()
                    if bar.bar is not None:
                        bar.bar.update(batches)
                        bar.epoch(it.history_)
            if not (stopped or self.incremental):
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({it.max_iter}) reached and the "
                    "optimization hasn't converged yet; increase max_iter, or scale the data",
                    ConvergenceWarning, stacklevel=4,
                )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._write()
        if it.early_stopping and (stopped or not self.incremental):
            it.coefs_, it.intercepts_ = it._best

    def _write(self) -> None:
        self.estimator.coefs_, self.estimator.intercepts_ = self.network.layered(self.epochs.theta)

    def _epoch(self) -> bool:
        """One pass over the examples; returns whether training is to stop."""
        it = self.estimator
        it.loss_ = self.epochs.run(it.shuffle)
        if not math.isfinite(it.loss_):
            return self._diverged()
        it.n_iter_ += 1
        it.t_ += self.epochs.batches.examples
        it.loss_curve_.append(it.loss_)
        if it.verbose:
            print(f"Iteration {it.n_iter_}, loss = {it.loss_:.8f}")
        callbacks = callbacks_of(it)
        if self.held_out or callbacks:
            self._write()
        if self.held_out:
            self._judge_score()
        else:
            self._judge_loss()
        self.solver.end_epoch(it.t_)
        answers = [callback(it) for callback in callbacks]
        return self._stands_still() or any(isinstance(x, (bool, np.bool_)) and x for x in answers)

    def _diverged(self) -> bool:
        """Ends the training with the best weights. Raises ValueError if there are none."""
        it = self.estimator
        if not (self.held_out and math.isfinite(it.best_validation_score_)):
            raise ValueError(NOT_FINITE)
        it.validation_scores_.append(math.nan)
        it.validation_loss_curve_.append(math.nan)
        warnings.warn(
            f"The loss became {it.loss_} in epoch {it.n_iter_ + 1}; the weights are those of the "
            "best validation score. Try a smaller learning_rate_init, or scale the data",
            ConvergenceWarning,
            stacklevel=5,
        )
        return True

    def _judge_loss(self) -> None:
        """Counts the epochs in which the loss did not fall by `tol`."""
        it = self.estimator
        it._waited = it._waited + 1 if it.loss_ > it.best_loss_ - it.tol else 0
        it.best_loss_ = min(it.best_loss_, it.loss_)

    def _judge_score(self) -> None:
        """Counts the epochs in which the score did not rise by `tol`; keeps the best weights."""
        it, score = self.estimator, self._score(*self.held_out)
        it.validation_scores_.append(score)
        it.validation_loss_curve_.append(self.held_out_loss() if self.held_out_loss else math.nan)
        if it.verbose:
            print(f"Validation score: {score:f}")
        it._waited = it._waited + 1 if score < it.best_validation_score_ + it.tol else 0
        if score > it.best_validation_score_:
            it.best_validation_score_ = score
            it._best = it.coefs_, it.intercepts_

    def _score(self, X: Any, targets: Array, weights: Array | None = None) -> float:
        """The score of held-out examples; NaN if an output is not finite."""
        outputs = self.estimator._outputs(X)
        if not np.isfinite(outputs).all():
            return math.nan
        it = self.estimator
        if it.metric is not None:
            return float(it.metric(it._named(targets), it._predicted(outputs)))
        return float(it._scored(targets, outputs, weights))

    def _stands_still(self) -> bool:
        """Whether there was no progress for `n_iter_no_change` epochs, at the least rate."""
        it = self.estimator
        if it._waited <= it.n_iter_no_change:
            return False
        what = "Validation score" if it.early_stopping else "Training loss"
        slower = self.solver.slow_down()
        if it.verbose:
            print(
                f"{what} did not improve more than tol={it.tol:f} for {it.n_iter_no_change} "
                "consecutive epochs.",
                f"Setting learning rate to {self.solver.rate:f}" if slower else "Stopping.",
            )
        it._waited = 0 if slower else it._waited
        return not slower


def callbacks_of(estimator: Any) -> Sequence[Callable[[Any], Any]]:
    """The callbacks as a list: the argument is one function, or several."""
    given = estimator.callbacks
    return [given] if callable(given) else list(given)


def new_solver(estimator: Any, size: int, dtype: np.dtype) -> Solver:
    """The solver that an estimator asks for, for so many weights."""
    it, rate = estimator, estimator.learning_rate_init
    if it.solver == "adam":
        return Adam(size, dtype, rate, it.beta_1, it.beta_2, it.epsilon)
    return SGD(size, dtype, rate, it.learning_rate, it.momentum, it.nesterovs_momentum, it.power_t)


def batch_size(estimator: Any, examples: int) -> int:
    """The number of examples in a batch. Warns if it is more than there are."""
    size = estimator.batch_size
    if size == "auto":
        return min(200, examples)
    if size > examples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped: "
            f"batch_size={size}, but there are {examples} examples",
            stacklevel=6,
        )
    return min(int(size), examples)


def split(estimator: Any, examples: list[Any], random: Any) -> tuple[list[Any], list[Any]]:
    """The examples to train on, and those that are held out."""
    rows, share = np.arange(examples[0].shape[0]), estimator.validation_fraction
    training, held_out = train_test_split(
        rows, random_state=random, test_size=share, stratify=estimator._stratified(examples[1])
    )
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: {share} of {len(rows)} examples are {len(held_out)}"
        )
    return [a[training] for a in examples], [a[held_out] for a in examples]
