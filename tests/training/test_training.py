"""Training: two engines with one curve, the objective, batches, and cached traces."""

import copy
import gc
import math
import pickle
import sys
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
from small import ABOVE, LINE, RANDOM, SIGN, X, model, numbers

import micrograd as mg
from micrograd.compiler.api import tracer
from micrograd.training.data.examples import Batches, Examples
from micrograd.training.steps import compiled_step as native
from micrograd.training.steps.objective import Dropout

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


@pytest.mark.native
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


def test_a_model_may_ignore_its_inputs():
    """Training knows that an example is a row: nothing has to be guessed."""

    class Level(mg.Module):
        def __init__(self):
            self.level = mg.Value(0.0)

        def __call__(self, inputs):
            return self.level

    level = Level()
    mg.fit(level, X, np.full(70, 3.0), loss="mse", optimizer=mg.SGD(0.1), epochs=30)
    assert level.level.data == pytest.approx(3.0, abs=1e-6)
    assert mg.Predictor(level)(X[:2]) == pytest.approx(np.full((2, 1), 3.0), abs=1e-6)


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
        return outputs[0] * round(outputs[0], 2)

    with pytest.raises(mg.TraceError) as caught:
        mg.fit(model(), X, LINE, loss=loss, epochs=1)
    assert 'engine="eager"' in "".join(caught.value.__notes__)
    assert mg.fit(model(), X, LINE, loss=loss, epochs=1, engine="eager").epochs == 1


# The objective.


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


def test_lbfgs_names_the_extra_that_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-native\[lbfgs\]'"):
        mg.fit(model(), X, LINE, loss="mse", optimizer="lbfgs")


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


# The trace of a network is cached for the next fit.


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
    """It is traced again if it has changed, or with a user's loss, which may have changed."""
    network, fresh = model(), model()
    options: dict[str, Any] = {"loss": loss, "epochs": 2, "batch_size": 16, "seed": 0}
    mg.fit(network, X, LINE, **options)
    for each in (network, fresh):
        for p, q in zip(each.parameters(), model().parameters()):
            p.data = q.data
        change(each)
    traced = []
    plain = tracer.trace

    def counted(*rest, **options):
        traced.append(rest)
        return plain(*rest, **options)

    monkeypatch.setattr(tracer, "trace", counted)
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


@pytest.mark.parametrize(
    "X", [[1 + 1j, 2.0], np.ma.masked_array([1.0, 2.0], [False, True]), "a", [None, 1]]
)
def test_a_predictor_refuses_what_is_no_number(X: Any) -> None:
    """It took the real part of complex numbers, and the numbers under a mask."""
    with pytest.raises(mg.ArgumentError, match="takes numbers and arrays of numbers, got"):
        mg.Predictor(mg.MLP(2, [1], seed=0))(X)
