"""Training: two engines with one curve, the objective, batches, histories and predictors."""

import copy
import math
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from small import ABOVE, LINE, RANDOM, SIGN, X, model, numbers

import micrograd as mg
from micrograd.training.data.examples import Batches, Examples
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


@pytest.mark.parametrize(
    "X", [[1 + 1j, 2.0], np.ma.masked_array([1.0, 2.0], [False, True]), "a", [None, 1]]
)
def test_a_predictor_refuses_what_is_no_number(X: Any) -> None:
    """It took the real part of complex numbers, and the numbers under a mask."""
    with pytest.raises(mg.ArgumentError, match="takes numbers and arrays of numbers, got"):
        mg.Predictor(mg.MLP(2, [1], seed=0))(X)
