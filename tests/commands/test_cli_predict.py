"""`micrograd predict`: names of classes, probabilities, and files larger than memory."""

import os
from pathlib import Path

import pytest
from command_line import is_one_line, run, write_flowers
from pyarrow import csv, parquet

import micrograd
from micrograd.files import survey
from micrograd.tables.inputs import Inputs


def test_predict_answers_in_the_names_of_the_classes(model):
    result = run("predict", model, "flowers.csv")
    names = result.stdout.splitlines()
    assert names[0] == "kind"
    assert set(names[1:]) == {"ros'é", "tulip"}
    assert len(names) == 61
    assert result.stderr == "micrograd: warning: 6 missing values are filled in: size 6\n"


def test_predict_writes_a_file_and_probabilities(model):
    Path("new.csv").write_text("colour,more,size\nred,1,-1\nwhite,2,4\n")
    result = run("predict", model, "new.csv", "-o", "out.csv", "--probabilities")
    assert (result.exit_code, result.output) == (0, "")
    header, *rows = Path("out.csv").read_text().splitlines()
    assert header == "kind,probability_ros'é,probability_tulip"
    assert [row.split(",")[0] for row in rows] == ["ros'é", "tulip"]
    assert sum(map(float, rows[0].split(",")[1:])) == pytest.approx(1)


def test_an_unseen_category_is_a_warning(model):
    Path("new.csv").write_text("size,colour\n1,green\n")
    result = run("predict", model, "new.csv")
    assert result.exit_code == 0
    said = "column 'colour' has categories not seen in training, taken as missing: green"
    assert said in result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("probabilities", [[], ["--probabilities"]])
def test_predict_reads_a_large_file_in_pieces(model, monkeypatch, suffix, probabilities):
    write_flowers("many.csv", 1_000)
    with open("many.csv", "a") as many:
        many.write("1.5,green,\n,black,\n")
    whole = micrograd.predict_table(model, "many.csv")
    if suffix == ".parquet":
        parquet.write_table(csv.read_csv("many.csv"), "many.parquet")
    monkeypatch.setattr(survey, "ROWS", 150)
    sizes: list[int] = []
    encode = Inputs.encode
    monkeypatch.setattr(Inputs, "encode", lambda *a: sizes.append(len(a[1])) or encode(*a))
    printed = run("predict", model, f"many{suffix}", *probabilities)
    written = run("predict", model, f"many{suffix}", "-o", "out.csv", *probabilities)
    assert sizes == [150, 150, 150, 150, 150, 150, 102] * 2
    assert printed.stdout == Path("out.csv").read_text() == whole.as_csv(bool(probabilities))
    notes = [f"micrograd: warning: {note}" for note in whole.notes]
    assert printed.stderr.splitlines() == written.stderr.splitlines() == notes
    assert "taken as missing: black, green" in notes[0]
    assert "101 missing values" in notes[1]


@pytest.mark.parametrize(("bad", "message"), [
    ("big", "column 'size' should hold numbers, but row 1001 has 'big'"),
    ("inf", "'size' is infinite in 1 rows (first: row 1001)"),
])  # fmt: skip
def test_a_late_row_that_cannot_be_predicted(model, monkeypatch, bad, message):
    monkeypatch.setattr(survey, "ROWS", 150)
    write_flowers("many.csv", 1_000)
    with open("many.csv", "a") as many:
        many.write(f"{bad},red,\n")
    before = sorted(os.listdir())
    assert is_one_line(run("predict", model, "many.csv", "-o", "out.csv"), message)
    result = run("predict", model, "many.csv")
    assert is_one_line(result, message)
    assert result.stdout == ""
    assert sorted(os.listdir()) == before


def test_a_late_row_of_which_nothing_can_be_computed(monkeypatch):
    """The input is finite, but the network's output is not."""
    monkeypatch.setattr(survey, "ROWS", 15)
    rows = "".join(f"{i / 500},{'high' if i > 25 else 'low'}\n" for i in range(50))
    Path("small.csv").write_text("x,y\n" + rows)
    assert run("train", "small.csv", "--target", "y", "--epochs", 2).exit_code == 0
    Path("new.csv").write_text("x\n" + "0.05\n" * 40 + "1e308\n")
    result = run("predict", "model.safetensors", "new.csv")
    assert is_one_line(result, "not finite in 1 rows (first: row 41), where 'x' is 1e+308")
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size\n1\n", "no column 'colour'"),
        ("a\n1\n", "lacks the columns 'size', 'colour'"),
        ("size,colour\n1,red\nbig,red\n", "should hold numbers, but row 2 has 'big'"),
        ("size,colour\n-inf,red\n", "'size' is infinite"),
        ("size,colour\n", "has no rows"),
        ("size,colour\n1,red\n2\n", "has 2 columns, but row 2 has 1: 2"),
        ("size;colour\n1,5;red\n2;red;3\n", "has 2 columns, but row 2 has 3: 2;red;3"),
        ("size,colour\n" + "1,red\n" * 250_000 + "2\n", "but row 250001 has 1: 2"),
    ],
)
def test_a_table_that_cannot_be_predicted(model, content, message):
    Path("new.csv").write_text(content)
    assert is_one_line(run("predict", model, "new.csv", "-o", "out.csv"), message)
    assert not Path("out.csv").exists()


def test_probabilities_of_a_quantity():
    Path("t.csv").write_text("a,b\n" + "".join(f"{i},{i / 7}\n" for i in range(20)))
    run("train", "t.csv", "--target", "b", "--epochs", 1)
    message = "it has no class probabilities"
    assert is_one_line(run("predict", "model.safetensors", "t.csv", "--probabilities"), message)


@pytest.mark.parametrize("name", ["p.xlsx", "p.parquet", "p.tsv", "p.csv.gz"])
def test_predictions_are_not_written_under_the_name_of_another_format(model, name):
    assert is_one_line(run("predict", model, "flowers.csv", "-o", name), "ends in .csv")
    assert not Path(name).exists()
