"""Graphs to draw, and names that no format may take for markup."""

import random

import micrograd as mg

NASTY = [
    "<script>alert(1)</script>", "</svg>", "\"q'uotes\"", "two\nlines\r\t", "back\\slash\\n",
    "$x^2$", "a" * 10_000, "&amp;", "\x00\x1b[31m\x7f", "\ud800", "\u202eright to left",
    "--> %s {0}", "]]>",
]  # fmt: skip


def small() -> mg.Value:
    w, x, b = mg.Value(2.0, name="w"), mg.Value(0.5, name="x"), mg.Value(1.0, name="b")
    loss = mg.tanh(w * x + b)
    loss.backward()
    return loss


def moons(examples: int = 20) -> mg.Value:
    """The lecture's loss: each neuron a sum of products, the mean of hinges, and the penalty."""
    draw = random.Random(0)
    model = mg.MLP(2, [4, 4, 1], "relu", seed=0)
    losses = []
    for k in range(examples):
        (score,) = model([draw.gauss(0, 1), draw.gauss(0, 1)])
        losses.append(mg.relu(1 - (-1) ** k * score))
    return mg.mean(losses) + 1e-4 * mg.sum(p * p for p in model.parameters())
