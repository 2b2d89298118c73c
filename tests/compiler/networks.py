"""A network of Values and its loss, of which the compiled derivatives are taken."""

from typing import Any

import numpy as np

import micrograd as mg
from micrograd import MLP, Value


def normal(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=shape)


w = Value(0.8)


def rosenbrock(x: Any) -> Any:
    n = len(x)
    return mg.sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(n - 1))


model = MLP(4, [16, 16, 1], activation="tanh", seed=0)


def loss(x: Any, y: Any) -> Any:
    penalty = 1e-4 * mg.sum(p * p for p in model.parameters())
    return (model(x)[0] - y) ** 2 + penalty
