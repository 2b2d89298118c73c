"""How a network of a table learns: members, rows that stop it early, penalties and weights."""

from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.files.column import TableError
from micrograd.neuralnet import MLP
from micrograd.tables.course import class_weights
from micrograd.tables.members import Members
from micrograd.tables.split import parts_of
from micrograd.tables.targets import Classes, Measure

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("sizes", [[1], [3], [4, 2], [4, 5, 3]])
def test_the_mean_of_members_is_one_network(sizes):
    networks = [MLP(2, sizes, activation="tanh", seed=k) for k in range(3)]
    for network in networks:
        for p in network.parameters():
            p.data += 0.1
    members, inputs = Members(networks), [0.3, -1.2]
    each = np.array([[y.data for y in network(inputs)] for network in networks])
    assert np.array_equal([y.data for y in members(inputs)], each.ravel())
    mean = [y.data for y in members.mean()(inputs)]
    assert mean == pytest.approx(each.mean(axis=0).tolist(), rel=1e-14)


def test_parts_have_one_size_and_classes_are_spread_over_them():
    classes = RANDOM.permutation([0] * 40 + [1] * 10)
    parts = parts_of(classes, 5, RANDOM)
    assert np.bincount(parts).tolist() == [10] * 5
    assert np.bincount(parts[classes == 1]).tolist() == [2] * 5


def noisy(rows: int = 60, columns: int = 12) -> dict[str, Any]:
    """A column that says a little about the target, among others that say nothing."""
    random = np.random.default_rng(1)
    X = random.normal(size=(rows, columns))
    table: dict[str, Any] = {f"x{k}": X[:, k] for k in range(columns)}
    return table | {"y": X[:, 0] + random.normal(size=rows)}


@pytest.mark.native
@pytest.mark.parametrize("members", [1, 3])
def test_the_rows_that_are_scored_choose_nothing(members):
    """Other targets in the held-out rows give the same model, to the bit."""
    options: dict[str, Any] = {"members": members, "epochs": 30}
    trained = mg.train_table(noisy(), "y", **options)
    held_out = trained.prepared.rows_held_out
    assert len(held_out) == 12
    other = noisy()
    other["y"][held_out] = 7.0 - 3.0 * other["y"][held_out]
    again = mg.train_table(other, "y", **options)
    assert again.model.network.state_dict() == trained.model.network.state_dict()
    assert again.figures[0].value != trained.figures[0].value


@pytest.mark.native
@pytest.mark.parametrize("members", [1, 4])
def test_the_model_has_the_weights_of_the_best_epoch(members):
    kept = []

    def keep(history):
        kept.append(history.best_epoch)

    trained = mg.train_table(noisy(), "y", members=members, epochs=60, callbacks=keep)
    history = trained.history
    assert history.best_epoch == 1 + int(np.argmin(history.validation_loss)) < 60
    assert (history.epochs, history.stopped) == (60, "")


@pytest.mark.native
def test_a_small_table_is_not_over_fitted():
    """Three quarters of the variance are noise; 2,000 steps without an end learn all of it."""
    scores = [mg.train_table(noisy(), "y", seed=seed).figures[0] for seed in range(3)]
    assert np.mean([figure.value for figure in scores]) > 0.0
    prepared = mg.train_table(noisy(), "y", epochs=1).prepared
    plain = mg.MLP(12, [16, 16, 1], seed=0)
    X, y = prepared.part(prepared.training)
    mg.fit(plain, X, y, loss="mse", optimizer=mg.Adam(0.01), epochs=1000)
    U, v = prepared.part(prepared.held_out)
    assert np.mean((mg.Predictor(plain)(U)[:, 0] - v) ** 2) > np.var(v)


@pytest.mark.native
def test_a_penalty_makes_weights_smaller_and_dropout_changes_them():
    def size(**options: Any) -> float:
        network = mg.train_table(noisy(), "y", epochs=20, members=2, **options).model.network
        return sum(p.data**2 for p in network.parameters())

    assert size(l2=1.0) < 0.8 * size(l2=0.0)
    assert size(dropout=0.3) != size()


@pytest.mark.native
@pytest.mark.parametrize("members", [1, 3])
def test_a_loss_of_ones_own_and_one_that_outliers_hardly_move(members):
    x = np.linspace(-1, 1, 80)
    y = 2 * x
    y[::8] += 100.0
    table = {"x": x, "y": y}
    options: dict[str, Any] = {"hidden": (), "members": members, "l2": 0.0, "epochs": 300}
    errors = {
        name: np.median(
            abs(
                mg.train_table(table, "y", loss=loss, **options).model.predict(table).values - 2 * x
            )
        )
        for name, loss in {"mse": "mse", "mae": "mae", "own": absolute}.items()
    }
    assert errors["mae"] < 0.3 * errors["mse"]
    assert errors["own"] < 0.3 * errors["mse"]


def absolute(outputs: Any, target: Any) -> Any:
    return mg.abs(outputs[0] - target)


def rare(rows: int = 300) -> dict[str, Any]:
    """A tenth of the rows are positive, and hard to tell from the others."""
    random = np.random.default_rng(2)
    positive = np.arange(rows) % 10 == 0
    return {
        "x": random.normal(size=rows) + 1.0 * positive,
        "z": random.normal(size=rows),
        "y": np.where(positive, "yes", "no"),
    }


@pytest.mark.native
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("weights", ["balanced", {"yes": 9, "no": 1}])
def test_class_weights_find_a_rare_class(members, weights):
    options: dict[str, Any] = {"members": members, "epochs": 40}
    plain = mg.train_table(rare(), "y", **options).scores.recall()
    weighted = mg.train_table(rare(), "y", class_weight=weights, **options).scores.recall()
    assert weighted["yes"] >= plain["yes"] + 0.3


def test_balanced_weights_give_each_class_the_same_sum():
    target = Classes("c", ("a", "b", "c"), "a")
    y = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights("balanced", target, y)
    assert weights.mean() == pytest.approx(1)
    assert [weights[y == k].sum() for k in range(3)] == pytest.approx([10 / 3] * 3)
    given = class_weights({"c": 2.0}, target, y)
    assert given.tolist() == pytest.approx([10 / 11] * 9 + [20 / 11])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("equal", "must be 'balanced' or weights by class, got 'equal'"),
        ({"d": 1.0}, "there is no class 'd'"),
        ({"a": -1.0}, "the weight of class 'a' must be at least 0"),
        ({"a": 0.0, "b": 0, "c": 0}, "at least one class needs a weight above 0"),
    ],
)
def test_class_weights_that_are_none(weights, message):
    with pytest.raises(ValueError, match=message):
        class_weights(weights, Classes("c", ("a", "b", "c"), "a"), np.array([0, 1, 2]))


def test_numbers_have_no_class_weights_and_no_loss_of_classes():
    with pytest.raises(TableError, match="class_weight needs classes, but 'y' is a number"):
        class_weights("balanced", Measure("y", 0.0, 1.0), np.zeros(3))
    with pytest.raises(
        ValueError, match=r"no loss for regression 'cross_entropy'; choose one of: mse"
    ):
        mg.train_table(noisy(), "y", loss="cross_entropy", epochs=1)
    with pytest.raises(ValueError, match=r"no loss for classification 'mae'"):
        mg.train_table(rare(), "y", loss="mae", epochs=1)


@pytest.mark.parametrize("rows", [3, 4, 7])
def test_tables_of_a_few_rows(rows):
    table = {"x": [float(k) for k in range(rows)], "y": [k * 1.5 for k in range(rows)]}
    for members in (1, 5):
        trained = mg.train_table(table, "y", epochs=2, members=members, task="regression")
        assert np.isfinite(trained.model.predict(table).values).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"members": "a"}, "members must be an integer of at least 1, got 'a'"),
        ({"epochs": 2.5}, "epochs must be an integer of at least 1, got 2.5"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"patience": 0}, "patience must be an integer of at least 1, got 0"),
        ({"folds": 2.5}, "folds must be at least 2, or 0 for none, got 2.5"),
        ({"l2": "a"}, "l2 must be at least 0 and finite, got 'a'"),
        ({"validation": "a"}, "validation must be at least 0 and finite, got 'a'"),
        ({"class_weight": 3}, "must be 'balanced' or weights by class, got 3"),
        ({"class_weight": {"no": "x"}}, "the weight of class 'no' must be at least 0 and finite"),
        ({"target": 3}, "target must be the name of a column, got 3"),
    ],
)
def test_what_is_no_argument_is_named(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        mg.train_table(**{"table": rare(), "target": "y"} | wrong)


def test_what_is_no_model_is_named():
    judges: list[Any] = [mg.evaluate_table, mg.explain_table]
    for judge in judges:
        with pytest.raises(TypeError, match="expected a model, or the name of its file, got dict"):
            judge(rare(), rare())
