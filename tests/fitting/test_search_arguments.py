"""Arguments of searches: what a stranger passes to `minimize`, `least_squares`, `minimize_many`."""

import math
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.errors import ArgumentError


def valley(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


@pytest.mark.parametrize("bounds", [(5.0, 0.0), (0.0, [1.0, -1.0]), (math.nan, 1.0)])
def test_bounds_of_many_searches_have_an_order(bounds):
    with pytest.raises(ArgumentError, match=r"each lower bound must be at most the upper one"):
        mg.minimize_many(lambda x, a: (x - a) ** 2, 0.5, np.array([1.0, 2.0]), bounds=bounds)


@pytest.mark.parametrize("bounds", [(1.0, 2.0, 3.0), 1.0, "ab", [(0, 1), (0, 1), (0, 1)]])
def test_bounds_of_many_searches_are_a_pair(bounds):
    with pytest.raises(ArgumentError, match=r"expected bounds=\(low, high\)"):
        mg.minimize_many(lambda x, a: (x - a) ** 2, 0.5, np.array([1.0, 2.0]), bounds=bounds)


def test_a_series_of_pandas_is_a_vector():
    pandas = pytest.importorskip("pandas")
    start = pandas.Series([0.5, 1.5], index=["p", "q"])
    assert mg.grad(valley)(start).tolist() == mg.grad(valley)(np.array([0.5, 1.5])).tolist()
    pytest.importorskip("scipy")
    found = mg.minimize(valley, start)
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-6)


def test_searches_say_what_they_cannot_begin_with():
    no_function: Any = 3
    pytest.importorskip("scipy")
    residuals = lambda p: [p[0] - 1.0, p[1]]  # noqa: E731
    for search, f in ((mg.minimize, valley), (mg.least_squares, residuals)):
        for start in ([math.nan, 1.0], [1.0, math.inf]):
            with pytest.raises(
                ArgumentError, match=r"x0 must be finite, but number [01] is (nan|inf)"
            ):
                search(f, start)
        with pytest.raises(ArgumentError, match="expected a function of x, got 3"):
            search(no_function, [1.0])
    with pytest.raises(ArgumentError, match=r"got None; is a `return` missing\?"):
        mg.least_squares(lambda p: None, [1.0])
    with pytest.raises(TypeError, match=r"f returns a list of 1 numbers.*: return one number"):
        mg.minimize(lambda p: [p[0] ** 2], [1.0])
