"""Row numbers and identifiers are no inputs, whatever they are called, unless they are kept."""

import numpy as np
import pytest

import micrograd as mg

ROWS = 120
X = np.random.default_rng(3).normal(size=ROWS)


def prepared(**columns):
    found = []
    options = columns.pop("options", {})
    table = {**columns, "x": X, "y": X + np.arange(ROWS) / 40}
    mg.train_table(table, "y", epochs=1, hidden=(), announce=found.append, **options)
    return found[0]


COUNT = np.arange(1, ROWS + 1)
NUMBERS = {
    "rownames": COUNT,
    "X": COUNT - 1,
    "with a gap": np.where(COUNT > 50, COUNT + 9, COUNT),
    "with a repetition": np.where(COUNT > 50, COUNT - 1, COUNT),
    "as floats": COUNT.astype(float),
    "as text": [f"{n:,}" for n in COUNT],
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_that_grow_by_one_are_no_input(case):
    columns = {case: NUMBERS[case]}
    found = prepared(**columns)
    assert found.inputs.ignored == {case: "it numbers the rows"}
    assert f"left out   {case} (it numbers the rows); --keep brings a column back" in str(found)
    kept = prepared(**columns, options={"keep": [case]})
    assert [c.name for c in kept.inputs.columns] == [case, "x"]


@pytest.mark.parametrize("name", ["CustomerID", "Unnamed: 0.1", "obs", "", "house_id"])
@pytest.mark.parametrize("repeated", [False, True])
def test_numbers_named_as_an_identifier_are_no_input_in_any_order(name, repeated):
    numbers = np.random.default_rng(1).permutation(ROWS) * 7
    numbers[-1] = numbers[0] if repeated else numbers[-1]
    assert name in prepared(**{name: numbers}).inputs.ignored
    kept = prepared(**{name: numbers}, options={"keep": [name]})
    assert name not in kept.inputs.ignored


@pytest.mark.parametrize("numbers", [COUNT // 5, COUNT * 2, COUNT % 12, np.sqrt(COUNT)])
def test_other_numbers_that_grow_are_inputs(numbers):
    assert prepared(other=numbers).inputs.ignored == {}


def test_row_numbers_of_a_large_file_are_found_in_its_sample(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("micrograd.tables.train.is_large", lambda path: True)
    monkeypatch.setattr("micrograd.files.survey.SAMPLE", 200)
    path, found = tmp_path / "t.csv", []
    path.write_text("n,x,y\n" + "".join(f"{i},{i % 7},{i % 5 / 2}\n" for i in range(1000)))
    mg.train_table(path, "y", epochs=1, hidden=(), announce=found.append)
    assert found[0].inputs.ignored == {"n": "it numbers the rows"}


def test_a_column_to_keep_must_exist():
    with pytest.raises(ValueError, match="no column 'z'"):
        prepared(options={"keep": ["z"]})


def test_the_only_column_is_an_input_whatever_it_holds():
    found = []
    table = {"n": COUNT, "y": np.sin(COUNT / 9)}
    mg.train_table(table, "y", epochs=1, hidden=(), announce=found.append)
    assert [c.name for c in found[0].inputs.columns] == ["n"]
