"""Neuron, Layer, MLP under the names of karpathy/micrograd: its programs run unchanged.

They draw the same weights from Python's `random`, so that the same seed gives the same network. New
programs should use `micrograd.neuralnet`.

>>> import random
>>> random.seed(1337)
>>> model = MLP(2, [2, 1])
>>> model
MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]
>>> round(model([1.0, -2.0]).data, 4)
-0.0685
"""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from micrograd.engine import Value, dot


class Module:
    """The base class of models."""

    def parameters(self) -> list[Value]:
        return []

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0.0


class Neuron(Module):
    """relu(w · x + b), or w · x + b if `nonlin` is false."""

    def __init__(self, nin: int, nonlin: bool = True):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin = nonlin

    def __call__(self, x: Sequence[Any]) -> Any:
        activation = dot(self.w, x, self.b)
        return activation.relu() if self.nonlin else activation

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons with the same inputs. A call returns a list, or one Value if `nout` is 1."""

    def __init__(self, nin: int, nout: int, **kwargs: Any):
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> Any:
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def parameters(self) -> list[Value]:
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module):
    """Layers of `nouts` neurons; the last one is linear."""

    def __init__(self, nin: int, nouts: list[int]):
        self.layers = [
            Layer(fan_in, fan_out, nonlin=i < len(nouts))
            for i, (fan_in, fan_out) in enumerate(pairwise([nin, *nouts]), start=1)
        ]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"
