"""MLPClassifier and MLPRegressor: the weights of scikit-learn's networks, and its checks."""

import pickle
from typing import Any

import numpy as np
import pytest
from data_sets import DIABETES, DIGITS, IRIS, KINDS, WEIGHTS, fitted_both
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from micrograd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)


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
