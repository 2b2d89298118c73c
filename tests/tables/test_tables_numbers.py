"""Numbers in tables, as people write them: read as their writer meant, or the user is asked."""

import re

import numpy as np
import pytest

import micrograd as mg
from micrograd.files.column import TableError
from micrograd.files.numerals import numeral
from micrograd.files.readings import Readings
from micrograd.tables.table_model import as_table

pytest.importorskip("pyarrow")

RANDOM = np.random.default_rng(17)
AMOUNTS = np.round(RANDOM.uniform(1000, 90_000, 60), 2)


def prepared(table, target="y", **options):
    """What `train_table` makes of a table before it trains."""
    found = []
    mg.train_table(table, target, epochs=1, hidden=(), announce=found.append, **options)
    return found[0]


def values(table, name, target="y", **options):
    """The numbers of a column, of the rows as they come."""
    return prepared(table, target, validation=0.0, **options).training[name].values


def write(path, columns, delimiter=","):
    """A CSV file; a text with the delimiter in it is quoted."""

    def quoted(text):
        return f'"{text}"' if delimiter in text else text

    rows = [columns, *zip(*columns.values())]
    path.write_text("\n".join(delimiter.join(quoted(str(x)) for x in row) for row in rows) + "\n")
    return path


WRITTEN = {
    "dollars": (",", lambda x: f"${x}"),
    "dollars and thousands": (",", lambda x: f"${x:,.2f}"),
    "euros, behind": (",", lambda x: f"{x} €"),
    "per cent": (",", lambda x: f"{x}%"),
    "a minus sign of Unicode": (",", lambda x: f"{x - 45_000:.2f}".replace("-", "\N{MINUS SIGN}")),
    "parentheses for a minus": (",", lambda x: re.sub("-(.*)", r"(\1)", f"{x - 45_000:.2f}")),
    "no-break spaces": (";", lambda x: f"{x:,.2f}".replace(",", "\xa0").replace(".", ",")),
    "points and a comma": (";", lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,"))),
    "commas, quoted": (",", lambda x: f"{x:.2f}".replace(".", ",")),
    "exponents of Fortran": (",", lambda x: f"{x:.10E}".replace("E", "D")),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN)
def test_numbers_are_read_as_their_writer_meant(case, tmp_path):
    delimiter, written = WRITTEN[case]
    column = [written(x) for x in AMOUNTS.tolist()]
    less = 45_000 if "minus" in case else 0
    target = [str(i % 7 + 0.5).replace(".", "," if delimiter == ";" else ".") for i in range(60)]
    path = write(tmp_path / "t.csv", {"x": column, "y": target}, delimiter)
    np.testing.assert_allclose(values(path, "x"), AMOUNTS - less, atol=0.006)
    np.testing.assert_array_equal(values({"x": column, "y": np.arange(60) % 7 + 0.5}, "x"),
                                  values(path, "x"))  # fmt: skip
    np.testing.assert_allclose(values(path, "x", "x", drop=[]), AMOUNTS - less, atol=0.006)
    assert any(text.startswith("x ") for text in prepared(path).read_as)


def test_thousands_between_tabs_are_no_decimals(tmp_path):
    sales = RANDOM.integers(300, 9_000, 200)
    staff = RANDOM.integers(1, 90, 200)
    columns = {"sales": [f"{x:,}" for x in sales], "staff": staff,
               "profit": [f"{x:,}" for x in 2 * sales + 100 * staff]}  # fmt: skip
    path = write(tmp_path / "t.tsv", columns, "\t")
    np.testing.assert_array_equal(values(path, "sales", "profit"), sales)
    np.testing.assert_array_equal(values(path, "profit", "profit"), 2 * sales + 100 * staff)


def test_where_two_readings_fit_the_user_is_asked_and_the_answer_holds(tmp_path):
    texts = [f"{i % 9 + 1},{i % 800 + 101}" for i in range(50)]
    path = write(tmp_path / "t.tsv", {"x": texts, "y": [i % 2 for i in range(50)]}, "\t")
    with pytest.raises(TableError, match=r"'1,101' may be 1101 or 1.101; .* --decimal \."):
        prepared(path)
    assert values(path, "x", decimal=".")[0] == 1101
    assert values(path, "x", decimal=",")[0] == 1.101
    columns = {"x": texts, "y": [i % 2 for i in range(50)]}
    with pytest.raises(TableError, match=r"may be 1101 or 1\.101"):
        prepared(columns)
    model = mg.train_table(columns, "y", epochs=1, decimal=",").model
    one, other = (model.outputs(as_table(t, [])) for t in
                  ({"x": ["1,101"]}, {"x": [1.101]}))  # fmt: skip
    np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "m.safetensors")
    again = mg.predict_table(tmp_path / "m.safetensors", {"x": ["1,101"]})
    np.testing.assert_array_equal(again.probabilities, model.predict({"x": [1.101]}).probabilities)
    with pytest.raises(ValueError, match="decimal must be"):
        prepared(columns, decimal=";")


@pytest.mark.parametrize("share", [0.02, 0.09, 0.11, 0.5, 0.9])
@pytest.mark.parametrize("target", ["y", "x"])
def test_words_among_numbers_are_said_whatever_their_share(share, target, tmp_path):
    count = round(share * 200)
    texts = ["unknown"] * count + [f"{x:.2f}" for x in RANDOM.normal(size=200 - count)]
    path = write(tmp_path / "t.csv", {"x": texts, "y": [i % 2 for i in range(200)]})
    message = rf"'x' holds numbers, but text in {count} of 200 rows \(first 'unknown', row 1\)"
    with pytest.raises(TableError, match=message):
        prepared(path, target)


def test_a_little_text_may_be_meant_as_a_category(tmp_path):
    cylinders = [["4", "6", "8", "rotary"][i % 4] for i in range(93)]
    path = write(tmp_path / "t.csv", {"Cylinders": cylinders, "y": [i % 2 for i in range(93)]})
    with pytest.raises(TableError, match="--categorical Cylinders takes all as categories"):
        prepared(path)
    assert str(prepared(path, categorical=["Cylinders"]).inputs.columns[0]) == "Cylinders (4)"


def test_the_character_in_the_way_of_a_number_is_named():
    columns = {"x": [f"{i}.5" for i in range(40)] + ["~12.5"], "y": [0, 1] * 20 + [0]}
    with pytest.raises(TableError, match=r"'~12.5', row 41: ~ is in the way"):
        prepared(columns)


@pytest.mark.parametrize(("one", "other"), [("$5", "€6"), ("5%", "6")])
def test_two_units_in_one_column_are_said(one, other):
    with pytest.raises(TableError, match="in two units"):
        prepared({"x": [one, other] * 20, "y": [0, 1] * 20})


def test_what_is_no_number():
    for text in (
        "1,23,456",
        "1.2.3",
        "--5",
        "$5%",
        "nan",
        "1_000",
        "12 kg",
        "",
        "-",
        "12/5",
        "0x1F",
    ):
        assert numeral(text) is None, text
        assert numeral(text, ",") is None, text


def test_what_was_read_is_said():
    table = {"x": [f"${i},000" for i in range(1, 41)], "z": [f"{i / 7:.3f}" for i in range(40)],
             "y": [0, 1] * 20}  # fmt: skip
    said = str(prepared(table, decimal="."))
    assert "read as    x '$10,000' is 10000" in said.splitlines()


def test_a_large_file_is_read_as_a_small_one(tmp_path, monkeypatch):
    texts = [f"${x:,.2f}" for x in AMOUNTS.tolist() * 20]
    columns = {"x": texts, "y": [f"{x:,.0f}" for x in AMOUNTS.tolist() * 20]}
    path = write(tmp_path / "t.csv", columns)
    whole = prepared(path, decimal=".")
    monkeypatch.setattr("micrograd.tables.train.is_large", lambda path: True)
    monkeypatch.setattr("micrograd.files.survey.ROWS", 100)
    pieces = prepared(path, decimal=".")
    assert pieces.pieces is not None
    assert pieces.inputs == whole.inputs
    assert pieces.target == whole.target
    X = np.concatenate([part.arrays[0] for part in pieces.pieces])
    assert len(X) == len(whole.training)
    path.write_text(path.read_text() + "unknown,5\n")
    with pytest.raises(TableError, match=r"text in 1 of 1201 rows \(first 'unknown', row 1201\)"):
        prepared(path, decimal=".")


def test_columns_of_very_many_words_need_no_more_memory():
    readings = Readings()
    for i in range(5_000):
        readings.add(f"name {i}")
    assert readings.settled
    assert len(readings.ways["."].words) == 1_000
