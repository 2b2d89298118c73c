"""MLPClassifier and MLPRegressor: what scikit-learn asks of an estimator, and its own networks."""

import pickle
from typing import Any

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import parametrize_with_checks

import micrograd as mg
from micrograd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)

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

OPTIONS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "tanh": {"activation": "tanh"},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": (9, 5)},
    "identity": {"activation": "identity", "hidden_layer_sizes": 7},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.01},
    "nesterov": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "max_iter": 60},
    "early stopping": {"early_stopping": True, "tol": 0.01},
    "batches in order": {"batch_size": 37, "shuffle": False},
    "penalty": {"alpha": 1.0},
    "betas": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-4},
}


def fitted_both(kind: str, **options: Any) -> tuple[Any, Any, Any, Any]:
    ours, theirs, X, y = KINDS[kind]
    given = {"hidden_layer_sizes": (20,), "max_iter": 25, "random_state": 3} | options
    return ours(**given).fit(X, y), theirs(**given).fit(X, y), X, y


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_it_learns_the_weights_of_scikit_learn(kind: str, options: str) -> None:
    """The same random numbers are drawn, so all that may differ is rounding."""
    ours, theirs, X, _ = fitted_both(kind, **OPTIONS[options])
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.out_activation_ == theirs.out_activation_
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X[:50]), theirs.predict(X[:50]), rtol=1e-6)
    if options == "early stopping":
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_lbfgs_ends_no_higher_than_that_of_scikit_learn(kind: str) -> None:
    """Of several outputs theirs minimises a mean with the gradient of a sum."""
    ours, theirs, X, y = fitted_both(kind, solver="lbfgs", max_iter=40)
    assert ours.loss_ <= theirs.loss_ * 1.02 + 1e-6
    assert ours.score(X, y) >= theirs.score(X, y) - 0.01


@pytest.mark.skipif(not WEIGHTS, reason="this scikit-learn has no weights of examples")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "sgd"}], ids=str)
def test_weights_of_examples_are_those_of_scikit_learn(kind: str, options: Any) -> None:
    ours, theirs, X, y = KINDS[kind]
    weights = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    given = {"hidden_layer_sizes": (8,), "max_iter": 12, "random_state": 1} | options
    a = ours(**given).fit(X, y, sample_weight=weights)
    b = theirs(**given).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-8)


@pytest.mark.skipif(not WEIGHTS, reason="this scikit-learn has no Poisson loss")
def test_the_poisson_loss_is_that_of_scikit_learn() -> None:
    ours, theirs, X, _ = fitted_both("numbers", loss="poisson")
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learn_accepts_it(estimator: Any, check: Any) -> None:
    check(estimator)


# What the tests of scikit-learn's networks pin down, asked again.


def test_a_larger_penalty_gives_smaller_weights() -> None:
    sizes = [
        np.abs(
            MLPRegressor(alpha=alpha, random_state=1, max_iter=80).fit(*DIABETES).coefs_[0]
        ).sum()
        for alpha in (0.0, 1000.0, 100000.0)
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_a_small_max_fun_ends_lbfgs_early_with_a_warning() -> None:
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        model = MLPClassifier(solver="lbfgs", max_fun=3).fit(*IRIS)
    assert model.n_iter_ <= 3


def test_a_fit_that_does_not_converge_warns_at_the_line_of_the_user() -> None:
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\)") as caught:
        MLPClassifier(max_iter=2).fit(*IRIS)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_goes_on_as_that_of_scikit_learn(kind: str) -> None:
    ours, theirs, X, y = KINDS[kind]
    given: dict[str, Any] = {"hidden_layer_sizes": (8,), "random_state": 2}
    a, b = ours(**given), theirs(**given)
    first = {"classes": np.unique(y)} if ours is MLPClassifier else {}
    for k in range(4):
        part = slice(60 * k, 60 * k + 60)
        a.partial_fit(X[part], y[part], **(first if k == 0 else {}))
        b.partial_fit(X[part], y[part], **(first if k == 0 else {}))
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-8)
    assert a.t_ == b.t_


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


def test_probabilities_are_probabilities() -> None:
    X, y = DIGITS
    for targets, columns in ((y % 2, 2), (y, 10)):
        model = MLPClassifier((5,), max_iter=5, random_state=0).fit(X, targets)
        p = model.predict_proba(X)
        assert p.shape == (len(X), columns)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        assert (model.classes_[p.argmax(axis=1)] == model.predict(X)).all()
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p)


def test_the_order_of_the_examples_matters_only_if_they_are_shuffled() -> None:
    X, y = DIGITS
    runs = [
        MLPClassifier((4,), batch_size=30, max_iter=3, random_state=seed, shuffle=shuffle)
        .fit(X, y).loss_curve_
        for shuffle in (True, False) for seed in (0, 0)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[2] == runs[3]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_sparse_inputs_give_the_model_of_dense_ones(container: Any, options: Any) -> None:
    X, y = np.maximum(DIGITS[0], 0), DIGITS[1]
    given = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 10} | options
    dense = MLPClassifier(**given).fit(X, y)
    thin = MLPClassifier(**given).fit(container(X), y)
    np.testing.assert_allclose(thin.predict_proba(container(X)), dense.predict_proba(X), atol=1e-6)


def test_a_high_tolerance_ends_the_training_and_infinite_patience_never_does() -> None:
    soon = MLPClassifier(tol=100.0, n_iter_no_change=3, max_iter=50, random_state=0).fit(*IRIS)
    assert soon.n_iter_ == 5
    never = MLPClassifier((3,), tol=100.0, n_iter_no_change=np.inf, max_iter=40).fit(*IRIS)
    assert never.n_iter_ == 40


def test_verbose_prints_what_scikit_learn_prints(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for kind in (MLPClassifier, TheirClassifier):
        kind(
            (4,), max_iter=6, random_state=0, verbose=True, early_stopping=True, tol=0.5,
            n_iter_no_change=2,
        ).fit(*IRIS)  # fmt: skip
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "Iteration 1, loss = " in texts[0]


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


def test_labels_may_be_words() -> None:
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    both: list[dict[str, Any]] = [{"early_stopping": True}, {"solver": "lbfgs"}]
    for options in both:
        model = MLPClassifier((10,), random_state=0, max_iter=400, **options).fit(X, names)
        assert set(model.predict(X)) <= {*names}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_weights_have_the_type_of_the_inputs(kind: Any, dtype: Any) -> None:
    X, y = DIGITS
    model = kind(hidden_layer_sizes=(6,), max_iter=4, random_state=0).fit(X.astype(dtype), y)
    assert {a.dtype for a in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}
    if kind is MLPRegressor:
        assert model.predict(X.astype(dtype)).dtype == dtype


def test_a_pickle_goes_on_where_the_estimator_was() -> None:
    X, y = IRIS
    one = MLPClassifier((5,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    other = pickle.loads(pickle.dumps(one))
    for model in (one, other):
        model.partial_fit(X, y)
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 2}, r"momentum must be a number in \[0, 1\], got 2"),
        ({"max_iter": 0}, "max_iter must be a whole number of at least 1, got 0"),
        ({"solver": "adm"}, "solver.*adm.*did you mean.*adam"),
        ({"hidden_layer_sizes": (3, -1)}, r"hidden_layer_sizes must be > 0, got \[3, -1\]"),
        ({"learning_rate_init": -1.0}, "learning_rate_init must be a number above 0, got -1.0"),
        ({"validation_fraction": 1.0}, r"must be a number in \[0, 1\), got 1.0"),
        ({"batch_size": "all"}, "batch_size must be a whole number of at least 1, got 'all'"),
        ({"activation": "tanhh"}, "did you mean.*tanh"),
        ({"loss": "log_los"}, "did you mean.*log_loss"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named_with_what_is_expected(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        MLPClassifier(**options).fit(*IRIS)


def test_a_model_must_be_fitted_first() -> None:
    with pytest.raises(NotFittedError):
        MLPRegressor().predict([[1.0]])


# In the tools of scikit-learn.


def test_it_works_in_pipelines_searches_calibration_and_importances() -> None:
    X, y = IRIS
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=60, random_state=0))
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__hidden_layer_sizes": [(4,), (8,)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    theirs = make_pipeline(StandardScaler(), TheirClassifier((6,), max_iter=60, random_state=0))
    expected = GridSearchCV(theirs, grid, cv=3).fit(X, y)
    assert search.best_params_ == expected.best_params_
    scores = "mean_test_score"
    np.testing.assert_allclose(search.cv_results_[scores], expected.cv_results_[scores])
    np.testing.assert_allclose(cross_val_score(search, X, y), cross_val_score(expected, X, y))
    calibrated = CalibratedClassifierCV(pipeline, cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1.0)
    importances = permutation_importance(search, X, y, n_repeats=2, random_state=0)
    assert importances.importances_mean.argmax() in (2, 3)  # the petals


# What scikit-learn's networks do not have.


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
