"""Containers: tables in memory, of any library, as columns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from micrograd.files.column import Column, TableError, text_column
from micrograd.files.dates import DAY


class _Arrow(Protocol):
    """A table of Arrow, polars, pandas or DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


class _Interchange(Protocol):
    """A table of a library without Arrow's protocol."""

    def __dataframe__(self) -> object: ...


# A mapping of arrays or lists, a list of rows, a structured array, or another library's table.
Columns = (
    Mapping[str, ArrayLike | Sequence[object]]
    | Sequence[Mapping[str, object]]
    | np.ndarray
    | _Arrow
    | _Interchange
)
_MICROSECOND = timedelta(microseconds=1)


def columns_of(
    table: Any, decimal: str = "", missing: Collection[str] | None = None
) -> list[Column]:
    """The columns of a container, for `Table.of`. Raises TypeError for anything else.

    >>> [(c.name, c.kind) for c in columns_of([{"x": 1, "y": "a"}, {"x": 2.5}])]
    [('x', 'number'), ('y', 'text')]
    """
    if not hasattr(table, "items") and (
        hasattr(table, "__arrow_c_stream__") or hasattr(table, "__dataframe__")
    ):
        from micrograd.files.arrow import columns_of_arrow

        return columns_of_arrow(table, decimal, missing)
    return [
        column_of_values(str(name).strip(), values, decimal, missing)
        for name, values in _named(table)
    ]


def _named(table: Any) -> Iterable[tuple[Any, Any]]:
    """The names and values of the columns."""
    if hasattr(table, "items"):
        return table.items()
    if isinstance(table, np.ndarray) and table.dtype.names:
        return [(name, table[name]) for name in table.dtype.names]
    if isinstance(table, (list, tuple)) and all(isinstance(row, Mapping) for row in table):
        names = dict.fromkeys(name for row in table for name in row)
        return [(name, [row.get(name) for row in table]) for name in names]
    raise TypeError(
        "expected a table: a file's name, a Table, a DataFrame, a list of rows, or a dict of "
        f'columns such as {{"size": [1.0, 2.0]}}; got {type(table).__name__} {table!r:.60}'
    )


def column_of_values(
    name: str, values: Any, decimal: str = "", missing: Collection[str] | None = None
) -> Column:
    """An array, a list or a series as a `Column`; None, NaN, NaT and NA are missing."""
    array = _array(values)
    if array.ndim != 1:
        raise TableError(f"column {name!r} must be one-dimensional, got the shape {array.shape}")
    if array.dtype.kind in "iu":
        return Column(name, "whole", array.astype(float))
    if array.dtype.kind == "f":
        return Column(name, "number", array.astype(float))
    if array.dtype.kind in "Mm":
        return Column(name, "date", _days(array))
    if array.dtype.kind not in "bUSO":
        return Column(name, str(array.dtype), np.full(len(array), np.nan))
    return _column_of_objects(name, array.tolist(), decimal, missing)


def _array(values: Any) -> np.ndarray:
    """The values as an array; masked entries are None, and a list of words stays as it is."""
    if isinstance(values, np.ma.MaskedArray):
        array = values.data.astype(object)
        array[np.ma.getmaskarray(values)] = None
        return array
    if not hasattr(values, "__len__") and not hasattr(values, "__array__"):
        values = [*values] if isinstance(values, Iterable) else values
    try:
        return np.asarray(values, object) if _mixed(values) else np.asarray(values)
    except ValueError:  # lists of several lengths
        return np.asarray(values, object)


def _mixed(values: Any) -> bool:
    """Whether NumPy would turn all values into text, or truth into numbers."""
    return isinstance(values, (list, tuple)) and (
        any(isinstance(value, (str, bool)) for value in values)
    )


def _days(array: np.ndarray) -> np.ndarray:
    """Times, in days since 1970; durations, in days."""
    kind = array.dtype.kind
    counts = array.astype(f"{kind}8[us]").astype(np.int64).astype(float) / DAY
    return np.where(np.isnat(array), np.nan, counts)


def _column_of_objects(
    name: str, values: list[Any], decimal: str, missing: Collection[str] | None
) -> Column:
    values = [None if _absent(value) else value for value in values]
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return Column(name, "empty", np.full(len(values), np.nan))
    if all(_is(kind, Real, Decimal) and not _is(kind, bool, np.bool_) for kind in kinds):
        whole = all(_is(kind, int, np.integer) for kind in kinds)
        floats = np.array([np.nan if v is None else float(v) for v in values])
        return Column(name, "whole" if whole else "number", floats)
    if all(_is(kind, date, time, timedelta, np.datetime64, np.timedelta64) for kind in kinds):
        return Column(name, "date", np.array([_day(value) for value in values]))
    if any(_is(kind, list, tuple, dict, set, np.ndarray, complex) for kind in kinds):
        kind = next(k for k in kinds if not _is(k, str)).__name__
        return Column(name, kind, np.full(len(values), np.nan))
    return text_column(name, map(_text, values), way=decimal, missing=missing)


def _is(kind: type, *kinds: type) -> bool:
    return issubclass(kind, kinds)


def _absent(value: Any) -> bool:
    """Whether a value is missing: None, NaN, NaT, or NA of pandas, which has no truth value."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (Real, Decimal, np.datetime64, np.timedelta64)) and value != value


def _day(value: Any) -> float:
    """A time in days since 1970, a time of day or a duration in days; NaN for None."""
    if value is None:
        return np.nan
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return float(_days(np.array([value]))[0])
    if isinstance(value, time):
        value = datetime.combine(date(1970, 1, 1), value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        value = value if value.utcoffset() is None else value.astimezone(UTC)
        value -= datetime(1970, 1, 1, tzinfo=value.tzinfo)
    return value // _MICROSECOND / DAY


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
