"""Conversion of Arrow's columns to `Column`."""

from collections.abc import Collection
from typing import Any

import numpy as np

from micrograd.files.column import Column, text_column
from micrograd.files.dates import DAY


def columns_of_arrow(
    table: Any, way: str = "", missing: Collection[str] | None = None
) -> list[Column]:
    """The columns of a table that has Arrow's protocols: of Arrow, polars, DuckDB, ...

    Raises ModuleNotFoundError if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow.interchange import from_dataframe
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"a {type(table).__name__} is read by pyarrow: pip install 'micrograd-native[tables]'"
        ) from None
    speaks = hasattr(table, "__arrow_c_stream__")
    arrow = pa.table(table) if speaks else from_dataframe(table)
    names = [name.strip() for name in arrow.column_names]
    return [column_of(n, arrow.column(i), way, missing=missing) for i, n in enumerate(names)]


def column_of(
    name: str, array: Any, way: str = "", numeric: bool = False,
    missing: Collection[str] | None = None,
) -> Column:  # fmt: skip
    """An Arrow column as a `Column`; with `numeric`, booleans become 0 and 1 instead of text."""
    import pyarrow as pa

    kind, types = array.type, pa.types
    if types.is_dictionary(kind):
        return column_of(name, _decoded(array), way, numeric, missing)
    if types.is_null(kind):
        return Column(name, "empty", np.full(len(array), np.nan))
    if types.is_boolean(kind) and not numeric:
        texts = [None if v is None else str(v) for v in array.to_pylist()]
        return Column(name, "text", np.array(texts, dtype=object))
    if _is_view(kind):
        array, kind = array.cast(pa.large_string()), pa.large_string()
    if types.is_string(kind) or types.is_large_string(kind):
        return _text_column(name, array, way, missing)
    if types.is_decimal(kind):
        return Column(name, "number", _floats(array.cast(pa.string())))
    if types.is_floating(kind):
        return Column(name, "number", _floats(array))
    if types.is_integer(kind) or types.is_boolean(kind):
        return Column(name, "whole", _floats(array))
    if types.is_temporal(kind) and not types.is_interval(kind):
        return Column(name, "date", _floats(_microseconds(array)) / DAY)
    return Column(name, str(kind), np.full(len(array), np.nan))


def _is_view(kind: Any) -> bool:
    """Whether this is the type of polars' text, which pyarrow has since version 16."""
    return str(kind) == "string_view"


def _decoded(array: Any) -> Any:
    """The values of an array that is encoded by a dictionary."""
    import pyarrow as pa

    chunks = pa.chunked_array(array).chunks
    to = pa.large_string() if _is_view(array.type.value_type) else array.type.value_type
    return pa.chunked_array([c.dictionary.cast(to).take(c.indices) for c in chunks], type=to)


def _text_column(name: str, array: Any, way: str, missing: Collection[str] | None) -> Column:
    """Text as Python strings; equal texts are one object, so few categories need little memory."""
    import pyarrow as pa

    encoded = pa.chunked_array(array).dictionary_encode().unify_dictionaries().combine_chunks()
    texts = [*encoded.dictionary.to_pylist(), None]
    places = encoded.indices.fill_null(len(texts) - 1)
    return text_column(name, texts, places.to_numpy(), way=way, missing=missing)


def _floats(array: Any) -> np.ndarray:
    import pyarrow as pa

    return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(), dtype=float)


def _microseconds(array: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_time(array.type):
        finer = pa.time64("us")
    elif pa.types.is_duration(array.type):
        finer = pa.duration("us")
    else:
        finer = pa.timestamp("us", getattr(array.type, "tz", None))
    return array.cast(finer, safe=False).cast(pa.int64())
