"""A table of 1,000 rows, which the tests read in pieces."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

import micrograd as mg

ROWS = 1_000
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3))
Y = X @ [2.0, -1.0, 0.5] + 0.5
COLOUR = np.array(["red", "green", "blue"])[RANDOM.integers(3, size=ROWS)]


def write(path: Path, **more: Any) -> Path:
    table = pa.table({**{f"x{k}": X[:, k] for k in range(3)}, "y": Y, **more})
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=70)
    else:
        csv.write_csv(table, path)
    return path


def model() -> mg.MLP:
    return mg.MLP(3, [5, 1], activation="tanh", seed=0)


def short(path: Path, targets: np.ndarray) -> Path:
    """A file with one row per target; a NaN target is missing."""
    table = {"x": np.arange(float(len(targets))), "y": pa.array(targets, from_pandas=True)}
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(pa.table(table), path)
    return path
