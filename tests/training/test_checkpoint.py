"""Checkpoints: a run that is stopped at any moment resumes to exactly the same bits."""

from pathlib import Path
from typing import Any

import pytest
from resumable import (
    LINE,
    WEIGHTS,
    Stop,
    X,
    as_text,
    model,
    numbers,
    stopped_after,
    train,
    within_one,
)

import micrograd as mg
from micrograd.training.run.checkpoint import Checkpoint


@pytest.fixture
def stops(monkeypatch) -> list[int]:
    """The steps at which a run was stopped: right after each checkpoint except the last."""
    steps: list[int] = []
    save = Checkpoint.save

    def save_and_stop(self: Checkpoint, arrays: Any, state: Any) -> None:
        save(self, arrays, state)
        if state["steps"] not in steps:
            steps.append(state["steps"])
            raise Stop

    monkeypatch.setattr(Checkpoint, "save", save_and_stop)
    return steps


def in_parts(path: Path, **options: Any) -> tuple[mg.MLP, mg.History]:
    """A run that is stopped at every checkpoint, and resumed with a new model each time."""
    while True:
        net = model()
        try:
            return net, train(net, path, resume=True, **options)
        except Stop:
            pass


def halving(step: int) -> float:
    return 0.02 * 0.5 ** (step / 10)


def absolute(outputs: Any, target: Any) -> Any:
    return mg.abs(outputs[0] - target)


RUNS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a warm-up and a cosine": {"optimizer": mg.Adam(mg.WarmUp(5, mg.CosineDecay(0.05, 20)))},
    "a schedule of one's own": {"optimizer": mg.SGD(halving)},
    "clip_norm": {"optimizer": mg.Adam(0.01, clip_norm=0.3)},
    "clip_value": {"optimizer": mg.SGD(0.01, clip_value=0.1)},
    "momentum": {"optimizer": mg.Momentum(0.01)},
    "Nesterov": {"optimizer": mg.Nesterov(0.01)},
    "RMSprop": {"optimizer": mg.RMSprop(0.01)},
    "AdamW": {"optimizer": mg.AdamW(0.01, weight_decay=0.1)},
    "no dropout": {"dropout": 0.0},
    "weights": {"sample_weight": WEIGHTS},
    "patience": {"optimizer": mg.SGD(0.3), "patience": 3, "epochs": 30, "monitor": "loss"},
    "a metric": {"metric": within_one, "monitor": "within_one", "patience": 4},
    "a loss": {"loss": absolute},
    "l1": {"l1": 0.01},
    "float32": {"dtype": "float32"},
    "threads": {"threads": 2},
    "a full batch": {"batch_size": None},
    "batches of one": {"batch_size": 1, "epochs": 2},
    "given validation": {"validation": (X[:9] + 1, LINE[:9])},
    "no validation": {"validation": None},
    "eager": {"engine": "eager"},
    "eager, a schedule": {"engine": "eager", "optimizer": mg.Adam(halving, clip_norm=0.3)},
    "eager, momentum": {"engine": "eager", "optimizer": mg.Momentum(0.01), "metric": within_one},
}


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_stopped_at_every_checkpoint_ends_in_the_same_bits(tmp_path, stops, name, every):
    options, whole = RUNS[name], model()
    uninterrupted = train(whole, **options)
    net, history = in_parts(tmp_path / "run", every=every, **options)
    assert numbers(net) == numbers(whole)
    assert as_text(history) == as_text(uninterrupted)
    steps = uninterrupted.epochs * (stops[0] if every is None else 1)
    assert len(stops) >= min(uninterrupted.epochs, steps / 3)
    if name == "patience":  # it bites long after the best weights were saved
        assert history.stopped == "patience"
        assert 2 < history.epochs - 3 == history.best_epoch


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("engine", ["native", "eager"])
def test_nor_does_it_matter_where_the_seed_is_drawn(tmp_path, stops, every, engine):
    """Without a seed, the run that is not interrupted is another continuation of the first part."""
    options: dict[str, Any] = {"every": every, "engine": engine, "seed": None}
    with pytest.raises(Stop):
        train(model(), tmp_path / "run", **options)
    (tmp_path / "other").write_bytes((tmp_path / "run").read_bytes())
    net, history = in_parts(tmp_path / "run", **options)
    stops[:] = range(1000)  # the other one is not stopped again
    whole = model()
    uninterrupted = train(whole, tmp_path / "other", resume=True, **options)
    assert numbers(net) == numbers(whole)
    assert as_text(history) == as_text(uninterrupted)


@pytest.mark.parametrize("every", [None, 1, 3])
def test_a_file_in_pieces_goes_on_to_the_same_bits(tmp_path, stops, file, every):
    options: dict[str, Any] = {
        "X": file, "y": "y", "optimizer": mg.Adam(mg.CosineDecay(0.05, 50)), "patience": 4,
    }  # fmt: skip
    whole = model()
    uninterrupted = train(whole, **options)
    net, history = in_parts(tmp_path / "run", every=every, **options)
    assert numbers(net) == numbers(whole)
    assert as_text(history) == as_text(uninterrupted)


@pytest.mark.parametrize("every", [None, 1, 4, 7])
def test_what_came_after_the_last_checkpoint_is_done_again(tmp_path, every):
    path, whole = tmp_path / "run", model()
    uninterrupted = train(whole)
    for epochs in (2, 4):
        with pytest.raises(Stop):
            train(model(), path, every=every, resume=True, callbacks=[stopped_after(epochs)])
    net = model()
    assert as_text(train(net, path, every=every, resume=True)) == as_text(uninterrupted)
    assert numbers(net) == numbers(whole)


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
    one = train(first, tmp_path / "run", **RUNS["patience"])
    other = train(again, tmp_path / "run", **RUNS["patience"], resume=True)
    assert one.stopped == "patience"
    assert as_text(one) == as_text(other)
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
