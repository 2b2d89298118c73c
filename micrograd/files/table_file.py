"""Table files: CSV and Parquet as tables, read whole or one piece at a time."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from micrograd.files.array_file import is_special
from micrograd.files.arrow import column_of
from micrograd.files.column import TableError
from micrograd.files.csv_dialect import common_type, conversion, first_ragged_row, parsing
from micrograd.files.csv_layout import layout
from micrograd.files.csv_source import encoding_of, head_of, not_text, opened
from micrograd.files.table import Table
from micrograd.files.written import INFERRED, Written

TEXTS = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXTS, *(f"{t}{z}" for z in (".gz", ".zip") for t in TEXTS), ".zip", ".parquet", ".pq")


def read_table(path: str | Path, texts: Iterable[str] = (), written: Written = INFERRED) -> Table:
    """The table in a CSV or Parquet file; `texts` names columns to read as text.

    `written` says how the file is written; what it leaves open is inferred.

    CSV must have a header. The delimiter is a comma, semicolon, tab or bar; the encoding is UTF-8,
    or that of a byte-order mark; gzip, and a ZIP archive of one file, are unpacked. Raises
    TableError for a file that is not such a table, OSError for a file that cannot be read, and
    ModuleNotFoundError if pyarrow is not installed.
    """
    return TableFile(path, texts, written=written).whole()


class TableFile:
    """A CSV or Parquet file that can be read more than once. See `read_table`.

    With `numeric`, Parquet's booleans are read as the numbers 0 and 1, not as text.
    """

    def __init__(
        self, path: str | Path, texts: Iterable[str] = (), *, numeric: bool = False,
        written: Written = INFERRED,
    ):  # fmt: skip
        self.path, self.texts, self.numeric = Path(path), tuple(texts), numeric
        self.types: dict[str, Any] | None = None  # of CSV columns; set once all rows were read
        self.parquet = is_parquet(self.path)
        self.written, self.decimal = written, written.decimal
        self.ways: dict[str, str] = {}  # to read columns of text, once all rows were read
        self.above: tuple[str, ...] = ()  # the lines above the header
        self.stamp = self._stamp()

    def whole(self) -> Table:
        """The whole table."""
        with errors_about(self.path, self._ragged, self.written.encoding):
            if self.parquet:
                from pyarrow import parquet

                return self._table(parquet.read_table(self.path))
            from pyarrow import csv

            return self._table(csv.read_csv(opened(self.path), **self._options()))

    def pieces(self, rows: int) -> Iterator[Table]:
        """The same table, `rows` rows at a time; the last piece may be smaller.

        The types of CSV columns are inferred from the start of the file. If a later row does not
        fit, they are inferred from all rows, and the columns change their kinds from that piece on.
        """
        import pyarrow as pa

        given = 0
        with self._errors():
            try:
                for piece in self._pieces(rows):
                    yield piece
                    given += 1
            except pa.ArrowInvalid:
                if self.parquet or self.types is not None:
                    raise
                self.types = self._types_of_all_rows()
                for number, piece in enumerate(self._pieces(rows)):
                    if number >= given:
                        yield piece

    def changed(self) -> TableError:
        """The error to raise when a later pass finds other rows."""
        return TableError(
            f"{self.path} has changed since it was first read; start again once no program is "
            "writing to it"
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """If the file has changed, raises that instead of any other error, which the change has
        caused."""
        try:
            with errors_about(self.path, self._ragged, self.written.encoding):
                yield
        except TableError:
            self._check_unchanged()
            raise

    def _ragged(self) -> str | None:
        """The message about the first row whose length is not that of the header, or None."""
        if self.parquet:
            return None
        return first_ragged_row(opened(self.path), self._options())

    def _check_unchanged(self) -> None:
        if self._stamp() != self.stamp:
            raise self.changed() from None

    def _stamp(self) -> tuple[int, int] | None:
        if not self.path.is_file():
            return None
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def names(self) -> list[str]:
        """The names of the columns."""
        with errors_about(self.path, self._ragged, self.written.encoding):
            if self.parquet:
                from pyarrow import parquet

                return parquet.ParquetFile(self.path).schema_arrow.names
            from pyarrow import csv

            return csv.open_csv(opened(self.path), **self._options()).schema.names

    def _pieces(self, rows: int) -> Iterator[Table]:
        for piece in _of_rows(self._batches(rows), rows):
            self._check_unchanged()
            yield self._table(piece)

    def _batches(self, rows: int) -> Iterator[Any]:
        if self.parquet:
            from pyarrow import parquet

            # With the defaults a row group, or everything read so far, would stay in memory.
            file = parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20)
            return file.iter_batches(batch_size=rows, use_threads=False)
        from pyarrow import csv

        return csv.open_csv(opened(self.path), **self._options())

    def _options(self) -> dict[str, Any]:
        """Arrow's options for reading this CSV file."""
        import pyarrow as pa
        from pyarrow import csv

        encoding = encoding_of(self.path, self.written.encoding)
        found = layout(head_of(self.path, encoding))
        self.decimal, self.above = self.written.decimal or found.decimal, found.above
        types = {**(self.types or {}), **dict.fromkeys(self.texts, pa.string())}
        return {
            "read_options": csv.ReadOptions(encoding=encoding, skip_rows=len(found.above)),
            "parse_options": parsing(found.delimiter),
            "convert_options": conversion(self.decimal, types, self.written.missing),
        }

    def _types_of_all_rows(self) -> dict[str, Any]:
        """The type of each column that Arrow would infer from the whole file.

        Arrow infers types only from files. So the file is read as text, batch by batch, and each
        batch is written to memory and read again.
        """
        import pyarrow as pa
        from pyarrow import csv

        options = self._options()
        names = csv.open_csv(opened(self.path), **options).schema.names
        as_text = dict.fromkeys(names, pa.string())
        options["convert_options"] = conversion(self.decimal, as_text, self.written.missing)
        types = dict.fromkeys(names, pa.null())
        for batch in csv.open_csv(opened(self.path), **options):
            file = pa.BufferOutputStream()
            csv.write_csv(batch, file)
            again = csv.read_csv(
                pa.BufferReader(file.getvalue()),
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=conversion(self.decimal, {}, self.written.missing),
            )
            for name, kind in zip(names, again.schema.types):
                types[name] = common_type(types[name], kind)
        return types

    def _table(self, arrow: Any) -> Table:
        import pyarrow as pa

        if any(pa.types.is_binary(kind) for kind in arrow.schema.types) and not self.parquet:
            raise TableError(not_text(self.path, encoding_of(self.path, self.written.encoding)))
        names = [name.strip() for name in arrow.column_names]
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise TableError(
                f"{self.path}: more than one column is named {repeated[0]!r}; rename them"
            )
        columns = [
            column_of(n, arrow.column(i), self.ways.get(n, self.decimal), self.numeric,
                      self.written.missing)
            for i, n in enumerate(names)
        ]  # fmt: skip
        return Table({column.name: column for column in columns}, self.above)


def is_parquet(path: Path) -> bool:
    """Whether the suffix of `path` is that of Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def errors_about(
    path: Path, cause: Callable[[], str | None] = lambda: None, encoding: str = ""
) -> Iterator[None]:
    """Turns errors of Arrow into TableErrors that name the file, and perhaps the cause."""
    if is_special(path):
        raise TableError(
            f"{path} is a pipe or a device, but a table is read more than once; write it to a file"
        )
    if not path.name.lower().endswith(SUFFIXES):
        raise TableError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
    with open(path, "rb"):  # raises the system's error if the file cannot be opened
        pass
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "reading tables needs pyarrow: pip install 'micrograd-native[tables]'"
        ) from None
    try:
        yield
    except (UnicodeError, pa.ArrowException) as error:
        if isinstance(error, UnicodeError) or "invalid UTF8" in str(error):
            raise TableError(not_text(path, encoding_of(path, encoding))) from None
        found = cause() or f"cannot be read as a table: {_first_line(error)}"
        raise TableError(f"{path} {found}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise TableError(f"{path} cannot be unpacked: {_first_line(error)}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise TableError(f"{path} cannot be read as a table: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it is damaged"])[0]


def _of_rows(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    """Arrow batches as tables of exactly `rows` rows, except the last."""
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
