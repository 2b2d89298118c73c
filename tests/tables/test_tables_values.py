"""A value is the same however it is written: blanks, 1 and 1.0, truth, words for no value."""

import numpy as np
import pytest
from reading import prepared, untrained, write

import micrograd as mg
from micrograd.files.column import TableError
from micrograd.files.table import Table
from micrograd.tables.targets import Classes

ROWS = 60
X = np.random.default_rng(5).normal(size=ROWS)


def classes(labels, **options):
    """The classes of a target with these labels, and the encoded labels."""
    found = prepared({"x": X, "y": labels}, **options)
    assert isinstance(found.target, Classes)
    return found.target.classes, found.part(found.training)[1]


@pytest.mark.parametrize(
    ("one", "other", "again"),
    [
        ("no", "yes", "no "),
        ("no", "yes", "\tno"),
        ("1", "3", "1.0"),
        ("-1", "1", "-1.0"),
        ("False", "True", "false"),
        (2, 3, 2.0),
    ],
)
def test_a_class_is_the_same_however_it_is_written(one, other, again, tmp_path):
    labels = [one, other, again, one] * (ROWS // 4)
    found, codes = classes(labels)
    assert found == (str(one), str(other))
    np.testing.assert_array_equal(codes, [0, 1, 0, 0] * (ROWS // 4))
    pytest.importorskip("pyarrow")
    target = prepared(write(tmp_path / "t.csv", {"x": X, "y": labels})).target
    assert isinstance(target, Classes)
    assert target.classes == found


def test_classes_of_two_files_that_were_joined(tmp_path):
    pytest.importorskip("pyarrow")
    labels = ["0", "1"] * 15 + ["0.0", "1.0"] * 15
    target = prepared(write(tmp_path / "t.csv", {"x": X, "y": labels})).target
    assert isinstance(target, Classes)
    assert len(target.classes) == 2


def test_codes_with_leading_zeros_are_no_numbers():
    assert classes(["07", "7"] * 30)[0] == ("07", "7")


def test_classes_that_differ_in_case_or_blanks_only_are_said():
    labels = ["yes", "Yes", "new york", "New  York"] * 15
    assert "look alike y: 'New  York' and 'new york', y: 'Yes' and 'yes'" in str(
        prepared({"x": X, "y": labels})
    )
    assert "look alike" not in str(prepared({"x": X, "y": ["yes", "no"] * 30}))


def codes(model, values):
    """The encoded inputs of a column k."""
    return model.inputs.encode(Table.of({"k": values}))


@pytest.mark.parametrize(
    ("trained", "again"),
    [
        ([1, 2, 3], [1.0, np.nan, 3.0]),
        ([1, 2, 3], ["1.0", "", "3.0"]),
        ([True, False, True], ["true", "", "TRUE"]),
        ([True, False, True], [1, None, 1.0]),
        (["true", "false", "true"], [True, None, True]),
        (["0", "1", "0"], [False, None, False]),
        (["a", "b", "c"], [" a", "NA", "c\n"]),
    ],
)
def test_categories_are_the_same_in_another_file(trained, again):
    model = untrained({"k": trained * 20, "y": [0.5, 1, 2] * 20}, categorical=["k"])
    expected, got = codes(model, trained), codes(model, again)
    np.testing.assert_array_equal(got[[0, 2]], expected[[0, 2]])
    assert model.inputs.unseen(Table.of({"k": again})) == {}


def test_a_gap_in_a_file_of_categories_changes_none_of_them(tmp_path):
    pytest.importorskip("pyarrow")
    columns = {"k": [1, 2, 3] * 20, "y": [5.0, 1.0, 9.0] * 20}
    model = untrained(write(tmp_path / "t.csv", columns), categorical=["k"])
    gap = write(tmp_path / "gap.csv", {"k": ["1.0", "2.0", "", "3.0"], "z": range(4)})
    predicted = model.predict(gap)
    expected = model.predict({"k": [1, 2, 3]})
    np.testing.assert_array_equal(predicted.values[[0, 1, 3]], expected.values)
    assert predicted.notes == ("1 missing values are filled in: k 1",)


def test_truth_is_a_number_where_training_saw_numbers():
    model = untrained({"k": [0, 1] * 30, "y": X})
    np.testing.assert_array_equal(codes(model, [True, False]), codes(model, [1, 0]))


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_column_of_which_no_value_was_seen_is_an_error(in_pieces, tmp_path):
    model = untrained({"k": ["a", "b"] * 30, "y": X})
    columns = {"k": ["A", "B", None]}
    message = "'k' has no category that training saw, in 2 rows; training saw 'a', 'b'"
    if in_pieces:
        pytest.importorskip("pyarrow")
        from micrograd.tables.file_predictions import FilePredictions

        file = FilePredictions(model, write(tmp_path / "t.csv", {**columns, "z": "abc"}), False)
        with pytest.raises(TableError, match=message):
            b"".join(file)
    else:
        with pytest.raises(TableError, match=message):
            model.predict(columns)
    assert len(model.predict({"k": ["A", "b"]}).values) == 2
    assert len(model.predict({"k": ["A"]}).values) == 1
    assert len(model.predict({"k": [None, None]}).values) == 2


SPELT = ["<NA>", "None", "-", ".", "?", r"\N", "#DIV/0!", " ", "", "NaN", "NULL", "NA", "#N/A"]


@pytest.mark.parametrize("word", SPELT)
@pytest.mark.parametrize("count", [3, 40])
def test_a_missing_number_is_missing_however_it_is_spelt(word, count, tmp_path):
    texts = [word] * count + [f"{x:.3f}" for x in X[count:]]
    (column,) = prepared({"x": texts, "y": X}).inputs.columns
    assert (column.width, prepared({"x": texts, "y": X}).missing) == (2, {"x": count})
    pytest.importorskip("pyarrow")
    path = write(tmp_path / "t.csv", {"x": texts, "y": X})
    assert prepared(path).inputs == prepared({"x": texts, "y": X}).inputs


def test_the_words_for_missing_values_may_be_named():
    texts = ["unknown"] * 5 + [f"{x:.3f}" for x in X[5:]]
    with pytest.raises(TableError, match="'unknown'"):
        prepared({"x": texts, "y": X})
    model = untrained({"x": texts, "y": X}, missing=["unknown"])
    assert model.predict({"x": ["unknown", "0.5"]}).notes == (
        "1 missing values are filled in: x 1",
    )


def test_a_mark_among_words_is_a_word():
    assert classes(["-", "+"] * 30)[0] == ("+", "-")


@pytest.mark.parametrize("quoted", [False, True])
def test_the_class_na_is_said_to_be_missing_and_can_be_kept(quoted, tmp_path):
    pytest.importorskip("pyarrow")
    word = '"NA"' if quoted else "NA"
    path = write(tmp_path / "t.csv", {"x": X, "y": [word, "EU", "AS"] * 20})
    said = (
        "20 without a target are dropped (read as missing: NA; --missing '' keeps them as classes)"
    )
    assert said in str(prepared(path))
    kept = prepared(path, missing=[]).target
    assert isinstance(kept, Classes)
    assert kept.classes == ("AS", "EU", "NA")


def test_a_model_knows_its_words_for_missing_values(tmp_path):
    model = untrained({"k": ["NA", "EU", "."] * 20, "y": X}, missing=["."])
    model.save(tmp_path / "m.safetensors")
    again = mg.TableModel.load(tmp_path / "m.safetensors")
    assert again.missing == (".",)
    assert again.predict({"k": ["NA", "."]}).notes == ("1 missing values are filled in: k 1",)


def test_long_identifiers_are_not_called_constant():
    numbers = [10**25 + i for i in range(ROWS)]
    for column in (numbers, [str(n) for n in numbers], [float(n) for n in numbers]):
        reason = prepared({"long": column, "x": X, "y": X}).inputs.ignored["long"]
        assert reason == (
            "its values do not differ, or only in digits that a float of 64 bits lacks (1e+25)"
        )


def test_a_target_of_very_large_numbers_has_figures(recwarn):
    rows = {"x": X, "y": (3 * X + 5) * 1e300}
    figures = mg.train_table(rows, "y", hidden=(), epochs=40, learning_rate=0.1).figures
    assert figures[0].value > 0.99
    assert 0 < figures[1].value < figures[1].baseline < 1e301
    assert [str(w.message) for w in recwarn if w.category is RuntimeWarning] == []


def test_whole_numbers_of_which_nearly_all_differ_are_no_classes():
    weights = [191, 189, 193, 162, 189, 182, 211, 167, 176, 154,
               169, 166, 154, 247, 193, 202, 176, 157, 156, 138]  # fmt: skip
    found = prepared({"x": X[:20], "y": np.array(weights, float)})
    assert found.target.kind == "regression"
    assert prepared({"x": X[:20], "y": [1.0, 2.0, 3.0, 4.0] * 5}).target.kind == "classification"
