"""Programs written for karpathy/micrograd, with the output that they have there."""

import math
import random
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_moons

from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Neuron

# The demo notebook: two moons, hinge loss and weight decay. Losses and accuracies are those that
# karpathy/micrograd 0.1.0 prints in its first steps, from the same seeds.
DEMO = [
    (0.8958441028683222, 0.50),
    (1.7235905336972022, 0.81),
    (0.7429006313851131, 0.77),
    (0.7705641260584202, 0.82),
    (0.3692793385976538, 0.84),
    (0.31354548191852194, 0.86),
]


def test_its_demo_notebook():
    random.seed(1337)
    moons: Any = make_moons(n_samples=100, noise=0.1, random_state=np.random.RandomState(1337))
    X, y = moons[0], moons[1] * 2 - 1
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    for k, expected in enumerate(DEMO):
        inputs = [list(map(Value, row)) for row in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        loss: Any = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(
            p * p for p in model.parameters()
        )
        accuracy = sum((yi > 0) == (score.data > 0) for yi, score in zip(y, scores)) / len(y)
        assert (loss.data, accuracy) == pytest.approx(expected, rel=1e-12)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad


def test_its_weights_from_the_same_seed():
    random.seed(7)
    expected = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(4)]
    random.seed(7)
    layer = Layer(3, 4, nonlin=False)
    assert [[w.data for w in neuron.w] for neuron in layer.neurons] == expected
    assert all(neuron.b.data == 0 and not neuron.nonlin for neuron in layer.neurons)


def test_its_reprs():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(2, nonlin=False)) == "LinearNeuron(2)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(1, [1, 1])) == "MLP of [Layer of [ReLUNeuron(1)], Layer of [LinearNeuron(1)]]"


def test_one_neuron_answers_with_a_bare_value():
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert [type(x) for x in Layer(2, 3)([1.0, 2.0])] == [Value] * 3
    assert isinstance(MLP(2, [4, 1])([Value(1.0), 2]), Value)


def test_zero_grad_and_the_order_of_parameters():
    model = MLP(2, [3, 1])
    model([1.0, 1.0]).backward()
    model.zero_grad()
    assert all(p.grad == 0 for p in model.parameters())
    first = model.layers[0].neurons[0]
    assert all(p is q for p, q in zip(model.parameters(), [*first.w, first.b]))


# The trace_graph notebook: nodes and edges, from `_prev`, and the label of a node, from `_op`.


def trace(root):
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_its_trace_graph_of_an_expression():
    x = Value(1.0)
    y = (x * 2 + 1).relu()
    nodes, edges = trace(y)
    assert sorted(v._op for v in nodes) == ["", "", "", "*", "+", "ReLU"]
    assert sorted((a.data, b.data) for a, b in edges) == [(1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]


def test_its_trace_graph_of_a_neuron():
    random.seed(1337)
    neuron = Neuron(2)
    x = [Value(1.0), Value(-2.0)]
    y = neuron(x)
    nodes, edges = trace(y)
    assert set(x) | set(neuron.parameters()) | {y} <= nodes
    assert (y.data, y._op) == (max(0.0, (x[0] * neuron.w[0] + x[1] * neuron.w[1]).data), "ReLU")
    assert all(a in nodes and b in nodes for a, b in edges)


def test_values_made_by_hand():
    a = Value(2.0)
    b = Value(3.0, (a,), "mine")
    assert (b._op, b._prev) == ("mine", {a})
    assert ((a**3)._op, (a**-1)._op, a._op, a._prev) == ("**3", "**-1", "", set())
    assert repr(Value(1.0)) == "Value(data=1.0, grad=0.0)"


# The Value of a GPT in scalars: + - * / ** with numbers on either side, log, exp, relu, data, grad.


def attend(token: int, matrix: list[list[Value]], keys: list, values: list) -> list[Any]:
    """The logits of a tiny transformer with one head, for the next token."""

    def linear(x: list[Any]) -> list[Any]:
        return [sum(wi * xi for wi, xi in zip(row, x)) for row in matrix]

    def normed(x):
        return [xi * (sum(xj * xj for xj in x) / len(x) + 1e-5) ** -0.5 for xi in x]

    def softmax(logits):
        largest = max(logit.data for logit in logits)
        powers = [(logit - largest).exp() for logit in logits]
        return [power / sum(powers) for power in powers]

    x = normed(matrix[token])
    query = linear(x)
    keys.append([2 * xi for xi in query])
    values.append([1 - xi for xi in query])
    scores = [sum(q * k for q, k in zip(query, key)) / len(x) ** 0.5 for key in keys]
    weights = softmax(scores)
    x = [xi + sum(w * v[i] for w, v in zip(weights, values)) for i, xi in enumerate(x)]
    return softmax([logit.relu() ** 2 + logit for logit in linear(x)])


def gpt_loss(numbers: list[float]) -> tuple[Any, list[Value]]:
    parameters = [Value(number) for number in numbers]
    matrix = [parameters[i : i + 3] for i in (0, 3, 6)]
    keys, values, losses = [], [], []
    for token, target in ((0, 1), (1, 2), (2, 0)):
        losses.append(-attend(token, matrix, keys, values)[target].log())
    return (1 / len(losses)) * sum(losses), parameters


def test_the_values_of_a_gpt():
    random.seed(42)
    numbers = [random.gauss(0, 1) for _ in range(9)]
    loss, parameters = gpt_loss(numbers)
    loss.backward()
    assert math.isfinite(loss.data)
    for i, p in enumerate(parameters):
        moved = [[x + h * (i == k) for k, x in enumerate(numbers)] for h in (1e-5, -1e-5)]
        up, down = (gpt_loss(x)[0].data for x in moved)
        assert p.grad == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)
