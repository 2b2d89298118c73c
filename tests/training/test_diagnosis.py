"""diagnose: each problem, made on purpose, is found with evidence; a good run has none."""

import copy
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.training.run.diagnosis import diagnose

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 4))
Y = np.sin(X[:, 0]) + X[:, 1]
FINE = 0.1 * Y + RANDOM.normal(0, 0.02, 300)  # known so well that its likelihood is above 1
NOISE = RANDOM.normal(size=40)
APART = (X[:, 0] * X[:, 1] > 0).astype(int)
LEVEL = np.digitize(Y, [-0.7, 0.7])


def net(*sizes: int, activation: str = "relu", scale: float = 1.0) -> mg.MLP:
    made = mg.MLP(4, sizes, activation=activation, seed=0)
    for p in made.parameters():
        p.data *= scale
    return made


def train(
    model: Any = None, inputs: Any = X, y: Any = Y, epochs: int = 40, **options: Any
) -> mg.History:
    settings: dict[str, Any] = {"loss": "mse", "optimizer": mg.Adam(0.01), "seed": 0} | options
    return mg.fit(model or net(8, 8, 1), inputs, y, epochs=epochs, **settings)


def likelihood(outputs: Any, target: Any) -> Any:
    """The negative logarithm of a normal density, which is not bounded by zero."""
    mean, log_deviation = outputs
    return log_deviation + 0.5 * ((target - mean) * mg.exp(-log_deviation)) ** 2


# Runs with problems.


def dead_relus() -> mg.History:
    model = net(8, 1)
    for neuron in model.layers[0].neurons[:3]:
        neuron.bias.data = -100.0
    return train(model)


def saturated() -> mg.History:
    model = net(8, 1, activation="tanh")
    for neuron in model.layers[0].neurons:
        neuron.bias.data = 20.0
    return train(model)


def vanishing() -> mg.History:
    return train(net(*[16] * 8, 1, activation="sigmoid"), epochs=5)


def exploding_in_depth() -> mg.History:
    """Adam's steps keep their length, so that the run survives."""
    return train(net(*[16] * 8, 1, scale=3.0), epochs=5)


class Power(mg.Module):
    """The same weight in every layer, as in a recurrence."""

    def __init__(self):
        self.weight = mg.Value(0.5)

    def __call__(self, inputs):
        signal = inputs[0]
        for _ in range(30):
            signal = self.weight * signal
        return signal


def exploding_in_time() -> mg.History:
    return train(Power(), y=3 * X[:, 0], optimizer=mg.Adam(0.02))


class Level(mg.Module):
    """One number for all examples."""

    def __init__(self):
        self.level = mg.Value(0.0)

    def __call__(self, inputs):
        return self.level


def too_fast(loss: Any = "mae") -> mg.History:
    """Steps of length 0.7 towards a target at 0.5: from 0 to 0.7 and back, whatever the rounding.

    A network would be chaotic: the last bits would decide where its loss rises.
    """
    return train(Level(), y=np.full(300, 0.5), loss=loss, optimizer=mg.SGD(0.7), batch_size=None)


def too_fast_below_zero() -> mg.History:
    return too_fast(lambda outputs, target: mg.losses.mae(outputs, target) - 5)


def too_slow() -> mg.History:
    return train(optimizer=mg.SGD(1e-5))


def unscaled() -> mg.History:
    return train(inputs=X * [1, 1, 1000, 1], optimizer=mg.Adam(1e-3))


def tiny_targets() -> mg.History:
    return train(y=1e-6 * Y, optimizer=mg.Adam(0.01), epochs=5)


def shifted_targets() -> mg.History:
    return train(y=Y + 1000)


def prices() -> mg.History:
    return train(y=250_000 + 80_000 * Y, loss="huber")


def one_large_target_of_two() -> mg.History:
    return train(net(8, 2), y=np.column_stack([Y, 1e4 * Y]))


def over_fitting(loss: Any = "mse") -> mg.History:
    return train(net(60, 1), X[:40], NOISE, loss=loss, validation=0.4, epochs=300)


def over_fitting_below_zero() -> mg.History:
    return over_fitting(lambda outputs, target: mg.losses.mse(outputs, target) - 5)


ILL = [
    ("dead relus", dead_relus), ("saturated units", saturated), ("vanishing gradients", vanishing),
    ("exploding gradients", exploding_in_depth), ("exploding gradients", exploding_in_time),
    ("learning rate too high", too_fast), ("learning rate too high", too_fast_below_zero),
    ("learning rate too low", too_slow), ("unscaled inputs", unscaled),
    ("unscaled targets", tiny_targets), ("unscaled targets", shifted_targets),
    ("unscaled targets", prices), ("unscaled targets", one_large_target_of_two),
    ("over-fitting", over_fitting), ("over-fitting", over_fitting_below_zero),
]  # fmt: skip


@pytest.mark.parametrize(("illness", "run"), ILL)
def test_each_illness_is_seen(illness, run):
    diagnosis = run().diagnose()
    assert illness in diagnosis.names
    finding = diagnosis.findings[diagnosis.names.index(illness)]
    assert any(character.isdigit() for character in finding.evidence)
    assert f"{illness}: " in str(diagnosis)
    assert finding.remedy in str(diagnosis)


def test_a_run_that_diverged_is_ill_and_so_is_what_made_it_diverge():
    with pytest.raises(mg.DivergenceError) as caught:
        train(net(*[16] * 8, 1, scale=3.0), X * [1, 1, 1000, 1], optimizer=mg.SGD(0.1))
    history = caught.value.history
    history.diverged = "the loss became inf in epoch 1, step 5"
    diagnosis = history.diagnose()
    assert diagnosis.findings[0].evidence == history.diverged
    assert {*diagnosis.names} >= {"divergence", "unscaled inputs", "exploding gradients"}
    assert diagnose(mg.History(diverged=history.diverged)).names == ["divergence"]


def test_lbfgs_that_cannot_begin_has_diverged():
    with pytest.raises(mg.DivergenceError) as caught:
        train(net(1), 1e200 * X, optimizer="lbfgs")
    assert "divergence" in caught.value.history.diagnose().names


def test_what_the_targets_show_comes_before_guesses_about_the_learning_rate():
    for run in (tiny_targets, shifted_targets, prices):
        diagnosis = run().diagnose()
        assert diagnosis.names[0] == "unscaled targets"
        assert not any("learning rate" in name for name in diagnosis.names)
    evidence = shifted_targets().diagnose().findings[0].evidence
    assert f"mean {np.mean(Y) + 1000:.3g} and standard deviation {np.std(Y):.3g};" in evidence
    assert f"the best constant would be {np.var(Y):.3g}" in evidence


# Runs without problems.


HEALTHY: dict[str, dict[str, Any]] = {
    "tanh": {"model": net(16, 1, activation="tanh")},
    "sigmoid": {"model": net(16, 1, activation="sigmoid"), "optimizer": mg.Adam(0.03)},
    "relu": {"model": net(16, 16, 1)},
    "deep tanh": {"model": net(*[16] * 6, 1, activation="tanh"), "optimizer": mg.Adam(0.003)},
    "deep relu": {"model": net(*[16] * 6, 1), "optimizer": mg.Adam(0.003)},
    "deep sigmoid": {"model": net(8, 8, 8, 1, activation="sigmoid"), "optimizer": mg.Adam(0.02)},
    "gradient descent": {"model": net(16, 16, 1), "optimizer": mg.SGD(0.05)},
    "momentum": {"model": net(16, 1, activation="tanh"), "optimizer": mg.Momentum(0.01)},
    "dropout": {"model": net(32, 32, 1), "dropout": 0.2, "optimizer": mg.Adam(0.005)},
    "two classes": {"model": net(16, 1), "loss": "bce_with_logits", "y": APART},
    "a margin": {"model": net(16, 1), "loss": "hinge", "y": 2 * APART - 1},
    "three classes": {"model": net(16, 3), "loss": "cross_entropy", "y": LEVEL},
    "below zero": {"model": net(16, 2), "loss": likelihood, "y": FINE, "epochs": 60},
    "below zero at once": {"model": net(8, 2), "loss": likelihood, "y": FINE, "batch_size": None,
                           "epochs": 80},
    "large targets": {"model": net(16, 16, 1), "y": 50 * Y, "optimizer": mg.Adam(0.03)},
    "exactly": {"model": net(1), "y": X @ [1.0, 2.0, 3.0, 4.0], "optimizer": mg.Adam(0.05),
                "epochs": 200},
    "L-BFGS": {"model": net(8, 1, activation="tanh"), "optimizer": "lbfgs", "epochs": 60},
}  # fmt: skip


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_run_is_not_ill(case):
    """The run has learned as well: the validation loss fell by half, or below zero."""
    options: dict[str, Any] = {"validation": 0.2} | copy.deepcopy(HEALTHY[case])
    history = train(**options)
    assert history.validation_loss[-1] < 0.5 * max(history.validation_loss[0], 0.0)
    assert str(history.diagnose()) == "no problems found"


def test_a_loss_below_zero_that_falls_is_healthy():
    falling = -1 - 2 * np.linspace(0, 1, 50)
    assert diagnose(mg.History(loss=falling.tolist())).names == []


def test_a_gradient_may_come_back_from_next_to_nothing():
    assert diagnose(mg.History(gradient_norms=[1.0, 1e-3, 1e-6, 1e-9, 1e-3])).names == []
    assert diagnose(mg.History(gradient_norms=[1.0, 1.2, 5e4, 1.1])).names == [
        "exploding gradients"
    ]


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_the_model_is_examined_on_either_engine_with_dropout(engine):
    model = net(6, 6, 1, activation="tanh")
    history = train(model, dropout=0.2, engine=engine, epochs=2, sample_weight=np.ones(300))
    before = model.state_dict()
    history.diagnose()
    assert model.state_dict() == before


def test_a_model_of_ones_own_has_its_curves_examined():
    assert diagnose(mg.History(loss=[1.0, 2.0, 1.0, 2.0, 1.0, 2.0])).names == [
        "learning rate too high"
    ]
