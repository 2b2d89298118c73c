"""Files that the tests of training read in pieces."""

from pathlib import Path

import many_rows
import pytest
import resumable

from micrograd.files import survey
from micrograd.training.data import pieces


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """The table of the resumable run, read 15 rows at a time."""
    monkeypatch.setattr(survey, "ROWS", 15)
    return resumable.table(tmp_path / "table.parquet")


@pytest.fixture
def small_pieces(monkeypatch):
    """A file of a few hundred rows is read in pieces."""
    monkeypatch.setattr(survey, "ROWS", 150)
    monkeypatch.setattr(survey, "SAMPLE", 250)
    monkeypatch.setattr(pieces, "LARGE_NUMBERS", 100)
    monkeypatch.setattr(pieces, "LARGE_BYTES", 100)


@pytest.fixture(params=["table.parquet", "table.csv"])
def large_file(request, tmp_path) -> Path:
    """A table of 1,000 rows, in two formats."""
    return many_rows.write(tmp_path / request.param)
