"""From a table to predictions: training, the model file, probabilities, figures."""

import re

import numpy as np
import pytest
from columns import mixed

import micrograd as mg
from micrograd.files.column import TableError
from micrograd.files.whole_file import write_whole
from micrograd.tables import targets
from micrograd.tables.inputs import Category, Quantity
from micrograd.tables.prepare import prepare
from micrograd.tables.table_model import TableModel
from micrograd.training.run.metrics import accuracy


def test_nothing_is_learned_from_the_rows_held_out():
    table = mixed()
    prepared = prepare(table, "y", 0.25, 0, "auto", (), ())
    present = prepared.training["x"].values[~prepared.training["x"].missing]
    (x, colour) = prepared.inputs.columns
    assert isinstance(x, Quantity)
    assert isinstance(colour, Category)
    assert (x.mean, x.fill) == (pytest.approx(present.mean()), np.median(present))
    assert isinstance(prepared.target, targets.Measure)
    assert prepared.target.mean == pytest.approx(prepared.training["y"].values.mean())
    assert (x.flagged, colour.flagged, prepared.without_target) == (True, True, 6)
    assert "without a target are dropped" in str(prepared)
    assert f"missing    {sum(prepared.missing.values())} values" in str(prepared)


def test_a_model_comes_back_from_its_file_as_it_was(tmp_path):
    table = mixed()
    trained = mg.train_table(table, "y", epochs=30, learning_rate=0.03)
    assert trained.figures[0].value > 0.8
    path = tmp_path / "model.safetensors"
    trained.model.save(path)
    again = TableModel.load(path)
    assert again.inputs == trained.model.inputs
    assert again.target == trained.model.target
    one, two = (m.predict(table).values for m in (again, trained.model))
    np.testing.assert_array_equal(one, two)


def test_predictions_are_those_of_the_network():
    trained = mg.train_table(mixed(), "y", epochs=2)
    X, _ = trained.prepared.part(trained.prepared.held_out)
    outputs = [trained.model.network(row)[0].data for row in X.tolist()]
    predicted = trained.model.predict(trained.prepared.held_out).values
    np.testing.assert_allclose(trained.model.target.decode(np.array(outputs)[:, None]), predicted)


def test_predictions_note_what_is_missing_and_what_is_new():
    trained = mg.train_table(mixed(), "y", epochs=2)
    predictions = mg.predict_table(
        trained.model, {"x": [1.0, np.nan], "colour": ["green", "red"], "more": [1, 2]}
    )
    assert len(predictions.values) == 2
    assert predictions.notes == (
        "column 'colour' has categories not seen in training, taken as missing: green",
        "1 missing values are filled in: x 1",
    )


@pytest.mark.parametrize("target", ["kind", "y"])
def test_no_class_and_no_number_is_made_of_nan(target):
    """1e308 is finite, but the network's outputs for it are not."""
    x = np.linspace(0, 1, 40)
    columns = {"x": x, "z": x**2, "kind": np.where(x > 0.5, "high", "low"), "y": 2 * x}
    drop = [{"kind": "y", "y": "kind"}[target]]
    model = mg.train_table(columns, target, epochs=2, drop=drop).model
    rows = {"x": [0.1, 1e308, 0.2, -1e308], "z": [0.5] * 4}
    with pytest.raises(TableError, match=r"not finite in 2 rows \(first: row 2\), where 'x' is 1e"):
        model.predict(rows)
    assert len(model.predict({"x": [0.1, 1e30], "z": [0.5, None]}).values) == 2


def test_outputs_that_are_nan_are_never_right():
    nan = np.full((2, 2), np.nan)
    assert accuracy(nan, np.array([0, 1])) == 0.0
    assert accuracy(nan, np.array([[0, 1], [1, 0]])) == 0.0


def test_a_classification_has_probabilities():
    x = np.linspace(-2, 2, 60)
    trained = mg.train_table({"x": x, "sign": np.where(x > 0, "+", "-")}, "sign", epochs=20)
    predictions = mg.predict_table(trained.model, {"x": [-2.0, 2.0]})
    assert predictions.values.tolist() == ["-", "+"]
    assert predictions.probabilities is not None
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1)
    assert predictions.as_csv() == "sign\n-\n+\n"
    assert predictions.as_csv(probabilities=True).startswith("sign,probability_+,probability_-\n-,")


def test_iris_with_nothing_but_defaults():
    from micrograd.tables.demo import DATA

    figure, *_ = mg.train_table(DATA / "iris.csv", "species", folds=3).figures
    assert figure.value >= 0.93
    assert figure.baseline == pytest.approx(1 / 3, abs=0.02)


# Atomic writes.


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "f"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    link = tmp_path / "link"
    link.symlink_to(path)
    write_whole(link, b"newer")
    assert link.is_symlink()
    assert path.read_bytes() == b"newer"
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_whole(path, b"old")

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_what_was_trained_shows_its_figures():
    table = {"x": [1.0, 2.0, 3.0, 4.0] * 10, "y": ["a", "b", "a", "b"] * 10}
    shown = repr(mg.train_table(table, "y", epochs=1, hidden=(2,)))
    assert re.fullmatch(r"Trained\('y', accuracy [\d.]+%, .*, AUC [\d.]+\)", shown)
