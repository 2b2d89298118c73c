"""Conversion of Arrow's columns to `Column`."""

from typing import Any

import numpy as np

from micrograd.files.table import Column


def column_of(name: str, array: Any, decimal: str, numeric: bool) -> Column:
    """An Arrow column as a `Column`; with `numeric`, booleans become 0 and 1 instead of text."""
    import pyarrow as pa

    kind, types = array.type, pa.types
    if types.is_dictionary(kind):
        return column_of(name, array.cast(kind.value_type), decimal, numeric)
    if types.is_null(kind):
        return Column(name, "empty", np.full(len(array), np.nan))
    if types.is_boolean(kind) and not numeric:
        texts = [None if v is None else str(v) for v in array.to_pylist()]
        return Column(name, "text", np.array(texts, dtype=object))
    if types.is_string(kind) or types.is_large_string(kind):
        return Column(name, "text", _texts(array), decimal)
    if types.is_floating(kind) or types.is_decimal(kind):
        return Column(name, "number", _floats(array))
    if types.is_integer(kind) or types.is_boolean(kind):
        return Column(name, "whole", _floats(array))
    if types.is_temporal(kind) and not types.is_interval(kind):
        return Column(name, "date", _floats(_microseconds(array)) / 86_400e6)
    return Column(name, str(kind), np.full(len(array), np.nan))


def _texts(array: Any) -> np.ndarray:
    """Text as Python strings; equal texts are one object, so few categories need little memory."""
    import pyarrow as pa

    encoded = pa.chunked_array(array).dictionary_encode().unify_dictionaries().combine_chunks()
    values = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    places = encoded.indices.fill_null(len(values) - 1)
    return values[places.to_numpy()]


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
