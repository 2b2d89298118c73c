"""A checkpoint belongs to one run: the same run resumes it, another one is refused."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from resumable import LINE, WEIGHTS, X, in_a_process, model, numbers, single, train, within_one

import micrograd as mg
from micrograd.training.data.marks import of_file
from micrograd.training.run.checkpoint import CheckpointError


def linear(rate: float) -> Callable[[int], float]:
    return lambda step: rate / (1 + step)


class Root:
    def __init__(self, rate: float):
        self.rate = rate

    def __call__(self, step: int) -> float:
        return self.rate / (1 + step) ** 0.5


class Half(mg.SGD):
    def rule(self, p: Any, g: Any, state: Any, rate: Any, step: Any) -> Any:
        return p - 0.5 * rate * g, ()


def weighted(weight: float) -> Callable[[Any, Any], Any]:
    return lambda outputs, target: weight * abs(outputs[0] - target)


SCALE = 1.0


def scaled(outputs: Any, target: Any) -> Any:
    return SCALE * squared(outputs[0] - target)


def squared(x: Any) -> Any:
    return x * x


LOG, PLACE, CALLS = logging.getLogger("test"), Path("nowhere"), 0


def noted(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The loss reads state that is not part of the run, and that the loss itself changes."""
    global CALLS
    CALLS += 1
    LOG.debug("%s: call %s", PLACE, CALLS)
    return within_one(outputs, targets)


def bent(x: Any) -> Any:
    return mg.tanh(x) + 0.1 * x


def renamed(function: Any, name: str) -> Any:
    function.__name__ = function.__qualname__ = name
    return function


def at_home(options: str, seed: int) -> str:
    """Starts or resumes in a process of its own, with another hash seed."""
    call = f"train(model(bent), Path('run.checkpoint'), resume=True, {options})"
    return in_a_process(
        f"import os; os.chdir({os.getcwd()!r}); from pathlib import Path; print({call})",
        __name__,
        PYTHONHASHSEED=str(seed),
    )


def test_functions_are_the_same_in_another_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = (
        "loss=lambda y, t: weighted(2.0)(y, t) * (1.0 if 'a' in {'a', 'b'} else 2.0), "
        "optimizer=mg.Adam(mg.WarmUp(3, lambda step: linear(0.1)(step))), metric=within_one"
    )
    for seed, epochs in enumerate((2, 4, 6)):
        assert f"epochs={epochs}" in at_home(f"{options}, epochs={epochs}", seed)


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"patience": None}), ({}, {"patience": 3}), ({}, {"time_limit": 1e6}), ({}, {"every": 2}),
    ({}, {"callbacks": [print]}), ({}, {"progress": False}), ({}, {"threads": 2}),
    ({"metric": "r2"}, {"loss": mg.losses.mse}), ({}, {"l1": 0}), ({}, {"X": X.tolist()}),
    ({}, {"batch_size": np.int64(8)}), ({}, {"metric": "r2"}), ({}, {"monitor": "validation_loss"}),
    ({"metric": noted}, {}), ({"optimizer": None}, {"optimizer": mg.Adam()}),
    ({"batch_size": None}, {"batch_size": 40}),
    ({"optimizer": mg.SGD(linear(0.1))}, {"optimizer": mg.SGD(linear(0.1))}),
    ({"optimizer": mg.SGD(Root(0.1))}, {"optimizer": mg.SGD(Root(0.1))}),
    ({"loss": weighted(2.0)}, {"loss": weighted(2.0)}),
    ({"validation": (X[:5], LINE[:5])}, {"validation": (X[:5].tolist(), LINE[:5])}),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then"), SAME)
def test_what_makes_no_difference_may_differ(tmp_path, first, then):
    train(model(), tmp_path / "run", epochs=1, **first)
    history = train(model(seed=7), tmp_path / "run", resume=True, epochs=2, **first | then)
    assert history.epochs == 2


OTHER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"optimizer": mg.SGD(0.01)}, r"its optimizer is Adam\(0.01\), here SGD\(0.01\)"),
    ({}, {"batch_size": 5}, "its batch_size is 8, here 5"),
    ({}, {"seed": 3}, "its seed is 0, here 3"),
    ({}, {"l2": 1.0}, "its l2 is 0.001, here 1.0"), ({}, {"l1": 1.0}, "its l1 is 0.0, here 1.0"),
    ({}, {"dropout": 0.1}, "its dropout is 0.2, here 0.1"), ({}, {"engine": "eager"}, "its engine"),
    ({}, {"dtype": "float32"}, "its dtype"), ({}, {"monitor": "r2"}, "its monitor"),
    ({}, {"metric": within_one}, "its metric is <function r2>, here <function within_one>"),
    ({}, {"loss": "mae"}, "its loss is <function mse>, here <function mae>"),
    ({}, {"X": X + 1}, r"its data is another Examples\(40, features=3\)"),
    ({}, {"y": LINE + 1}, "its data is another"), ({}, {"validation": 0.3}, "its validation is"),
    ({}, {"sample_weight": WEIGHTS}, "its data is another"),
    ({"validation": (X, LINE)}, {"validation": (X, LINE + 1)}, "its validation is another"),
    ({"loss": renamed(lambda y, t: (y[0] - t) ** 2, "own")},
     {"loss": renamed(lambda y, t: (y[0] - t) ** 4, "own")}, "its loss is another <function own>"),
    ({"loss": weighted(1.0)}, {"loss": weighted(2.0)}, "its loss is another <function weighted"),
    ({"optimizer": mg.SGD(linear(0.1))}, {"optimizer": mg.SGD(linear(0.2))},
     r"its optimizer is another SGD\(<function linear\.<locals>\.<lambda>>\)"),
    ({"optimizer": mg.SGD(Root(0.1))}, {"optimizer": mg.SGD(Root(0.2))}, "optimizer is another"),
    ({"optimizer": mg.SGD(0.1)}, {"optimizer": Half(0.1)}, "here Half"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "message"), OTHER)
def test_another_run_is_not_taken_up(tmp_path, first, then, message):
    train(model(), tmp_path / "run", epochs=1, **first)
    with pytest.raises(CheckpointError, match=f"belongs to another run: .*{message}"):
        train(model(), tmp_path / "run", resume=True, **first | then)


def test_nor_by_another_network(tmp_path):
    train(model(bent), tmp_path / "run", epochs=1)
    with pytest.raises(CheckpointError, match=r"its model is MLP\(.*=bent.*, here MLP\(.*='relu'"):
        train(model("relu"), tmp_path / "run", resume=True)
    other = renamed(lambda x: mg.tanh(x) + 0.2 * x, "bent")
    with pytest.raises(CheckpointError, match=r"its model is another MLP\(3, \[5, 1\].*=bent"):
        train(model(other), tmp_path / "run", resume=True)
    with pytest.raises(CheckpointError, match=r"its model is MLP"):
        train(mg.MLP(3, [2, 4, 1], [bent, bent]), tmp_path / "run", resume=True)


def test_nor_with_another_number_that_a_loss_reads(tmp_path, monkeypatch):
    train(model(), tmp_path / "run", epochs=1, loss=scaled)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)
    with pytest.raises(CheckpointError, match="its loss is another <function scaled>"):
        train(model(), tmp_path / "run", resume=True, loss=scaled)


def test_nor_with_another_file(tmp_path, file):
    train(model(), tmp_path / "run", epochs=1, X=file, y="y")
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(file.read_bytes())
    train(model(), tmp_path / "run", epochs=2, X=copy, y="y", resume=True)
    changed = X + (np.arange(50) == 31)[:, None]  # neither in the first piece nor held out
    columns = {f"x{k}": changed[:, k] for k in range(3)}
    parquet.write_table(pa.table({**columns, "y": LINE}), copy)
    with pytest.raises(CheckpointError, match=r"run: its table is another copy\.parquet\. Train"):
        train(model(), tmp_path / "run", X=copy, y="y", resume=True)


def test_a_large_file_is_known_by_its_size_and_three_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("micrograd.training.data.marks.BLOCK", 10)
    path, content, marks = tmp_path / "f.csv", bytearray(100), set()
    for place in (None, 5, 50, 95, 100):
        changed = content[:]
        if place is not None:
            changed[place : place + 1] = b"x"
        path.write_bytes(changed)
        marks.add(of_file(path))
    assert len(marks) == 5


def test_nor_with_another_activation_of_a_table(tmp_path):
    table = {"x": X[:, 0], "y": LINE}
    options: dict[str, Any] = {"checkpoint": tmp_path / "run", "resume": True, "epochs": 50}
    mg.train_table(table, "y", activation="relu", time_limit=0.0, **options)
    with pytest.raises(CheckpointError, match=r"its model is MLP.*'relu'.*here MLP.*'tanh'"):
        mg.train_table(table, "y", activation="tanh", **options)


@pytest.mark.parametrize("every", [None, 1])
def test_numbers_of_numpy_are_numbers(tmp_path, every):
    whole, parts = model(), model()
    numpy: dict[str, Any] = {
        "seed": np.int64(0), "batch_size": np.int64(8), "l2": np.float64(1e-3),
        "optimizer": mg.Adam(single),
    }  # fmt: skip
    train(whole, **numpy)
    train(parts, tmp_path / "run", every=every, epochs=3, **numpy)
    parts = model()
    train(parts, tmp_path / "run", every=every, resume=True, **numpy)
    assert numbers(parts) == numbers(whole)


@pytest.mark.parametrize("seed", [np.random.default_rng(0), [1, 2]])
def test_a_seed_that_no_file_can_hold_is_refused_before_training(tmp_path, seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        train(model(), tmp_path / "run", seed=seed)
    assert not os.listdir(tmp_path)


def test_a_place_that_cannot_be_written_is_said_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        train(model(), tmp_path / "nowhere" / "run")


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "run")
    with pytest.raises(CheckpointError, match="is a pipe or a device, not a checkpoint"):
        train(model(), tmp_path / "run", resume=True)


def test_a_file_that_never_was_a_checkpoint_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mydata.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(mg.CheckpointError, match=r"mydata\.csv exists and is not a checkpoint"):
        mg.fit(mg.MLP(1, [1]), [[0.0]], [0.0], loss="mse", checkpoint=path)
    assert path.read_text(encoding="utf-8") == "a,b\n1,2\n"
    assert [*tmp_path.iterdir()] == [path]


def test_the_checkpoint_of_an_earlier_run_is_not_replaced_in_silence(tmp_path):
    path = tmp_path / "run"
    train(model(), path, epochs=4)
    longer = path.read_bytes()
    with pytest.raises(ValueError):  # before anything is written
        train(model(), path, epochs=1, loss="no loss")
    assert path.read_bytes() == longer
    with pytest.warns(RuntimeWarning, match=r"run\.replaced\. To go on .*resume=True") as caught:
        train(model(), path, epochs=2)
    assert len(caught) == 1
    assert caught[0].filename == train.__code__.co_filename
    assert (tmp_path / "run.replaced").read_bytes() == longer
    assert {*os.listdir(tmp_path)} == {"run", "run.previous", "run.replaced"}
    again = train(model(), path, epochs=2, resume=True)
    assert again.epochs == 2
