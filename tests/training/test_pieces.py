"""Files larger than memory: pieces hold every row once, and train as the whole file would."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from many_rows import COLOUR, ROWS, X, Y, model, write
from pyarrow import csv, parquet

import micrograd as mg
from micrograd.files import survey
from micrograd.tables import train
from micrograd.tables.inputs import Inputs
from micrograd.training.data.examples import Examples
from micrograd.training.data.pieces import PieceBatches, numbers_in

pytestmark = pytest.mark.usefixtures("small_pieces")


@pytest.mark.parametrize("share", [None, 0.5, 0.2])
@pytest.mark.parametrize("size", [1, 32, 500])
def test_pieces_hold_every_row_once(large_file, share, size):
    pieces = numbers_in(large_file, "y", share)
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
    assert len(rest) == {None: 0, 0.5: 249, 0.2: 200}[share]
    assert sorted(orders[0] + rest) == pytest.approx(sorted(Y))
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


@pytest.mark.parametrize("loss", ["bce_with_logits", "cross_entropy"])
def test_good_labels_of_a_file_are_learnt(loss, tmp_path):
    """The label is the input, so that every row that is held out is predicted right."""
    labels = np.arange(ROWS) % 2.0
    csv.write_csv(pa.table({"x": labels, "y": labels}), path := tmp_path / "table.csv")
    net = mg.MLP(1, [2 if loss == "cross_entropy" else 1], seed=0)
    history = mg.fit(net, path, "y", loss=loss, epochs=20, validation=0.1, optimizer=mg.Adam(0.1))
    assert history.scores[-1] == 1.0


def test_fit_learns_from_a_file(large_file):
    net = mg.MLP(3, [1], seed=0)
    history = mg.fit(
        net, large_file, "y", loss="mse", optimizer=mg.Adam(0.02), epochs=20, validation=0.2
    )
    assert history.scores[-1] > 0.999
    assert [p.data for p in net.parameters()] == pytest.approx([2, -1, 0.5, 0.5], abs=0.05)


def test_a_stopped_run_goes_on_to_the_same_bits(large_file, tmp_path):
    options: dict[str, Any] = {"loss": "mse", "validation": 0.2, "dropout": 0.1, "epochs": 3}
    whole, parts = model(), model()
    mg.fit(whole, large_file, "y", **options)
    options |= {"checkpoint": tmp_path / "run", "every": 7, "resume": True}

    def stop(history):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        mg.fit(parts, large_file, "y", **options, callbacks=[stop])
    parts = model()
    mg.fit(parts, large_file, "y", **options)
    assert [p.data for p in parts.parameters()] == [p.data for p in whole.parameters()]


def test_train_table_reads_a_large_file_in_pieces(tmp_path):
    target = np.where(Y > 0, "high", "low").astype(object)
    target[::50] = None
    path = write(tmp_path / "table.parquet", colour=COLOUR, kind=target)
    trained = mg.train_table(path, "kind", epochs=10, drop=["y"])
    assert trained.prepared.pieces is not None
    (rows,) = (line for line in str(trained.prepared).splitlines() if line.startswith("rows"))
    assert rows.startswith(
        "rows       980, 25 of them held out, 24 to choose the epoch; 20 without"
    )
    assert trained.figures[0].value > 0.9
    assert [str(c) for c in trained.model.inputs.columns] == ["x0", "x1", "x2", "colour (3)"]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_train_table_trains_on_every_row_that_is_not_held_out(large_file, share):
    prepared = mg.train_table(large_file, "y", epochs=1, validation=share).prepared
    assert prepared.pieces is not None
    trained = [t for part in prepared.pieces for t in prepared.target.decode(part.targets[:, None])]
    held_out = prepared.held_out["y"].values.tolist()
    if prepared.choosing is not None:  # half of the rows held out choose the epoch
        held_out += prepared.choosing["y"].values.tolist()
    assert len(held_out) == share * 250
    assert sorted(trained + held_out) == pytest.approx(sorted(Y))


def test_a_heading_says_which_rows_it_is_about(large_file):
    assert str(mg.train_table(large_file, "y", epochs=1)).startswith("25 rows held out ")
    everything = mg.train_table(large_file, "y", epochs=1, validation=0)
    assert str(everything).startswith("249 of the rows trained on ")
    assert everything.history.validation_loss == []


@pytest.mark.parametrize("missing", [slice(0, 300), slice(300, 450), slice(600, None)])
@pytest.mark.parametrize("share", [None, 0.2])
def test_pieces_without_a_target_are_passed_over(tmp_path, missing, share):
    path = tmp_path / "table.parquet"
    target = Y.copy()
    target[missing] = np.nan
    parquet.write_table(pa.table({"x": X[:, 0], "y": pa.array(target, from_pandas=True)}), path)
    pieces = numbers_in(path, "y", share)
    seen = [t for part in pieces for t in part.targets.tolist()]
    held_out = pieces.held_out()
    seen += [] if held_out is None else held_out.targets.tolist()
    assert sorted(seen) == sorted(target[~np.isnan(target)])
    assert 0 not in pieces.counts
    mg.fit(mg.MLP(1, [1]), path, "y", loss="mse", epochs=2, validation=share)
    mg.train_table(path, "y", epochs=2)


def test_pieces_are_bounded_by_what_is_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "NUMBERS", 600)
    columns = {f"c{k}": np.roll(COLOUR, k) for k in range(10)}  # 30 inputs
    path = write(tmp_path / "table.parquet", **columns)
    seen: list[int] = []
    encode = Inputs.encode

    def watch(self, table):
        inputs = encode(self, table)
        seen.append(inputs.size)
        return inputs

    monkeypatch.setattr(Inputs, "encode", watch)
    trained = mg.train_table(path, "y", epochs=2)
    assert trained.prepared.inputs.width == 33
    assert max(seen) <= 600
    monkeypatch.setattr(train, "is_large", lambda path: False)
    monkeypatch.setattr(train, "LARGE_NUMBERS", 20_000)
    seen.clear()
    whole = mg.train_table(path, "y", epochs=2)
    assert whole.prepared.pieces is not None
    assert len(whole.prepared.pieces) == 800
    assert max(seen) <= 600
    assert "rows       1,000, 100 of them held out, 100 to choose the epoch\n" in str(
        whole.prepared
    )


def test_truth_values_of_parquet_are_numbers_to_fit(tmp_path):
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({"truth": Y > 0, "y": Y}), path)
    assert {*numbers_in(path, "y").first().inputs[:, 0]} == {0.0, 1.0}


def test_one_column_of_classes_is_weighed_as_a_row_is():
    labels = np.arange(70) % 5 // 4
    row, column = (Examples.of(X[:70], y).weighted("balanced") for y in (labels, labels[:, None]))
    assert column.targets.shape == (70, 1)
    assert column.weights == pytest.approx(row.weights)
    options: dict[str, Any] = {"loss": "bce_with_logits", "epochs": 1, "class_weight": {0: 1, 1: 4}}
    histories = [mg.fit(model(), X[:70], y, **options) for y in (labels, labels[:, None])]
    assert histories[0].loss == histories[1].loss
    with pytest.raises(ValueError, match="class_weight needs"):
        Examples.of(X[:70], np.stack([labels, labels], axis=1)).weighted("balanced")
