"""MLPClassifier: a network for classes and labels, with scikit-learn's interface."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from micrograd.losses import Loss
from micrograd.names import unknown
from micrograd.neuralnet import Activation
from micrograd.sklearn.estimator import Metric, NetworkEstimator, has_epochs, keep
from micrograd.sklearn.heads import HEADS, Head

Array = np.ndarray


class MLPClassifier(ClassifierMixin, NetworkEstimator):
    """scikit-learn's `MLPClassifier` on native code: the same parameters, attributes and weights.

    What is new: `class_weight` as in scikit-learn's other classifiers; `loss` may be a function of
    one example's outputs, before their activation, and target (the index of the class), and
    `activation` one of a scalar, or any name that `mg.MLP` knows; `dropout` is the probability that
    a step drops a hidden unit; `callbacks` are functions of the estimator, called after each epoch,
    and one that returns True ends the training. `partial_fit` works with `early_stopping`: it holds
    out a part of the examples of each call, and records their loss in `validation_loss_curve_`;
    `metric` is the score of these examples, a function of the targets and the predictions such as
    `sklearn.metrics.f1_score`; `progress` shows a bar. `save` writes a `.safetensors` file.

    >>> from micrograd.sklearn import MLPClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> model = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> model.predict([[0.5], [2.5]])
    array(['low', 'high'], dtype='<U4')
    """

    _metric = "accuracy"

    def __init__(
        self,
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
        loss: str | Loss = "log_loss",
        class_weight: Any = None,
        dropout: float = 0.0,
        callbacks: Any = (),
        metric: Metric | None = None,
        progress: bool | None = False,
    ):
        keep(self, locals())

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, Array, int]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True,
            dtype=(np.float64, np.float32), reset=first,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._set_classes(y)
        else:
            self._check_classes(y)
        binary = self._binarizer.transform(y)
        if self._binarizer.y_type_ == "multiclass":
            return X, np.argmax(binary, axis=1).astype(X.dtype), len(self.classes_)
        targets = binary.astype(X.dtype)
        return X, targets[:, 0] if targets.shape[1] == 1 else targets, targets.shape[1]

    def _set_classes(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._binarizer.classes_

    def _check_classes(self, y: Any) -> None:
        """Raises ValueError for classes that the network has no outputs for."""
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )

    @property
    def _head(self) -> Head:
        if not callable(self.loss) and self.loss != "log_loss":
            raise ValueError(unknown("loss", self.loss, ("log_loss",), "pass a function, or "))
        return HEADS["multiclass" if self._binarizer.y_type_ == "multiclass" else "labels"]

    def _weights(self, X: Any, y: Any, sample_weight: Any) -> Array | None:
        weights = super()._weights(X, y, sample_weight)
        if self.class_weight is None:
            return weights
        of_classes = compute_sample_weight(self.class_weight, y).astype(X.dtype)
        return of_classes if weights is None else of_classes * weights

    def _stratified(self, targets: Array) -> Array | None:
        return targets if self.n_outputs_ == 1 else None

    def predict(self, X: Any) -> Array:
        """The classes, of shape (samples,); of labels an indicator matrix (samples, labels)."""
        return self._predicted(self._checked_outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """The probabilities of the classes, in the order of `classes_`, or of the labels."""
        raw = self._checked_outputs(X)
        outputs = self._head.activate(raw)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _predicted(self, outputs: Array) -> Array:
        """The most probable classes, given the outputs before their activation."""
        if self._head is HEADS["multiclass"]:
            return self.classes_[outputs.argmax(axis=1)]
        likely = (outputs > 0).astype(float)
        return self._binarizer.inverse_transform(likely.ravel() if self.n_outputs_ == 1 else likely)

    def _named(self, targets: Array) -> Array:
        if self._head is HEADS["multiclass"]:
            return self.classes_[targets.astype(int)]
        return self._binarizer.inverse_transform(targets)

    def _scored(self, targets: Array, outputs: Array, weights: Array | None) -> float:
        """The accuracy; of several labels, the share of examples with all of them right."""
        if self._head is HEADS["multiclass"]:
            right = outputs.argmax(axis=1) == targets
        else:
            right = ((outputs > 0) == (targets.reshape(outputs.shape) > 0.5)).all(axis=1)
        return float(np.average(right, weights=weights))

    @available_if(has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch on these examples; the solver keeps its state from call to call.

        The first call must name all `classes`, in an array. Raises ValueError if it does not, or if
        a later call names others.
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._set_classes(y if type_of_target(y).startswith("multilabel") else classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        return self._fit(X, y, sample_weight, incremental=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
