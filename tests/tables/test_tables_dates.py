"""Dates are read where all rows agree on one order of their parts; else that is said."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from reading import prepared, untrained, write

from micrograd.files.column import TableError
from micrograd.files.dates import DAY, microseconds
from micrograd.files.table import Table

ROWS = 60
DAYS = [date(2023, 1, 5) + timedelta(days=13 * i) for i in range(ROWS)]
NUMBERS = [(day - date(1970, 1, 1)).days for day in DAYS]
Y = np.random.default_rng(2).normal(size=ROWS)
FORMS = {
    "ISO": "%Y-%m-%d",
    "ISO with a time": "%Y-%m-%dT00:00:00",
    "slashes": "%Y/%m/%d",
    "slashes, with a time": "%Y/%m/%d 00:00",
    "day first": "%d-%m-%Y",
    "day first, with points": "%d.%m.%Y",
    "month first": "%m/%d/%Y",
    "month first, with a time": "%m/%d/%Y 12:00 AM",
    "a word": "%d %b %Y",
    "a word, with dashes": "%d-%b-%Y",
    "a word first": "%B %d, %Y",
}


@pytest.mark.parametrize("case", FORMS)
def test_dates_are_read_where_all_rows_agree_on_one_order(case, tmp_path):
    texts = [day.strftime(FORMS[case]) for day in DAYS]
    found = prepared({"when": texts, "y": Y})
    assert found.training["when"].kind == "date"
    np.testing.assert_array_equal(found.training["when"].values, NUMBERS)
    pytest.importorskip("pyarrow")
    quoted = [f'"{text}"' for text in texts]
    again = prepared(write(tmp_path / "t.csv", {"when": quoted, "y": Y}))
    np.testing.assert_array_equal(again.training["when"].values, NUMBERS)
    model = untrained({"when": texts, "y": Y})
    one = model.inputs.encode(Table.of({"when": texts[:3]}))
    np.testing.assert_array_equal(one, model.inputs.encode(Table.of({"when": DAYS[:3]})))


def test_months_and_times():
    months = [f"20{20 + i // 12}-{i % 12 + 1:02}" for i in range(ROWS)]
    times = [f"{i % 24}:{i % 60:02}" for i in range(ROWS)]
    table = prepared({"month": months, "time": times, "y": Y}).training
    assert [table[name].kind for name in ("month", "time")] == ["date", "date"]
    assert table["month"].values[1] - table["month"].values[0] == 31
    assert table["time"].values[6] == (6 + 6 / 60) / 24


def test_dates_with_an_order_that_is_not_known_are_left_out_and_that_is_said():
    texts = [f"{i % 12 + 1:02}/{i % 9 + 1:02}/2024" for i in range(ROWS)]
    found = prepared({"when": texts, "x": Y, "y": Y})
    reason = found.inputs.ignored["when"]
    assert reason == (
        "it holds dates in an unknown order: '01/04/2024' may be 2024-04-01 or 2024-01-04"
    )
    assert f"left out   when ({reason})" in str(found)
    known = prepared({"when": [*texts[1:], "01/31/2024"], "x": Y, "y": Y})
    assert known.training["when"].kind == "date"


def test_words_among_dates_are_said():
    texts = [str(day) for day in DAYS]
    texts[7] = "someday"
    with pytest.raises(
        TableError, match=r"'when' holds dates, but text in 1 of 60 rows \(first 's"
    ):
        prepared({"when": texts, "y": Y})
    texts[7] = "NA"
    assert prepared({"when": texts, "y": Y}).missing == {"when": 1}


def test_a_date_is_no_target_in_any_container(tmp_path):
    texts = [str(day) for day in DAYS]
    tables = [{"x": Y, "y": values} for values in (texts, DAYS, np.array(DAYS, "datetime64[D]"))]
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"x": Y, "y": DAYS}), tmp_path / "t.parquet")
    for table in (
        *tables,
        tmp_path / "t.parquet",
        write(tmp_path / "t.csv", {"x": Y, "y": texts}),
        write(tmp_path / "other.csv", {"x": Y, "y": [f"{d:%d.%m.%Y}" for d in DAYS]}),
    ):
        with pytest.raises(TableError, match="'y' holds dates, and a date is no quantity"):
            prepared(table)


def test_dates_and_numbers_are_not_taken_for_each_other():
    dates, numbers = untrained({"d": DAYS, "y": Y}), untrained({"d": NUMBERS, "y": Y, "z": Y})
    with pytest.raises(TableError, match="'d' should hold dates, as in training, but holds num"):
        dates.predict({"d": [20_000]})
    with pytest.raises(TableError, match="'d' should hold numbers, as in training, but holds da"):
        numbers.predict({"d": [DAYS[0]], "z": [1.0]})
    with pytest.raises(TableError, match=r"should hold dates \(ymd\), but row 1 has '31.01.2024'"):
        dates.predict({"d": ["31.01.2024"]})


@pytest.mark.parametrize(
    "text", ["2024-13-01", "2024-02-30", "31.02.2024", "2024-1", "12", "24:61", "5 Foo 2024", "a-b"]
)
def test_what_is_no_date(text):
    if text == "2024-1":
        assert microseconds(text, "ymd") == microseconds("2024-01-01", "ymd")
        return
    assert [microseconds(text, order) for order in ("ymd", "dmy", "mdy")] == [None] * 3


def test_times_with_zones_are_those_of_python():
    for text in ("2024-05-06T07:08:09.25+02:00", "1969-12-31 23:59:59Z", "0001-01-01 00:00:00Z"):
        seconds = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00Z")
        assert microseconds(text, "ymd") == seconds / timedelta(microseconds=1)
    assert microseconds("1970-01-02", "ymd") == DAY
