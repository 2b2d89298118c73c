"""How long does one step of the demo take: the loss of a network on two moons, and 337 gradients?

100 points, a network 2-16-16-1, hinge loss and L2 penalty, float64, against matrices and
hand-written programs.
"""

import sys

import side_by_side
from side_by_side import Faster, Within, addresses, agree, by_hand

# isort: split
import jax
import numpy as np
import torch
from sklearn.datasets import make_moons

import micrograd as mg

PENALTY = 1e-4
SHAPES = (16, 2), (16, 16), (1, 16)

X, labels = make_moons(n_samples=100, noise=0.1, random_state=1)
Y = labels * 2.0 - 1.0
model = mg.MLP(2, [16, 16, 1], activation="relu", seed=0)


def loss(x, y):
    (score,) = model(x)
    return mg.relu(1 - y * score) + PENALTY * mg.sum(p * p for p in model.parameters())


step = mg.vectorize(loss)
step(X, Y)
theta = step.pack()

# The program by hand orders the parameters by neuron, weights before the bias.
place = {parameter: i for i, parameter in enumerate(step.parameters)}
neurons = [neuron for layer in model.layers for neuron in layer.neurons]
order = [place[p] for neuron in neurons for p in (*neuron.weights, neuron.bias)]
w = theta[order]


def matrices(flat: np.ndarray) -> list[np.ndarray]:
    """Weights and biases of each layer, from parameters ordered by neuron."""
    parts, start = [], 0
    for nout, nin in SHAPES:
        rows = flat[start : start + nout * (nin + 1)].reshape(nout, nin + 1)
        parts += [rows[:, :-1].copy(), rows[:, -1].copy()]
        start += rows.size
    return parts


def flat(parts: list[np.ndarray]) -> np.ndarray:
    """The inverse of `matrices`."""
    layers = zip(parts[::2], parts[1::2])
    return np.concatenate([np.column_stack([w, b]).ravel() for w, b in layers])


def cpp():
    gradient, loss = np.empty(337), np.empty(1)
    step, places = by_hand("demo_step").step, addresses(w, X, Y, gradient, loss)

    def call():
        step(*places)
        return loss[0], gradient

    return call


def numpy_by_hand():
    w1, b1, w2, b2, w3, b3 = parts = matrices(w)

    def step():
        h1 = np.maximum(X @ w1.T + b1, 0)
        h2 = np.maximum(h1 @ w2.T + b2, 0)
        margin = 1 - Y * (h2 @ w3[0] + b3)
        loss = np.maximum(margin, 0).mean() + PENALTY * sum((p * p).sum() for p in parts)
        d = (margin > 0) * Y / -len(Y)
        d2 = np.outer(d, w3[0]) * (h2 > 0)
        d1 = d2 @ w2 * (h1 > 0)
        sums = d1.T @ X, d1.sum(0), d2.T @ h1, d2.sum(0), d[None] @ h2, d.sum(keepdims=True)
        return loss, [s + 2 * PENALTY * p for s, p in zip(sums, parts)]

    return step


def jax_with_matrices():
    jnp = jax.numpy

    def loss(parts, x, y):
        w1, b1, w2, b2, w3, b3 = parts
        h = jax.nn.relu(x @ w1.T + b1)
        h = jax.nn.relu(h @ w2.T + b2)
        margin = 1 - y * (h @ w3[0] + b3)
        return jax.nn.relu(margin).mean() + PENALTY * sum((p * p).sum() for p in parts)

    step = jax.jit(jax.value_and_grad(loss))
    parts, x, y = [jnp.array(p) for p in matrices(w)], jnp.array(X), jnp.array(Y)
    return lambda: jax.block_until_ready(step(parts, x, y))


def torch_with_matrices():
    w1, b1, w2, b2, w3, b3 = parts = [torch.tensor(p, requires_grad=True) for p in matrices(w)]
    x, y = torch.tensor(X), torch.tensor(Y)

    def step():
        h = torch.relu(torch.addmm(b1, x, w1.T))
        h = torch.relu(torch.addmm(b2, h, w2.T))
        margin = 1 - y * torch.addmv(b3, h, w3[0])
        loss = torch.relu(margin).mean() + PENALTY * sum((p * p).sum() for p in parts)
        return loss.item(), torch.autograd.grad(loss, parts)

    return step


def ours():
    return step.gradient(theta, X, Y)


def check(sides) -> None:
    """All sides compute the same numbers as the first."""
    (_, first), *peers = sides.items()
    loss, gradient = first()
    for name, side in peers:
        value, parts = side()
        their = parts if isinstance(parts, np.ndarray) else flat([np.asarray(p) for p in parts])
        agree(f"{name}: loss", loss, value)
        agree(f"{name}: gradients", gradient[order], their)


def main() -> bool:
    side_by_side.header("g++", "jax", "torch")
    sides = {
        "micrograd, in scalars": ours,
        "C++ by hand": cpp(),
        "jax.jit, with matrices": jax_with_matrices(),
        "PyTorch eager, with matrices": torch_with_matrices(),
        "NumPy by hand": numpy_by_hand(),
    }
    check(sides)
    bars = {
        "C++ by hand": (Within(4), Within(2)),
        "jax.jit, with matrices": (Faster(4), Faster(7)),
        "PyTorch eager, with matrices": (Faster(15), Faster(30)),
        "NumPy by hand": (Faster(6),),
    }
    return side_by_side.compare("demo step: loss and 337 gradients", sides, bars)


if __name__ == "__main__":
    sys.exit(not main())
