"""Real programs: values, gradients and second derivatives against HIPS autograd and mpmath."""

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy
import autograd.scipy.special
import mpmath as mp
import numpy as np
import pytest

import micrograd as mg

hips: Any = autograd  # its names are made at run time, unknown to type checkers
anp, special = hips.numpy, hips.scipy.special


class Ours:
    """The functions that the programs use, of this package."""

    exp, log, sin, tanh, erfc, sqrt = mg.exp, mg.log, mg.sin, mg.tanh, mg.erfc, mg.sqrt
    softplus, logsumexp, sum = mg.softplus, mg.logsumexp, mg.sum


class Theirs:
    """The same, of autograd."""

    exp, log, sin, tanh, sqrt = anp.exp, anp.log, anp.sin, anp.tanh, anp.sqrt
    erfc = special.erfc

    @staticmethod
    def softplus(x: Any) -> Any:
        return anp.logaddexp(0.0, x)

    @staticmethod
    def logsumexp(values: Any) -> Any:
        return special.logsumexp(anp.array(list(values)))

    @staticmethod
    def sum(values: Any) -> Any:
        return sum(values)


def network(x: Any, m: Any) -> Any:
    """A network of 2-3-1 units, on one point; x are its weights."""
    hidden = [m.tanh(0.3 * x[3 * i] - 1.2 * x[3 * i + 1] + x[3 * i + 2]) for i in range(3)]
    return m.sum(h * x[9 + i] for i, h in enumerate(hidden)) + x[12]


def black_scholes(x: Any, m: Any) -> Any:
    S, K, T, r, sigma = 100 + x[0], 95 + x[1], 1.1 + x[2] / 9, 0.05 + x[3] / 99, 0.3 + x[4] / 20
    d1 = (m.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * m.sqrt(T))
    d2 = d1 - sigma * m.sqrt(T)
    return S * m.erfc(-d1 / 2**0.5) / 2 - K * m.exp(-r * T) * m.erfc(-d2 / 2**0.5) / 2


POINTS = np.random.default_rng(8).normal(size=(20, 3))
LABELS = np.where(POINTS[:, 0] + POINTS[:, 1] ** 2 > 0.5, 1.0, -1.0)


def logistic_regression(x: Any, m: Any) -> Any:
    margins = [
        label * m.sum([*(w * p for w, p in zip(x, row)), x[3]])
        for row, label in zip(POINTS.tolist(), LABELS.tolist())
    ]
    return m.sum(m.softplus(-margin) for margin in margins) / 20 + 0.01 * m.sum(w * w for w in x)


def pendulum(x: Any, m: Any) -> Any:
    """The final angle of a pendulum, by Runge-Kutta; x is angle, speed, length and friction."""
    angle, speed, length, friction = x[0], x[1], 1.5 + x[2] / 9, 0.2 + x[3] / 9

    def slope(angle: Any, speed: Any) -> tuple[Any, Any]:
        return speed, -9.81 / length * m.sin(angle) - friction * speed

    h = 0.1
    for _ in range(10):
        a1, s1 = slope(angle, speed)
        a2, s2 = slope(angle + h / 2 * a1, speed + h / 2 * s1)
        a3, s3 = slope(angle + h / 2 * a2, speed + h / 2 * s2)
        a4, s4 = slope(angle + h * a3, speed + h * s3)
        angle = angle + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        speed = speed + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
    return angle


def rosenbrock(x: Any, m: Any) -> Any:
    return m.sum(100 * (x[i + 1] - x[i] * x[i]) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def cross_entropy(x: Any, m: Any) -> Any:
    """Softmax regression of three classes on four points."""
    total = 0.0
    for row, label in zip(POINTS[:4].tolist(), (0, 2, 1, 2)):
        scores = [m.sum(w * p for w, p in zip(x[3 * k : 3 * k + 3], row)) for k in range(3)]
        total = total + m.logsumexp(scores) - scores[label]
    return total / 4


PROGRAMS: dict[str, tuple[Callable[..., Any], int]] = {
    "network": (network, 13),
    "black_scholes": (black_scholes, 5),
    "logistic_regression": (logistic_regression, 4),
    "pendulum": (pendulum, 4),
    "rosenbrock": (rosenbrock, 8),
    "cross_entropy": (cross_entropy, 9),
}
pytestmark = pytest.mark.parametrize("name", PROGRAMS)


def point(name: str) -> Any:
    return np.random.default_rng(3).normal(size=(4, PROGRAMS[name][1]))


@pytest.mark.parametrize("exact", [False, True])
def test_values_and_gradients(name: str, exact: bool) -> None:
    function, _ = PROGRAMS[name]
    X = point(name)
    value, gradient = mg.vectorize(lambda x: function(x, Ours), exact=exact).value_and_grad(X)
    for x, v, g in zip(X, value, gradient):
        want, slope = hips.value_and_grad(lambda x: function(x, Theirs))(x)
        assert v == pytest.approx(want, rel=1e-12)
        np.testing.assert_allclose(g, slope, rtol=1e-10, atol=1e-12 * np.abs(slope).max())


def test_second_derivatives(name: str) -> None:
    function, _ = PROGRAMS[name]
    X = point(name)
    H = mg.vectorize(mg.hessian(lambda x: function(x, Ours)))(X)
    for x, h in zip(X[:2], H[:2]):
        want = hips.hessian(lambda x: function(x, Theirs))(x)
        np.testing.assert_allclose(h, want, rtol=1e-9, atol=1e-11 * np.abs(want).max())


class Precise:
    """The same, of mpmath, in 50 digits."""

    exp, log, sin, tanh, erfc, sqrt = mp.exp, mp.log, mp.sin, mp.tanh, mp.erfc, mp.sqrt

    @staticmethod
    def softplus(x: Any) -> Any:
        return mp.log1p(mp.exp(x))

    @staticmethod
    def logsumexp(values: Any) -> Any:
        return mp.log(mp.fsum(map(mp.exp, values)))

    @staticmethod
    def sum(values: Any) -> Any:
        return mp.fsum(values)


def test_all_digits(name: str) -> None:
    """Value and gradient are correct to 13 digits, relative to the largest number."""
    function, n = PROGRAMS[name]
    (x, *_) = point(name)
    value, gradient = mg.compile(lambda x: function(x, Ours)).value_and_grad(x)
    with mp.workdps(50):
        exact = [mp.mpf(v) for v in x.tolist()]
        assert value == pytest.approx(float(function(exact, Precise)), rel=1e-13)
        h = mp.mpf(10) ** -15
        slopes = []
        for k in range(n):
            up, down = ([v + s * (i == k) for i, v in enumerate(exact)] for s in (h, -h))
            slopes.append(float((function(up, Precise) - function(down, Precise)) / (2 * h)))
    np.testing.assert_allclose(gradient, slopes, rtol=1e-11, atol=1e-13 * np.abs(slopes).max())
