"""The layout of a CSV file: the lines above the header, the delimiter, and the decimal mark."""

import csv
import re
from collections import Counter
from dataclasses import dataclass

from micrograd.files.readings import read

DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*')  # Excel's first line
LINES = 200  # at the start of the file, which are examined


@dataclass(frozen=True)
class Layout:
    """The lines above the header, the delimiter, and the decimal mark ("" if it is not clear).

    >>> layout("# made by hand\\nSales\\na;b\\n1,5;2,25\\n")
    Layout(above=('# made by hand', 'Sales'), delimiter=';', decimal=',')
    """

    above: tuple[str, ...]
    delimiter: str
    decimal: str


def layout(head: str) -> Layout:
    """Infers the layout from the start of a file."""
    lines = re.split(r"\r\n|\r|\n", head)[:LINES]
    if lines and (found := _SEPARATOR.fullmatch(lines[0])):
        return _with_decimal(lines, 1, found[1])
    above = _comments(lines)
    delimiter = max(DELIMITERS, key=_unquoted(lines[above]).count)
    if above + 2 < len(lines) and not _is_header(lines, above, delimiter):
        for other in DELIMITERS:
            if header := _below_title(lines, above, other):
                return _with_decimal(lines, header, other)
    return _with_decimal(lines, above, delimiter)


def _with_decimal(lines: list[str], above: int, delimiter: str) -> Layout:
    body = _unquoted("\n".join(lines[above:])).partition("\n")[2] + "\n"
    return Layout((*lines[:above],), delimiter, decimal_mark(body, delimiter))


def _comments(lines: list[str]) -> int:
    """The number of blank lines and comments at the start. `#x,y` above `1,2` is a header."""
    for place, line in enumerate(lines[:-1]):
        below = lines[place + 1]
        if line.strip() and not (line.startswith("#") and not _as_wide(line, below)):
            return place
    return 0


def _as_wide(line: str, below: str) -> bool:
    return not below.startswith("#") and any(
        0 < _unquoted(line).count(d) == _unquoted(below).count(d) for d in DELIMITERS
    )


def _is_header(lines: list[str], place: int, delimiter: str) -> bool:
    """Whether a line has as many fields as most lines below it, and more than one name."""
    rows = _fields(lines[place:], delimiter)
    width = _width(rows)
    return len(rows[0]) == width > 1 and (width == 2 or sum(map(bool, rows[0])) > 1)


def _below_title(lines: list[str], start: int, delimiter: str) -> int:
    """The index of the header below a title: a line of names, with numbers below. 0 if none."""
    rows = _fields(lines[start:], delimiter)
    width = _width(rows)
    for place, row in enumerate(rows[:-1]):
        if len(row) == width > 1 and all(row):
            numbers = any(read(text, way) for r in rows[place + 1 :] for text in r for way in ".,")
            named = not any(read(text, ".") for text in row)
            return start + place if place and numbers and named else 0
        if sum(map(bool, row)) > 1:
            return 0
    return 0


def _fields(lines: list[str], delimiter: str) -> list[list[str]]:
    """The fields of each line; a line break within quotes does not matter here."""
    return [[field.strip() for field in next(csv.reader([line], delimiter=delimiter), [""])]
            for line in lines]  # fmt: skip


def _width(rows: list[list[str]]) -> int:
    return Counter(len(row) for row in rows if any(row)).most_common(1)[0][0]


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def decimal_mark(body: str, delimiter: str) -> str:
    """The decimal mark in the rows of a file; "" for no mark.

    Three digits after a mark are ambiguous: 1,300 may mean 1300.

    >>> decimal_mark("1,5;2,25\\n", ";"), decimal_mark("1,300;2,800\\n", ";")
    (',', '')
    """
    end = rf"(?=\s*[{delimiter}\r\n])"
    numbers = re.findall(rf"(?<![^{delimiter}\s])(-?\d*)([.,])(\d+){end}", body)
    decimals = Counter(
        mark
        for whole, mark, part in numbers
        if len(part) != 3 or whole.lstrip("-") in ("", "0") or len(whole.lstrip("-")) > 3
    )
    if delimiter == ",":
        return "." if decimals["."] else ""
    return next((mark for mark, _ in decimals.most_common(1)), "")
