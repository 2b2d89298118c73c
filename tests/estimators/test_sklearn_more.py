"""What the estimators have and scikit-learn's networks do not: dropout, own losses, callbacks."""

from typing import Any

import numpy as np
import pytest
from data_sets import DIABETES, DIGITS, IRIS
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import scale

import micrograd as mg
from micrograd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)


def test_class_weights_are_weights_of_the_examples_of_a_class() -> None:
    X, y = IRIS
    given: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 0}
    by_class = MLPClassifier(**given, class_weight={0: 1.0, 1: 3.0, 2: 0.5}).fit(X, y)
    each = MLPClassifier(**given).fit(X, y, sample_weight=np.array([1.0, 3.0, 0.5])[y])
    assert by_class.loss_curve_ == each.loss_curve_
    rare = np.r_[0:50, 50:53]
    balanced = MLPClassifier(**given, class_weight="balanced").fit(X[rare], y[rare])
    counts = np.bincount(y[rare])
    weights = (len(rare) / (2 * counts))[y[rare]]
    assert balanced.loss_curve_ == MLPClassifier(**given).fit(X[rare], y[rare], weights).loss_curve_


def test_dropout_is_drawn_from_the_random_state() -> None:
    X, y = DIGITS
    a, b, c, d = (
        MLPClassifier((16,), dropout=rate, max_iter=8, random_state=seed).fit(X, y).loss_curve_
        for rate, seed in ((0.5, 0), (0.5, 0), (0.5, 1), (0.0, 0))
    )
    assert a == b
    assert a != c
    assert a != d


def test_a_loss_of_ones_own_is_minimised() -> None:
    """The absolute error: the median of the targets, which no outlier moves."""
    X, y = np.zeros((9, 1)), np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 1000])

    def absolute(outputs: Any, target: Any) -> Any:
        return mg.abs(outputs[0] - target)

    model = MLPRegressor(
        absolute, (), solver="sgd", learning_rate="invscaling", learning_rate_init=2.0,
        max_iter=2000, tol=0.0, n_iter_no_change=np.inf, random_state=0, momentum=0.0, alpha=0.0,
    ).fit(X, y)  # fmt: skip
    assert model.predict([[0.0]])[0] == pytest.approx(5.0, abs=0.3)


def test_a_loss_that_asks_about_numbers_says_what_to_write() -> None:
    def deviation(outputs: Any, target: Any) -> Any:
        return outputs[0] - target if outputs[0] > target else target - outputs[0]

    with pytest.raises(mg.TraceError, match=r"write mg\.where"):
        MLPRegressor(deviation, (2,)).fit(*DIABETES)


def test_an_activation_may_be_any_of_the_table_or_a_function() -> None:
    X, y = IRIS
    given: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 30, "random_state": 0}
    by_name = MLPClassifier(activation="softplus", **given).fit(X, y)
    by_function = MLPClassifier(activation=mg.softplus, **given).fit(X, y)
    assert by_name.loss_curve_ == by_function.loss_curve_
    hidden = np.logaddexp(X @ by_name.coefs_[0] + by_name.intercepts_[0], 0)
    outputs = hidden @ by_name.coefs_[1] + by_name.intercepts_[1]
    assert (by_name.predict(X) == outputs.argmax(axis=1)).all()


def test_callbacks_see_each_epoch_and_may_end_the_training() -> None:
    seen: list[float] = []

    def note(model: MLPRegressor) -> bool:
        seen.append(float(((model.predict(DIABETES[0]) - DIABETES[1]) ** 2).mean() / 2))
        return len(seen) == 4

    model = MLPRegressor(hidden_layer_sizes=(4,), callbacks=note, random_state=0).fit(*DIABETES)
    assert model.n_iter_ == len(seen) == 4
    assert seen == sorted(seen, reverse=True)


def test_many_rows_are_predicted_in_native_code_with_the_same_answers() -> None:
    X, y = DIGITS
    model = MLPClassifier((12, 7), activation="tanh", max_iter=10, random_state=0).fit(X, y)
    many = np.tile(X, (80, 1))
    few = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(many), np.tile(few, (80, 1)), rtol=1e-9)


def test_the_network_of_an_estimator_is_an_mlp_of_values() -> None:
    X, y = DIABETES
    model = MLPRegressor(hidden_layer_sizes=(5,), activation="logistic", max_iter=5).fit(X, y)
    (output,) = model.to_mlp()(X[0].tolist())
    assert output.data == pytest.approx(model.predict(X[:1])[0])
    assert "61" in model.summary()


def test_the_doctor_looks_at_a_fit() -> None:
    X, y = DIABETES
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(X, y)
    assert model.history_.loss == model.loss_curve_
    assert "inputs" in str(model.diagnose(X * 1e6))


def test_a_linear_network_is_linear_regression() -> None:
    X, y = DIABETES
    ours = MLPRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, max_iter=5000, tol=1e-9, random_state=0
    )
    ours.fit(scale(X), y)
    expected = LinearRegression().fit(scale(X), y)
    np.testing.assert_allclose(ours.predict(scale(X)), expected.predict(scale(X)), rtol=1e-3)
