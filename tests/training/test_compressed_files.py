"""Compressed files: judged by their content, and read no further than the limit."""

import gzip
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest

from micrograd.files.column import TableError
from micrograd.files.table_file import TableFile
from micrograd.tables import train
from micrograd.training.data import pieces as module

pytestmark = pytest.mark.usefixtures("small_pieces")


def test_a_compressed_file_is_judged_by_what_it_unpacks_to(tmp_path, monkeypatch):
    """It is read in pieces, and no more than a piece is in memory."""
    path = tmp_path / "table.csv.gz"
    rows = "".join(f"{i % 7},{i % 7 * 2}\n" for i in range(60_000))
    with gzip.open(path, "wt") as file:
        file.write("x,y\n" + rows)
    assert path.stat().st_size < 20_000 < 200_000 < len(rows)
    monkeypatch.setattr(module, "LARGE_BYTES", 200_000)
    assert module.is_large(path)
    whole: list[Any] = []
    monkeypatch.setattr(TableFile, "whole", whole.append)
    trained = train.train_table(path, "y", task="regression", epochs=1)
    assert not whole
    assert trained.prepared.choosing is not None
    left_out = len(trained.prepared.held_out) + len(trained.prepared.choosing)
    assert trained.prepared.rows == 60_000 - left_out
    monkeypatch.setattr(module, "LARGE_BYTES", len(rows) + 100)
    assert not module.is_large(path)


PEAK = """
import resource, sys
import micrograd as mg
from micrograd.training.data import pieces
pieces.LARGE_BYTES = 1_000_000
mg.train_table(sys.argv[1], "y", epochs=1, hidden=(2,), batch_size=4096, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in another unit")
def test_the_memory_for_a_compressed_file_does_not_grow_with_what_it_unpacks_to(tmp_path):
    """`benchmarks/larger_than_memory.py` measures it for 1.2 GB."""
    rows = "".join(f"{','.join(['0.1234567890123456'] * 9)}{i % 9},{i % 9}\n" for i in range(40))
    peaks = []
    for size in (8_000_000, 80_000_000):
        path = tmp_path / "table.csv.gz"
        with gzip.open(path, "wt", compresslevel=6) as file:
            file.write(",".join([*[f"x{k}" for k in range(9)], "y"]) + "\n")
            file.writelines(rows for _ in range(size // len(rows)))
        command = [sys.executable, "-c", PEAK, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 80_000_000  # read at once it takes three times as much


def test_a_compressed_file_without_end_is_read_no_further_than_the_limit(tmp_path, monkeypatch):
    """Four kilobytes that decompress to four megabytes; only a little over one is read."""
    path = tmp_path / "zeros.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n" + b"0,0\n" * (1 << 20)))
    read: list[int] = []
    stream = pa.input_stream

    class Counted:
        def __init__(self, path: str):
            self.stream = stream(path)

        def __enter__(self) -> "Counted":
            return self

        def __exit__(self, *error: object) -> None:
            self.stream.close()

        def read(self, size: int) -> bytes:
            read.append(size)
            return self.stream.read(size)

    monkeypatch.setattr(pa, "input_stream", Counted)
    assert module.is_large(path)
    assert sum(read) <= 1 << 20


def test_a_damaged_compressed_file_is_told(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n" + bytes(range(48, 58)) * 100_000)[:-300])
    with pytest.raises(TableError, match="cannot be read as a table"):
        train.train_table(path, "y")
