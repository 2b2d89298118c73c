"""Intervals of many fits at once, and the fits of some data sets."""

import math

import numpy as np
import pytest

import micrograd as mg
from micrograd.errors import ArgumentError

X = np.linspace(0.0, 4.0, 15)


def decay(x, a, b, c):
    return a * mg.exp(-b * x) + c


def decays(n):
    random = np.random.default_rng(3)
    rates = random.uniform(0.5, 2.0, (n, 1))
    return 2.0 * np.exp(-rates * X) + 0.5 + random.normal(0.0, 0.1, (n, 15))


def alone(fit, name, errors):
    try:
        return fit.interval(name, errors)
    except ArgumentError:  # not converged, or no degrees of freedom
        return math.nan, math.nan


@pytest.mark.parametrize("how", [
    {}, {"bounds": ([0.0, 0.0, 0.0], [9.0, 2.0, 9.0])}, {"loss": "cauchy", "loss_scale": 0.1},
    {"sigma": 0.1, "absolute_sigma": True},
])  # fmt: skip
def test_the_intervals_of_many_fits_are_those_of_each(how):
    fits = mg.curve_fits(decay, X, decays(6), [1.0, 1.0, 0.0], **how)
    found = fits.interval("b", 2.0)
    each = [fit.interval("b", 2.0) for fit in fits]
    np.testing.assert_allclose(found, each, rtol=1e-6)
    assert (found[:, 0] < fits["b"]).all()
    assert (found[:, 1] <= (2.0 if "bounds" in how else math.inf)).all()


def test_fits_that_fail_have_no_interval():
    y = decays(4)
    weights = np.ones((4, 15))
    weights[1, 2:] = 0.0  # too few points
    weights[2, 3:] = 0.0  # no degrees of freedom
    fits = mg.curve_fits(decay, X, y, [1.0, 1.0, 0.0], weights=weights)
    found = fits.interval("a")
    assert np.isnan(found[1:3]).all()
    np.testing.assert_allclose(found, [alone(fit, "a", 1.0) for fit in fits], rtol=1e-6)
    assert mg.curve_fits(decay, X, y[:0], [1.0, 1.0, 0.0]).interval("a").shape == (0, 2)


def test_intervals_without_other_parameters_and_without_an_end():
    rates = mg.curve_fits(
        lambda x, a: mg.exp(-a * x), X, [np.exp(-X), np.exp(-2.0 * X) + 0.01], [1]
    )
    chi2 = ((np.exp(-2.0 * X) + 0.01 - np.exp(-rates.interval("a")[1][:, None] * X)) ** 2).sum(1)
    np.testing.assert_allclose(chi2, rates.chi2[1] + rates.reduced_chi2[1], rtol=1e-7)
    both = mg.curve_fits(lambda x, a, b: (a + b) * x, X, [X + 0.1, 2.0 * X + 0.1], [1, 1])
    assert both.interval("a").tolist() == [[-math.inf, math.inf]] * 2


@pytest.mark.parametrize("errors", [0.0, -1.0, math.nan, math.inf, "2", None])
def test_a_number_of_errors_is_above_zero(errors):
    fits = mg.curve_fits(decay, X, decays(2), [1.0, 1.0, 0.0])
    for it in (fits, fits[0]):
        with pytest.raises(ArgumentError, match="errors must be a number greater than 0, got"):
            it.interval("a", errors)
    with pytest.raises(KeyError, match="there is no free parameter 'z'"):
        fits.interval("z")


def test_the_fits_of_some_data_sets_are_fits():
    fits = mg.curve_fits(decay, X, decays(5), [1.0, 1.0, 0.0])
    for which, rows in (
        (slice(1, 4, 2), [1, 3]),
        ([4, 0], [4, 0]),
        (fits["b"] > fits["b"][0], None),
    ):
        some = fits[which]
        rows = np.arange(5)[which] if rows is None else rows
        assert len(some) == len(rows)
        assert some.values.tolist() == fits.values[rows].tolist()
        assert some.errors.tolist() == fits.errors[rows].tolist()
        assert some.residuals.tolist() == fits.residuals[rows].tolist()
    with pytest.raises(TypeError, match=r"write fit\.values and fit\.covariance"):
        np.stack(fits[0])  # as `values, covariance = fit` would
