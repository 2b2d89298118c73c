"""The estimators in scikit-learn's tools: routing, processes, frames, and a cluster."""

import os
import signal
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from micrograd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
GIVEN: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 12, "random_state": 0}
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]


def test_weights_are_routed_to_the_fit_and_the_score() -> None:
    weights = np.where(Y == 0, 0.5, 2.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**GIVEN).set_fit_request(sample_weight=True)
        model = model.set_score_request(sample_weight=True)
        found = cross_validate(
            clone(model), X, Y, cv=3, return_estimator=True, return_indices=True,
            params={"sample_weight": weights},
        )  # fmt: skip
    for fold, train, test, score in zip(
        found["estimator"], *found["indices"].values(), found["test_score"]
    ):
        expected = MLPClassifier(**GIVEN).fit(X[train], Y[train], weights[train])
        np.testing.assert_array_equal(fold.coefs_[0], expected.coefs_[0])
        assert score == expected.score(X[test], Y[test], weights[test])


def test_partial_fit_can_ask_for_classes_and_weights() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier().set_partial_fit_request(classes=True, sample_weight=True)
        requests = model.get_metadata_routing().partial_fit.requests
        assert requests == {"classes": True, "sample_weight": True}


def test_processes_learn_the_same_weights() -> None:
    grid = {"alpha": [1e-4, 1.0]}
    one, two = (
        GridSearchCV(MLPClassifier(**GIVEN), grid, cv=2, n_jobs=n).fit(X, Y) for n in (1, 2)
    )
    assert one.best_params_ == two.best_params_
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_one_estimator_for_each_of_several_targets() -> None:
    targets = np.column_stack([X[:, 0], X[:, 1] * 2])
    model = MultiOutputRegressor(MLPRegressor(**GIVEN)).fit(X, targets)
    assert model.predict(X).shape == (150, 2)
    assert cross_val_predict(MLPRegressor(**GIVEN), X, targets, cv=2).shape == (150, 2)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_the_same_weights_and_keep_their_names(library: str) -> None:
    frames = pytest.importorskip(library)
    frame = frames.DataFrame(dict(zip(NAMES, X.T)))
    labels = frames.Series(["abc"[label] for label in Y])
    model = MLPClassifier(**GIVEN).fit(frame, labels)
    expected = MLPClassifier(**GIVEN).fit(X, np.array([*"abc"])[Y])
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
    assert model.feature_names_in_.tolist() == NAMES
    assert (model.predict(frame) == expected.predict(X)).all()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[NAMES[::-1]])
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**GIVEN))
    pipeline.set_output(transform=library).fit(frame, labels)
    assert pipeline[-1].feature_names_in_.tolist() == NAMES


def test_a_bar_shows_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    MLPClassifier(**GIVEN, progress=True).fit(X, Y)
    shown = capsys.readouterr().err
    assert "epoch 12/12" in shown
    assert "loss=" in shown
    MLPClassifier(**GIVEN).fit(X, Y)
    assert capsys.readouterr().err == ""


def test_the_loss_of_held_out_examples_is_recorded() -> None:
    """Half the mean squared error, without the penalty."""
    seen: list[float] = []
    parts: list[Any] = []

    def metric(true: Any, predicted: Any) -> float:
        parts.append((true, predicted))
        return len(parts) / 1000

    def judge(model: Any) -> None:
        true, predicted = parts[model.n_iter_ - 1]
        seen.append(float(((true - predicted) ** 2).mean() / 2))

    given = {**GIVEN, "early_stopping": True, "metric": metric, "callbacks": judge}
    model = MLPRegressor(**given).fit(X, X[:, 0])
    np.testing.assert_allclose(model.validation_loss_curve_ or [], seen)
    assert model.history_.validation_loss == model.validation_loss_curve_


def test_a_metric_of_ones_own_is_the_validation_score() -> None:
    labels = np.array([*"abc"])[Y]

    def cost(true: Any, predicted: Any) -> float:
        assert {*true} | {*predicted} <= {*"abc"}
        return -float(np.mean((true == "a") & (predicted != "a")))

    model = MLPClassifier(**GIVEN, early_stopping=True, metric=cost).fit(X, labels)
    assert model.history_.metric == "cost"
    assert all(-1 <= score <= 0 for score in model.validation_scores_ or [])
    number = MLPRegressor(**GIVEN, early_stopping=True, metric=r2_score).fit(X, X[:, 0])
    expected = MLPRegressor(**GIVEN, early_stopping=True).fit(X, X[:, 0])
    assert number.validation_scores_ == expected.validation_scores_


KINDS: dict[str, tuple[Any, Any]] = {
    "words": (MLPClassifier, np.array([*"abc"])[Y]),
    "whole numbers": (MLPClassifier, Y + 5),
    "two classes": (MLPClassifier, Y == 1),
    "labels": (MLPClassifier, np.column_stack([Y == 0, Y > 0]).astype(int)),
    "numbers": (MLPRegressor, X[:, 0]),
    "rows of numbers": (MLPRegressor, X[:, :2]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_estimator_predicts_the_same_and_goes_on(kind: str, tmp_path: Path) -> None:
    estimator, y = KINDS[kind]
    model = estimator(**GIVEN, alpha=np.float64(0.01), early_stopping=True).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    again = estimator.load(tmp_path / "m.safetensors")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if estimator is MLPClassifier:
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.classes_.dtype == model.classes_.dtype
    assert again.loss_curve_ == model.loss_curve_
    again.partial_fit(X, y)
    other = MLPRegressor if estimator is MLPClassifier else MLPClassifier
    with pytest.raises(ValueError, match=f"holds a {estimator.__name__}"):
        other.load(tmp_path / "m.safetensors")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    model = MLPClassifier(**GIVEN, callbacks=print)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="callbacks=<built-in function print> cannot be written"):
        model.fit(X, Y).save(tmp_path / "m.safetensors")
    (tmp_path / "other").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="not a saved estimator"):
        MLPClassifier.load(tmp_path / "other")


def test_a_search_on_a_cluster_survives_the_death_of_a_worker(tmp_path: Path) -> None:
    """A scheduler and two worker processes of Dask; the worker of some fit kills itself once."""
    distributed = pytest.importorskip("distributed")
    died = tmp_path / "died"

    def die_once(model: Any) -> None:
        if model.n_iter_ == 3 and model.alpha == 1.0:
            try:
                died.touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)

    grid = {"alpha": [1e-4, 1e-2, 1.0], "hidden_layer_sizes": [(3,), (5,)]}
    expected = GridSearchCV(MLPClassifier(**GIVEN), grid, cv=2).fit(X, Y)
    search = GridSearchCV(MLPClassifier(**GIVEN, callbacks=die_once), grid, cv=2)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        search.fit(X, Y)
    assert died.exists()
    assert search.best_params_ == expected.best_params_
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(search.cv_results_[name], expected.cv_results_[name])
    np.testing.assert_array_equal(search.predict_proba(X), expected.predict_proba(X))
