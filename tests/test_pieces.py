"""Files larger than memory: pieces hold every row once, and train as the whole file would."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import micrograd as mg
from micrograd.training import pieces as module
from micrograd.training.pieces import PieceBatches, Pieces, numbers_of
from micrograd.training.table import TableError

ROWS = 1_000
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3))
Y = X @ [2.0, -1.0, 0.5] + 0.5
COLOUR = np.array(["red", "green", "blue"])[RANDOM.integers(3, size=ROWS)]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 150)
    monkeypatch.setattr(module, "LARGE_SAMPLE", 250)
    monkeypatch.setattr(module, "LARGE_NUMBERS", 100)
    monkeypatch.setattr(module, "LARGE_BYTES", 100)


def write(path: Path, **more: Any) -> Path:
    table = pa.table({**{f"x{k}": X[:, k] for k in range(3)}, "y": Y, **more})
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=70)
    else:
        csv.write_csv(table, path)
    return path


@pytest.fixture(params=["table.parquet", "table.csv"])
def file(request, tmp_path) -> Path:
    return write(tmp_path / request.param)


def model() -> mg.MLP:
    return mg.MLP(3, [5, 1], activation="tanh", seed=0)


@pytest.mark.parametrize("share", [None, 0.5, 0.2])
@pytest.mark.parametrize("size", [1, 32, 500])
def test_pieces_hold_every_row_once(file, share, size):
    pieces = Pieces.of(file, "y", numbers_of("y"), share=share)
    batches = PieceBatches(pieces, size, None, pieces.first())
    random, orders = np.random.default_rng(0), []
    for _ in range(2):
        batches.shuffle(random)
        seen = []
        for batch in range(batches.count):
            n = batches.load(batch)
            inputs, targets = (array[:n].copy() for array in batches.arrays)
            assert targets == pytest.approx(inputs @ [2.0, -1.0, 0.5] + 0.5)
            seen += targets.tolist()
        orders.append(seen)
    held_out = pieces.held_out()
    rest = [] if held_out is None else held_out.targets.tolist()
    assert len(rest) == {None: 0, 0.5: 250, 0.2: 200}[share]
    assert sorted(orders[0] + rest) == pytest.approx(sorted(Y))
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_fit_learns_from_a_file(file):
    net = mg.MLP(3, [1], seed=0)
    history = mg.fit(net, file, "y", loss="mse", optimizer=mg.Adam(0.02), epochs=20, validation=0.2)
    assert history.scores[-1] > 0.999
    assert [p.data for p in net.parameters()] == pytest.approx([2, -1, 0.5, 0.5], abs=0.05)


def test_a_stopped_run_goes_on_to_the_same_bits(file, tmp_path):
    options: dict[str, Any] = {"loss": "mse", "validation": 0.2, "dropout": 0.1, "epochs": 3}
    whole, parts = model(), model()
    mg.fit(whole, file, "y", **options)
    options |= {"checkpoint": tmp_path / "run", "every": 7, "resume": True}

    def stop(history):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        mg.fit(parts, file, "y", **options, callbacks=[stop])
    parts = model()
    mg.fit(parts, file, "y", **options)
    assert [p.data for p in parts.parameters()] == [p.data for p in whole.parameters()]


def test_train_table_reads_a_large_file_in_pieces(tmp_path):
    target = np.where(Y > 0, "high", "low").astype(object)
    target[::50] = None
    path = write(tmp_path / "table.parquet", colour=COLOUR, kind=target)
    trained = mg.train_table(path, "kind", epochs=10, drop=["y"])
    assert trained.prepared.pieces is not None
    (rows,) = (line for line in str(trained.prepared).splitlines() if line.startswith("rows"))
    assert rows.startswith("rows       980, 48 of them held out; 20 without a target are dropped")
    assert trained.figures[0].value > 0.9
    assert [str(c) for c in trained.model.inputs.columns] == ["x0", "x1", "x2", "colour (3)"]


def test_a_class_that_the_sample_lacks_is_said(tmp_path):
    target = np.where(Y > 0, "high", "low").astype(object)
    target[5] = "odd"
    path = write(tmp_path / "table.parquet", kind=target)
    with pytest.raises(TableError, match=r"too rare to be in the sample.*'odd'"):
        mg.train_table(path, "kind", epochs=1)


# fmt: off
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no target": ({"y": "z"}, TableError, "no column 'z'"),
    "no name": ({"y": None}, TypeError, "name of a column"),
    "full batch": ({"batch_size": None}, ValueError, "batch_size=None"),
    "lbfgs": ({"optimizer": "lbfgs"}, ValueError, "lbfgs"),
    "weights": ({"class_weight": "balanced"}, ValueError, "class_weight"),
    "share": ({"validation": 1.5}, ValueError, "between 0 and 1"),
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
    with pytest.raises(TableError, match="'colour' holds text; fit takes numbers"):
        mg.fit(mg.MLP(4, [1]), path, "y", loss="mse")
