"""How long does one training step of a GPT in scalars take, on one name of 8 tokens?

The model of Karpathy's microgpt: 16 embedding dimensions, 4 heads, 1 layer, a block of 16; 4,192
parameters, float64. Loss and gradients, against PyTorch with matrices and hand-written NumPy; also
32 names at once.
"""

import sys

import side_by_side
from side_by_side import Below, Faster, agree

# isort: split
import numpy as np
import torch

import micrograd as mg

LETTERS, WIDTH, HEADS, BLOCK, LENGTH = 27, 16, 4, 16, 8
HEAD = WIDTH // HEADS
SHAPES = {
    "tokens": (LETTERS, WIDTH),
    "places": (BLOCK, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "mix": (WIDTH, WIDTH),
    "up": (4 * WIDTH, WIDTH),
    "down": (WIDTH, 4 * WIDTH),
    "answer": (LETTERS, WIDTH),
}

random = np.random.default_rng(0)
weights = {name: random.normal(0, 0.2, shape) for name, shape in SHAPES.items()}
names = random.integers(0, LETTERS, (32, LENGTH + 1))  # the inputs, and the targets, shifted by one


# In scalars.

model = {name: [[mg.Value(x) for x in row] for row in array] for name, array in weights.items()}


def linear(matrix, x):
    return [mg.dot(row, x) for row in matrix]


def normalised(x):
    scale = (mg.mean(xi * xi for xi in x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def attention(query, keys, values):
    """One head: the values, weighted by how well their keys match the query."""
    fits = mg.softmax([mg.dot(query, key) / HEAD**0.5 for key in keys])
    return [mg.dot(fits, column) for column in zip(*values)]


def next_letter(token, place, keys, values):
    """The logits of the next token; `keys` and `values` hold those of the previous tokens."""
    x = [a + b for a, b in zip(mg.take(model["tokens"], token), model["places"][place])]
    x = normalised(x)
    inputs = normalised(x)
    query = linear(model["query"], inputs)
    keys.append(linear(model["key"], inputs))
    values.append(linear(model["value"], inputs))
    heads = []
    for h in range(0, WIDTH, HEAD):
        part = slice(h, h + HEAD)
        heads += attention(query[part], [k[part] for k in keys], [v[part] for v in values])
    x = [a + b for a, b in zip(x, linear(model["mix"], heads))]
    hidden = [mg.relu(h) for h in linear(model["up"], normalised(x))]
    x = [a + b for a, b in zip(x, linear(model["down"], hidden))]
    return linear(model["answer"], x)


def loss(letters):
    keys, values = [], []
    return mg.mean(
        mg.losses.cross_entropy(next_letter(letters[place], place, keys, values), following)
        for place, following in enumerate(letters[1:])
    )


# In matrices.


def in_torch():
    p = {name: torch.tensor(array, requires_grad=True) for name, array in weights.items()}
    letters = torch.tensor(names[0])
    later = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)

    def heads(x):
        return x.view(LENGTH, HEADS, HEAD).transpose(0, 1)

    def rms(x):
        return torch.nn.functional.rms_norm(x, (WIDTH,), eps=1e-5)

    def step():
        x = rms(p["tokens"][letters[:-1]] + p["places"][:LENGTH])
        inputs = rms(x)
        q, k, v = (heads(inputs @ p[name].T) for name in ("query", "key", "value"))
        fits = (q @ k.transpose(1, 2) / HEAD**0.5).masked_fill(later, -torch.inf).softmax(-1)
        x = x + (fits @ v).transpose(0, 1).reshape(LENGTH, WIDTH) @ p["mix"].T
        x = x + torch.relu(rms(x) @ p["up"].T) @ p["down"].T
        loss = torch.nn.functional.cross_entropy(x @ p["answer"].T, letters[1:])
        return loss.item(), dict(zip(p, torch.autograd.grad(loss, list(p.values()))))

    return step


def numpy_by_hand():
    p, letters = weights, names[0]
    before, after, rows = letters[:-1], letters[1:], np.arange(LENGTH)
    mask = np.triu(np.full((LENGTH, LENGTH), -np.inf), 1)
    joined = np.concatenate([p["query"], p["key"], p["value"]])

    def rms(x):
        scale = ((x * x).sum(1, keepdims=True) / WIDTH + 1e-5) ** -0.5
        return x * scale, scale

    def back_through_rms(d, y, scale):
        return scale * (d - y * ((d * y).sum(1, keepdims=True) / WIDTH))

    def heads(x):
        return x.reshape(LENGTH, -1, HEAD).transpose(1, 0, 2)

    def flat(x):
        return x.transpose(1, 0, 2).reshape(LENGTH, -1)

    def step():
        x0, s0 = rms(p["tokens"][before] + p["places"][:LENGTH])
        x1, s1 = rms(x0)
        parts = heads(x1 @ joined.T)
        q, k, v = parts[:HEADS], parts[HEADS : 2 * HEADS], parts[2 * HEADS :]
        fits = np.exp(q @ k.transpose(0, 2, 1) / HEAD**0.5 + mask)
        fits /= fits.sum(2, keepdims=True)
        mixed = flat(fits @ v)
        x2 = x0 + mixed @ p["mix"].T
        x3, s3 = rms(x2)
        hidden = np.maximum(x3 @ p["up"].T, 0)
        x4 = x2 + hidden @ p["down"].T
        odds = np.exp(x4 @ p["answer"].T)
        odds /= odds.sum(1, keepdims=True)
        loss = -np.log(odds[rows, after]).sum() / LENGTH

        odds[rows, after] -= 1
        odds /= LENGTH
        g = {"answer": odds.T @ x4}
        d4 = odds @ p["answer"]
        g["down"] = d4.T @ hidden
        dh = d4 @ p["down"] * (hidden > 0)
        g["up"] = dh.T @ x3
        d2 = d4 + back_through_rms(dh @ p["up"], x3, s3)
        g["mix"] = d2.T @ mixed
        dm = heads(d2 @ p["mix"])
        dfits = dm @ v.transpose(0, 2, 1)
        dz = fits * (dfits - (dfits * fits).sum(2, keepdims=True)) / HEAD**0.5
        dparts = np.concatenate([dz @ k, dz.transpose(0, 2, 1) @ q, fits.transpose(0, 2, 1) @ dm])
        dqkv = flat(dparts)
        g["query"], g["key"], g["value"] = np.split(dqkv.T @ x1, 3)
        d0 = back_through_rms(d2 + back_through_rms(dqkv @ joined, x1, s1), x0, s0)
        g["tokens"], g["places"] = np.zeros((LETTERS, WIDTH)), np.zeros((BLOCK, WIDTH))
        np.add.at(g["tokens"], before, d0)
        g["places"][:LENGTH] = d0
        return loss, g

    return step


def main() -> bool:
    side_by_side.header("torch")
    one, many = mg.compile(loss), mg.vectorize(loss)
    one(names[0])
    many(names)
    theta, wide = one.pack(), many.pack()
    sides = {
        "micrograd, in scalars": lambda: one.gradient(theta, names[0]),
        "PyTorch eager, with matrices": in_torch(),
        "NumPy by hand": numpy_by_hand(),
    }
    (_, ours), *peers = sides.items()
    value, gradient = ours()
    numbers = dict(zip(one.parameters, gradient.tolist()))
    for name, side in peers:
        their, gradients = side()
        agree(f"{name}: loss", value, their)
        for part, matrix in model.items():
            own = [[numbers.get(x, 0.0) for x in row] for row in matrix]
            agree(f"{name}: gradient of {part}", own, gradients[part])
    bars = {
        "micrograd, in scalars": (Below(100, "µs"),),
        "PyTorch eager, with matrices": (Faster(2), Faster(6)),
        "NumPy by hand": (Faster(2),),
    }
    title = "loss and gradients of a name of 8 tokens"
    met = side_by_side.compare(title, sides, bars)
    mean = np.mean([one(name) for name in names])
    agree("32 names: loss", many.gradient(wide, names)[0], mean)
    many_sides = {"micrograd, in scalars": lambda: many.gradient(wide, names)}
    bar = {"micrograd, in scalars": (Below(30, "µs"),)}
    return side_by_side.compare("32 names at once, a name", many_sides, bar, per=32) and met


if __name__ == "__main__":
    sys.exit(not main())
