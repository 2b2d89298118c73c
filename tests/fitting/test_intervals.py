"""Intervals by profile likelihood: against closed forms and a search in SciPy."""

import math

import numpy as np
import pytest
from decays import decay

import micrograd as mg
from micrograd.errors import ArgumentError


def test_intervals_of_a_straight_line_are_multiples_of_its_errors():
    x = np.linspace(0.0, 4.0, 30)
    y = 2.0 + 3.0 * x + np.random.default_rng(0).normal(0.0, 0.3, 30)
    line = lambda x, a, b: a + b * x  # noqa: E731
    for more in ({}, {"sigma": 0.25, "absolute_sigma": True}):
        fit = mg.curve_fit(line, x, y, [1, 1], **more)
        for name, error in zip("ab", fit.errors):
            ends = fit.interval(name, 2.0)
            np.testing.assert_allclose(np.subtract(ends, fit[name]) / error, [-2, 2], rtol=1e-6)


@pytest.mark.parametrize("loss", ["linear", "cauchy"])
def test_intervals_are_those_of_a_search_in_scipy(loss):
    optimize = pytest.importorskip("scipy.optimize")
    x = np.linspace(0.0, 4.0, 15)
    y = 2.0 * np.exp(-1.3 * x) + 0.5 + np.random.default_rng(3).normal(0.0, 0.1, 15)
    fit = mg.curve_fit(decay, x, y, [1, 1, 0], loss=loss, loss_scale=0.1)

    def excess(b):  # over the end of the interval, of χ² minimised over a and c
        r = lambda p: p[0] * np.exp(-b * x) + p[1] - y  # noqa: E731
        found = optimize.least_squares(
            r, [1.0, 0.0], loss=loss, f_scale=0.1, ftol=1e-15, xtol=1e-15, gtol=1e-15
        )
        return 2.0 * found.cost - fit.chi2 - 4.0 * fit.reduced_chi2

    low, high = fit.interval("b", 2.0)
    assert low == pytest.approx(optimize.brentq(excess, 0.1, fit["b"]), rel=1e-5)
    assert high == pytest.approx(optimize.brentq(excess, fit["b"], 9.0), rel=1e-5)
    bounded = mg.curve_fit(
        decay, x, y, {"a": 1.0, "b": (1.0, 0.0, high - 0.1), "c": 0.0}, loss=loss, loss_scale=0.1
    )
    np.testing.assert_allclose(bounded.interval("b", 2.0), [low, high - 0.1], rtol=1e-5)


def test_intervals_may_be_endless_and_need_a_fit():
    both = mg.curve_fit(lambda x, a, b: (a + b) * x, [1.0, 2.0, 3.0], [2.0, 4.1, 6.0], [1.0, 1.0])
    assert both.interval("a") == (-math.inf, math.inf)
    x, y = np.linspace(0.0, 4.0, 30), np.linspace(1.0, 0.1, 30)
    rate = mg.curve_fit(lambda x, a: mg.exp(-a * x), x, y, [1.0])  # no other parameter
    chi2 = [((y - np.exp(-end * x)) ** 2).sum() for end in rate.interval("a")]
    np.testing.assert_allclose(chi2, rate.chi2 + rate.reduced_chi2, rtol=1e-7)
    with pytest.raises(KeyError, match="there is no free parameter 'z'"):
        rate.interval("z")
    exact = mg.curve_fit(lambda x, a, b: a + b * x, [1.0, 2.0], [2.0, 4.0], [1.0, 1.0])
    with pytest.raises(ArgumentError, match="needs a fit that has converged, with degrees"):
        exact.interval("a")
