"""Arrow's options for CSV, the types of columns, and rows that are too long or too short."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from micrograd.files.column import MISSING
from micrograd.files.readings import GAPS


def conversion(decimal: str, types: dict[str, Any], missing: Collection[str] | None = None) -> Any:
    """Arrow's options for converting the values of CSV.

    Words for missing values stay text: `text_column` decides what they mean.
    """
    from pyarrow import csv

    return csv.ConvertOptions(
        null_values=["", *(MISSING if missing is None else missing), *GAPS],
        strings_can_be_null=False,
        true_values=[],  # yes and no, true and false stay categories, as they are written
        false_values=[],
        decimal_point=decimal or ".",
        column_types=types,
    )


def parsing(delimiter: str) -> Any:
    """Arrow's options for splitting rows; comments between rows are skipped."""
    from pyarrow import csv

    def invalid(row: Any) -> str:
        return "skip" if row.text.startswith("#") else "error"

    return csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=invalid
    )


def common_type(one: Any, other: Any) -> Any:
    """The type that Arrow would infer for all rows, given its types for two parts of them."""
    import pyarrow as pa

    if one == other or pa.types.is_null(other):
        return one
    times = pa.date32(), pa.timestamp("s"), pa.timestamp("ns")
    zoned = pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC")
    for chain in ((pa.int64(), pa.float64()), times, zoned):
        if one in chain and other in chain:
            return max(one, other, key=chain.index)
    return other if pa.types.is_null(one) else pa.string()


def first_ragged_row(stream: Any, options: dict[str, Any]) -> str | None:
    """What is wrong with the first row whose length is not that of the header, or None.

    Reads the file again, in one thread: otherwise Arrow does not count the rows.
    """
    import pyarrow as pa
    from pyarrow import csv

    found: list[Any] = []
    parse, reading = options["parse_options"], options["read_options"]
    skips = parse.invalid_row_handler

    def stop(row: Any) -> str:
        answer = skips(row)
        found.extend([row] * (answer == "error"))
        return answer

    parse.invalid_row_handler = stop
    reading.use_threads, reading.autogenerate_column_names = False, True
    only = csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    with suppress(pa.ArrowException):
        csv.read_csv(stream, read_options=reading, parse_options=parse, convert_options=only)
    if not found:
        return None
    row, text = found[0], found[0].text.partition("\n")[0]
    number = row.number - 1 - reading.skip_rows
    return (
        f"has {row.expected_columns} columns, but row {number} has {row.actual_columns}: "
        f"{text:.60}. Correct that row, or quote a text with a delimiter or a line break in it"
    )
