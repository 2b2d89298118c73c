"""Tables: reading files, encoding inputs and targets, training and prediction."""

import json
import os
import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import micrograd as mg
from micrograd.files.column import Column, TableError
from micrograd.files.table import Table
from micrograd.files.table_file import TableFile, read_table
from micrograd.files.whole_file import write_whole
from micrograd.tables import targets
from micrograd.tables.inputs import MOST_CATEGORIES, Category, Inputs, Quantity
from micrograd.tables.prepare import prepare
from micrograd.tables.split import hold_out
from micrograd.tables.table_model import TableModel
from micrograd.training.run.metrics import accuracy


def text(*values: str | None) -> Column:
    return Column("c", "text", np.array(values, dtype=object))


def number(*values: float) -> Column:
    return Column("c", "number", np.array(values, dtype=float))


@pytest.fixture
def csv(tmp_path):
    def write(content: str | bytes, name: str = "table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# Reading.


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1.5,x\n,y\n",
        "\ufeffa,b\r\n1.5,x\r\nNA,y\r\n",
        '"a";"b"\n1,5;x\n;y\n',
        "a\tb\n1.5\tx\n?\ty\n",
        "a | b\n1.5|x\n|y\n".replace(" | ", "|"),
        " a, b\n1.5,x\nnan,y\n",
    ],
)
def test_the_dialects_of_csv_say_the_same(csv, content):
    table = read_table(csv(content))
    assert [(c.name, c.kind) for c in table.columns.values()] == [("a", "number"), ("b", "text")]
    np.testing.assert_array_equal(table["a"].values, [1.5, np.nan])
    assert table["b"].values.tolist() == ["x", "y"]


def test_kinds_of_columns(csv):
    table = read_table(
        csv(
            "whole,number,date,time,truth,empty,quoted\n"
            '1,1.5,1970-01-02,1970-01-01 12:00:00,true,,"a, ""b""\nc"\n'
            "2,2,1970-01-03,1970-01-02 00:00:00,false,,é\n"
        )
    )
    kinds = {c.name: c.kind for c in table.columns.values()}
    assert kinds == {
        "whole": "whole", "number": "number", "date": "date", "time": "date", "truth": "text",
        "empty": "empty", "quoted": "text",
    }  # fmt: skip
    assert table["date"].values.tolist() == [1.0, 2.0]
    assert table["time"].values.tolist() == [0.5, 1.0]
    assert table["truth"].values.tolist() == ["true", "false"]
    assert table["quoted"].values.tolist() == ['a, "b"\nc', "é"]


LATER = {  # values of two columns: of the first rows, of many more, and of the last one
    "whole, then not": (("1", "2"), ("1.5", "2")),
    "nothing, then numbers": (("", ""), ("1.5", "2")),
    "numbers, then words": (("1.5", "07"), ("oops", "7")),
    "dates, then times": (("1970-01-02", "1970-01-02"), ("1970-01-02 12:00:00.5", "1970-01-03")),
    "dates, then numbers": (("1970-01-02", "12:30"), ("3", "12:31:05")),
    "large numbers": (("1", "1"), ("99999999999999999999", "1e3")),
    "spaces and zones": ((" 1", "2020-01-01 00:00:00Z"), ("2.5 ", "2020-01-01 00:00:00.5+01:00")),
    "nothing, then a line": (("", "a"), ('"x, ""y""\nz"', "?")),
}


@pytest.mark.parametrize("case", LATER)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_csv_file_says_the_same_in_pieces_as_whole(csv, case, delimiter):
    """The start of the file, a megabyte, tells what Arrow takes the columns for."""
    early, late = ([value.replace(".", "," if delimiter == ";" else ".") for value in row]
                   for row in LATER[case])  # fmt: skip
    rows = [["one", "other", "padding"], *[[*early, "x" * 40]] * 50_000, [*late, "x"], [*early, ""]]
    path = csv("\n".join(delimiter.join(row) for row in rows))
    whole, file = read_table(path), TableFile(path)
    parts = [*file.pieces(20_000)]
    assert [len(part) for part in parts] == [20_000, 20_000, 10_002]
    for name, column in whole.columns.items():
        assert parts[-1][name].kind == column.kind
    for pieces in (parts[-1:], [*file.pieces(50_002)]):  # once the types are known, all at once
        for name, column in whole.columns.items():
            expected = column.values[-len(pieces[0]) :]
            np.testing.assert_array_equal(pieces[0][name].values, expected)


def test_equal_texts_are_one_object(csv):
    values = read_table(csv("a,b\n" + "long text,1\n" * 5 + ",2\n"))["a"].values
    assert values.tolist() == ["long text"] * 5 + [None]
    assert len({id(value) for value in values}) == 2


def test_a_pipe_is_no_table(tmp_path):
    path = tmp_path / "table.csv"
    os.mkfifo(path)
    with pytest.raises(TableError, match=r"table.csv is a pipe or a device.*write it to a file"):
        read_table(path)


def test_parquet(tmp_path):
    arrow = pa.table(
        {
            "whole": pa.array([1, None, 3]),
            "single": pa.array([1.5, 2.5, None], pa.float32()),
            "word": pa.array(["a", None, "b"]).dictionary_encode(),
            "truth": pa.array([True, False, None]),
            "date": pa.array([0, 86_400_000_000_000, None], pa.timestamp("ns", "UTC")),
            "list": pa.array([[1], [2], [3]]),
        }
    )
    path = tmp_path / "table.parquet"
    parquet.write_table(arrow, path)
    table = read_table(path)
    np.testing.assert_array_equal(table["whole"].values, [1, np.nan, 3])
    np.testing.assert_array_equal(table["single"].values, [1.5, 2.5, np.nan])
    np.testing.assert_array_equal(table["date"].values, [0, 1, np.nan])
    assert table["word"].values.tolist() == ["a", None, "b"]
    assert table["truth"].values.tolist() == ["True", "False", None]
    assert table["list"].kind == "list<element: int64>"


def test_without_pyarrow_the_message_names_the_extra(monkeypatch, csv):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-native\[tables\]'"):
        read_table(csv("a,b\n1,2\n"))


def test_a_table_of_arrays():
    table = Table.of({"a": [1, 2], "b": np.array([0.5, np.nan]), "c": ["x", None]})
    assert [c.kind for c in table.columns.values()] == ["whole", "number", "text"]
    assert table["b"].missing.tolist() == [False, True]
    with pytest.raises(TableError, match="the same length"):
        Table.of({"a": [1], "b": [1, 2]})
    with pytest.raises(TableError, match="did you mean 'abc'"):
        Table.of({"abc": [1]})["abd"]


# Inputs.


def test_a_quantity_is_standardised_by_the_training_part_only():
    quantity = Quantity.learn(number(1.0, 3.0, np.nan))
    assert (quantity.mean, quantity.scale, quantity.fill) == (2.0, 1.0, 2.0)
    np.testing.assert_array_equal(quantity.encode(number(5.0, np.nan)), [[3.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_numbers_of_any_size(size):
    column = number(*(size * x for x in (1.0, 2.0, 3.0)))
    np.testing.assert_allclose(
        Quantity.learn(column).encode(column)[:, 0], [-1.224744871391589, 0, 1.224744871391589]
    )


def test_categories_are_capped_and_the_rare_share_an_input():
    names = [f"n{i}" for i in range(MOST_CATEGORIES + 5)]
    category = Category.learn(text(*names, *names[:MOST_CATEGORIES], *names[:MOST_CATEGORIES]))
    assert category.width == MOST_CATEGORIES + 1
    encoded = category.encode(text(names[0], names[-1], names[-2]))
    assert encoded.sum(axis=1).tolist() == [1, 1, 1]
    assert encoded[:, -1].tolist() == [0, 1, 1]


def test_a_category_that_training_never_saw_is_missing():
    category = Category.learn(text("a", "a", "b", None))
    np.testing.assert_array_equal(category.encode(text("new")), category.encode(text(None)))
    assert category.encode(text("new")).tolist() == [[1.0, 0.0, 1.0]]
    assert category.unseen(text("new", "a", None)) == ["new"]


def test_what_is_left_out_and_why():
    rows = 40
    table = Table.of(
        {
            "id": np.arange(rows),
            "same": np.full(rows, 3.0),
            "none": np.full(rows, np.nan),
            "name": [f"person {i}" for i in range(rows)],
            "code": np.arange(rows) % 3,
            "x": np.sqrt(np.arange(rows)),
        }
    )
    inputs = Inputs.learn(table, categorical=["code"])
    assert [c.name for c in inputs.columns] == ["code", "x"]
    assert inputs.width == 3 + 1
    assert inputs.ignored == {
        "id": "it is an identifier: all values differ",
        "same": "it is constant",
        "none": "it has no values",
        "name": "almost all values differ (40 in 40)",
    }
    assert Inputs.from_json(json.loads(json.dumps(inputs.as_json()))) == inputs


CODES = [f"code {i:03}" for i in range(198)]


@pytest.mark.parametrize(
    ("values", "named", "kept"),
    [
        (CODES * 3, False, True),
        (CODES * 3, True, True),
        (CODES + ["other"] * 30, False, False),
        (CODES + ["other"] * 198, False, True),
        (CODES, False, False),
        (CODES, True, True),
    ],
)
def test_only_values_that_almost_all_differ_are_no_categories(values, named, kept):
    table = Table.of({"code": values, "x": np.arange(len(values)) % 7})
    inputs = Inputs.learn(table, ["code"] * named)
    assert ("code" not in inputs.ignored) == kept
    assert inputs.width == kept * (MOST_CATEGORIES + 1) + 1


# The target.


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (text(*"ab" * 5), "text"),
        (number(*[0.0, 1.0] * 5), "text"),
        (Column("c", "whole", np.arange(20.0).repeat(3)), "text"),
        (Column("c", "whole", np.arange(21.0).repeat(3)), "number"),
        (number(0.5, 1.0, 2.0), "number"),
        (text("0.5", "1", "2"), "number"),  # CSV's target comes as it is written
        (text("01", "02", "01"), "text"),
    ],
)
def test_the_rule_for_the_task(column, kind):
    assert targets.task_of(column).kind == kind


def test_classes_keep_their_names():
    target = targets.learn_target(targets.task_of(text("10", "02", "1.0", "02")))
    assert isinstance(target, targets.Classes)
    assert (target.classes, target.majority) == (("1.0", "02", "10"), "02")
    assert target.decode(np.eye(3)).tolist() == ["1.0", "02", "10"]
    np.testing.assert_allclose(target.probabilities(np.array([[1e4, 0, 0]])), [[1, 0, 0]])


def test_the_baselines():
    classes = targets.Classes("c", ("a", "b"), "b")
    (figure,) = classes.figures(np.array([[1.0, 0], [1, 0], [1, 0]]), text("a", "a", "b"))
    assert (figure.value, figure.baseline) == (2 / 3, 1 / 3)
    measure = targets.Measure("c", 1.0, 2.0)
    r2, error = measure.figures(np.array([[0.0], [1.0]]), number(1.0, 3.0))
    assert (r2.value, r2.baseline) == (1.0, -1.0)
    assert (error.value, error.baseline) == (0.0, np.sqrt(2))


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
def test_every_class_is_held_out_in_proportion(share):
    names = ["a"] * 100 + ["b"] * 40 + ["c"] * 10 + ["single"]
    column = text(*np.random.default_rng(0).permutation(names))
    training, held_out = hold_out(column, share, np.random.default_rng(0))
    assert sorted([*training, *held_out]) == list(range(151))
    assert len(held_out) == round(share * 151)
    for name, count in (("a", 100), ("b", 40), ("c", 10), ("single", 1)):
        assert name in column.values[training]
        assert abs((column.values[held_out] == name).sum() - share * count) <= 2


# From table to predictions.


def mixed(rows: int = 120) -> Table:
    random = np.random.default_rng(0)
    x, colour = random.normal(size=rows), random.choice(["red", "blue"], rows).astype(object)
    y = 3 * x + 2 * (colour == "red")
    x[::10], colour[::15], y[::20] = np.nan, None, np.nan
    return Table.of({"x": x, "colour": colour, "y": y, "unused": np.ones(rows)})


def test_nothing_is_learned_from_the_rows_held_out():
    table = mixed()
    prepared = prepare(table, "y", (4,), "relu", 0.25, 0, "auto", (), ())
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

    (figure,) = mg.train_table(DATA / "iris.csv", "species", epochs=40).figures
    assert figure.value >= 0.93
    assert figure.baseline == pytest.approx(1 / 3)


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
    assert re.fullmatch(r"Trained\('y', accuracy [\d.]+%\)", shown)
