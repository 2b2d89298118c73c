"""Reading tables: dialects of CSV, Parquet, arrays, files whole and in pieces."""

import os

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from micrograd.files.column import TableError
from micrograd.files.table import Table
from micrograd.files.table_file import TableFile, read_table


@pytest.fixture
def csv(tmp_path):
    def write(content: str | bytes, name: str = "table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


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
