"""Formulas that broadcast, random arguments, and the words of the error about unclear shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

import micrograd as mg
from micrograd import Value

w = Value(0.7)


def normal(*shape: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def call_price(m: Any) -> Callable[..., Any]:
    """The Black-Scholes formula, in the functions of `m`."""

    def price(S: Any, K: Any, T: Any = 1.5, r: Any = 0.03, sigma: Any = 0.2) -> Any:
        S, K = 100 * 1.1**S, 100 * 1.1**K
        d1 = (m.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * m.sqrt(T))
        d2 = d1 - sigma * m.sqrt(T)
        return S * m.erfc(-d1 / 2**0.5) / 2 - K * m.exp(-r * T) * m.erfc(-d2 / 2**0.5) / 2

    return price


class InNumPy:
    log, sqrt, exp, erfc = np.log, np.sqrt, np.exp, scipy.special.erfc


def several(x: Any, y: Any) -> Any:
    return {"product": x * y, "pair": (x + y, [y]), "constant": 3.0}


FORMULAS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "arithmetic": (lambda x, y: 2 * x**2 - y / 3 + x * y, lambda x, y: 2 * x**2 - y / 3 + x * y),
    "Black and Scholes": (call_price(mg), call_price(InNumPy)),
    "a parameter": (lambda x, y: w * x - mg.tanh(y), lambda x, y: 0.7 * x - np.tanh(y)),
    "through NumPy": (
        lambda x, y: np.exp(x) * np.tanh(y) + np.float64(2) * x,
        lambda x, y: np.exp(x) * np.tanh(y) + 2 * x,
    ),
    "methods": (lambda x, y: x.sin() + y.relu(), lambda x, y: np.sin(x) + np.maximum(y, 0)),
    "a choice": (
        lambda x, y: mg.where((x > 0) & (y < 1), x, 2 * y),
        lambda x, y: np.where((x > 0) & (y < 1), x, 2 * y),
    ),
    "a list of numbers": (lambda x, y: mg.sum([x, y, w]), lambda x, y: x + y + 0.7),
    "a norm": (lambda x, y: mg.norm([x, y]), np.hypot),
    "a network": (
        lambda x, y: mg.MLP(2, [3, 1], seed=0)([x, y])[0] * 0 + x - y,
        lambda x, y: x - y,
    ),
    "a derivative within": (lambda x, y: mg.grad(lambda t: t * t * y)(x), lambda x, y: 2 * x * y),
    "several results": (
        several,
        lambda x, y: {"product": x * y, "pair": (x + y, [y + 0 * x]), "constant": 3 + 0 * x * y},
    ),
}
# These fit by their first axes as well, and mean another thing then.
UNCLEAR = [[(5, 1), (5,)], [(5, 5), (5,)], [(1, 5), (5,)], [(5,), (5, 5)], [(2, 2, 3), (2, 3)]]


def agrees(answer: Any, expected: Any, tolerance: float) -> None:
    """Asserts equal structure, shapes and numbers; a number where NumPy returns one."""
    if isinstance(expected, dict):
        assert list(answer) == list(expected)
        answer, expected = [*answer.values()], [*expected.values()]
    if isinstance(expected, (list, tuple)):
        assert len(answer) == len(expected)
        for part, other in zip(answer, expected):
            agrees(part, other, tolerance)
    else:
        assert np.shape(answer) == np.shape(expected)
        assert np.ndim(expected) or isinstance(answer, np.floating)
        scale = max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(answer, expected, rtol=tolerance, atol=tolerance * scale)
