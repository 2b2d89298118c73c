"""How do readers of CSV read what people write, and at what speed and memory?

Each case is a small file and what its column `x` means. A reader is right, or it raises an error,
or it leaves numbers and dates as text, or it is wrong: rows lost, classes doubled. Two files cannot
be read, so that an error is right. Then a file of a million rows of twenty columns is read in a
process of its own. All readers have their defaults, but for polars: it looks for dates.
"""

import gzip
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np

ROWS, COLUMNS = 1_000_000, 20
DAYS = [date(2024, 1 + i % 12, 1 + 3 * i % 28) for i in range(40)]
AMOUNTS = [round(1000 + 77.25 * i, 2) for i in range(40)]


def column(texts: list[str], delimiter: str = ",", above: str = "") -> bytes:
    """A file with the columns x and z, and numbers in z."""
    rows = [f"{text}{delimiter}{i % 7}" for i, text in enumerate(texts)]
    return "\n".join([f"{above}x{delimiter}z", *rows, ""]).encode()


def german(x: float) -> str:
    return f"{x:,.2f}".translate(str.maketrans(",.", ".,"))


WHOLE = [300 + 67 * i for i in range(40)]
PLAIN = column([str(x) for x in AMOUNTS])
NUMBERS = [*map(float, AMOUNTS)]
GAPS = [None if i % 9 == 4 else x for i, x in enumerate(AMOUNTS)]


def gaps(word: str) -> bytes:
    return column([word if x is None else str(x) for x in GAPS])


CASES: dict[str, tuple[bytes, list[Any]]] = {
    "1,300 between tabs": (column([f"{x:,}" for x in WHOLE], "\t"), WHOLE),
    "$1300.50": (column([f"${x}" for x in AMOUNTS]), NUMBERS),
    "45.2%": (column([f"{x}%" for x in AMOUNTS]), NUMBERS),
    "(123.45)": (column([f"({x})" for x in AMOUNTS]), [-x for x in NUMBERS]),
    "1.299,99 between semicolons": (column([german(x) for x in AMOUNTS], ";"), NUMBERS),
    '"12,5" in quotes': (column([f'"{x:.2f}"'.replace(".", ",") for x in AMOUNTS]), NUMBERS),
    "a minus of Unicode": (column([f"\N{MINUS SIGN}{x}" for x in AMOUNTS]), [-x for x in NUMBERS]),
    "1.2D4": (column([f"{x:.6E}".replace("E", "D") for x in AMOUNTS]), NUMBERS),
    "classes 'yes', 'yes '": (column(["yes", "yes ", "no"] * 13), ["yes", "yes", "no"] * 13),
    "classes with a blank cell": (column(["a", " ", "b"] * 13), ["a", None, "b"] * 13),
    "dates 2012/01/01": (column([f"{d:%Y/%m/%d}" for d in DAYS]), DAYS),
    "dates 17-08-1984": (column([f"{d:%d-%m-%Y}" for d in DAYS]), DAYS),
    "dates 01/31/2024": (column([f"{d:%m/%d/%Y}" for d in DAYS]), DAYS),
    "dates 2024-01": (column([f"{d:%Y-%m}" for d in DAYS]), [d.replace(day=1) for d in DAYS]),
    **{f"missing: {word}": (gaps(word), GAPS) for word in
       ("NA", "<NA>", "None", "-", ".", r"\N", "#DIV/0!", " ")},
    "gzip, named .csv": (gzip.compress(PLAIN), NUMBERS),
    "UTF-16 with a mark": (PLAIN.decode().encode("utf-16"), NUMBERS),
    "Latin-1": (column(["é", "è"] * 20).decode().encode("latin-1"), []),
    "sep=; above": (column([str(x) for x in WHOLE], ";", "sep=;\n"), WHOLE),
    "a comment above": (column([str(x) for x in AMOUNTS], ",", "# made by hand\n"), NUMBERS),
    "a title above": (column([str(x) for x in AMOUNTS], ",", "Sales of the year\n"), NUMBERS),
    "a field too many": (PLAIN.replace(b"1154.5,2", b"1154.5,2,3"), []),
}  # fmt: skip


def micrograd(path: str) -> list[Any]:
    from micrograd.files.faults import understood
    from micrograd.files.table_file import read_table

    column = understood(read_table(path))["x"]
    if column.kind != "date":
        return column.values.tolist()
    return [*map(date.fromisoformat, column.texts())]


def duckdb(path: str) -> list[Any]:
    import duckdb

    return [row[0] for row in duckdb.read_csv(path).project("x").fetchall()]


def polars(path: str) -> list[Any]:
    import polars as pl

    return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)["x"].to_list()


def pandas(path: str) -> list[Any]:
    import pandas as pd

    return pd.read_csv(path)["x"].tolist()


READERS: dict[str, Callable[[str], list[Any]]] = {
    "micrograd": micrograd, "duckdb": duckdb, "polars": polars, "pandas": pandas,
}  # fmt: skip
LARGE = {  # what is imported, and what is measured
    "micrograd": ("import pyarrow.csv; from micrograd.files.table_file import read_table",
                  "read_table(path)"),
    "duckdb": ("import duckdb", "duckdb.read_csv(path).fetchnumpy()"),
    "polars": ("import polars", "polars.read_csv(path)"),
    "pandas": ("import pandas", "pandas.read_csv(path)"),
}  # fmt: skip


def plain(value: Any) -> Any:
    """A value for comparison: numbers as floats, times as dates, None for what is missing."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return None if math.isnan(value) else float(value)


def outcome(reader: Callable[[str], list[Any]], path: Path, expected: list[Any]) -> str:
    """What a reader makes of a file; without expected values an error is right."""
    try:
        got = [*map(plain, reader(str(path)))]
    except Exception:
        return "error" if expected else "right"
    if got == [*map(plain, expected)]:
        return "right"
    texts = all(value is None or isinstance(value, str) for value in got)
    meant = any(isinstance(value, str) for value in expected)
    return "text" if texts and not meant and len(got) == len(expected) else "WRONG"


def large(imports: str, code: str, path: Path) -> str:
    """Seconds of processor and of the clock, and megabytes, that one reading takes."""
    whole = f"""
import resource, sys, time
{imports}
path, start, wall = sys.argv[1], time.process_time(), time.perf_counter()
{code}
print(time.process_time() - start, time.perf_counter() - wall)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", whole, str(path)], capture_output=True, text=True, check=True
    )
    spent, wall, memory = map(float, done.stdout.split()[-3:])  # after DuckDB's bar
    return f"{spent:>11.2f} s {wall:>9.2f} s {memory:>9.0f} MB"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        print(f"{'case':<32}" + "".join(f"{name:>11}" for name in READERS))
        right = dict.fromkeys(READERS, 0)
        for number, (case, (content, expected)) in enumerate(CASES.items()):
            path = Path(directory) / f"{number}{case.split()[0].strip('$(%,')}.csv".replace("/", "")
            path.write_bytes(content)
            found = {name: outcome(reader, path, expected) for name, reader in READERS.items()}
            for name, what in found.items():
                right[name] += what == "right"
            print(f"{case:<32}" + "".join(f"{what:>11}" for what in found.values()))
        print(f"{f'right, of {len(CASES)}':<32}" + "".join(f"{n:>11}" for n in right.values()))
        path = Path(directory) / "large.csv"
        np.savetxt(path, np.random.default_rng(0).normal(size=(ROWS, COLUMNS)), "%.6g", ",",
                   header=",".join(f"c{i}" for i in range(COLUMNS)), comments="")  # fmt: skip
        size = path.stat().st_size / 1e6
        print(
            f"\n{f'{ROWS:,} rows of {COLUMNS}, {size:.0f} MB':<32}  processor      clock    memory"
        )
        for name, (imports, code) in LARGE.items():
            print(f"{name:<32}{large(imports, code, path)}")


if __name__ == "__main__":
    main()
