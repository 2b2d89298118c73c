"""How long do the per-example gradients of a network take, instead of those of the mean?

A network 8-32-32-1 with tanh, squared error, float64: an array of 1,377 gradients for each of a
thousand examples. The weights are arguments of the function, shared by all examples. Against JAX
with matrices and vmap, and heyoka with its own expressions.
"""

import sys

import side_by_side
from side_by_side import Faster, agree

# isort: split
import heyoka as hy
import jax
import numpy as np

import micrograd as mg

INPUTS, HIDDEN, EXAMPLES = 8, 32, 1_000

random = np.random.default_rng(0)
X, Y = random.normal(size=(EXAMPLES, INPUTS)), random.normal(size=EXAMPLES)
SHAPES = (HIDDEN, INPUTS), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN,), ()
weights = [random.normal(0, 0.2, shape) for shape in SHAPES]

hy.set_nthreads(1)
hy.llvm_state.set_diskcache_enabled(False)


def loss(w1, b1, w2, b2, w3, b3, x, y, tanh=mg.tanh, dot=mg.dot):
    """The loss of one example, in scalars; each side passes its own `tanh` and `dot`."""
    h = [tanh(dot(w, x, b)) for w, b in zip(w1, b1)]
    h = [tanh(dot(w, h, b)) for w, b in zip(w2, b2)]
    return (dot(w3, h, b3) - y) ** 2


def ours():
    """All examples share an array with one row."""
    f = mg.vectorize(lambda *parts: loss(*parts))
    shared = [np.asarray(part)[None] for part in weights]

    def call():
        losses, gradients = f.value_and_grad(*shared, X, Y)
        return losses, gradients[: len(SHAPES)]

    return call


def in_jax():
    jnp = jax.numpy

    def one(parts, x, y):
        w1, b1, w2, b2, w3, b3 = parts
        h = jnp.tanh(w2 @ jnp.tanh(w1 @ x + b1) + b2)
        return (w3 @ h + b3 - y) ** 2

    step = jax.jit(jax.vmap(jax.value_and_grad(one), (None, 0, 0)))
    parts, x, y = [jnp.array(part) for part in weights], jnp.array(X), jnp.array(Y)
    return lambda: jax.block_until_ready(step(parts, x, y))


def in_heyoka(compact_mode):
    """heyoka's layout: a row for each number, with one column per example."""
    sizes = [int(np.prod(shape)) for shape in (*SHAPES, (INPUTS,), ())]
    names = hy.make_vars(*(f"v{k}" for k in range(sum(sizes))))
    ends = np.cumsum(sizes)
    w1, b1, w2, b2, w3, b3, x, y = (names[e - n : e] for n, e in zip(sizes, ends))

    def rows(matrix, length):
        return [matrix[k : k + length] for k in range(0, len(matrix), length)]

    def dot(w, x, b):
        return hy.sum([b, *(wi * xi for wi, xi in zip(w, x))])

    parts = rows(w1, INPUTS), b1, rows(w2, HIDDEN), b2, w3, b3[0], x, y[0]
    value, parameters = loss(*parts, tanh=hy.tanh, dot=dot), names[: ends[len(SHAPES) - 1]]
    gradient = hy.diff_tensors([value], parameters).gradient
    f = hy.cfunc([value, *gradient], names, compact_mode=compact_mode)
    numbers = np.concatenate([part.ravel() for part in weights])
    inputs = np.ascontiguousarray(np.vstack([np.tile(numbers, (EXAMPLES, 1)).T, X.T, Y]))

    def call():
        losses, *gradients = f(inputs)
        return losses, gradients

    return call


def flat(gradients):
    """An array of shape (examples, parameters), from parts in the shapes of the weights."""
    return np.hstack([np.reshape(part, (EXAMPLES, -1)) for part in gradients])


def main() -> bool:
    side_by_side.header("jax", "heyoka")
    sides = {
        "micrograd, in scalars": ours(),
        "jax.jit of vmap of grad, with matrices": in_jax(),
        "heyoka": in_heyoka(compact_mode=False),
        "heyoka, compact mode": in_heyoka(compact_mode=True),
    }
    (_, mine), (_, jaxs), *heyokas = sides.items()
    losses, gradients = mine()
    value, slopes = jaxs()
    agree("JAX: losses", losses, value)
    agree("JAX: gradients", flat(gradients), flat(slopes))
    for name, side in heyokas:
        value, slopes = side()
        agree(f"{name}: losses", losses, value)
        agree(f"{name}: gradients", flat(gradients), np.transpose(slopes))
    bars = {
        "jax.jit of vmap of grad, with matrices": (Faster(1),),
        "heyoka": (Faster(5),),
        "heyoka, compact mode": (Faster(5),),
    }
    title = "loss and 1,377 gradients of each example, an example"
    return side_by_side.compare(title, sides, bars, per=EXAMPLES)


if __name__ == "__main__":
    sys.exit(not main())
