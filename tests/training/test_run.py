"""Runs of `fit`: how they end, their callbacks, and the state that they must not change."""

import os
import signal
import time
from typing import Any

import numpy as np
import pytest
from small import LINE, RANDOM, X, model, numbers

import micrograd as mg
from micrograd.training.run import checkpoint, loop


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
    """A network in which only the last layer is trained."""

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
    """An optimiser with its own options, whose rule depends on the step."""

    def __init__(self, rate, late):
        super().__init__(rate)
        self.late = late

    def rule(self, p, g, state, rate, step):
        return (p - rate * g if step > self.late else p), ()


def test_a_rule_that_asks_which_step_it_is():
    with pytest.raises(mg.TraceError, match=r"has no truth value(.|\n)*where"):
        mg.fit(model(), X, LINE, loss="mse", optimizer=_Stepwise(0.01, late=3), epochs=2)
    net = model()
    kept, options = numbers(net), {"optimizer": _Stepwise(0.01, late=3), "batch_size": None}
    for epochs, moves in ((3, False), (4, True)):
        mg.fit(net, X, LINE, loss="mse", epochs=epochs, engine="eager", **options)
        assert (numbers(net) != kept).any() == moves
