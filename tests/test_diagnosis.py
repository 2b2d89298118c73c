"""diagnose: each illness, made on purpose, is seen, with evidence; a healthy run is not ill."""

from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.training.diagnosis import diagnose

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4))
Y = np.sin(X[:, 0]) + X[:, 1]


def train(
    net: mg.MLP | None = None, inputs: Any = X, y: Any = Y, epochs: int = 20, **options: Any
) -> mg.History:
    net = net or mg.MLP(4, [8, 8, 1], activation="relu", seed=0)
    settings: dict[str, Any] = {"loss": "mse", "optimizer": mg.Adam(0.01), "seed": 0} | options
    return mg.fit(net, inputs, y, epochs=epochs, **settings)


def healthy() -> mg.History:
    return train(validation=0.2, epochs=40)


def dead_relus() -> mg.History:
    net = mg.MLP(4, [8, 1], activation="relu", seed=0)
    for neuron in net.layers[0].neurons[:3]:
        neuron.bias.data = -100.0
    return train(net)


def saturated() -> mg.History:
    net = mg.MLP(4, [8, 1], activation="tanh", seed=0)
    for neuron in net.layers[0].neurons:
        neuron.bias.data = 20.0
    return train(net)


def vanishing() -> mg.History:
    sizes = [8, 8, 8, 8, 8, 8, 1]
    net = mg.MLP(4, sizes, activation="sigmoid", seed=0)
    return train(net, epochs=2, optimizer=mg.SGD(1e-3))


def exploding() -> mg.History:
    """One batch is of another world."""
    return mg.History(loss=[1.0, 0.9, 5.0, 1.0], gradient_norms=[1.0, 1.2, 5e4, 1.1])


def too_fast() -> mg.History:
    return train(mg.MLP(4, [8, 1], activation="tanh", seed=0), optimizer=mg.Adam(0.7))


def too_slow() -> mg.History:
    return train(optimizer=mg.SGD(1e-4))


def unscaled() -> mg.History:
    return train(inputs=X * [1, 1, 1000, 1], optimizer=mg.Adam(1e-3))


def over_fitting() -> mg.History:
    net = mg.MLP(4, [60, 1], activation="tanh", seed=0)
    noise = RANDOM.normal(size=40)
    return train(net, X[:40], noise, validation=0.4, epochs=300, optimizer=mg.Adam(0.03))


CASES = {
    "": healthy, "dead relus": dead_relus, "saturated units": saturated,
    "vanishing gradients": vanishing, "exploding gradients": exploding,
    "learning rate too high": too_fast, "learning rate too low": too_slow,
    "unscaled inputs": unscaled, "over-fitting": over_fitting,
}  # fmt: skip


@pytest.mark.parametrize("illness", CASES)
def test_each_illness_is_seen(illness):
    diagnosis = CASES[illness]().diagnose()
    if not illness:
        assert str(diagnosis) == "nothing to see: the run looks healthy"
    else:
        assert illness in diagnosis.names
        finding = diagnosis.findings[diagnosis.names.index(illness)]
        assert any(character.isdigit() for character in finding.evidence)
        assert f"{illness}: " in str(diagnosis)
        assert finding.remedy in str(diagnosis)


@pytest.mark.parametrize("engine", ["native", "eager"])
def test_the_model_is_examined_on_either_engine_with_dropout(engine):
    net = mg.MLP(4, [6, 6, 1], activation="tanh", seed=0)
    history = train(net, dropout=0.2, engine=engine, epochs=2, sample_weight=np.ones(200))
    before = net.state_dict()
    history.diagnose()
    assert net.state_dict() == before


def test_a_model_of_ones_own_has_its_curves_examined():
    assert diagnose(mg.History(loss=[1.0, 2.0, 1.0, 2.0, 1.0, 2.0])).names == [
        "learning rate too high"
    ]
