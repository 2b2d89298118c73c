"""A GPT in scalars: attention, feed-forward, cross-entropy; trained on names that do not exist.

Nothing here is an array: a vector is a list, a matrix a list of lists, the loss of one name a graph
of scalars. `mg.take` reads the embedding of a token that is an input, so one program serves all
names; `vectorize` finds the matrix products in it. It prints:

    before training 3.7
    after training  0.4
    made up: doreli jorela melindo lorena galena jorela olander norelia
"""

import random

import numpy as np

import micrograd as mg

NAMES = ["anelo", "belora", "calinda", "doreli", "elanor", "feloni", "galena", "haloni",
         "ilenda", "jorela", "kalinor", "lorena", "melindo", "norelia", "olander"]  # fmt: skip
LETTERS = "." + "".join(sorted(set("".join(NAMES))))  # the dot begins and ends a name
LENGTH = 1 + max(map(len, NAMES))
WIDTH, HEADS = 12, 2

draw = random.Random(0)


def matrix(rows, columns):
    return [[mg.Value(draw.gauss(0, 0.25)) for _ in range(columns)] for _ in range(rows)]


tokens, places = matrix(len(LETTERS), WIDTH), matrix(LENGTH, WIDTH)
query, key, value, mix = (matrix(WIDTH, WIDTH) for _ in range(4))
widen, narrow, unembed = matrix(24, WIDTH), matrix(WIDTH, 24), matrix(len(LETTERS), WIDTH)


def linear(weights, x):
    return [sum(w * a for w, a in zip(row, x)) for row in weights]


def normalised(x):
    scale = (mg.mean(a * a for a in x) + 1e-5) ** -0.5
    return [a * scale for a in x]


def attend(q, keys, values):
    """Each head weighs the values so far by how well their keys match the query."""
    size = WIDTH // HEADS
    heads = []
    for h in range(0, WIDTH, size):
        part = slice(h, h + size)
        scores = [sum(a * b for a, b in zip(q[part], k[part])) / size**0.5 for k in keys]
        weights = mg.softmax(scores)
        columns = zip(*[v[part] for v in values])
        heads += [sum(w * a for w, a in zip(weights, column)) for column in columns]
    return heads


def gpt(text):
    """For each place of a text, a score for each letter that may follow."""
    keys, values, scores = [], [], []
    for token, place in zip(text, places):
        x = normalised([a + b for a, b in zip(mg.take(tokens, token), place)])
        h = normalised(x)
        keys.append(linear(key, h))
        values.append(linear(value, h))
        attended = linear(mix, attend(linear(query, h), keys, values))
        x = [a + b for a, b in zip(x, attended)]
        thought = linear(narrow, [mg.relu(a) for a in linear(widen, normalised(x))])
        x = [a + b for a, b in zip(x, thought)]
        scores.append(linear(unembed, x))
    return scores


def loss(text, follows, counts):
    """The cross-entropy of the letters that follow; counts are 0 beyond the end of the name."""
    terms = [-mg.take(mg.log_softmax(s), k) for s, k in zip(gpt(text), follows)]
    return mg.dot(counts, terms) / mg.sum(counts)


texts = np.array([[*map(LETTERS.index, f".{name}".ljust(LENGTH, "."))] for name in NAMES])
follows = np.roll(texts, -1, axis=1)
counts = np.array([np.arange(LENGTH) <= len(name) for name in NAMES], float)

step = mg.vectorize(loss)
print(f"before training {step.backward(texts, follows, counts):.1f}")
optimizer = mg.Adam(0.01)
for _ in range(150):
    step.backward(texts, follows, counts)
    optimizer.step(step.parameters)
print(f"after training  {step(texts, follows, counts).mean():.1f}")

scores = mg.vectorize(gpt)
text = np.zeros((8, LENGTH))
for place in range(LENGTH - 1):
    powers = np.exp(scores(text)[place])  # a row for each letter, a column for each text
    for row, p in enumerate(powers.T):
        ended = place and not text[row, place]
        text[row, place + 1] = 0 if ended else draw.choices(range(len(LETTERS)), p)[0]
print("made up:", *["".join(LETTERS[int(k)] for k in row).strip(".") for row in text])
