"""The compiled step: no Python for each number; a network is traced once, or if it has changed."""

import gc
import sys
import tracemalloc
import weakref
from typing import Any

import pytest
from small import LINE, RANDOM, X, model, numbers

import micrograd as mg
from micrograd.compiler.api import tracer
from micrograd.training.steps import compiled_step as native


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
