"""What fit does beside descending: two engines, one curve; every option; every reason to end."""

import copy
import gc
import math
import os
import pickle
import signal
import sys
import time
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.compiler import compiled
from micrograd.training import checkpoint, loop, native
from micrograd.training.examples import Batches, Examples
from micrograd.training.objective import Dropout

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 3))
LINE = X @ [2.0, -1.0, 0.5] + 0.5
ABOVE = (LINE > 0).astype(int)
SIGN = 2 * ABOVE - 1
LAST = np.arange(70) == 69


class Frame:
    """What a DataFrame is to others: an array of objects, and the names of its columns."""

    def __init__(self, **columns: Any):
        self.columns, self.values = [*columns], np.array([*zip(*columns.values())], dtype=object)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values


NA = type("NAType", (), {})()  # of pandas


def model(outputs: int = 1, activation: str = "tanh") -> mg.MLP:
    return mg.MLP(3, [6, 5, outputs], activation=activation, seed=0)


def numbers(net: mg.Module) -> np.ndarray:
    return np.array([p.data for p in net.parameters()])


# Two engines.

# fmt: off
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "schedule": {"optimizer": mg.SGD(mg.WarmUp(5, then=mg.CosineDecay(0.1, steps=20)))},
    "momentum": {"optimizer": mg.Momentum(0.01)},
    "Nesterov": {"optimizer": mg.Nesterov(0.01)},
    "RMSprop": {"optimizer": mg.RMSprop(0.01)},
    "AdamW": {"optimizer": mg.AdamW(0.01, weight_decay=0.1)},
    "clip by norm": {"optimizer": mg.Adam(0.01, clip_norm=0.1)},
    "clip by value": {"optimizer": mg.SGD(0.1, clip_value=0.02)},
    "clip by both": {"optimizer": mg.SGD(0.1, clip_value=0.05, clip_norm=0.1), "l2": 0.01},
    "all at once": {"batch_size": None},
    "one at a time": {"batch_size": 1},
    "L2": {"l2": 0.01},
    "L1": {"l1": 0.01, "optimizer": mg.SGD(0.05)},
    "dropout": {"dropout": 0.3},
    "weights": {"sample_weight": RANDOM.uniform(0, 2, 70)},
    "weights and dropout": {"sample_weight": RANDOM.uniform(0, 2, 70), "dropout": 0.2, "l2": 0.1},
    "L-BFGS": {"optimizer": "lbfgs", "l2": 0.01},
}
# fmt: on


@pytest.mark.parametrize("case", OPTIONS)
def test_both_engines_give_the_same_curve(case):
    def run(engine: Any) -> tuple[mg.History, np.ndarray]:
        net = model()
        options: dict[str, Any] = {
            "loss": "mse",
            "optimizer": mg.Adam(0.01),
            "epochs": 4,
            "validation": 0.2,
        }
        history = mg.fit(net, X, LINE, **(options | OPTIONS[case]), engine=engine)
        return history, numbers(net)

    (native, ours), (eager, theirs) = run("native"), run("eager")
    assert native.loss == pytest.approx(eager.loss, rel=1e-9)
    assert native.validation_loss == pytest.approx(eager.validation_loss, rel=1e-9)
    assert native.scores == pytest.approx(eager.scores, rel=1e-9)
    assert native.rates == eager.rates
    assert native.gradient_norms == pytest.approx(eager.gradient_norms, rel=1e-7)
    assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-9)
    assert native.loss[-1] < native.loss[0]


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "activation"),
    [
        ("mae", 1, LINE, "relu"), ("huber", 1, LINE, "gelu"), ("hinge", 1, SIGN, "tanh"),
        ("bce_with_logits", 1, ABOVE, "sigmoid"), ("cross_entropy", 2, ABOVE, "relu"),
        ("mse", 2, np.column_stack([LINE, -LINE]), "silu"),
    ],
)  # fmt: skip
def test_both_engines_agree_on_every_loss(loss, outputs, y, activation):
    native, eager = (
        mg.fit(model(outputs, activation), X, y, loss=loss, epochs=3, engine=engine, validation=0.2)
        for engine in ("native", "eager")
    )
    assert native.loss == pytest.approx(eager.loss, rel=1e-9)
    assert native.scores == pytest.approx(eager.scores, rel=1e-9)


def test_float32_and_threads_reach_the_same_loss():
    def last(**options) -> float:
        history = mg.fit(model(), X, LINE, loss="mse", epochs=5, batch_size=None, **options)
        return history.loss[-1]

    assert last(dtype="float32") == pytest.approx(last(), rel=1e-4)
    assert last(threads=2) == last()


def test_a_step_does_nothing_in_python_for_each_number():
    """It makes as many calls for 160 times the parameters, and 100 times the batch."""

    def calls_of_an_epoch(hidden: int, batch: int) -> int:
        count, marks = 0, []

        def called(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        rows = RANDOM.normal(size=(8 * batch, 3))
        net = mg.MLP(3, [hidden, hidden, 1], activation="tanh", seed=0)
        before = sys.getprofile()
        sys.setprofile(called)
        try:
            mg.fit(net, rows, rows[:, 0], loss="mse", epochs=4, batch_size=batch, dropout=0.1,
                   l2=0.01, callbacks=[lambda history: marks.append(count)])  # fmt: skip
        finally:
            sys.setprofile(before)
        return marks[2] - marks[1]

    assert calls_of_an_epoch(hidden=4, batch=5) == calls_of_an_epoch(hidden=80, batch=500)


@pytest.mark.parametrize("options", [{}, {"optimizer": mg.Adam(0.01, clip_value=1.0), "l2": 0.1}])
def test_a_step_makes_no_objects_of_numbers(options, monkeypatch):
    """Of 6,900 parameters and a batch of 1,500 inputs; as floats these are 24 bytes each."""
    peaks, on = [], native.NativeStep.on

    def watched(self, *args):
        step = on(self, *args)

        def measured(n: int) -> float:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            mean = step(n)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
            return mean

        return measured

    monkeypatch.setattr(native.NativeStep, "on", watched)
    rows, net = RANDOM.normal(size=(5_000, 3)), mg.MLP(3, [80, 80, 1], activation="tanh", seed=0)
    tracemalloc.start()
    try:
        mg.fit(net, rows, rows[:, 0], loss="mse", epochs=2, batch_size=500, **options)
    finally:
        tracemalloc.stop()
    assert len(peaks) == 20
    assert max(peaks[1:]) < 2_000


def test_a_model_of_ones_own_trains_natively():
    class Curve(mg.Module):
        def __init__(self):
            self.a, self.b, self.unused = mg.Value(1.0), mg.Value(0.0), mg.Value(5.0)

        def __call__(self, inputs):
            return mg.sin(self.a * inputs[0]) + self.b

    curve, x = Curve(), np.linspace(-2, 2, 50)[:, None]
    history = mg.fit(
        curve, x, np.sin(1.3 * x[:, 0]) + 0.25, loss="mse", epochs=60, optimizer=mg.Adam(0.02)
    )
    assert history.loss[-1] < 1e-6
    assert (curve.a.data, curve.b.data) == pytest.approx((1.3, 0.25), abs=1e-3)
    assert curve.unused.data == 5.0


def test_values_that_are_not_the_models_are_constants():
    other = mg.Value(0.5)

    def loss(outputs, target):
        return (outputs[0] - target) ** 2 + other * outputs[0]

    nets = [model(), model()]
    for net, engine in zip(nets, ("native", "eager")):
        optimizer = mg.AdamW(0.01, weight_decay=0.1)
        mg.fit(net, X, LINE, loss=loss, optimizer=optimizer, epochs=2, engine=engine)
    assert other.data == 0.5
    assert numbers(nets[0]) == pytest.approx(numbers(nets[1]), rel=1e-9)


def test_what_cannot_be_compiled_says_that_there_is_another_engine():
    def loss(outputs, target):
        return outputs[0] if outputs[0] > 0 else -outputs[0]

    with pytest.raises(mg.TraceError) as caught:
        mg.fit(model(), X, LINE, loss=loss, epochs=1)
    assert 'engine="eager"' in "".join(caught.value.__notes__)
    assert mg.fit(model(), X, LINE, loss=loss, epochs=1, engine="eager").epochs == 1


# What is minimised.


def test_weights_count_as_copies_do():
    copies = RANDOM.integers(1, 4, 70)
    repeated = np.repeat(np.arange(70), copies)
    options: dict[str, Any] = {
        "loss": "mse",
        "epochs": 5,
        "batch_size": None,
        "optimizer": mg.SGD(0.05),
    }
    weighted, copied = model(), model()
    first = mg.fit(weighted, X, LINE, sample_weight=copies, **options)
    second = mg.fit(copied, X[repeated], LINE[repeated], **options)
    assert first.loss == pytest.approx(second.loss)
    assert numbers(weighted) == pytest.approx(numbers(copied))


def test_balanced_classes_count_alike():
    rare = np.zeros(70, int)
    rare[:7] = 1
    weights = Examples.of(X, rare).weighted("balanced").weights
    assert weights is not None
    assert weights[rare == 1].sum() == pytest.approx(weights[rare == 0].sum())
    given = Examples.of(X, rare).weighted({0: 1.0, 1: 9.0}).weights
    assert given == pytest.approx(weights / weights.min())
    one, other = (
        mg.fit(model(2), X, rare, loss="cross_entropy", epochs=2, class_weight=w).loss
        for w in ("balanced", {0: 2.0, 1: 18.0})
    )
    assert one == pytest.approx(other)


def test_penalties_shrink_the_weights():
    sizes = []
    penalties: list[dict[str, Any]] = [{}, {"l2": 0.1}, {"l1": 0.1}]
    for options in penalties:
        net = model()
        mg.fit(net, X, LINE, loss="mse", epochs=30, optimizer=mg.SGD(0.05), **options)
        sizes.append(np.abs(numbers(net)).sum())
    assert sizes[1] < 0.8 * sizes[0]
    assert sizes[2] < 0.8 * sizes[0]


def test_dropout_leaves_out_the_share_it_is_told_and_only_in_training():
    masks = Dropout(mg.MLP(3, [40, 1], seed=0), 0.25, 500)
    masks.draw(500, np.random.default_rng(0))
    seen = np.unique(masks.mask)
    assert seen == pytest.approx([0, 1 / 0.75])
    assert (masks.mask == 0).mean() == pytest.approx(0.25, abs=0.02)
    history = mg.fit(model(), X, LINE, loss="mse", epochs=20, dropout=0.5, validation=(X, LINE))
    assert np.mean(history.validation_loss[-5:]) < np.mean(history.loss[-5:])


def test_lbfgs_solves_least_squares():
    line = mg.MLP(3, [1], seed=0)
    history = mg.fit(line, X, LINE, loss="mse", optimizer="lbfgs", epochs=50, validation=0.2)
    assert history.loss[-1] < 1e-9
    assert history.epochs < 50
    assert numbers(line) == pytest.approx([2.0, -1.0, 0.5, 0.5], abs=1e-4)
    assert len(history.validation_loss) == history.epochs


# The end of a run.


def test_early_stopping_restores_the_best_weights():
    noise = RANDOM.normal(size=70)
    net = mg.MLP(3, [30, 1], seed=0)
    options: dict[str, Any] = {
        "loss": "mse",
        "optimizer": mg.Adam(0.05),
        "epochs": 400,
        "validation": 0.3,
    }
    history = mg.fit(net, X, noise, patience=5, **options)
    assert history.stopped == "patience"
    best = int(np.argmin(history.validation_loss))
    assert history.best_epoch == best + 1 == history.epochs - 5
    again = mg.MLP(3, [30, 1], seed=0)
    options["epochs"] = best + 1
    mg.fit(again, X, noise, **options)
    assert (numbers(again) == numbers(net)).all()


def test_early_stopping_on_a_metric_of_ones_own():
    def negative_error(outputs, targets):
        return -np.abs(outputs[:, 0] - targets).max()

    history = mg.fit(
        model(), X, LINE, loss="mse", epochs=300, validation=0.2, optimizer=mg.Adam(0.05),
        metric=negative_error, monitor="negative_error", patience=4,
    )  # fmt: skip
    assert history.metric == "negative_error"
    assert history.best_epoch == int(np.argmax(history.scores)) + 1


def test_callbacks_see_the_weights_and_may_end_the_run():
    net, seen = model(), []

    def callback(history):
        seen.append(numbers(net))
        return history.epochs == 3

    history = mg.fit(net, X, LINE, loss="mse", epochs=10, callbacks=[callback])
    assert history.stopped == "callback"
    assert len(seen) == history.epochs == 3
    assert (seen[-1] == numbers(net)).all()
    assert not (seen[0] == seen[1]).all()


def test_a_run_ends_in_time():
    mg.fit(model(), X, LINE, loss="mse", epochs=1)  # to compile counts, too, where that is to do
    start = time.monotonic()
    history = mg.fit(model(), X, LINE, loss="mse", epochs=10**6, time_limit=0.2)
    assert history.stopped == "time"
    assert history.epochs > 10
    assert time.monotonic() - start < 5


def test_ctrl_c_finishes_the_step_and_returns():
    def press(history):
        if history.epochs == 3:
            os.kill(os.getpid(), signal.SIGINT)

    net = model()
    history = mg.fit(net, X, LINE, loss="mse", epochs=100, callbacks=[press])
    assert history.interrupted
    assert history.epochs in (3, 4)
    assert np.isfinite(numbers(net)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_a_diverging_run_keeps_the_last_good_weights(engine):
    net = model(activation="relu")
    mg.fit(net, X, LINE, loss="mse", epochs=3, engine=engine)
    before = mg.fit(net, X, LINE, loss="mse", epochs=1, optimizer=mg.SGD(1e-300)).loss[0]
    kept = numbers(net)
    with pytest.raises(mg.DivergenceError, match=r"rate \(it was 1e\+100.*clip_norm"):
        mg.fit(net, X, LINE, loss="mse", epochs=9, optimizer=mg.SGD(1e100), engine=engine)
    after = mg.fit(net, X, LINE, loss="mse", epochs=1, optimizer=mg.SGD(1e-300)).loss[0]
    assert (numbers(net) == kept).all()
    assert after == pytest.approx(before)


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_a_last_step_that_diverges_is_seen(engine):
    net = model()
    kept = numbers(net)
    with pytest.raises(
        mg.DivergenceError, match=r"a weight became .* in epoch 1, step 1;"
    ) as caught:
        mg.fit(
            net, 1e8 * X, LINE, loss="mse", optimizer=mg.SGD(1e308), epochs=1, batch_size=None,
            engine=engine,
        )  # fmt: skip
    assert caught.value.history.diverged.startswith("a weight became")
    assert (numbers(net) == kept).all()


def test_validation_that_diverges_is_seen():
    options: dict[str, Any] = {"optimizer": mg.SGD(1e200), "batch_size": None, "validation": 0.2}
    with pytest.raises(mg.DivergenceError, match="the validation loss became"):
        mg.fit(model(activation="relu"), X, LINE, loss="mse", epochs=1, **options)


def test_a_long_epoch_that_diverges_keeps_what_it_had_learnt():
    net, many = model(), np.tile(X, (20, 1))

    def rate(step):
        return 0.01 if step < 690 else 1e200

    before = np.mean((mg.Predictor(net)(X)[:, 0] - LINE) ** 2)
    with pytest.raises(mg.DivergenceError, match="epoch 1"):
        mg.fit(net, many, np.tile(LINE, 20), loss="mse", optimizer=mg.SGD(rate), batch_size=2)
    assert np.mean((mg.Predictor(net)(X)[:, 0] - LINE) ** 2) < before / 10


def test_a_long_epoch_is_saved_every_minute(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint.Checkpoint, "save", lambda *rest: saved.append(rest[2]["steps"]))
    options: dict[str, Any] = {"batch_size": 10, "checkpoint": tmp_path / "run", "epochs": 2}
    mg.fit(model(), X, LINE, loss="mse", **options)
    assert saved == [7, 14, 14]
    saved.clear()
    monkeypatch.setattr(loop, "MINUTE", 0.0)
    mg.fit(model(), X, LINE, loss="mse", **options)
    assert saved == [*range(1, 15), 14]
    saved.clear()
    mg.fit(model(), X, LINE, loss="mse", every=5, **options)
    assert saved == [5, 10, 14]


def test_ctrl_c_while_the_model_is_compiled(monkeypatch):
    class Interrupted(mg.MLP):
        def __call__(self, x):
            if not isinstance(x[0], float):
                os.kill(os.getpid(), signal.SIGINT)
            return super().__call__(x)

    net = Interrupted(3, [4, 1], seed=0)
    history = mg.fit(net, X, LINE, loss="mse", epochs=50)
    assert history.interrupted
    assert history.epochs == 0
    assert np.isfinite(numbers(net)).all()


def test_ctrl_c_ends_lbfgs():
    net = model()

    def press(history):
        if history.epochs == 3:
            os.kill(os.getpid(), signal.SIGINT)

    history = mg.fit(net, X, LINE, loss="mse", optimizer="lbfgs", epochs=50, callbacks=[press])
    assert history.interrupted
    assert history.epochs in (3, 4)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Callbacks, and what is captured.


def _halves(net):
    def callback(history):
        for p in net.parameters():
            p.data /= 2

    return callback


def _fits_once_more(net):
    return lambda history: mg.fit(net, X, LINE, loss="mse", epochs=1) and None


@pytest.mark.parametrize("change", [_halves, _fits_once_more])
def test_training_goes_on_from_what_a_callback_has_made_of_the_weights(change):
    nets = [model(), model()]
    for net, engine in zip(nets, ("native", "eager")):
        options: dict[str, Any] = {"callbacks": [change(net)], "engine": engine}
        mg.fit(net, X, LINE, loss="mse", optimizer=mg.SGD(0.01), epochs=4, **options)
    assert numbers(nets[0]) == pytest.approx(numbers(nets[1]), rel=1e-9)


def test_patience_given_up_on_resume_leaves_the_last_weights(tmp_path):
    options: dict[str, Any] = {"checkpoint": tmp_path / "run", "validation": 0.2, "resume": True}
    nets = [model(), model()]
    mg.fit(nets[0], X, LINE, loss="mse", epochs=4, patience=50, **options)
    history = mg.fit(nets[0], X, LINE, loss="mse", epochs=12, **options)
    mg.fit(nets[1], X, LINE, loss="mse", epochs=12, validation=0.2)
    assert history.best_epoch is None
    assert (numbers(nets[0]) == numbers(nets[1])).all()


def test_one_callback_needs_no_list():
    net = model()
    assert mg.fit(net, X, LINE, loss="mse", callbacks=lambda h: h.epochs == 2).epochs == 2


def test_a_rule_may_capture_values():
    w, nets = mg.Value(0.5), [model(), model()]

    class Scaled(mg.Momentum):
        def rule(self, p, g, state, rate, step):
            new, memory = super().rule(p, g, state, rate * w, step)
            return new, memory

    for net, engine in zip(nets, ("native", "eager")):
        mg.fit(net, X, LINE, loss="mse", optimizer=Scaled(0.01), epochs=2, engine=engine)
    assert numbers(nets[0]) == pytest.approx(numbers(nets[1]), rel=1e-9)


def test_a_truth_of_numpy_ends_the_run():
    stop = [lambda history: np.float64(history.loss[-1]) < 1e9]
    assert mg.fit(model(), X, LINE, loss="mse", epochs=9, callbacks=stop).stopped == "callback"


class _Head(mg.Module):
    """A network of which only the last layer learns."""

    def __init__(self):
        self.body, self.head = mg.Layer(3, 4, "tanh"), mg.Layer(4, 1)
        for k, p in enumerate((*self.body.parameters(), *self.head.parameters())):
            p.data = 3 * np.sin(k)

    def __call__(self, x):
        return self.head(self.body(x))

    def parameters(self):
        return self.head.parameters()


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.5}, {"clip_value": 0.1}])
def test_frozen_layers_count_nowhere(options):
    heads, histories = [_Head(), _Head()], []
    for head, engine in zip(heads, ("native", "eager")):
        optimizer = mg.Momentum(0.1, **options)
        histories.append(
            mg.fit(head, X, LINE, loss="mse", optimizer=optimizer, epochs=3, l2=0.1, engine=engine)
        )
    native, eager = histories
    assert native.loss == pytest.approx(eager.loss, rel=1e-9)
    assert native.gradient_norms == pytest.approx(eager.gradient_norms, rel=1e-9)
    frozen = [[p.data for p in head.body.parameters()] for head in heads]
    assert frozen[0] == frozen[1] == [3 * np.sin(k) for k in range(16)]


class _Stepwise(mg.SGD):
    """An optimiser with options of its own, that asks which step it is."""

    def __init__(self, rate, late):
        super().__init__(rate)
        self.late = late

    def rule(self, p, g, state, rate, step):
        return (p - rate * g if step > self.late else p), ()


def test_a_rule_that_asks_which_step_it_is():
    with pytest.raises(mg.TraceError, match=r"whether a traced number(.|\n)*where"):
        mg.fit(model(), X, LINE, loss="mse", optimizer=_Stepwise(0.01, late=3), epochs=2)
    net = model()
    kept, options = numbers(net), {"optimizer": _Stepwise(0.01, late=3), "batch_size": None}
    for epochs, moves in ((3, False), (4, True)):
        mg.fit(net, X, LINE, loss="mse", epochs=epochs, engine="eager", **options)
        assert (numbers(net) != kept).any() == moves


# fmt: off
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "engine": ({"engine": "gpu"}, ValueError, "native"),
    "callbacks": ({"callbacks": 3}, TypeError, "functions of the history"),
    "a callback": ({"callbacks": [print, "x"]}, TypeError, "functions of the history"),
    "file": ({"X": "nothere.csv", "y": "y"}, FileNotFoundError, "nothere.csv"),
    "metric": ({"metric": "f1"}, ValueError, "no metric 'f1'"),
    "monitor": ({"monitor": "validation_loss", "patience": 2}, ValueError, "hold examples out"),
    "patience": ({"patience": 0}, ValueError, "patience must be"),
    "l2": ({"l2": -1}, ValueError, "l2 must be"),
    "dropout": ({"dropout": 1.0}, ValueError, "dropout must be"),
    "no hidden layer": ({"dropout": 0.5, "model": mg.MLP(3, [1], seed=0)}, ValueError, "hidden"),
    "weights": ({"sample_weight": [1.0]}, mg.ShapeError, "sample_weight"),
    "negative weights": ({"sample_weight": -np.ones(70)}, ValueError, "negative"),
    "class_weight of a quantity": ({"class_weight": "balanced"}, ValueError, "class_weight needs"),
    "class without weight": ({"y": ABOVE, "class_weight": {0: 1.0}}, ValueError, "no weight"),
    "unknown balance": ({"y": ABOVE, "class_weight": "even"}, ValueError, '"balanced"'),
    "resume": ({"resume": True}, ValueError, "checkpoint="),
    "lbfgs": ({"optimizer": "lbfgs", "l1": 0.1}, ValueError, "without l1"),
    "time": ({"time_limit": -1}, ValueError, "time_limit"),
    "no weight held out": (
        {"validation": 0.1, "sample_weight": LAST, "seed": 0}, ValueError, "7 examples held out"),
    "no weight to train on": (
        {"validation": 0.99, "class_weight": {0: 0, 1: 1}, "y": LAST}, ValueError,
        "1 examples to train on have the weight 0"),
    "a class without output": (
        {"model": model(2), "y": ABOVE + 1, "loss": "cross_entropy"}, IndexError,
        r"class 2 in y has no output: the model has 2, .* Class k needs k \+ 1 outputs"),
    "a negative class": (
        {"model": model(2), "y": SIGN, "loss": "cross_entropy"}, IndexError, "class -1 in y"),
    "a class held out without output": (
        {"model": model(2), "y": ABOVE, "loss": "cross_entropy", "validation": (X, ABOVE + 1)},
        IndexError, "class 2 in the y of validation"),
    "a fractional class": (
        {"model": model(2), "y": ABOVE / 2, "loss": "cross_entropy"}, ValueError, "holds 0.5"),
    "a column of classes": (
        {"model": model(2), "y": ABOVE[:, None], "loss": "cross_entropy"}, mg.ShapeError,
        r"shape \(70, 1\); pass y\[:, 0\]"),
    "marked classes": (
        {"model": model(2), "y": np.eye(2)[ABOVE], "loss": mg.losses.cross_entropy}, mg.ShapeError,
        r"shape \(70, 2\); pass y\.argmax\(axis=1\)"),
    "seed": ({"seed": -1}, ValueError, "seed must be a whole number, at least 0; got -1"),
    "a fraction of an epoch": ({"epochs": np.float32(2)}, ValueError, "epochs must be a whole"),
    "l1": ({"l1": "much"}, ValueError, "l1 must be a number from 0 on"),
    "validation without targets": (
        {"validation": (X,)}, TypeError, r"a tuple \(X, y\) or \(X, y, weights\); got tuple"),
    "validation by name": ({"validation": "some"}, TypeError, "got str 'some'"),
    "masked": ({"y": np.ma.masked_less(LINE, 0)}, ValueError, r"masked values; .* y.filled"),
    "a column of text": (
        {"X": Frame(a=LINE, b=LINE, colour=["red"] * 70)}, TypeError,
        "got str 'red' in the column 'colour'; encode it"),
    "a column with gaps": (
        {"X": Frame(a=LINE, b=[NA, *ABOVE[1:]], c=SIGN)}, ValueError,
        "a missing value in the column 'b'; fill it in"),
    "a gap": ({"y": [*LINE[1:], None]}, ValueError, r"missing value at \[69\]"),
    "no signs": ({"y": ABOVE, "loss": "hinge"}, ValueError, r"holds 0; 2 \* y - 1"),
    "no probabilities": (
        {"y": SIGN, "loss": "bce_with_logits"}, ValueError, r"holds -1; \(y \+ 1\) / 2"),
    "no signs held out": (
        {"y": SIGN, "loss": "hinge", "validation": (X, ABOVE)}, ValueError, "y of validation"),
}
# fmt: on


@pytest.mark.parametrize("engine", ["native", "eager"])
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case, engine):
    changed, error, message = BAD[case]
    arguments: dict[str, Any] = {"model": model(), "X": X, "y": LINE, "loss": "mse", "epochs": 1}
    with pytest.raises(error, match=message):
        mg.fit(**(arguments | {"engine": engine} | changed))


# Numbers and tables of other libraries.


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_numbers_of_numpy_are_numbers(engine, tmp_path):
    """They do their work in 64 bits, whatever they are themselves."""
    f, i = np.float32, np.int64

    def run(f: Any, i: Any, file: str) -> tuple[mg.History, np.ndarray]:
        net = model()
        decay = mg.CosineDecay(f(0.25), steps=i(20), final=f(0.125))
        optimizer = mg.Adam(mg.WarmUp(i(2), then=decay), beta1=f(0.5), clip_norm=f(0.5))
        history = mg.fit(
            net, X, LINE, loss="mse", optimizer=optimizer, epochs=i(3), batch_size=i(8),
            validation=f(0.25), seed=i(1), l1=f(0.125), l2=f(0.25), dropout=f(0.25),
            time_limit=f(60), patience=i(50), checkpoint=tmp_path / file, every=i(4),
            threads=i(1), engine=engine,
        )  # fmt: skip
        return history, numbers(net)

    (ours, weights), (theirs, expected) = run(f, i, "numpy"), run(float, int, "python")
    assert ours.loss == theirs.loss
    assert (weights == expected).all()


def test_a_rate_of_numpy_is_a_number():
    half: Any = np.float32(0.5)
    third: Any = np.float32(1 / 3)
    assert repr(mg.SGD(half)) == repr(mg.SGD(np.float64(0.5))) == "SGD(0.5)"
    weight = mg.Value(1 / 3)
    weight.grad = 0.1
    mg.SGD(lambda step: third).step([weight])
    assert weight.data == 1 / 3 - float(third) * 0.1
    with pytest.raises(ValueError, match="learning_rate must be"):
        mg.SGD(-half)


def test_a_table_of_numbers_and_truth_values_is_one_of_numbers():
    frame = Frame(a=LINE, b=ABOVE > 0, c=[*map(np.int64, SIGN)])
    examples = Examples.of(frame, np.ma.masked_array(LINE, mask=False))
    assert (examples.inputs == np.column_stack([LINE, ABOVE, SIGN])).all()
    assert (examples.targets == LINE).all()


# What a score makes of targets.


@pytest.mark.parametrize("loss", ["bce_with_logits", mg.losses.bce_with_logits])
def test_probabilities_above_a_half_are_of_the_class(loss):
    soft, net = np.where(ABOVE, 0.9, 0.1), model()
    options: dict[str, Any] = {"epochs": 60, "optimizer": mg.Adam(0.03)}
    assert mg.fit(net, X, soft, loss=loss, validation=(X, soft), **options).scores[-1] > 0.95
    again = mg.fit(net, X, soft, loss=loss, validation=(X, soft), metric="accuracy", epochs=1)
    assert (again.metric, again.scores[-1] > 0.95) == ("accuracy", True)


@pytest.mark.parametrize(("loss", "low"), [("hinge", -1), ("bce_with_logits", 0)])
def test_of_several_labels_the_share_is_told(loss, low):
    first, second = ABOVE, X[:, 0] > 0
    labels = np.where(np.column_stack([first, second]), 1, low)
    net = model(2)
    history = mg.fit(net, X, labels, loss=loss, validation=(X, labels), epochs=20)
    expected = np.mean((mg.Predictor(net)(X) > 0) == (labels > 0))
    assert history.scores[-1] == pytest.approx(expected)


# Outputs of every kind.


@pytest.mark.parametrize("engine", ["native", "eager"])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_outputs_may_be_a_list_a_tuple_or_an_array(kind, engine):
    class Lines(mg.Module):
        def __init__(self):
            self.slopes = [mg.Value(-1.0), mg.Value(1.0)]

        def __call__(self, inputs):
            return kind([w * inputs[0] for w in self.slopes])

    history = mg.fit(Lines(), X, ABOVE, loss="cross_entropy", validation=0.3, engine=engine)
    assert history.scores[-1] > 0.5


# Batches.


@pytest.mark.parametrize("size", [1, 7, 10, 70, 100])
def test_batches_hold_every_example_once(size):
    examples = Examples.of(X, np.arange(70), np.arange(70))
    batches = Batches(examples, size)
    batches.shuffle(np.random.default_rng(0))
    seen = []
    for batch in range(batches.count):
        n = batches.load(batch)
        rows = slice(n) if batches.rows is None else batches.rows[:n]
        inputs, targets, weights = (array[rows] for array in batches.arrays)
        assert (inputs == X[targets]).all()
        assert (weights == targets).all()
        seen += targets.tolist()
    assert batches.count == math.ceil(70 / size)
    assert sorted(seen) == list(range(70))


def test_history_plots_a_metric(tmp_path):
    history = mg.fit(model(), X, LINE, loss="mse", epochs=3, validation=0.2)
    figure = history.plot(tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").stat().st_size > 1000
    assert len(figure.axes[0].lines) == 5  # two curves, their last points, the metric
    assert figure.axes[1].get_ylabel() == "r2"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_models_histories_and_predictors_are_copied_and_pickled(again):
    net = model(activation="relu")
    history = mg.fit(net, X, LINE, loss="mse", epochs=2, validation=0.2)
    predict = mg.Predictor(net, dtype="float32")
    copied = again(net)
    assert copied.state_dict() == net.state_dict()
    assert copied(X[0])[0].data == net(X[0])[0].data
    mg.fit(copied, X, LINE, loss="mse", epochs=1)
    assert copied.state_dict() != net.state_dict()
    assert again(history).loss == history.loss
    assert again(history).diagnose().names == []
    assert (again(predict)(X) == predict(X)).all()


@pytest.mark.parametrize("dtype", ["foo", "int8", 3])
def test_there_are_two_types_of_numbers(dtype):
    with pytest.raises(TypeError, match="float64 or float32"):
        mg.fit(model(), X, LINE, loss="mse", dtype=dtype)
    with pytest.raises(TypeError, match="float64 or float32"):
        mg.Predictor(model(), dtype=dtype)


def test_a_predictor_needs_a_model():
    with pytest.raises(TypeError, match="a model to call"):
        mg.Predictor(3)


def test_a_history_without_epochs_is_an_empty_picture():
    assert mg.History().plot().axes[0].get_legend() is None


def test_a_predictor_answers_for_one_row_and_for_many():
    net = model(2)
    predict = mg.Predictor(net)
    expected = [[z.data for z in net(row)] for row in X.tolist()]
    assert predict(X) == pytest.approx(np.array(expected), rel=1e-12)
    assert predict(X[3].tolist()) == pytest.approx(expected[3], rel=1e-12)
    net.parameters()[-1].data += 1.0
    assert predict(X)[0, 1] == pytest.approx(expected[0][1])
    predict.refresh()
    assert predict(X)[0, 1] == pytest.approx(expected[0][1] + 1)
    with pytest.raises(mg.ShapeError, match="one row or several"):
        predict(1.0)
    with pytest.raises(mg.ShapeError, match="expected 3 inputs, got 2"):
        predict(X[:, :2])


# What was traced of a network is kept for the next fit.


def _another_activation(network):
    network.layers[0].activation = "sigmoid"
    network.layers[0].function = mg.ops.sigmoid


def _another_bias(network):
    network.layers[0].neurons[0].bias = mg.Value(0.5)


@pytest.mark.parametrize(
    ("change", "loss", "again"),
    [
        (lambda network: None, "mse", False),
        (lambda network: [setattr(p, "data", 0.1) for p in network.parameters()], "mse", False),
        (lambda network: None, lambda outputs, target: (outputs[0] - target) ** 2, True),
        (_another_activation, "mse", True),
        (_another_bias, "mse", True),
    ],
)
def test_a_network_is_traced_once(change, loss, again, monkeypatch):
    """And anew where it, or a loss that nobody can look into, may be another one."""
    network, fresh = model(), model()
    options: dict[str, Any] = {"loss": loss, "epochs": 2, "batch_size": 16, "seed": 0}
    mg.fit(network, X, LINE, **options)
    for each in (network, fresh):
        for p, q in zip(each.parameters(), model().parameters()):
            p.data = q.data
        change(each)
    traced = []
    plain = compiled.trace
    monkeypatch.setattr(compiled, "trace", lambda *rest: (traced.append(rest), plain(*rest))[1])
    mg.fit(network, X, LINE, **options)
    of_network = len(traced)
    mg.fit(fresh, X, LINE, **options)
    assert (of_network == len(traced) - of_network) == again
    assert [p.data for p in network.parameters()] == [p.data for p in fresh.parameters()]


def test_what_was_traced_does_not_keep_a_network_alive():
    network = model()
    mg.fit(network, X, LINE, loss="mse", epochs=1)
    seen = weakref.ref(network)
    del network
    gc.collect()
    assert seen() is None


class _Scaled(mg.SGD):
    factor = 1.0

    def rule(self, p, g, state, rate, step):
        return p - self.factor * rate * g, ()


def _weights_after(optimizer):
    network = model()
    mg.fit(network, X, LINE, loss="mse", optimizer=optimizer, epochs=2)
    return [p.data for p in network.parameters()]


def test_a_rule_that_has_changed_is_traced_again(monkeypatch):
    plain = _weights_after(mg.SGD(0.01))
    assert _weights_after(_Scaled(0.01)) == plain
    monkeypatch.setattr(_Scaled, "factor", 2.0)
    twice = _weights_after(_Scaled(0.01))
    assert twice != plain
    monkeypatch.setattr(mg.SGD, "rule", _Scaled.rule)
    monkeypatch.setattr(mg.SGD, "factor", 2.0, raising=False)
    assert _weights_after(mg.SGD(0.01)) == twice
