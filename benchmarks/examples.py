"""How long does one step of each of the other examples take?

The Rosenbrock function in 1,000 dimensions, a pendulum with 50 Runge-Kutta steps, and a network
that solves a differential equation: value and gradient, against JAX (and SciPy's `rosen`).
"""

import sys

import side_by_side
from side_by_side import agree

# isort: split
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import rosen, rosen_der

import micrograd as mg

H, STEPS = 0.06, 50
random = np.random.default_rng(0)


def valley() -> bool:
    f = mg.compile(lambda x: mg.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)))
    theirs = jax.jit(
        jax.value_and_grad(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    )
    x = np.tile([-1.2, 1.0], 500)
    sides = {
        "micrograd, in scalars": lambda: f.value_and_grad(x),
        "SciPy's rosen and rosen_der": lambda: (rosen(x), rosen_der(x)),
        "jax.jit, with arrays": lambda: [np.asarray(part) for part in theirs(x)],
    }
    for side in sides.values():
        agree("valley", f.value_and_grad(x)[1], side()[1])
    return side_by_side.compare("Rosenbrock in 1,000 dimensions", sides, {})


def slope(sin, angle, speed, length, friction):
    return speed, -9.81 / length * sin(angle) - friction * speed


def runge_kutta(sin, angle, speed, *constants):
    a1, s1 = slope(sin, angle, speed, *constants)
    a2, s2 = slope(sin, angle + H / 2 * a1, speed + H / 2 * s1, *constants)
    a3, s3 = slope(sin, angle + H / 2 * a2, speed + H / 2 * s2, *constants)
    a4, s4 = slope(sin, angle + H * a3, speed + H * s3, *constants)
    angle = angle + H / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    return angle, speed + H / 6 * (s1 + 2 * s2 + 2 * s3 + s4)


def swing(sin, angle, *constants):
    angles, speed = [], 0.0
    for _ in range(STEPS):
        angle, speed = runge_kutta(sin, angle, speed, *constants)
        angles.append(angle)
    return angles


def pendulum() -> bool:
    length, friction = mg.Value(1.0), mg.Value(0.1)
    starts, measured = np.linspace(0.3, 2.5, 10), random.normal(size=(10, STEPS))

    def error(angle, measured):
        angles = swing(mg.sin, angle, length, friction)
        return mg.mean((a - m) ** 2 for a, m in zip(angles, measured, strict=True))

    step = mg.vectorize(error)
    step.backward(starts, measured)
    theta = step.pack()

    def of_all(constants):
        def swung(now, _):
            now = runge_kutta(jnp.sin, *now, *constants)
            return now, now[0]

        _, angles = jax.lax.scan(swung, (starts, jnp.zeros(10)), length=STEPS)
        return jnp.mean((angles.T - measured) ** 2)

    order = [step.parameters.index(value) for value in (length, friction)]
    theirs, constants = jax.jit(jax.value_and_grad(of_all)), theta[order]
    sides = {
        "micrograd, in scalars": lambda: step.gradient(theta, starts, measured),
        "jax.jit, lax.scan over arrays": lambda: [np.asarray(x) for x in theirs(constants)],
    }
    ours, other = (side()[1] for side in sides.values())
    agree("pendulum", ours[order], other)
    return side_by_side.compare("pendulum, 10 swings of 50 steps", sides, {})


def physics() -> bool:
    model = mg.MLP(1, [12, 12, 1], activation="tanh", seed=0)

    def u(x):
        return x + x * x * model([x])[0]

    step = mg.vectorize(lambda x: (mg.grad(mg.grad(u))(x) + u(x)) ** 2)
    x = np.linspace(0, 2 * np.pi, 40)
    step.backward(x)
    theta = step.pack()
    layers = [
        [jnp.array([[w.data for w in n.weights] for n in layer.neurons]),
         jnp.array([n.bias.data for n in layer.neurons])]
        for layer in model.layers
    ]  # fmt: skip

    def their_u(layers, x):
        (w1, b1), (w2, b2), (w3, b3) = layers
        h = jnp.tanh(w2 @ jnp.tanh(w1[:, 0] * x + b1) + b2)
        return x + x * x * (w3 @ h + b3)[0]

    second = jax.grad(jax.grad(their_u, 1), 1)
    their_loss = jax.vmap(lambda p, x: (second(p, x) + their_u(p, x)) ** 2, (None, 0))
    theirs = jax.jit(jax.value_and_grad(lambda layers: their_loss(layers, x).mean()))
    sides = {
        "micrograd, in scalars": lambda: step.gradient(theta, x),
        "jax.jit, with matrices": lambda: jax.block_until_ready(theirs(layers)),
    }
    ours, other = (side()[0] for side in sides.values())
    agree("physics", ours, other)
    return side_by_side.compare("u'' = -u by a network, 40 points", sides, {})


if __name__ == "__main__":
    side_by_side.header("jax")
    sys.exit(not all([valley(), pendulum(), physics()]))
