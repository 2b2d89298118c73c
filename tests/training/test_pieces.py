"""Files larger than memory: pieces hold every row once, and train as the whole file would."""

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import micrograd as mg
from micrograd.files import survey
from micrograd.files.column import TableError
from micrograd.files.table_file import TableFile
from micrograd.tables import train
from micrograd.tables.inputs import Inputs
from micrograd.training.data import pieces as module
from micrograd.training.data.examples import Examples
from micrograd.training.data.pieces import PieceBatches, numbers_in

ROWS = 1_000
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3))
Y = X @ [2.0, -1.0, 0.5] + 0.5
COLOUR = np.array(["red", "green", "blue"])[RANDOM.integers(3, size=ROWS)]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(survey, "ROWS", 150)
    monkeypatch.setattr(survey, "SAMPLE", 250)
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
    pieces = numbers_in(file, "y", share)
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


def short(path: Path, targets: np.ndarray) -> Path:
    """A file with one row per target; a NaN target is missing."""
    table = {"x": np.arange(float(len(targets))), "y": pa.array(targets, from_pandas=True)}
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(pa.table(table), path)
    return path


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


@pytest.mark.parametrize("loss", ["bce_with_logits", "cross_entropy"])
def test_good_labels_of_a_file_are_learnt(loss, tmp_path):
    """The label is the input, so that every row that is held out is predicted right."""
    labels = np.arange(ROWS) % 2.0
    csv.write_csv(pa.table({"x": labels, "y": labels}), path := tmp_path / "table.csv")
    net = mg.MLP(1, [2 if loss == "cross_entropy" else 1], seed=0)
    history = mg.fit(net, path, "y", loss=loss, epochs=20, validation=0.1, optimizer=mg.Adam(0.1))
    assert history.scores[-1] == 1.0


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
    assert rows.startswith("rows       980, 49 of them held out; 20 without a target are dropped")
    assert trained.figures[0].value > 0.9
    assert [str(c) for c in trained.model.inputs.columns] == ["x0", "x1", "x2", "colour (3)"]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_train_table_trains_on_every_row_that_is_not_held_out(file, share):
    prepared = mg.train_table(file, "y", epochs=1, validation=share).prepared
    assert prepared.pieces is not None
    trained = [t for part in prepared.pieces for t in prepared.target.decode(part.targets[:, None])]
    held_out = prepared.held_out["y"].values.tolist()
    assert len(held_out) == share * 250
    assert sorted(trained + held_out) == pytest.approx(sorted(Y))


def test_a_heading_says_which_rows_it_is_about(file):
    assert str(mg.train_table(file, "y", epochs=1)).startswith("50 rows held out ")
    everything = mg.train_table(file, "y", epochs=1, validation=0)
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


def test_a_file_that_changes_is_said(file):
    def change(history):
        write(file) if file.suffix == ".parquet" else file.write_text("x0,x1,x2,y\n1,2,3,4\n" * 2)

    with pytest.raises(TableError, match="has changed since it was first read; start again"):
        mg.fit(model(), file, "y", loss="mse", epochs=2, callbacks=[change])


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
    assert "rows       1,000, 200 of them held out\n" in str(whole.prepared)


def test_truth_values_of_parquet_are_numbers_to_fit(tmp_path):
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({"truth": Y > 0, "y": Y}), path)
    assert {*numbers_in(path, "y").first().inputs[:, 0]} == {0.0, 1.0}


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
    assert trained.prepared.rows == 60_000 - len(trained.prepared.held_out)
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
