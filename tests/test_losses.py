"""Losses against closed forms, scikit-learn and finite differences; at large outputs and kinks."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import micrograd as mg
from micrograd import ShapeError, Value, losses

random = np.random.default_rng(0)
OUTPUTS = random.normal(size=(20, 3)) * 2
TARGETS = random.normal(size=(20, 3))
NOT_A_NUMBER: Any = "a"
CLASSES = random.integers(3, size=20)
SIGNS = np.where(random.normal(size=20) > 0, 1, -1)


def mean_over_examples(loss: Any, outputs: Any, targets: Any) -> float:
    return float(np.mean([loss(y, t) for y, t in zip(outputs, targets)]))


def test_regression_losses_are_those_of_scikit_learn():
    mse = mean_over_examples(losses.mse, OUTPUTS, TARGETS)
    mae = mean_over_examples(losses.mae, OUTPUTS, TARGETS)
    assert mse == pytest.approx(metrics.mean_squared_error(TARGETS, OUTPUTS))
    assert mae == pytest.approx(metrics.mean_absolute_error(TARGETS, OUTPUTS))


def test_hinge_is_that_of_scikit_learn():
    hinge = mean_over_examples(losses.hinge, OUTPUTS[:, 0], SIGNS)
    assert hinge == pytest.approx(metrics.hinge_loss(SIGNS, OUTPUTS[:, 0]))


def test_cross_entropies_are_the_log_losses_of_scikit_learn():
    probabilities = np.exp(OUTPUTS) / np.exp(OUTPUTS).sum(axis=1, keepdims=True)
    several = mean_over_examples(losses.cross_entropy, OUTPUTS, CLASSES)
    assert several == pytest.approx(metrics.log_loss(CLASSES, probabilities))
    two = mean_over_examples(losses.bce_with_logits, OUTPUTS[:, 0], SIGNS > 0)
    assert two == pytest.approx(metrics.log_loss(SIGNS > 0, 1 / (1 + np.exp(-OUTPUTS[:, 0]))))


def test_huber_by_pieces():
    for error in (-3.0, -2.0, -0.5, 0.0, 1.0, 2.0, 5.0):
        expected = 0.5 * error**2 if abs(error) <= 2 else 2 * (abs(error) - 1)
        assert losses.huber(error + 1, 1.0, delta=2.0) == expected


EVERY_LOSS = [
    (losses.mse, [0.3, -0.8], [1.0, 0.5]),
    (losses.mae, [0.3, -0.8], [1.0, -2.5]),
    (losses.huber, [0.3, -0.8], [1.0, 2.5]),
    (losses.hinge, [0.3, -1.8], [1, -1]),
    (losses.bce_with_logits, [0.3, -1.8], [1.0, 0.25]),
    (losses.cross_entropy, [0.3, -1.8, 0.5], 1),
]


@pytest.mark.parametrize(("loss", "outputs", "target"), EVERY_LOSS)
def test_gradients_are_those_of_finite_differences(loss: Any, outputs: Any, target: Any):
    values = [Value(y) for y in outputs]
    result = loss(values, target)
    result.backward()
    assert result.data == pytest.approx(loss(outputs, target))
    for k, value in enumerate(values):
        up, down = (loss([y + h * (i == k) for i, y in enumerate(outputs)], target) for h in STEPS)
        assert value.grad == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-9)


STEPS = (1e-6, -1e-6)


@pytest.mark.parametrize(("loss", "outputs", "target"), EVERY_LOSS)
def test_the_same_on_values_lists_and_arrays(loss: Any, outputs: Any, target: Any):
    expected = loss(outputs, target)
    assert loss(np.array(outputs), np.array(target)[()]) == expected
    assert loss([Value(y) for y in outputs], target).data == expected
    traced = [Value(t) for t in target] if isinstance(target, list) else Value(float(target))
    assert loss([Value(y) for y in outputs], traced).data == expected


@pytest.mark.parametrize("loss", [losses.mse, losses.mae, losses.huber, losses.hinge])
def test_one_output_may_come_bare(loss: Any):
    assert loss(0.25, 1.0) == loss([0.25], [1.0]) == loss([0.25], 1.0)


@pytest.mark.parametrize(("z", "t"), [(1000, 0), (-1000, 1), (1000, 1), (-1000, 0), (40, 1)])
def test_bce_at_large_logits(z: float, t: float):
    y = Value(z)
    loss = losses.bce_with_logits(y, t)
    loss.backward()
    wrong = z if t == 0 else -z
    assert loss.data == pytest.approx(wrong if wrong > 0 else math.exp(wrong), rel=1e-12)
    assert y.grad == pytest.approx(math.copysign(wrong > 0, z), abs=1e-15)


def test_cross_entropy_at_large_logits():
    logits = [Value(1e6), Value(0.0), Value(-1e6)]
    loss = losses.cross_entropy(logits, 2)
    loss.backward()
    assert loss.data == 2e6
    assert [z.grad for z in logits] == [1.0, 0.0, -1.0]
    assert losses.cross_entropy([1e6, 0.0, -1e6], 0) == 0.0


def test_second_derivatives():
    def second(loss: Any, target: float) -> Any:
        slope = mg.grad(lambda z: loss(z, target))
        return mg.grad(slope)(0.5)

    p = 1 / (1 + math.exp(-0.5))
    assert second(losses.mse, 2.0) == pytest.approx(2.0)
    assert second(losses.bce_with_logits, 1.0) == pytest.approx(p * (1 - p))


def test_by_name():
    assert all(losses.loss_function(name) is loss for name, loss in losses.LOSSES.items())
    assert losses.loss_function(max) is max
    with pytest.raises(ValueError, match="no loss 'mean'; pass a function, or one of: mse, mae"):
        losses.loss_function("mean")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: losses.mse([1.0, 2.0], [1.0]),
            ShapeError,
            "one target per output, got 1 for 2",
        ),
        (lambda: losses.mae([], []), ShapeError, "got 0 for 0"),
        (lambda: losses.cross_entropy([1.0], 0), ShapeError, "at least two, got one"),
        (lambda: losses.cross_entropy([1.0, 2.0], 2), IndexError, "from 0 to 1, got 2"),
        (lambda: losses.cross_entropy([1.0, 2.0], 0.5), IndexError, "an integer"),
        (lambda: losses.huber(1.0, 0.0, delta=0.0), ValueError, "must be positive, got 0.0"),
        (lambda: losses.mse(NOT_A_NUMBER, 1.0), TypeError, "one real number, got str"),
    ],
)
def test_mistakes(call: Any, error: type, message: str):
    with pytest.raises(error, match=message):
        call()
