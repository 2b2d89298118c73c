"""The container of a table does not matter: the same kinds, the same model, the same bits."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import pytest
from reading import prepared, untrained, write

from micrograd.files.column import TableError
from micrograd.files.table import Table

N = 48
NUMBER = [None if i % 9 == 4 else (i * 37 % 101) / 4 for i in range(N)]
WHOLE = [None if i % 11 == 3 else i * 29 % 53 for i in range(N)]
WORD = [None if i % 13 == 5 else ["red", "green", "blue"][i * i % 3] for i in range(N)]
TRUTH = [None if i % 7 == 2 else i % 3 == 0 for i in range(N)]
PRICE = [Decimal(i * 977 % 4001) / 100 for i in range(N)]
WHEN = [datetime(2020, 1 + i % 12, 1 + i * i % 28, i % 24) for i in range(N)]
DAY = [date(2021, 1 + i % 12, 1 + i % 28) for i in range(N)]
Y = [0.25 * i + (i % 5) for i in range(N)]
COLUMNS = {"number": NUMBER, "whole": WHOLE, "word": WORD, "truth": TRUTH,
           "price": PRICE, "when": WHEN, "day": DAY, "y": Y}  # fmt: skip


def rows():
    return [dict(zip(COLUMNS, row)) for row in zip(*COLUMNS.values())]


def pandas(**options):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(COLUMNS, **options)


def nullable():
    frame = pandas()
    kinds = {"number": "Float64", "whole": "Int64", "word": "string", "truth": "boolean"}
    return frame.astype({**kinds, "when": "datetime64[ns]", "price": float})


def structured():
    """With NaN and NaT for missing values; words and truth are objects."""
    kinds = {"number": float, "whole": float, "price": float, "when": "M8[s]", "day": "M8[D]"}
    columns = {n: np.array(v, kinds.get(n, object)) for n, v in COLUMNS.items()}
    array = np.empty(N, [(n, c.dtype) for n, c in columns.items()])
    for name, column in columns.items():
        array[name] = column
    return array


UNSAID = ("price", "day")  # kinds that the protocol lacks


class Interchange:
    """A table that speaks nothing but `__dataframe__`."""

    def __init__(self, arrow):
        self.arrow = arrow

    def __dataframe__(self, *args, **options):
        return self.arrow.__dataframe__(*args, **options)


def arrow():
    return pytest.importorskip("pyarrow").table(COLUMNS)


def csv(tmp_path):
    pytest.importorskip("pyarrow")
    return write(tmp_path / "t.csv", COLUMNS)


def parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(arrow(), path)
    return path


CONTAINERS = {
    "rows": rows,
    "structured array": structured,
    "arrays of objects": lambda: {n: np.array(v, object) for n, v in COLUMNS.items()},
    "pandas": pandas,
    "pandas, nullable": nullable,
    "pandas, other index": lambda: pandas(index=range(100, 100 + N)),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
    "polars, lazy words": lambda: pytest.importorskip("polars").DataFrame(COLUMNS).with_columns(
        pytest.importorskip("polars").col("word").cast(pytest.importorskip("polars").Categorical)
    ),
    "arrow": arrow,
    "arrow, in batches": lambda: arrow().to_reader(max_chunksize=7),
    "interchange": lambda: Interchange(arrow().drop([*UNSAID])),
    "CSV": csv,
    "Parquet": parquet,
}  # fmt: skip


@pytest.mark.parametrize("case", CONTAINERS)
def test_the_container_does_not_matter(case, tmp_path):
    make = CONTAINERS[case]
    table = make(tmp_path) if case in ("CSV", "Parquet") else make()
    columns = {n: v for n, v in COLUMNS.items() if case != "interchange" or n not in UNSAID}
    one, other = prepared(columns), prepared(table)
    assert other.inputs == one.inputs
    assert other.target == one.target
    for mine, yours in zip(one.part(one.training), other.part(other.training)):
        np.testing.assert_array_equal(mine, yours)


def test_kinds_of_what_python_holds():
    zoned = [datetime(2024, 1, 1, 12, tzinfo=UTC), None]
    table = Table.of({
        "a": [1, None, 3], "b": [1.5, float("nan"), 2], "c": [True, None, False],
        "d": [time(6), None, time(18)], "e": [*zoned, None], "f": [b"x", None, "y"],
        "g": [None] * 3, "h": [[1], [2, 3], []], "i": [1j, 2, 3],
        "j": np.ma.array([1, 2, 3], mask=[False, True, False]),
        "k": np.array(["1", "2", "x"]), "l": [Decimal("1.10"), Decimal("NaN"), 2], "m": range(3),
    })  # fmt: skip
    kinds = "whole number text date date text empty list complex128 whole text number whole"
    assert [column.kind for column in table.columns.values()] == kinds.split()
    np.testing.assert_array_equal(table["a"].values, [1, np.nan, 3])
    np.testing.assert_array_equal(table["d"].values, [0.25, np.nan, 0.75])
    np.testing.assert_array_equal(table["e"].values, [19_723.5, np.nan, np.nan])
    np.testing.assert_array_equal(table["j"].values, [1, np.nan, 3])
    np.testing.assert_array_equal(table["l"].values, [1.1, np.nan, 2])
    assert table["c"].values.tolist() == ["True", None, "False"]
    assert table["f"].values.tolist() == ["x", None, "y"]


def test_rows_may_lack_what_others_have():
    table = Table.of([{"x": 1}, {"x": 2, "z": "a"}, {}])
    np.testing.assert_array_equal(table["x"].values, [1, 2, np.nan])
    assert table["z"].values.tolist() == [None, "a", None]


def test_predictions_take_any_container():
    model = untrained({"x": NUMBER, "word": WORD, "y": Y})
    expected = model.predict({"x": [1.5, None], "word": ["red", None]}).values
    rows = [{"x": 1.5, "word": "red"}, {"x": None}]
    np.testing.assert_array_equal(model.predict(rows).values, expected)
    pa = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(model.predict(pa.Table.from_pylist(rows)).values, expected)


@pytest.mark.parametrize("table", [5, ["abc"], [1, 2], np.zeros((2, 2)), None])
def test_what_is_no_table(table):
    with pytest.raises(TypeError, match="expected a table: a file's name, a Table, a DataFrame"):
        Table.of(table)


def test_two_columns_of_one_name():
    pd = pytest.importorskip("pandas")
    with pytest.raises(TableError, match="more than one column is named 'a'"):
        Table.of(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(TableError, match="more than one column is named 'a'"):
        Table.of({"a": [1], "a ": [2]})
