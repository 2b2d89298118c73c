"""What the fast mode may change: every rewrite, at infinities, NaN, zeros and subnormals.

Sums may be added in any order, and a product that is a term of one is not rounded before. So a
result may differ by rounding; where an intermediate result overflows, by that; and in the sign of a
zero that is a sum. Everything else is as in the eager engine: no product with zero is left out, no
difference of equals, no quotient, even where that is no number.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import eager
from ways import in_float32, in_numpy, native

import micrograd as mg
from micrograd import Value, ops

EDGES = [0.0, -0.0, 1.0, -1.5, 3.0, 1e-310, -5e-324, 1e10, np.inf, -np.inf, np.nan]
ULP = 2.0**-52

# Programs that some compiler would rewrite. The first ones do not end in a sum.
NO_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "times zero": lambda x, y: 0.0 * x,
    "zero times": lambda x, y: (x * 0.0) * y,
    "times one": lambda x, y: 1.0 * x * (1.0 * y),
    "times minus one": lambda x, y: -1.0 * x * (y * -1.0),
    "itself divided": lambda x, y: x / x,
    "divided and multiplied": lambda x, y: x / y * y,
    "multiplied and divided": lambda x, y: x * y / y,
    "twice inverted": lambda x, y: 1.0 / (1.0 / x),
    "divided by one": lambda x, y: x / 1.0 / -1.0,
    "divided by a constant": lambda x, y: x / 3.0 / -7.0,
    "negated": lambda x, y: (-x) * -y * x,
    "square": lambda x, y: x**2,
    "square of a product": lambda x, y: (x * y) ** 2,
    "inverse": lambda x, y: x**-1,
    "power zero": lambda x, y: x**0,
    "power one": lambda x, y: x**1,
    "cube": lambda x, y: x**3,
    "inverse square": lambda x, y: x**-2,
    "power half": lambda x, y: x**0.5,
    "power of a power": lambda x, y: (x**2) ** 0.5,
    "power": lambda x, y: abs(x) ** y,
    "root of a square": lambda x, y: mg.sqrt(x * x),
    "logarithm of an exponential": lambda x, y: mg.log(mg.exp(x)),
    "chosen": lambda x, y: mg.where(x < y, x, y),
    "chosen by itself": lambda x, y: mg.where(x == x, x, y),
    "chosen by a difference": lambda x, y: mg.where(x != y, x * y, 0.0),
    "maximum": lambda x, y: mg.maximum(x, y) * mg.minimum(x, y),
    "the same chosen": lambda x, y: mg.where(x > y, x, x),
}
SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "and zero times": lambda x, y: x + 0.0 * x,
    "a sum of products with one factor": lambda x, y: x * 2.0 + x * 3.0 - x * 5.0,
    "a factor of two products": lambda x, y: x * y + x * 3.0,
    "a difference of equals": lambda x, y: x - x,
    "a difference of equal products": lambda x, y: x * y - y * x,
    "added and taken off": lambda x, y: (x + y) - x,
    "taken off and added": lambda x, y: x - (x - y),
    "and zero": lambda x, y: x + 0.0,
    "less zero": lambda x, y: x - 0.0,
    "less minus zero": lambda x, y: x - -0.0,
    "zero less": lambda x, y: 0.0 - x - y,
    "a sum with zeros": lambda x, y: mg.sum([0.0, x, 0.0, y, 0.0]),
    "many terms": lambda x, y: mg.sum([x, y, x * y, -x, y * y, 2.0, -y, x / 3.0]),
    "a dot with zeros": lambda x, y: mg.dot([0.0, 1.0, 0.0], [x, y, 0.0], 0.0),
    "a long dot with zeros": lambda x, y: mg.dot([0.0] * 40, [x, y] * 20, x),
    "a mean": lambda x, y: mg.mean([x, y, x]),
    "of exponentials": lambda x, y: mg.exp(x) - mg.exp(x) + mg.exp(y),
    "the largest": lambda x, y: ops.stop_gradient(mg.maximum(mg.maximum(x, y), x)),
    "less the largest": lambda x, y: x - ops.stop_gradient(mg.maximum(x, y)),
    "a gradient": lambda x, y: mg.grad(lambda x: x * y + x * x - y)(x),
}  # fmt: skip
ALL = NO_SUMS | SUMS
X, Y = (np.array(column) for column in zip(*itertools.product(EDGES, EDGES)))


def eagerly(f: Any) -> Any:
    return eager(f, X, Y)[:, 0]


def one_by_one(f: Any) -> Any:
    g = mg.compile(f)
    return lambda X, Y: np.array([g(x, y) for x, y in zip(X.tolist(), Y.tolist())])


@pytest.mark.parametrize("make", [in_numpy, native, one_by_one])
@pytest.mark.parametrize("name", ALL)
def test_no_rewrite_shows_at_the_edges(name: str, make: Any) -> None:
    f = ALL[name]
    expected, answers = eagerly(f), make(f)(X, Y)
    np.testing.assert_array_equal(np.isnan(answers), np.isnan(expected))
    infinite = np.isinf(expected) | np.isinf(answers)
    np.testing.assert_array_equal(answers[infinite], expected[infinite])
    finite = np.isfinite(expected)
    x, y = (np.where(np.isfinite(z), abs(z), 0.0) for z in (X, Y))
    terms = (1 + x + y) ** 2  # at most eight terms, each of degree at most two
    scale = terms[finite] if name in SUMS else abs(expected[finite])
    assert (abs(answers[finite] - expected[finite]) <= 8 * ULP * scale + 5e-324).all()
    if name in NO_SUMS:
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(answers)[numbers], np.signbit(expected)[numbers])


@pytest.mark.parametrize("name", ALL)
def test_in_float32_too(name: str) -> None:
    """On numbers for which both are exact: no subnormals, nothing large."""
    f = ALL[name]
    whole = ~np.isin(abs(X), [1e-310, 5e-324, 1e10]) & ~np.isin(abs(Y), [1e-310, 5e-324, 1e10])
    expected, answers = eagerly(f)[whole], in_float32(f)(X[whole], Y[whole])
    np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 8, 9, 100])
@pytest.mark.parametrize("exact", [False, True])
def test_a_mean_with_an_infinite_example(count: int, exact: bool) -> None:
    """Also the last example, whose copies pad the last vector: padding has a seed of 0."""
    w = Value(2.0)
    f = mg.vectorize(lambda x: w * x, exact=exact)
    for place in {0, count // 2, count - 1}:
        x = np.ones(count)
        x[place] = np.inf
        assert f.backward(x) == w.grad == np.inf


@pytest.mark.native
def test_what_the_fast_mode_may_change() -> None:
    """As docs/design.md says: a change of one of these must change that page."""
    sums = mg.compile(lambda x: 0.0 + x)
    assert (str(sums(-0.0)), str((0.0 + Value(-0.0)).data)) == ("-0.0", "0.0")
    assert np.isnan((Value(1e200) * Value(1e200) - np.inf).data)
    answer = mg.compile(lambda x, y: x * x - y)(1e200, np.inf)
    assert answer == -np.inf or np.isnan(answer)  # fused, where the processor can do that
