"""How much memory does it take to train on a Parquet file of 10⁸ numbers, 1 GB?

The file is made in a temporary directory; training, one epoch of 5,000,000 rows of 20 columns, runs
in a process of its own, whose peak is the answer, beside what it was before it began.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from side_by_side import Below, verdict

ROWS, PARTS, COLUMNS = 5_000_000, 50, 20

TRAIN = """
import resource, sys
import micrograd as mg
import micrograd.training.fit
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, model = peak(), mg.MLP(19, [32, 32, 1], seed=0)
history = mg.fit(model, sys.argv[1], "y", loss="mse", optimizer=mg.SGD(0.05), epochs=1,
                 batch_size=256, validation=0.1, dtype="float32", progress=False)
print(before, peak(), history.scores[-1])
"""


def write(path: Path) -> None:
    """Nineteen columns of noise, and a function of them."""
    random, writer = np.random.default_rng(0), None
    for _ in range(PARTS):
        X = random.normal(size=(ROWS // PARTS, COLUMNS - 1))
        columns = {f"x{k}": X[:, k] for k in range(COLUMNS - 1)}
        table = pa.table({**columns, "y": X[:, 0] - X[:, 1] * X[:, 2]})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write(path)
        size = path.stat().st_size / 1e6
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, str(path)], check=True, capture_output=True, text=True
        )
    before, peak, score = map(float, done.stdout.split())
    print(
        f"a Parquet file of {ROWS * COLUMNS:,} numbers, {size:,.0f} MB; one epoch, R² {score:.3f}"
    )
    print(f"  memory before {before:,.0f} MB, at its peak {peak:,.0f} MB", end="")
    met = verdict(Below(500, "MB"), peak)
    print()
    return met


if __name__ == "__main__":
    sys.exit(not main())
