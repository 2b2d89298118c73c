"""Scores: each metric against its definition, and the simple models beside it."""

import numpy as np
import pytest

import micrograd as mg
from micrograd.files.column import Column
from micrograd.tables.scores import Scores
from micrograd.tables.split import Fold, hold_out
from micrograd.tables.targets import Classes, Measure

RANDOM = np.random.default_rng(0)


def classes(*names: str) -> Column:
    return Column("c", "text", np.array(names, dtype=object))


@pytest.mark.parametrize("count", [2, 4])
def test_scores_of_classes_are_those_of_scikit_learn(count):
    metrics = pytest.importorskip("sklearn.metrics")
    names = tuple("abcd"[:count])
    target, true = Classes("c", names, "a"), RANDOM.integers(count, size=200)
    outputs = RANDOM.normal(size=(200, count)).round(1) + 1.5 * np.eye(count)[true]
    found = Scores.of("", target, classes(*np.array(names)[true]), outputs, {})
    p, predicted = target.probabilities(outputs), outputs.argmax(axis=1)
    area = metrics.roc_auc_score(true, p if count > 2 else p[:, 1], multi_class="ovr")
    assert {figure.name: figure.value for figure in found.figures} == pytest.approx({
        "accuracy": metrics.accuracy_score(true, predicted),
        "balanced accuracy": metrics.balanced_accuracy_score(true, predicted),
        "log loss": metrics.log_loss(true, p),
        "AUC": area,
    })  # fmt: skip
    assert found.confusion is not None
    assert np.array_equal(found.confusion, metrics.confusion_matrix(true, predicted))
    recalls = metrics.recall_score(true, predicted, average=None)
    assert found.recall() == pytest.approx(dict(zip(names, recalls)))


def test_scores_of_numbers_are_in_the_unit_of_the_target():
    target = Measure("y", 10.0, 4.0)
    true, outputs = np.array([10.0, 14.0, 2.0]), np.array([[0.0], [0.5], [-1.0]])
    column = Column("y", "number", true)
    found = Scores.of("3 rows", target, column, outputs, {"the mean": np.zeros((3, 1))})
    errors = target.decode(outputs) - true  # 0, -2, 4
    r2, typical, absolute = found.figures
    assert r2.value == pytest.approx(1 - np.sum(errors**2) / np.sum((true - true.mean()) ** 2))
    assert typical.value == pytest.approx(np.sqrt(20 / 3))
    assert absolute.value == pytest.approx(2)
    assert absolute.baseline == pytest.approx(4)
    assert found.confusion is None
    assert found.recall() == {}


def test_a_class_without_rows_has_no_recall_and_changes_no_mean():
    target = Classes("c", ("a", "b", "c"), "a")
    found = Scores.of("2 rows", target, classes("a", "b"), np.eye(3)[:2], {})
    assert [figure.value for figure in found.figures[:2]] == [1.0, 1.0]
    assert np.isnan(found.recall()["c"])
    assert "c                              -     0     0     0" in str(found)
    one = Scores.of("", Classes("c", ("a", "b"), "a"), classes("a", "a"), np.eye(2), {})
    assert np.isnan(one.figures[-1].value)  # the area under a curve needs both classes
    assert one.figures[-1].shown() == ["-"]


def test_figures_are_easy_to_read():
    target, column = Measure("y", 0.0, 54321.0), Column("y", "number", np.array([0.0, 1e5]))
    found = Scores.of("2 rows", target, column, np.array([[1.0], [0.5]]), {})
    assert [figure.shown()[0] for figure in found.figures] == ["-0.6513", "64,251", "63,580"]
    target = Measure("y", 0.0, 1e-6)
    found = Scores.of("2 rows", target, column, np.array([[1.0], [0.5]]), {})
    assert [figure.shown()[0] for figure in found.figures[1:]] == ["70,711", "50,000"]
    target, column = Measure("y", 0.0, 1e-6), Column("y", "number", np.array([1e-6, 3e-6]))
    found = Scores.of("2 rows", target, column, np.zeros((2, 1)), {})
    assert found.figures[2].shown() == ["2e-06"]


def test_very_many_classes_have_recall_but_no_matrix():
    names = tuple(f"c{k:02}" for k in range(20))
    found = Scores.of("", Classes("c", names, "c00"), classes(*names), np.eye(20), {})
    assert "as c00" not in str(found)
    assert "c19                       100.0%" in str(found)


def test_a_probability_of_zero_has_a_finite_loss():
    outputs = np.array([[0.0, -np.inf]])
    found = Scores.of("", Classes("c", ("a", "b"), "a"), classes("b"), outputs, {})
    assert 700 < found.figures[2].value < 710


@pytest.mark.native
def test_the_linear_model_beside_is_that_of_least_squares():
    X = RANDOM.normal(size=(120, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + RANDOM.normal(size=120)
    trained = mg.train_table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}, "y", epochs=1)
    held_out = trained.prepared.rows_held_out
    known = np.delete(np.arange(120), held_out)
    design = np.column_stack([X, np.ones(120)])
    weights = np.linalg.lstsq(design[known], y[known])[0]
    errors = design[held_out] @ weights - y[held_out]
    beside = trained.figures[1].others
    assert beside["linear regression"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.02)
    assert beside["the mean"] == pytest.approx(
        np.sqrt(np.mean((y[held_out] - y[known].mean()) ** 2))
    )


@pytest.mark.native
def test_the_linear_model_beside_is_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    metrics = pytest.importorskip("sklearn.metrics")
    X = RANDOM.normal(size=(200, 2))
    y = np.where(X[:, 0] + RANDOM.normal(size=200) > 0, "yes", "no")
    trained = mg.train_table({"a": X[:, 0], "b": X[:, 1], "y": y}, "y", epochs=1)
    held_out = trained.prepared.rows_held_out
    known = np.delete(np.arange(200), held_out)
    theirs = linear_model.LogisticRegression().fit(X[known], y[known])
    loss = metrics.log_loss(y[held_out], theirs.predict_proba(X[held_out]))
    assert trained.figures[2].others["logistic regression"] == pytest.approx(loss, rel=0.02)


def test_folds_are_disjoint_and_hold_every_row():
    column = classes(*RANDOM.permutation(["a"] * 30 + ["b"] * 6))
    held_out = [hold_out(column, Fold(k, 3), np.random.default_rng(0)) for k in range(3)]
    assert sorted(np.concatenate([rows for _, rows in held_out])) == list(range(36))
    for training, rows in held_out:
        assert not {*training} & {*rows}
        assert (column.values[rows] == "b").sum() == 2
    numbers = Column("y", "number", np.arange(10.0))
    sizes = [len(hold_out(numbers, Fold(k, 4), np.random.default_rng(0))[1]) for k in range(4)]
    assert sorted(sizes) == [2, 2, 3, 3]


@pytest.mark.native
def test_cross_validated_scores_are_of_all_rows():
    x = np.linspace(-1, 1, 40)
    table = {"x": x, "y": 3 * x + 100, "kind": np.where(x > 0.1, "high", "low")}
    trained = mg.train_table(table, "y", folds=4, hidden=(), learning_rate=0.05, drop=["kind"])
    assert str(trained).startswith("40 rows in 4 folds ")
    assert len(trained.prepared.training) == 40  # the model itself knows all rows
    assert trained.figures[0].value > 0.9
    assert trained.figures[1].others["the mean"] == pytest.approx(3 * x.std(), rel=0.1)
    trained = mg.train_table(table, "kind", folds=3, hidden=(), learning_rate=0.05, drop=["y"])
    assert trained.scores.confusion is not None
    assert trained.scores.confusion.sum() == 40
    assert trained.figures[0].value > 0.9


@pytest.mark.parametrize(
    ("folds", "rows", "message"),
    [
        (1, 10, "folds must be at least 2, or 0 for none, got 1"),
        (-2, 10, "folds must be at least 2, or 0 for none, got -2"),
        (11, 10, "11 folds need as many rows, but there are 10"),
        (2, 11, "each class needs two rows or more, but 'c' has one"),
    ],
)
def test_folds_that_do_not_suit_the_rows(folds, rows, message):
    table = {"x": [0.5 * k for k in range(rows)], "y": [*"ab" * 5, "c"][:rows]}
    with pytest.raises(ValueError, match=message):
        mg.train_table(table, "y", folds=folds, epochs=1)
