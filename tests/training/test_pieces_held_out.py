"""The rows of a large file that are held out: an exact share, drawn from all rows by the seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from many_rows import short

import micrograd as mg
from micrograd.files import survey
from micrograd.files.column import TableError
from micrograd.training.data.pieces import numbers_in

pytestmark = pytest.mark.usefixtures("small_pieces")


def rows_held_out(path: Path, share: float, seed: int = 0) -> list[float]:
    held_out = numbers_in(path, "y", share, seed).held_out()
    assert held_out is not None
    return held_out.inputs[:, 0].tolist()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.35, 0.4, 0.5, 0.6, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_share_held_out_is_exact(tmp_path, suffix, share):
    path = short(tmp_path / f"table{suffix}", np.arange(60.0))
    assert len(rows_held_out(path, share)) == round(share * 60)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.5])
def test_the_shares_of_many_small_pieces_add_up(tmp_path, monkeypatch, share):
    monkeypatch.setattr(survey, "ROWS", 3)
    path = short(tmp_path / "table.parquet", np.arange(301.0))
    assert abs(len(rows_held_out(path, share)) - share * 301) < 3


def test_the_seed_decides_what_is_held_out(tmp_path):
    path = short(tmp_path / "table.parquet", np.arange(400.0))
    drawn = [rows_held_out(path, 0.2, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]

    def losses(seed: int) -> list[float]:
        still: dict[str, Any] = {"optimizer": mg.SGD(1e-300), "epochs": 1, "validation": 0.2}
        net = mg.MLP(1, [1], seed=0)
        return mg.fit(net, path, "y", loss="mse", seed=seed, **still).validation_loss

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_rows_without_a_target_are_not_held_out(tmp_path):
    targets = np.arange(60.0)
    targets[::5] = np.nan
    held_out = rows_held_out(short(tmp_path / "table.parquet", targets), 0.25)
    assert len(held_out) == 12
    assert not any(x % 5 == 0 for x in held_out)


def test_half_a_sample_is_a_part_of_it(tmp_path, monkeypatch):
    path = short(tmp_path / "table.parquet", np.arange(1_000.0))
    few = rows_held_out(path, 0.5)
    monkeypatch.setattr(survey, "SAMPLE", 1_000)
    many = rows_held_out(path, 0.5)
    assert len(many) == 500
    assert len(few) == 249
    assert {*few} < {*many}
    assert few == sorted(few)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_share_of_nothing_or_everything_is_said(tmp_path, share):
    path = short(tmp_path / "table.parquet", np.array([0.0, np.nan, 2.0, 3.0]))
    said = f"3 rows with a target are too few to hold out a fraction of {share}"
    with pytest.raises(TableError, match=said):
        mg.fit(mg.MLP(1, [1]), path, "y", loss="mse", validation=share)
