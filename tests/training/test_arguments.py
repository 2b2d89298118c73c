"""The arguments of `fit`: error messages, and numbers and tables of other libraries."""

from typing import Any

import numpy as np
import pytest
from small import ABOVE, LAST, LINE, SIGN, X, model, numbers

import micrograd as mg
from micrograd.training.data.examples import Examples


class Frame:
    """A stand-in for a DataFrame: an array of objects, and the names of its columns."""

    def __init__(self, **columns: Any):
        self.columns, self.values = [*columns], np.array([*zip(*columns.values())], dtype=object)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values


NA = type("NAType", (), {})()  # of pandas


# fmt: off
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "engine": ({"engine": "gpu"}, ValueError, "native"),
    "callbacks": ({"callbacks": 3}, TypeError, "functions of the history"),
    "a callback": ({"callbacks": [print, "x"]}, TypeError, "functions of the history"),
    "file": ({"X": "nothere.csv", "y": "y"}, FileNotFoundError, "nothere.csv"),
    "metric": ({"metric": "f1"}, ValueError, "no metric 'f1'"),
    "monitor": ({"monitor": "validation_loss", "patience": 2}, ValueError, "with validation="),
    "patience": ({"patience": 0}, ValueError, "patience must be"),
    "l2": ({"l2": -1}, ValueError, "l2 must be at least 0 and finite, got -1"),
    "dropout": ({"dropout": 1.0}, ValueError, r"dropout must be in \[0, 1\), got 1.0"),
    "no hidden layer": ({"dropout": 0.5, "model": mg.MLP(3, [1], seed=0)}, ValueError, "hidden"),
    "weights": ({"sample_weight": [1.0]}, mg.ShapeError, "sample_weight"),
    "negative weights": ({"sample_weight": -np.ones(70)}, ValueError, "at least 0, and not all 0"),
    "class_weight of a quantity": ({"class_weight": "balanced"}, ValueError, "class_weight needs"),
    "class without weight": ({"y": ABOVE, "class_weight": {0: 1.0}}, ValueError, "no weight"),
    "unknown balance": ({"y": ABOVE, "class_weight": "even"}, ValueError, '"balanced"'),
    "resume": ({"resume": True}, ValueError, "checkpoint="),
    "lbfgs": ({"optimizer": "lbfgs", "l1": 0.1}, ValueError, "does not support l1"),
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
    "seed": ({"seed": -1}, ValueError, "seed must be an integer of at least 0, got -1"),
    "a fraction of an epoch": ({"epochs": np.float32(2)}, ValueError, "epochs must be an integer"),
    "l1": ({"l1": "much"}, ValueError, "l1 must be at least 0"),
    "validation without targets": (
        {"validation": (X,)}, TypeError, r"a tuple \(X, y\) or \(X, y, weights\), got tuple"),
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
    """The computation is in 64 bits for every type of number."""
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


# Scores.


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


# All kinds of outputs.


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
