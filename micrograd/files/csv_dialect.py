"""Dialects of CSV: delimiters, decimal marks, missing values and the types of columns."""

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from micrograd.files.table import TableError

MISSING = ("?",)  # missing values besides pyarrow's own: "", "NA", "NaN", "null", ...


def head_of(path: Path) -> str:
    """The start of a CSV file. Raises TableError if it is empty or not UTF-8 text."""
    import pyarrow as pa

    with pa.input_stream(str(path)) as stream:
        start = stream.read(1 << 16)
    if not start.strip():
        raise TableError(f"{path} is empty; expected a header and rows")
    if b"\0" in start:
        raise TableError(f"{path} is not UTF-8 text; convert it, e.g. with iconv")
    return start.decode("utf-8-sig", errors="ignore").lstrip()


def punctuation(head: str) -> tuple[str, str]:
    """The delimiter and the decimal mark, inferred from the start of a file; "" for no mark.

    Three digits after a mark decide nothing: 1,300 may be written for 1300.

    >>> punctuation("a;b\\n1,5;2,25\\n"), punctuation("a;b\\n1,300;2,800\\n")
    ((';', ','), (';', ''))
    """
    header, _, body = re.sub(r'"[^"]*"', "", head).partition("\n")
    delimiter = max(",;\t|", key=header.count)
    end = rf"(?=\s*[{delimiter}\r\n])"
    numbers = re.findall(rf"(?<![^{delimiter}\s])(-?\d*)([.,])(\d+){end}", body)
    decimals = Counter(
        mark
        for whole, mark, part in numbers
        if len(part) != 3 or whole.lstrip("-") in ("", "0") or len(whole.lstrip("-")) > 3
    )
    if delimiter == ",":
        return delimiter, "." if decimals["."] else ""
    return delimiter, next((m for m, _ in decimals.most_common(1)), "")


def conversion(decimal: str, types: dict[str, Any]) -> Any:
    """Arrow's options for converting the values of CSV."""
    from pyarrow import csv

    return csv.ConvertOptions(
        null_values=[*csv.ConvertOptions().null_values, *MISSING],
        strings_can_be_null=True,
        true_values=[],  # yes and no, true and false stay categories, as they are written
        false_values=[],
        decimal_point=decimal or ".",
        column_types=types,
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


def first_ragged_row(path: str, parse: Any) -> str | None:
    """What is wrong with the first row whose length is not that of the header, or None.

    Reads the file again, in one thread: otherwise Arrow does not count the rows.
    """
    import pyarrow as pa
    from pyarrow import csv

    found: list[Any] = []

    def stop(row: Any) -> str:
        found.append(row)
        return "error"

    parse.invalid_row_handler = stop
    first = csv.ReadOptions(use_threads=False, autogenerate_column_names=True)
    only = csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    with suppress(pa.ArrowException):
        csv.read_csv(path, read_options=first, parse_options=parse, convert_options=only)
    if not found:
        return None
    row, text = found[0], found[0].text.partition("\n")[0]
    return (
        f"has {row.expected_columns} columns, but row {row.number - 1} has {row.actual_columns}: "
        f"{text:.60}. Correct that row, or quote a text with a delimiter or a line break in it"
    )
