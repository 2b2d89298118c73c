"""How long does one step of a network on images take: 784-128-10 and 784-512-10, 128 examples?

tanh, cross-entropy, the mean loss and all gradients, float64 and float32, against PyTorch and JAX
with matrices.
"""

import sys

import side_by_side
from side_by_side import Faster, agree

# isort: split
import jax
import numpy as np
import torch

import micrograd as mg

PIXELS, CLASSES, EXAMPLES = 784, 10, 128

random = np.random.default_rng(0)
images = random.uniform(0, 1, (EXAMPLES, PIXELS))
labels = random.integers(0, CLASSES, EXAMPLES)


class Network:
    """One network in scalars, and its weights and biases as matrices."""

    def __init__(self, hidden: int):
        self.model = mg.MLP(PIXELS, [hidden, CLASSES], activation="tanh", seed=0)
        self.values = [part for layer in self.model.layers for part in layer.arrays().values()]
        self.matrices = [
            np.array(
                [[v.data for v in row] if isinstance(row, tuple) else row.data for row in part]
            )
            for part in self.values
        ]

    def loss(self, x, y):
        return mg.losses.cross_entropy(self.model(x), y)

    def arranged(self, parameters, gradient):
        """A gradient in the form of `matrices`."""
        place = {parameter: i for i, parameter in enumerate(parameters)}
        order = [
            np.array(
                [[place[v] for v in row] if isinstance(row, tuple) else place[row] for row in p]
            )
            for p in self.values
        ]
        return [gradient[places] for places in order]


def in_jax(network, dtype):
    jnp = jax.numpy

    def loss(parts, x, y):
        w1, b1, w2, b2 = parts
        scores = jnp.tanh(x @ w1.T + b1) @ w2.T + b2
        return -jax.nn.log_softmax(scores)[jnp.arange(EXAMPLES), y].mean()

    step = jax.jit(jax.value_and_grad(loss))
    parts, x = [jnp.array(m, dtype) for m in network.matrices], jnp.array(images, dtype)
    return lambda: jax.block_until_ready(step(parts, x, labels))


def in_torch(network, dtype):
    def tensor(array):
        return torch.tensor(array.astype(dtype))

    w1, b1, w2, b2 = parts = [tensor(m).requires_grad_() for m in network.matrices]
    x, y = tensor(images), torch.tensor(labels)

    def step():
        scores = torch.addmm(b2, torch.tanh(torch.addmm(b1, x, w1.T)), w2.T)
        loss = torch.nn.functional.cross_entropy(scores, y)
        return loss.item(), torch.autograd.grad(loss, parts)

    return step


def ours(network, dtype):
    step, x = mg.vectorize(network.loss, dtype=dtype), images.astype(dtype)
    step(x, labels)
    theta = step.pack()

    def call():
        return step.gradient(theta, x, labels)

    return call, step.parameters


def row(hidden: int, network: Network, dtype: str) -> bool:
    mine, parameters = ours(network, dtype)
    sides = {
        "micrograd, in scalars": mine,
        "PyTorch eager, with matrices": in_torch(network, dtype),
        "jax.jit, with matrices": in_jax(network, dtype),
    }
    _, *peers = sides.items()
    value, gradient = mine()
    own = network.arranged(parameters, gradient)
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    for name, side in peers:
        their, slopes = side()
        agree(f"{name}: loss", value, their, tolerance)
        for a, b in zip(own, slopes, strict=True):
            agree(f"{name}: gradient", a, b, tolerance)
    bars = {
        "PyTorch eager, with matrices": (Faster(0.5), Faster(1)),
        "jax.jit, with matrices": (Faster(1),),
    }
    title = f"784-{hidden}-10, {dtype}: loss and {len(gradient):,} gradients"
    return side_by_side.compare(title, sides, bars, unit="ms", rounds=21)


def main() -> bool:
    side_by_side.header("jax", "torch")
    met = True
    for hidden in (128, 512):
        network = Network(hidden)
        for dtype in ("float64", "float32"):
            met &= row(hidden, network, dtype)
    return met


if __name__ == "__main__":
    sys.exit(not main())
