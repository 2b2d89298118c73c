"""Checkpoints: a run that is stopped at any moment goes on to the very same bits."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.training import whole_file
from micrograd.training.checkpoint import CheckpointError, read

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3))
LINE = X @ [2.0, -1.0, 0.5] + 0.5


def numbers(net: mg.Module) -> list[float]:
    return [p.data for p in net.parameters()]


def model() -> mg.MLP:
    return mg.MLP(3, [5, 1], activation="tanh", seed=0)


def train(net: mg.MLP, path: Path | None = None, **options: Any) -> mg.History:
    settings: dict[str, Any] = {
        "loss": "mse", "optimizer": mg.Adam(0.01), "epochs": 6, "batch_size": 8,
        "validation": 0.2, "dropout": 0.2, "patience": 50, "l2": 1e-3,
    }  # fmt: skip
    return mg.fit(net, X, LINE, checkpoint=path, **(settings | options))


class Stop(Exception):
    pass


def stopped_after(epochs: int):
    def callback(history):
        if history.epochs == epochs:
            raise Stop

    return callback


@pytest.mark.parametrize("engine", ["native", "eager"])
@pytest.mark.parametrize("every", [None, 1, 4, 7])
@pytest.mark.parametrize("seed", [0, None])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, every, seed, engine):
    """It is stopped after epochs 2 and 4, some steps after its last checkpoint."""
    path, whole, parts = tmp_path / "run", model(), model()
    options: dict[str, Any] = {"every": every, "engine": engine, "seed": seed}
    if seed is None:  # the first part draws at random; the whole run is its own continuation
        train(whole, path, **options, epochs=1)
        (tmp_path / "other").write_bytes(path.read_bytes())
        uninterrupted = train(model(), path, **options, resume=True)
        path = tmp_path / "other"
    else:
        uninterrupted = train(whole, **options | {"every": None})
    for epochs in (2, 4):
        with pytest.raises(Stop):
            train(parts, path, **options, resume=True, callbacks=[stopped_after(epochs)])
        parts = model()  # a new process knows nothing
    history = train(parts, path, **options, resume=True)
    assert history.loss == uninterrupted.loss
    assert history.validation_loss == uninterrupted.validation_loss
    assert history.best_epoch == uninterrupted.best_epoch
    if seed is not None:
        assert numbers(parts) == numbers(whole)


def test_more_epochs_go_on_from_the_end(tmp_path):
    whole, parts = model(), model()
    train(whole, epochs=5)
    train(parts, tmp_path / "run", epochs=2)
    parts = model()
    history = train(parts, tmp_path / "run", epochs=5, resume=True)
    assert history.epochs == 5
    assert numbers(parts) == numbers(whole)


def test_a_run_that_has_ended_gives_its_result_again(tmp_path):
    first, again = model(), model()
    options: dict[str, Any] = {"patience": 2, "optimizer": mg.SGD(0.5), "epochs": 40}
    one = train(first, tmp_path / "run", **options)
    other = train(again, tmp_path / "run", **options, resume=True)
    assert one.stopped == other.stopped == "patience"
    assert one.loss == other.loss
    assert numbers(first) == numbers(again)


def test_the_end_of_its_time_leaves_a_checkpoint(tmp_path):
    whole, parts = model(), model()
    options: dict[str, Any] = {"every": 10**9, "epochs": 6000, "patience": None, "resume": True}
    train(whole, **options | {"every": None, "resume": False})
    for _ in range(3):
        parts = model()
        assert train(parts, tmp_path / "run", time_limit=0.02, **options).stopped == "time"
    parts = model()
    assert train(parts, tmp_path / "run", **options).stopped == ""
    assert numbers(parts) == numbers(whole)


# Killed.

KILLED = """
import sys, numpy as np, micrograd as mg
random = np.random.default_rng(0)
X = random.normal(size=(400, 4))
net = mg.MLP(4, [8, 1], activation="tanh", seed=0)
checkpoint = sys.argv[1] if len(sys.argv) > 1 else None
print("ready", flush=True)
mg.fit(net, X, X @ [1, -1, 2, 0.5], loss="mse", optimizer=mg.Adam(0.002), epochs=60, batch_size=8,
       dropout=0.1, validation=0.1, checkpoint=checkpoint, every=5 if checkpoint else None,
       resume=checkpoint is not None)
print(np.array([p.data for p in net.parameters()]).tobytes().hex())
"""
KILLS = 50


def test_kills_at_random_moments_change_nothing(tmp_path):
    path = tmp_path / "run"
    random = np.random.default_rng(1)
    expected = _started().communicate(timeout=60)[0].split()[-1]
    kills, places = 0, set()
    while kills < KILLS:
        process = _started(path)
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(random.integers(0, 8)):  # so many checkpoints on, however fast the machine
            before = _written(path)
            while _written(path) == before and process.poll() is None:
                time.sleep(0.0005)
        time.sleep(random.uniform(0, 0.01))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        rest = process.communicate(timeout=60)[0]
        if process.returncode == 0:  # it came to its end: then it begins anew
            assert rest.split()[-1] == expected
            path.unlink()
            (tmp_path / "run.previous").unlink()
        elif path.exists():
            places.add(read(path)[1]["steps"])
    assert len(places) > 10
    assert _started(path).communicate(timeout=60)[0].split()[-1] == expected
    assert sorted(os.listdir(tmp_path)) == ["run", "run.previous"]


def _written(path: Path) -> tuple[int, int] | None:
    """Tells one checkpoint from the next."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None


def _started(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


# Nothing that was good is lost.


def test_a_full_disk_keeps_the_last_checkpoint_and_the_run(tmp_path, monkeypatch):
    path, whole, parts = tmp_path / "run", model(), model()
    train(whole)
    train(parts, path, epochs=2)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(whole_file.os, "fsync", full)
    parts = model()
    with pytest.warns(RuntimeWarning, match="cannot be written.*No space left.*training goes on"):
        train(parts, path, resume=True)
    assert numbers(parts) == numbers(whole)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["run", "run.previous"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_short_gives_way_to_the_one_before(tmp_path, share):
    path, whole, parts = tmp_path / "run", model(), model()
    train(whole)
    train(parts, path, epochs=4, every=3)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    parts = model()
    with pytest.warns(RuntimeWarning, match=r"cut short.*going on from .*run\.previous"):
        train(parts, path, every=3, resume=True)
    assert numbers(parts) == numbers(whole)


def test_where_both_are_damaged_nothing_is_overwritten(tmp_path):
    path = tmp_path / "run"
    for name in ("run", "run.previous"):
        (tmp_path / name).write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cut short or is no checkpoint"):
        train(model(), path, resume=True)
    assert path.read_bytes() == b"no checkpoint"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"optimizer": mg.SGD(0.01)}, "its optimizer is Adam"), ({"batch_size": 5}, "batch_size"),
        ({"seed": 3}, "its seed is 0, here 3"), ({"l2": 1.0}, "l2"),
        ({"engine": "eager"}, "engine"),
    ],
)  # fmt: skip
def test_another_run_is_not_taken_up(tmp_path, changed, message):
    train(model(), tmp_path / "run", epochs=1)
    with pytest.raises(CheckpointError, match=message):
        train(model(), tmp_path / "run", resume=True, **changed)
    with pytest.raises(CheckpointError, match="data"):
        mg.fit(
            model(), X + 1, LINE, loss="mse", optimizer=mg.Adam(0.01), epochs=6, batch_size=8,
            validation=0.2, dropout=0.2, l2=1e-3, checkpoint=tmp_path / "run", resume=True,
        )  # fmt: skip


def test_a_place_that_cannot_be_written_is_said_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        train(model(), tmp_path / "nowhere" / "run")
