"""Mistakes in a large file: the message names the row, before anything is trained."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from many_rows import COLOUR, ROWS, X, Y, model, short, write
from pyarrow import csv, parquet

import micrograd as mg
from micrograd.files import survey
from micrograd.files.column import TableError
from micrograd.training.data.pieces import PieceBatches, numbers_in

pytestmark = pytest.mark.usefixtures("small_pieces")


# fmt: off
LABELS: dict[str, tuple[str, list[float], list[float]]] = {
    # loss, targets again and again, the last targets
    "hinge": ("hinge", [-1, 1], [7]),
    "probability": ("bce_with_logits", [0, 1], [5]),
    "class without output": ("cross_entropy", [0, 1], [5]),
    "class below 0": ("cross_entropy", [0, 1], [-1]),
    "half a class": ("cross_entropy", [0, 1], [0.5]),
    "beyond many": ("bce_with_logits", [k / 120 for k in range(120)], [5]),
    "many between": ("hinge", [-1, 1], [k / 120 for k in range(120)]),
}
# fmt: on


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("share", [None, 0.1])
def test_a_bad_label_in_any_row_is_said_as_of_arrays(tmp_path, monkeypatch, suffix, share, case):
    monkeypatch.setattr(survey, "CLASSES", 100)
    loss, again, last = LABELS[case]
    targets = np.array([*(again * ROWS)[: ROWS - len(last)], *last])
    path = short(tmp_path / f"table{suffix}", targets)
    net = mg.MLP(1, [1 + (loss == "cross_entropy")], seed=0)
    before = net.state_dict()
    with pytest.raises((ValueError, IndexError)) as of_arrays:
        mg.fit(net, targets[:, None], targets, loss=loss)
    with pytest.raises(of_arrays.type) as of_file:
        mg.fit(net, path, "y", loss=loss, validation=share)
    assert str(of_file.value) == str(of_arrays.value)
    assert net.state_dict() == before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gap_is_told_by_its_row_before_training(tmp_path, bad):
    column = X[:, 1].copy()
    column[[876, 930]] = bad
    what = "missing" if np.isnan(bad) else "infinite"
    path, net = write(tmp_path / "table.csv", more=column), mg.MLP(4, [1], seed=0)
    before = net.state_dict()
    said = rf"'more' is {what} in 2 rows \(first: row 877\); fill in these values"
    with pytest.raises(TableError, match=said):
        mg.fit(net, path, "y", loss="mse")
    assert net.state_dict() == before


def test_infinity_is_told_by_its_row_in_a_large_table(tmp_path):
    column = X[:, 1].copy()
    column[877] = np.inf
    path = write(tmp_path / "table.parquet", more=column)
    with pytest.raises(TableError, match=r"'more' is infinite in 1 rows \(first: row 878\)"):
        mg.train_table(path, "y")
    with pytest.raises(TableError, match=r"'more' is infinite in 1 rows \(first: row 878\)"):
        mg.train_table(path, "more", drop=["y"])
    mg.train_table(path, "y", drop=["more"], epochs=1)


def test_a_word_among_many_numbers_is_told_by_its_row(tmp_path):
    path = write(tmp_path / "table.csv", more=np.array([*X[:-1, 1].astype(str), "oops"]))
    with pytest.raises(TableError, match=r"text in 1 of 1000 rows \(first 'oops', row 1000\)"):
        mg.train_table(path, "y")
    with pytest.raises(TableError, match="'more' should hold numbers, but row 1000 has 'oops'"):
        mg.train_table(path, "more", task="regression")


def test_a_file_that_changes_is_said(large_file):
    def change(history):
        write(large_file) if large_file.suffix == ".parquet" else large_file.write_text(
            "x0,x1,x2,y\n1,2,3,4\n" * 2
        )

    with pytest.raises(TableError, match="has changed since it was first read; start again"):
        mg.fit(model(), large_file, "y", loss="mse", epochs=2, callbacks=[change])


def test_a_csv_file_that_loses_rows_while_it_is_read_is_said(tmp_path):
    file = tmp_path / "table.csv"
    rows = "".join(f"{i},{i % 7}\n" for i in range(400_000))
    file.write_text("x,y\n" + rows)
    batches = PieceBatches(pieces := numbers_in(file, "y"), 100, None, pieces.first())
    batches.shuffle(np.random.default_rng(0))
    batches.load(0)
    file.write_text("x,y\n" + rows[: len(rows) // 8 * 7])
    with pytest.raises(TableError, match="has changed since it was first read"):
        [batches.load(batch) for batch in range(batches.count)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_nothing_but_a_target_is_said(tmp_path, suffix):
    path, table = tmp_path / f"table{suffix}", pa.table({"y": Y})
    (parquet.write_table if suffix == ".parquet" else csv.write_csv)(table, path)
    with pytest.raises(TableError, match="has no column but 'y'; add columns"):
        mg.fit(model(), path, "y", loss="mse")


def test_a_class_that_the_sample_lacks_is_said(tmp_path):
    target = np.where(Y > 0, "high", "low").astype(object)
    target[5] = "odd"
    path = write(tmp_path / "table.parquet", kind=target)
    with pytest.raises(TableError, match=r"too rare to be in the sample.*'odd'"):
        mg.train_table(path, "kind", epochs=1)


# fmt: off
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no target": ({"y": "z"}, TableError, "no column 'z'"),
    "no name": ({"y": None}, TypeError, "y must name a column"),
    "full batch": ({"batch_size": None}, ValueError, "batch_size=None"),
    "lbfgs": ({"optimizer": "lbfgs"}, ValueError, "lbfgs"),
    "weights": ({"class_weight": "balanced"}, ValueError, "class_weight"),
    "share": ({"validation": 1.5}, ValueError, r"validation must be in \(0, 1\), or"),
    "no file": ({"X": "nowhere.csv"}, OSError, "nowhere"),
}
# fmt: on


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case, tmp_path):
    changed, error, message = BAD[case]
    arguments = {"X": write(tmp_path / "table.csv"), "y": "y", "loss": "mse", "epochs": 1} | changed
    with pytest.raises(error, match=message):
        mg.fit(model(), **arguments)


def test_text_in_a_file_is_said(tmp_path):
    path = write(tmp_path / "table.csv", colour=COLOUR)
    with pytest.raises(TableError, match="'colour' holds text, but fit needs numbers"):
        mg.fit(mg.MLP(4, [1]), path, "y", loss="mse")
