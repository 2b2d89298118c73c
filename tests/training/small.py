"""A small problem of 70 examples, and a network for it."""

import numpy as np

import micrograd as mg

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 3))
LINE = X @ [2.0, -1.0, 0.5] + 0.5
ABOVE = (LINE > 0).astype(int)
SIGN = 2 * ABOVE - 1
LAST = np.arange(70) == 69


def model(outputs: int = 1, activation: str = "tanh") -> mg.MLP:
    return mg.MLP(3, [6, 5, outputs], activation=activation, seed=0)


def numbers(net: mg.Module) -> np.ndarray:
    return np.array([p.data for p in net.parameters()])
