"""Programs, their arguments, and what the engine computes of each example."""

from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import MLP, Value
from micrograd.engine import numbers_of

Rows = list[list[Any]]  # of each argument, its examples


def values_of(x: Any) -> Any:
    """The numbers of an example as Values, in the same shape."""
    return np.vectorize(Value, otypes=[object])(x) if np.ndim(x) else Value(x)


def gradient_of(x: Any) -> Any:
    return np.vectorize(lambda v: v.grad, otypes=[float])(x) if np.ndim(x) else x.grad


def eagerly(f: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
    """Values, and gradients by each argument, example by example."""
    values, gradients = [], []
    for example in zip(*arguments):
        point = [values_of(x) for x in example]
        value = f(*point)
        if isinstance(value, Value):
            value.backward()
        values += numbers_of([value])
        gradients.append([gradient_of(x) for x in point])
    return np.array(values), tuple(map(np.array, zip(*gradients)))


model = MLP(3, [5, 4, 1], activation="tanh", seed=1)
a, b, table = Value(0.7), Value(-1.3), [[Value(0.1 * i + j) for j in range(3)] for i in range(4)]


def black_scholes(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> Any:
    d1 = (mg.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * mg.sqrt(T))
    d2 = d1 - sigma * mg.sqrt(T)
    return S * mg.erfc(-d1 / 2**0.5) / 2 - K * mg.exp(-r * T) * mg.erfc(-d2 / 2**0.5) / 2


def hinge(x: Any, y: Any) -> Any:
    return mg.relu(1 - y * model(x)[0]) + 1e-3 * mg.sum(p * p for p in model.parameters())


def cross_entropy(x: Any, k: Any) -> Any:
    return -mg.take(mg.log_softmax(x), k)


def embedding(token: Any, x: Any) -> Any:
    row = mg.take(table, token)
    return mg.tanh(mg.dot(row, x, a)) * b


def pendulum(angle: Any, speed: Any) -> Any:
    def slope(angle: Any, speed: Any) -> tuple[Any, Any]:
        return speed, -9.81 * mg.sin(angle) - a * speed

    h = 0.05
    for _ in range(4):
        k1 = slope(angle, speed)
        k2 = slope(angle + h / 2 * k1[0], speed + h / 2 * k1[1])
        k3 = slope(angle + h / 2 * k2[0], speed + h / 2 * k2[1])
        k4 = slope(angle + h * k3[0], speed + h * k3[1])
        angle = angle + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        speed = speed + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return angle * angle + b * speed


def through_numpy(x: Any) -> Any:
    A = np.arange(9.0).reshape(3, 3) / 9
    h = np.tanh(A @ x + np.array([a, b, a * b]))
    return (h * h[::-1]).sum() - np.maximum(h, 0.1)[1:].max(initial=-1.0, where=[False, False])


def determinant(x: Any) -> Any:
    """The determinant of a 3 x 3 matrix, by elimination: an irregular program."""
    m = [list(row) for row in x]
    result = 1.0
    for k in range(3):
        for i in range(k + 1, 3):
            factor = m[i][k] / m[k][k]
            m[i] = [u - factor * v for u, v in zip(m[i], m[k])]
        result = result * m[k][k]
    return result


def second_derivative(x: Any) -> Any:
    """An inner gradient within the function."""
    return mg.grad(lambda u: mg.sin(a * u) * u)(x) * b


def masked(x: Any) -> Any:
    return mg.where(x > 0, mg.log(x) + mg.sqrt(x), mg.exp(x)) + mg.relu(x) ** 1.5


def several_lengths(x: Any) -> Any:
    return mg.sum(mg.exp(-mg.sum(x[:k]) * 0.1) * mg.softmax(x[: k + 1])[-1] for k in range(1, 6))


def normal(*shape: int) -> Any:
    return np.random.default_rng(3).normal(size=shape)


N = 21
u = np.random.default_rng(5).uniform
PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "one product": (lambda x, y: x * y, (normal(N), normal(N) + 1)),
    "black_scholes": (
        black_scholes,
        (u(50, 150, N), u(80, 120, N), u(0.2, 2, N), u(0, 0.1, N), u(0.1, 0.5, N)),
    ),
    "hinge": (hinge, (normal(N, 3), np.where(normal(N) > 0, 1.0, -1.0))),
    "cross_entropy": (cross_entropy, (4 * normal(N, 5), np.arange(N) % 5.0)),
    "embedding": (embedding, (np.arange(N) % 4.0, normal(N, 3))),
    "pendulum": (pendulum, (normal(N), normal(N) + 2)),
    "determinant": (determinant, (normal(N, 3, 3) + 3 * np.eye(3),)),
    "second_derivative": (second_derivative, (normal(N),)),
    "masked": (masked, (normal(N),)),
    "several_lengths": (several_lengths, (normal(N, 6),)),
    "unused": (lambda x, y: x[1] * x[1], (normal(N, 3), normal(N))),
    "constant": (lambda x: 3.0, (normal(N, 2),)),
    "a parameter": (lambda x: a, (normal(N, 2),)),
    "of parameters": (lambda x: a * a + mg.exp(b), (normal(N, 2),)),
    "linear in all": (lambda x: x[0] + x[1] + x[2], (normal(N, 3),)),
    "no slope": (lambda x: mg.stop_gradient(x[0]) + mg.floor(x[1]), (normal(N, 2),)),
}
PARAMETERS = [*model.parameters(), a, b, *[w for row in table for w in row]]
