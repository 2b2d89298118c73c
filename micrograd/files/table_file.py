"""Table files: CSV and Parquet as tables, whole or a piece at a time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from micrograd.files.array_file import is_special
from micrograd.files.arrow import column_of
from micrograd.files.csv_dialect import common_type, conversion, head_of, punctuation
from micrograd.files.table import Table, TableError

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".parquet", ".pq")


def read_table(path: str | Path, texts: Iterable[str] = ()) -> Table:
    """The table in a CSV or Parquet file; `texts` names columns to keep as they are written.

    CSV is UTF-8 with a header; commas, semicolons, tabs or bars between values; perhaps compressed
    (`.csv.gz`). Raises TableError for what is no such table, OSError where it cannot be read, and
    ModuleNotFoundError where pyarrow is not installed.
    """
    return TableFile(path, texts).whole()


class TableFile:
    """A CSV or Parquet file, to be read more than once. See `read_table`.

    With `numeric`, the truth values of Parquet are the numbers 0 and 1, not text.
    """

    def __init__(self, path: str | Path, texts: Iterable[str] = (), *, numeric: bool = False):
        self.path, self.texts, self.numeric = Path(path), tuple(texts), numeric
        self.types: dict[str, Any] | None = None  # of CSV, by all of its rows, once it is known
        self.parquet = is_parquet(self.path)
        self.decimal = "."
        self.stamp = self._stamp()

    def whole(self) -> Table:
        """All of it."""
        with told_of(self.path):
            if self.parquet:
                from pyarrow import parquet

                return self._table(parquet.read_table(self.path))
            from pyarrow import csv

            return self._table(csv.read_csv(str(self.path), **self._options()))

    def pieces(self, rows: int) -> Iterator[Table]:
        """The same table, so many rows at a time; the last piece may be smaller.

        The start of a CSV file tells the types of its columns. Where a later row does not fit, all
        rows are asked, and from that piece on its columns are of other kinds.
        """
        import pyarrow as pa

        given = 0
        with self._told():
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
        """What to raise where a later reading finds other rows."""
        return TableError(
            f"{self.path} has changed since its first reading; begin again, with a file that "
            "nobody writes to"
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong in a file that has changed, that is the reason."""
        try:
            with told_of(self.path):
                yield
        except TableError:
            self._check_unchanged()
            raise

    def _check_unchanged(self) -> None:
        if self._stamp() != self.stamp:
            raise self.changed() from None

    def _stamp(self) -> tuple[int, int] | None:
        if not self.path.is_file():
            return None
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def names(self) -> list[str]:
        """The columns."""
        with told_of(self.path):
            if self.parquet:
                from pyarrow import parquet

                return parquet.ParquetFile(self.path).schema_arrow.names
            from pyarrow import csv

            return csv.open_csv(str(self.path), **self._options()).schema.names

    def _pieces(self, rows: int) -> Iterator[Table]:
        for piece in _of_rows(self._batches(rows), rows):
            self._check_unchanged()
            yield self._table(piece)

    def _batches(self, rows: int) -> Iterator[Any]:
        if self.parquet:
            from pyarrow import parquet

            # Otherwise a row group, or all that was read, is kept in memory.
            file = parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20)
            return file.iter_batches(batch_size=rows, use_threads=False)
        from pyarrow import csv

        return csv.open_csv(str(self.path), **self._options())

    def _options(self) -> dict[str, Any]:
        """How Arrow is to read CSV."""
        import pyarrow as pa
        from pyarrow import csv

        head = head_of(self.path)
        delimiter, self.decimal = punctuation(head)
        types = {**(self.types or {}), **dict.fromkeys(self.texts, pa.string())}
        parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        return {"parse_options": parse, "convert_options": conversion(self.decimal, types)}

    def _types_of_all_rows(self) -> dict[str, Any]:
        """The type of each column that fits all of its rows, as Arrow infers it of a whole file.

        A batch of text is written once more, to be read as if it were a file.
        """
        import pyarrow as pa
        from pyarrow import csv

        options = self._options()
        names = csv.open_csv(str(self.path), **options).schema.names
        options["convert_options"] = conversion(self.decimal, dict.fromkeys(names, pa.string()))
        types = dict.fromkeys(names, pa.null())
        for batch in csv.open_csv(str(self.path), **options):
            file = pa.BufferOutputStream()
            csv.write_csv(batch, file)
            again = csv.read_csv(
                pa.BufferReader(file.getvalue()),
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=conversion(self.decimal, {}),
            )
            for name, kind in zip(names, again.schema.types):
                types[name] = common_type(types[name], kind)
        return types

    def _table(self, arrow: Any) -> Table:
        import pyarrow as pa

        if any(pa.types.is_binary(kind) for kind in arrow.schema.types) and not self.parquet:
            raise TableError(f"{self.path} is not UTF-8 text; convert it, e.g. with iconv")
        names = [name.strip() for name in arrow.column_names]
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise TableError(
                f"{self.path}: more than one column is called {repeated[0]!r}; rename them"
            )
        columns = [
            column_of(n, arrow.column(i), self.decimal, self.numeric) for i, n in enumerate(names)
        ]
        return Table({column.name: column for column in columns})


def is_parquet(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, in our words."""
    if is_special(path):
        raise TableError(
            f"{path} is a pipe or a device; a table is read more than once: write it to a file"
        )
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
    except (UnicodeDecodeError, pa.ArrowException) as error:
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            raise TableError(f"{path} is not UTF-8 text; convert it, e.g. with iconv") from None
        raise TableError(f"{path} cannot be read as a table: {_first_line(error)}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise TableError(f"{path} cannot be read as a table: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it is damaged"])[0]


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
