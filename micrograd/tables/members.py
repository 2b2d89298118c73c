"""Members: networks of one shape, trained side by side in one run, and averaged at its end."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.annotations import Number, Result
from micrograd.engine import Value
from micrograd.functions import sum as total
from micrograd.losses import Loss
from micrograd.module import Module
from micrograd.neuralnet import MLP, Layer, Outputs

Array = np.ndarray[Any, Any]


class Blocks(Module):
    """Layers of one shape side by side; all have the same inputs if `shared`, else each its part.

    >>> blocks = Blocks([Layer(2, 3, seed=0), Layer(2, 3, seed=1)], shared=True)
    >>> blocks.nout, len(blocks([1.0, 2.0]))
    (6, 6)
    """

    def __init__(self, layers: Sequence[Layer], shared: bool):
        self.blocks, self.shared = list(layers), shared
        self.nout, self.activation = sum(layer.nout for layer in layers), layers[0].activation

    def outputs(self, signals: Any) -> list[Result]:
        size = self.blocks[0].nin
        parts = [signals if self.shared else signals[k * size :][:size] for k in self._places()]
        return [y for layer, part in zip(self.blocks, parts) for y in layer.outputs(part)]

    __call__ = outputs

    def merged(self) -> tuple[Array, Array]:
        """The weights and biases of one layer that computes the same."""
        states = [layer.state_dict() for layer in self.blocks]
        weights = np.array([state["weights"] for state in states])
        bias = np.concatenate([state["bias"] for state in states])
        if self.shared:
            return np.concatenate(weights), bias
        count, nout, nin = weights.shape
        whole = np.zeros((count, nout, count, nin))
        whole[self._places(), :, self._places()] = weights
        return whole.reshape(count * nout, count * nin), bias

    def _places(self) -> range:
        return range(len(self.blocks))


class Members(MLP):
    """Networks of one shape as one network, whose outputs are theirs, one after another.

    >>> members = Members([MLP(2, [3, 1], seed=k) for k in range(2)])
    >>> outputs = members([1.0, 2.0])
    >>> mean = members.mean()
    >>> mean, abs(mean([1.0, 2.0])[0].data - sum(y.data for y in outputs) / 2) < 1e-15
    (MLP(2, [6, 1], activation='relu'), True)
    """

    def __init__(self, networks: Sequence[MLP]):
        one = networks[0]
        self.one, self.count = (one.nin, *one.sizes), len(networks)
        self.nin, self.sizes, self.seed = one.nin, [self.count * n for n in one.sizes], None
        self.activation, self.output_activation = one.activation, one.output_activation
        layers: Any = zip(*(network.layers for network in networks))
        self.layers: Any = [Blocks(same, shared=not k) for k, same in enumerate(layers)]
        self.name_parameters()

    def __call__(self, inputs: Sequence[Number]) -> list[Result]:
        signals: Any = inputs
        for layer in self.layers:
            signals = layer.outputs(signals)
        return Outputs(signals)

    def mean(self) -> MLP:
        """One network, whose outputs are the mean of the members'."""
        *hidden, last = [layer.merged() for layer in self.layers]
        averaged = [part.reshape(self.count, -1, *part.shape[1:]).mean(0) for part in last]
        return _network(self.nin, [*hidden, averaged], self.activation)


def _network(nin: int, layers: Sequence[Sequence[Array]], activation: Any) -> MLP:
    """A network of these weights and biases, made without drawing and naming others before."""
    network = MLP(nin, [1] * len(layers), activation=activation)
    network.sizes = [len(bias) for _, bias in layers]
    for layer, (weights, bias) in zip(network.layers, layers):
        (one,) = layer.neurons
        layer.nout, layer.nin = weights.shape
        layer.neurons = [copy(one) for _ in bias]
        for neuron, row, number in zip(layer.neurons, weights.tolist(), bias.tolist()):
            neuron.weights, neuron.bias = tuple([Value(x) for x in row]), Value(number)
    network.name_parameters()
    return network


@dataclass(frozen=True)
class OfMembers:
    """The sum of the members' losses, each times a weight: a target is (y, a weight for each).

    >>> from micrograd.losses import mse
    >>> OfMembers(mse, 2)([3.0, 5.0], [4.0, 1.0, 10.0])
    11.0
    """

    loss: Loss
    count: int

    def __call__(self, outputs: Any, target: Any) -> Any:
        size = len(outputs) // self.count
        parts = [outputs[k * size :][:size] for k in range(self.count)]
        return total([target[k + 1] * self.loss(part, target[0]) for k, part in enumerate(parts)])
