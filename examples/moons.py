"""The demonstration of karpathy/micrograd: two half moons, separated by a network of scalars.

The loss is written for one point. Run on Values it is a graph of scalars, one for each point;
vectorized it is native code, for all points at once. The numbers are the same. It prints:

    337 parameters, 100 points
    loss of Values      0.9241
    loss in native code 0.9241, gradients agree: True
    after 100 steps     0.0081, 100 of 100 points right
    ++++++++++++++++++++++++++++++++
    ++++++++++++++++++++++++++++++++
    ++++++++++++++++++++++++++++++..
    ++++++++++++.+++++++++++++++....
    ++++++++++.....++++++++++.......
    +++++++++.......++++++++........
    ++++++++.........++++++.........
    ++++++++............+...........
    +++++++.........................
    +++++++.........................
    ++++++..........................
"""

import random

import numpy as np

import micrograd as mg

data = random.Random(0)
X, y = [], []
for k in range(100):
    angle, noise = data.uniform(0, np.pi), (data.gauss(0, 0.1), data.gauss(0, 0.1))
    upper = (np.cos(angle), np.sin(angle))
    point = upper if k % 2 else (1 - upper[0], 0.5 - upper[1])
    X.append([point[0] + noise[0], point[1] + noise[1]])
    y.append(1.0 if k % 2 else -1.0)
X, y = np.array(X), np.array(y)

model = mg.MLP(2, [16, 16, 1], activation="relu", seed=1)
parameters = model.parameters()


def loss(x, y):
    """The hinge loss of one point, and a little for large weights."""
    (score,) = model(x)
    return mg.relu(1 - y * score) + 1e-4 * mg.sum(p * p for p in parameters)


print(f"{len(parameters)} parameters, {len(X)} points")

total = mg.mean(loss(x, target) for x, target in zip(X.tolist(), y.tolist()))
total.backward()
eager = [p.grad for p in parameters]
print(f"loss of Values      {total.data:.4f}")

step = mg.vectorize(loss)
value = step.backward(X, y)
agree = np.allclose([p.grad for p in parameters], eager, rtol=1e-10, atol=1e-14)
print(f"loss in native code {value:.4f}, gradients agree: {agree}")

optimizer = mg.Adam(0.02)
for _ in range(100):
    step.backward(X, y)
    optimizer.step(parameters)

score = mg.vectorize(lambda x: model(x)[0])
right = int(np.sum(score(X) * y > 0))
print(f"after 100 steps     {step(X, y).mean():.4f}, {right} of {len(X)} points right")

for v in np.linspace(1.4, -0.9, 11):
    row = np.array([[u, v] for u in np.linspace(-1.5, 2.5, 32)])
    print("".join("+" if s > 0 else "." for s in score(row)))
