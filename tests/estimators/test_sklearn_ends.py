"""How the training of an estimator goes on and ends: partial fits, early stopping, warm starts."""

import numpy as np
import pytest
from data_sets import DIABETES, IRIS
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from micrograd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)


def test_partial_fit_names_what_it_misses() -> None:
    X, y = IRIS
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, y)
    model = MLPClassifier((3,)).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        model.partial_fit(X, y + 1)
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(AttributeError) as caught:
            _ = kind(solver="lbfgs").partial_fit
        assert "only available for stochastic optimizers" in str(caught.value.__cause__)


def test_partial_fit_with_early_stopping_ends_at_the_best_weights() -> None:
    """scikit-learn refuses it."""
    X, y = scale(IRIS[0]), IRIS[1]
    model = MLPClassifier(
        (20,), early_stopping=True, validation_fraction=0.3, n_iter_no_change=20,
        learning_rate_init=0.01, random_state=0,
    )  # fmt: skip
    model.partial_fit(X, y, classes=[0, 1, 2])
    for _ in range(60):
        model.partial_fit(X, y)
    assert model.validation_scores_ is not None
    assert len(model.validation_scores_) == len(model.loss_curve_) == 61
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X, y) > 0.8


def test_infinite_weights_are_an_error() -> None:
    X, y = np.array([[0.0], [1.0], [2.0]]) * 1e155, np.array([1.0, 2.0, 3.0]) * 1e155
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*StandardScaler"):
        MLPRegressor(random_state=0, solver="sgd", learning_rate_init=100.0).fit(X, y)


def test_early_stopping_survives_a_divergence_with_the_best_weights() -> None:
    X, y = DIABETES
    model = MLPRegressor(
        hidden_layer_sizes=100, activation="identity", solver="sgd", learning_rate_init=0.2,
        early_stopping=True, random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="The loss became"):
        model.fit(X * 20, y)
    assert model.validation_scores_ is not None
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()


def test_a_high_tolerance_ends_the_training_and_infinite_patience_never_does() -> None:
    soon = MLPClassifier(tol=100.0, n_iter_no_change=3, max_iter=50, random_state=0).fit(*IRIS)
    assert soon.n_iter_ == 5
    never = MLPClassifier((3,), tol=100.0, n_iter_no_change=np.inf, max_iter=40).fit(*IRIS)
    assert never.n_iter_ == 40


def test_a_warm_start_goes_on_and_refuses_other_classes() -> None:
    X, y = IRIS
    for kind, targets in ((MLPClassifier, y), (MLPRegressor, y * 1.0)):
        cold = kind(hidden_layer_sizes=(5,), max_iter=3, random_state=0).fit(X, targets)
        warm = clone(cold).set_params(warm_start=True).fit(X, targets)
        before = warm.loss_
        assert warm.fit(X, targets).loss_ < before
        assert len(warm.loss_curve_) == 6
        assert warm.n_iter_ == 3
    with pytest.raises(ValueError, match="warm_start can only be used where"):
        MLPClassifier((2,), warm_start=True, max_iter=2).fit(X, y).fit(X, np.minimum(y, 1))
