"""Table: named columns, read from CSV or Parquet, each of one kind.

A column is of numbers, whole numbers, dates, text, or `empty`; numbers and dates (in days since
1970-01-01) are floats with NaN where a value is missing, text is strings with None there.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".parquet", ".pq")
MISSING = (
    "?",
)  # counts as missing, besides what pyarrow takes for it: "", "NA", "NaN", "null", ...


class TableError(ValueError):
    """A table, or a column of it, that cannot be used as it is."""


@dataclass(frozen=True)
class Column:
    """One column of a table: `values` is float64 with NaN, or for text an array of str and None.

    >>> Column("size", "text", np.array(["1", "2.5", None], dtype=object)).numbers()
    array([1. , 2.5, nan])
    """

    name: str
    kind: str  # number, whole, date, text, empty, or the name of a type that no rule reads
    values: np.ndarray
    decimal: str = "."

    @property
    def missing(self) -> np.ndarray:
        """Where there is no value, as an array of bool."""
        if self.values.dtype == float:
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)

    def numbers(self) -> np.ndarray:
        """The values as floats, NaN where missing. Raises TableError at text that is no number."""
        numbers = np.full(len(self.values), np.nan)
        for row, value in enumerate(self.values):
            if value is not None:
                try:
                    numbers[row] = float(str(value).replace(self.decimal, "."))
                except ValueError:
                    raise TableError(
                        f"column {self.name!r} should hold numbers, but row {row + 1} has "
                        f"{value!r:.40}; correct it, or leave it empty"
                    ) from None
        return numbers

    def texts(self) -> np.ndarray:
        """The values as they are written, None where missing."""
        if self.kind == "text":
            return self.values
        return np.array([None if v != v else self._written(v) for v in self.values], dtype=object)

    def _written(self, value: float) -> str:
        return str(int(value)) if self.kind == "whole" else str(value)

    def take(self, rows: np.ndarray) -> "Column":
        """The column of these rows, by index or by an array of bool."""
        return Column(self.name, self.kind, self.values[rows], self.decimal)


@dataclass(frozen=True)
class Table:
    """Columns of one length, by name and in order.

    >>> table = Table.of({"x": [1.5, 2.5], "colour": ["red", None]})
    >>> len(table), [f"{c.name}: {c.kind}" for c in table.columns.values()]
    (2, ['x: number', 'colour: text'])
    """

    columns: dict[str, Column]

    def __len__(self) -> int:
        return next((len(column.values) for column in self.columns.values()), 0)

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"there are {enumerated(map(repr, self.columns))}"
            )
            raise TableError(f"there is no column {name!r}; {hint}")
        return self.columns[name]

    def take(self, rows: np.ndarray) -> "Table":
        """The table of these rows, by index or by an array of bool."""
        return Table({name: column.take(rows) for name, column in self.columns.items()})

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> "Table":
        """A table of arrays or lists, of numbers or text. Raises TableError for unequal lengths."""
        made = {str(name): _column_of(str(name), values) for name, values in columns.items()}
        if len({len(column.values) for column in made.values()}) > 1:
            lengths = ", ".join(f"{c.name!r} has {len(c.values)}" for c in made.values())
            raise TableError(f"all columns must have one length: {lengths}")
        return cls(made)


def _column_of(name: str, values: Any) -> Column:
    array = np.asarray(values)
    if array.ndim != 1:
        raise TableError(f"column {name!r} must be one sequence, got shape {array.shape}")
    if array.dtype.kind in "iuf":
        return Column(name, "number" if array.dtype.kind == "f" else "whole", array.astype(float))
    texts = [None if v is None or v != v else str(v) for v in array.tolist()]
    return Column(name, "text", np.array(texts, dtype=object))


def enumerated(names: Iterable[str], most: int = 10) -> str:
    """The names with commas between them; of many, the first ones and their number.

    >>> enumerated("abcdef", most=3)
    'a, b, c, ... (6 in all)'
    """
    names = list(names)
    return ", ".join(names[:most]) + f", ... ({len(names)} in all)" * (len(names) > most)


def read_table(path: str | Path, texts: Iterable[str] = ()) -> Table:
    """The table in a CSV or Parquet file; `texts` names columns to keep as they are written.

    CSV is UTF-8 with a header; commas, semicolons, tabs or bars between values; perhaps compressed
    (`.csv.gz`). Raises TableError for what is no such table, OSError where it cannot be read, and
    ModuleNotFoundError where pyarrow is not installed.
    """
    path = Path(path)
    with told_of(path):
        if is_parquet(path):
            from pyarrow import parquet

            return _table(path, parquet.read_table(path), ".")
        from pyarrow import csv

        options, decimal = _csv_options(path, frozenset(texts))
        return _table(path, csv.read_csv(str(path), **options), decimal)


def read_pieces(path: str | Path, rows: int, texts: Iterable[str] = ()) -> Iterator[Table]:
    """The same table, so many rows at a time; the last piece may be smaller. See `read_table`."""
    path = Path(path)
    with told_of(path):
        if is_parquet(path):
            from pyarrow import parquet

            decimal = "."
            file = parquet.ParquetFile(path, pre_buffer=False)  # or all of it is kept in memory
            batches = file.iter_batches(batch_size=rows, use_threads=False)
        else:
            from pyarrow import csv

            options, decimal = _csv_options(path, frozenset(texts))
            batches = csv.open_csv(str(path), **options)
        for piece in _of_rows(batches, rows):
            yield _table(path, piece, decimal)


def _of_rows(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    """Batches of Arrow as tables of exactly so many rows, but for the last."""
    import pyarrow as pa

    waiting: list[Any] = []
    for batch in batches:
        waiting.append(batch)
        while sum(map(len, waiting)) >= rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, rows)
            waiting = table.slice(rows).to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)


def is_parquet(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, in our words."""
    if not path.name.lower().endswith(SUFFIXES):
        raise TableError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
    with open(path, "rb"):  # says why where it cannot be opened, in the words of the system
        pass
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "reading tables needs pyarrow: pip install 'micrograd-native[tables]'"
        ) from None
    try:
        yield
    except UnicodeDecodeError:
        raise TableError(f"{path} is not UTF-8 text; convert it, e.g. with iconv") from None
    except pa.ArrowException as error:
        raise TableError(f"{path} cannot be read as a table: {_first_line(error)}") from None


def _table(path: Path, arrow: Any, decimal: str) -> Table:
    import pyarrow as pa

    if any(pa.types.is_binary(kind) for kind in arrow.schema.types) and not is_parquet(path):
        raise TableError(f"{path} is not UTF-8 text; convert it, e.g. with iconv")
    names = [name.strip() for name in arrow.column_names]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise TableError(f"{path}: more than one column is called {repeated[0]!r}; rename them")
    columns = [_column(n, arrow.column(i), decimal) for i, n in enumerate(names)]
    return Table({column.name: column for column in columns})


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it is damaged"])[0]


def _csv_options(path: Path, texts: frozenset[str]) -> tuple[dict[str, Any], str]:
    """How Arrow is to read the file, and the sign between whole part and fraction."""
    import pyarrow as pa
    from pyarrow import csv

    with pa.input_stream(str(path)) as stream:
        start = stream.read(1 << 16)
    if not start.strip():
        raise TableError(f"{path} is empty; expected a header and rows")
    if b"\0" in start:
        raise TableError(f"{path} is not UTF-8 text; convert it, e.g. with iconv")
    head = start.decode("utf-8-sig", errors="ignore").lstrip()
    delimiter, decimal = _punctuation(head)
    convert = csv.ConvertOptions(
        null_values=[*csv.ConvertOptions().null_values, *MISSING],
        strings_can_be_null=True,
        true_values=[],  # yes and no, true and false: categories, by the names they have
        false_values=[],
        decimal_point=decimal,
        column_types=dict.fromkeys(texts, pa.string()),
    )
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    return {"parse_options": parse, "convert_options": convert}, decimal


def _punctuation(head: str) -> tuple[str, str]:
    """What separates values, and what separates a fraction, judged by the start of a file.

    >>> _punctuation("a;b\\n1,5;2,25\\n")
    (';', ',')
    """
    header, _, body = re.sub(r'"[^"]*"', "", head).partition("\n")
    delimiter = max(",;\t|", key=header.count)
    fractions = Counter(re.findall(rf"(?<=\d)[.,](?=\d+\s*[{delimiter}\r\n])", body))
    return delimiter, "," if delimiter != "," and fractions[","] > fractions["."] else "."


def _column(name: str, array: Any, decimal: str) -> Column:
    """A column of Arrow's as one of ours."""
    import pyarrow as pa

    kind, types = array.type, pa.types
    if types.is_dictionary(kind):
        return _column(name, array.cast(kind.value_type), decimal)
    if types.is_null(kind):
        return Column(name, "empty", np.full(len(array), np.nan))
    if types.is_boolean(kind):
        texts = [None if v is None else str(v) for v in array.to_pylist()]
        return Column(name, "text", np.array(texts, dtype=object))
    if types.is_string(kind) or types.is_large_string(kind):
        return Column(name, "text", array.to_numpy().astype(object), decimal)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        named = "whole" if types.is_integer(kind) else "number"
        return Column(name, named, _floats(array))
    if types.is_temporal(kind) and not types.is_interval(kind):
        return Column(name, "date", _floats(_microseconds(array)) / 86_400e6)
    return Column(name, str(kind), np.full(len(array), np.nan))


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
