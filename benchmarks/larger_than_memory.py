"""How much memory do training and prediction take on files of up to 10⁸ numbers, 1 GB?

The files are made in a temporary directory: Parquet with 5,000,000 rows of 20 columns, CSV with a
million such rows, and 8 MB of compressed CSV, which unpack to 1.2 GB. One epoch of training, and
prediction, run in separate processes, whose peak memory is measured.
"""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet
from side_by_side import Below, verdict

ROWS, COLUMNS, PART = {"parquet": 5_000_000, "csv": 1_000_000}, 20, 100_000
UNPACKED = 1.2e9  # bytes

LAST = """
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

FIT = f"""
import resource, sys
import micrograd as mg
model = mg.MLP(19, [32, 32, 1], seed=0)
history = mg.fit(model, sys.argv[1], "y", loss="mse", optimizer=mg.SGD(0.05), epochs=1,
                 batch_size=256, validation=0.1, dtype="float32", progress=False)
print("R²", round(history.scores[-1], 4))
{LAST}"""

COMMAND = f"""
import resource, sys
from micrograd.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
{LAST}"""


def write_compressed(path: Path, size: float) -> None:
    """CSV of forty rows, again and again, so that it compresses well."""
    random = np.random.default_rng(0)
    X = random.normal(size=(40, COLUMNS - 1))
    rows = np.column_stack([X, X[:, 0] - X[:, 1] * X[:, 2]]).tolist()
    block = "".join(",".join(map(repr, row)) + "\n" for row in rows)
    with gzip.open(path, "wt", compresslevel=6) as file:
        file.write(",".join([*[f"x{k}" for k in range(COLUMNS - 1)], "y"]) + "\n")
        file.writelines(block for _ in range(round(size / len(block))))


def write(path: Path) -> None:
    """Nineteen columns of noise, and a function of them."""
    random, writer = np.random.default_rng(0), None
    for _ in range(ROWS[path.suffix[1:]] // PART):
        X = random.normal(size=(PART, COLUMNS - 1))
        columns = {f"x{k}": X[:, k] for k in range(COLUMNS - 1)}
        table = pa.table({**columns, "y": X[:, 0] - X[:, 1] * X[:, 2]})
        kind = parquet.ParquetWriter if path.suffix == ".parquet" else csv.CSVWriter
        writer = writer or kind(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def peak(program: str, *arguments: object) -> tuple[str, float]:
    """The model's score, if the process prints one, and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    *said, megabytes = done.stdout.splitlines()
    quality = [" ".join(line.split()[:2]) for line in said if line.startswith("R²")]
    return "".join(f"; {figure}" for figure in quality), float(megabytes)


def ask(path: Path, holds: str, questions: dict[str, tuple[str, list[object]]]) -> bool:
    """Runs the measurements on a file; returns whether all bars are met."""
    met, size = True, path.stat().st_size / 1e6
    print(f"{path.name}: {holds}, {size:,.0f} MB")
    for question, (program, arguments) in questions.items():
        said, megabytes = peak(program, *arguments)
        print(f"  {question:<18}{megabytes:5,.0f} MB at its peak", end="")
        met &= verdict(Below(500, "MB"), megabytes)
        print(said)
    return met


def main() -> int:
    _, before = peak("import resource, micrograd.training.fit" + LAST)
    print(f"without a file      {before:5,.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        table, text, model, out = (
            Path(folder, n) for n in ("t.parquet", "t.csv", "model", "out.csv")
        )
        train = ["--target", "y", "--epochs", 1, "--batch-size", 256, "-o", model]
        zipped = Path(folder, "t.csv.gz")
        write(table)
        write(text)
        write_compressed(zipped, UNPACKED)
        holds = {kind: f"{rows * COLUMNS:,} numbers" for kind, rows in ROWS.items()}
        met = [
            ask(table, holds["parquet"], {
                "fit": (FIT, [table]),
                "micrograd train": (COMMAND, ["train", table, *train]),
                "micrograd predict": (COMMAND, ["predict", model, table, "-o", out]),
            }),
            ask(text, holds["csv"], {"micrograd train": (COMMAND, ["train", text, *train])}),
            ask(zipped, f"unpacks to {UNPACKED / 1e6:,.0f} MB", {
                "fit": (FIT, [zipped]),
                "micrograd train": (COMMAND, ["train", zipped, *train]),
                "micrograd predict": (COMMAND, ["predict", model, zipped, "-o", out]),
            }),
        ]  # fmt: skip
        return all(met)


if __name__ == "__main__":
    sys.exit(not main())
