"""A network that solves a differential equation: u'' = -u, u(0) = 0, u'(0) = 1, which is the sine.

The loss holds the second derivative of the network by its input, so that its own gradient by the
weights is a third derivative; `grad` within the loss is all that takes. It prints:

    before: 73.392
    after:  below 1e-5: True
    sine within 0.01 everywhere: True
    u(1.57) = 1.00
    u(3.14) = 0.00
    u(4.71) = -1.00
"""

import numpy as np
from scipy.optimize import minimize

import micrograd as mg

model = mg.MLP(1, [12, 12, 1], activation="tanh", seed=0)


def u(x):
    """The solution: it starts at 0 with slope 1, whatever the network says."""
    return x + x * x * model([x])[0]


def loss(x):
    """How far u is from solving the equation at x."""
    return (mg.grad(mg.grad(u))(x) + u(x)) ** 2


x = np.linspace(0, 2 * np.pi, 40)
step = mg.vectorize(loss)
print(f"before: {step.backward(x):.3f}")
found = minimize(
    step.gradient, step.pack(), args=(x,), jac=True, method="BFGS", options={"maxiter": 2000}
)
step.unpack(found.x)
print(f"after:  below 1e-5: {found.fun < 1e-5}")

solution = mg.vectorize(u)
between = np.linspace(0, 2 * np.pi, 1001)
error = np.abs(solution(between) - np.sin(between)).max()
print(f"sine within 0.01 everywhere: {error < 0.01}")
for t in (np.pi / 2, np.pi, 3 * np.pi / 2):
    print(f"u({t:.2f}) = {round(solution(t), 2) + 0.0:.2f}")
