"""Module, Neuron, Layer, MLP: their outputs, parameters, saving and loading."""

import math
import statistics
from random import Random
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import MLP, Layer, Module, Neuron, ShapeError, Value, ops
from micrograd.neuralnet import initial_weights


def by_numpy(model: MLP, x: Any, activations: list[Any]) -> np.ndarray:
    signal, state = np.asarray(x, float), model.state_dict()
    for i, function in enumerate(activations):
        weights, bias = np.array(state[f"layers.{i}.weights"]), state[f"layers.{i}.bias"]
        signal = function(weights @ signal + bias)
    return signal


def test_mlp_computes_what_matrices_do():
    model = MLP(3, [5, 4, 2], activation="tanh", seed=1)
    x = [0.5, -1.0, 2.0]
    outputs = model(x)
    expected = by_numpy(model, x, [np.tanh, np.tanh, lambda z: z])
    assert [y.data for y in outputs] == pytest.approx(expected)


@pytest.mark.parametrize(
    "inputs", [[1, -2], (1.0, Value(-2.0)), np.array([1.0, -2.0]), np.array([1, -2]), [True, -2]]
)
def test_inputs_of_any_kind(inputs: Any):
    model = MLP(2, [4, 1], seed=0)
    assert model(inputs)[0].data == model([1.0, -2.0])[0].data


def test_gradients_are_those_of_finite_differences():
    model = MLP(2, [4, 3, 1], activation=["silu", "softplus"], output_activation="sigmoid", seed=3)
    x = [Value(0.3), Value(-0.8)]
    model(x)[0].backward()
    for p in [*x, *model.parameters()]:
        at = p.data
        values = []
        for p.data in (at + 1e-6, at - 1e-6):
            values.append(model(x)[0].data)
        p.data = at
        assert p.grad == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6, abs=1e-9)


def test_a_neuron_is_one_dot():
    neuron = Neuron(3, seed=0)
    y = neuron([1.0, 2.0, 3.0])
    assert y.op is ops.dot
    assert y.operands == (*neuron.weights, 1.0, 2.0, 3.0, neuron.bias)
    assert Neuron(3, "relu", seed=0)([1.0, 2.0, 3.0]).op is ops.relu


def test_lists_always():
    assert isinstance(Neuron(1, seed=0)([1.0]), Value)
    for module in (Layer(1, 1, seed=0), MLP(1, [1], seed=0)):
        assert [type(y) for y in module([1.0])] == [Value]


@pytest.mark.parametrize(
    "activation", [row for row in ops.TABLE.values() if row.arity == 1 and not row.boolean]
)
def test_any_unary_row_by_name_or_as_a_function(activation: Any):
    by_name, by_function = (Neuron(2, a, seed=5) for a in (activation.name, activation))
    x = [0.7, 0.2]
    expected = activation(Neuron(2, seed=5)(x).data)
    assert type(expected) is float
    for neuron in (by_name, by_function):
        neuron.load_state_dict(Neuron(2, seed=5).state_dict())
        assert neuron(x).data == pytest.approx(expected, nan_ok=True, rel=0)


def test_activations_with_a_default_and_of_ones_own():
    x = [-1.0, -1.0]
    state = {"weights": [1.0, 2.0], "bias": 0.0}
    leaky, own = Neuron(2, "leaky_relu"), Neuron(2, lambda z: z * z + 1)
    for neuron in (leaky, own):
        neuron.load_state_dict(state)
    assert (leaky(x).data, own(x).data) == (-0.03, 10.0)


def test_activations_by_layer():
    model = MLP(2, [3, 3, 1], activation=["relu", "tanh"], output_activation="exp", seed=0)
    assert [layer.activation for layer in model.layers] == ["relu", "tanh", "exp"]
    (y,) = model([1.0, 1.0])
    assert y.op is ops.exp


def test_one_seed_one_model():
    state = MLP(2, [4, 1], seed=7).state_dict()
    assert MLP(2, [4, 1], seed=7).state_dict() == state
    assert MLP(2, [4, 1], seed=Random(7)).state_dict() == state
    assert MLP(2, [4, 1], seed=8).state_dict() != state
    assert MLP(2, [4, 1]).state_dict() != MLP(2, [4, 1]).state_dict()


def test_weights_by_he_and_by_glorot():
    relu, tanh = (initial_weights(a, 2000, 1000, Random(0)) for a in ("relu", "tanh"))
    assert statistics.pvariance(relu) == pytest.approx(2 / 2000, rel=0.1)
    assert statistics.pvariance(tanh) == pytest.approx(2 / 3000, rel=0.1)
    assert max(map(abs, tanh)) <= math.sqrt(6 / 3000)
    assert initial_weights(mg.relu, 9, 9, Random(0)) == initial_weights("relu", 9, 9, Random(0))
    assert all(neuron.bias.data == 0 for neuron in Layer(3, 5).neurons)


def test_parameters_are_in_the_order_of_the_arrays():
    model = MLP(2, [3, 1], seed=0)
    first, second = model.layers
    expected = [w for neuron in first.neurons for w in neuron.weights]
    expected += [neuron.bias for neuron in first.neurons]
    expected += [*second.neurons[0].weights, second.neurons[0].bias]
    assert all(p is q for p, q in zip(model.parameters(), expected, strict=True))


def test_names():
    model = MLP(2, [3, 1], seed=0)
    assert model.layers[0].neurons[2].weights[1].name == "layers.0.weights[2,1]"
    assert model.layers[1].neurons[0].bias.name == "layers.1.bias[0]"
    assert [p.name for p in Neuron(2).parameters()] == ["weights[0]", "weights[1]", "bias"]


class Twins(Module):
    """A user's model, with modules, Values and other objects as attributes."""

    def __init__(self):
        self.sizes = [1, 2]
        self.left, self.both = Neuron(1, seed=0), [Layer(1, 2, seed=1), Layer(2, 1, seed=2)]
        self.scale = Value(3.0)
        self.empty: list[Value] = []


def test_a_model_of_ones_own():
    model = Twins()
    names = "left.weights left.bias both.0.weights both.0.bias both.1.weights both.1.bias scale"
    assert list(model.arrays()) == names.split()
    assert len(model.parameters()) == 2 + 4 + 3 + 1
    model.name_parameters()
    assert (model.scale.name, model.left.bias.name) == ("scale", "left.bias")


def test_zero_grad():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    model([1.0, 2.0])[0].backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


def test_state_goes_round():
    model, other = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=1)
    state = model.state_dict()
    other.load_state_dict({name: np.array(array) for name, array in state.items()})
    assert other.state_dict() == state
    assert all(type(p.data) is float for p in other.parameters())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layers.2.bias": [0.0]}, ShapeError, "expected a state with the arrays layers.0.weights"),
        ({"layers.0.bias": [0.0] * 4}, ShapeError, r"layers.0.bias must have .* \(3,\), .* \(4,\)"),
        ({"layers.0.weights": [[1.0, 2.0], [1.0], [0.0]]}, ShapeError, "differ in length"),
        ({"layers.0.weights": [[1.0, 2.0], [1.0, 2.0], [0.0, "a"]]}, TypeError, "one real number"),
        ({"layers.1.bias": 1.0}, ShapeError, r"shape \(1,\), as in this model, got \(\)"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: Any, error: type, message: str):
    model = MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    with pytest.raises(error, match=message):
        model.load_state_dict({**MLP(2, [3, 1], seed=1).state_dict(), **change})
    assert model.state_dict() == before


def test_reprs_make_the_object():
    namespace = {"MLP": MLP, "Layer": Layer, "Neuron": Neuron, "relu": mg.relu}
    for expression in (
        "MLP(2, [16, 1], activation='relu', seed=0)",
        "MLP(2, [4, 4, 1], activation=['relu', 'tanh'], output_activation='sigmoid')",
        "MLP(2, [4, 1], activation=relu)",
        "Layer(2, 3, activation='tanh')",
        "Neuron(2, activation='identity')",
    ):
        assert repr(eval(expression, namespace)) == expression


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP(2, []), "at least one layer"),
        (lambda: MLP(0, [1]), "number of a layer's inputs must be an integer of at least 1, got 0"),
        (lambda: MLP(2, [1.5]), "number of its neurons must be an integer"),  # type: ignore[list-item]
        (lambda: Neuron(-1), "number of a neuron's inputs"),
        (lambda: MLP(2, [4, 1], activation="rleu"), "no activation 'rleu'; .* relu,"),
        (lambda: MLP(2, [4, 1], activation="maximum"), "no activation 'maximum'"),
        (lambda: MLP(2, [4, 1], activation=["relu"] * 2), "expected 1 activations, one per hidden"),
        (lambda: MLP(2, [1])([1.0]), "expected 2 inputs, got 1"),
        (lambda: Layer(2, 1)([1.0] * 3), "expected 2 inputs, got 3"),
        (lambda: Neuron(2)([1.0] * 3), "expected as many inputs as weights, 2; got 3"),
    ],
)
def test_mistakes(make: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("sizes", [1, None, "1", 2.0])
def test_sizes_that_are_no_list(sizes: Any):
    with pytest.raises(
        TypeError, match=r"a list with one size per layer, as in MLP\(2, \[16, 1\]\), got"
    ):
        MLP(2, sizes)


@pytest.mark.parametrize("inputs", [1.0, None, Value(1.0), ["a", 1.0], [None, 1.0], [1j, 1.0]])
def test_inputs_that_are_no_numbers(inputs: Any):
    with pytest.raises(TypeError, match="expected"):
        MLP(2, [1])(inputs)
