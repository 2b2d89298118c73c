"""Arguments of fits: starts for each data set by name; extreme data; what a stranger gets wrong."""

import math

import numpy as np
import pytest

import micrograd as mg
from micrograd.errors import ArgumentError, ShapeError

X = np.linspace(0.1, 4.0, 12)
Y = 2.0 * np.exp(-X) + 0.5 + 0.05 * np.sin(9.0 * X)


def line(x, a, b):
    return a + b * x


def decay(x, a, b, c):
    return a * mg.exp(-b * x) + c


def test_a_dict_may_have_a_start_for_each_data_set():
    rates = np.array([0.5, 1.0, 2.0])
    y = 3.0 * np.exp(-rates[:, None] * X) + 1.0
    given = {"a": 3.0, "b": (rates, 0.0, 9.0), "c": "4 - a"}
    fits = mg.curve_fits(decay, X, y, given)
    assert fits.iterations.max() <= 2  # it starts at the answer
    np.testing.assert_allclose(fits["b"], rates, rtol=1e-9)
    named = mg.curve_fits(decay, X, y, {"a": 3.0, "b": rates, "c": 1.0})
    rows = mg.curve_fits(decay, X, y, np.stack([[3.0] * 3, rates, [1.0] * 3], axis=1))
    assert named.values.tolist() == rows.values.tolist()
    pandas = pytest.importorskip("pandas")
    series = mg.curve_fits(decay, X, y, {"a": 3.0, "b": pandas.Series(rates), "c": 1.0})
    assert series.values.tolist() == rows.values.tolist()


def test_starts_of_a_dict_that_do_not_fit_are_named():
    y = np.stack([Y, Y])
    with pytest.raises(
        ShapeError, match=r"for a a start for each of 2 data sets, got the shape \(3"
    ):
        mg.curve_fits(line, X, y, {"a": np.ones(3), "b": 1.0})
    with pytest.raises(ArgumentError, match="the fixed value of a must be one number"):
        mg.curve_fits(line, X, y, {"a": (np.ones(2), 0.0, 2.0, True), "b": 1.0})
    with pytest.raises(ArgumentError, match="expected numbers for a"):
        mg.curve_fits(line, X, y, {"a": np.array(["p", "q"]), "b": 1.0})


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
def test_data_whose_squares_are_no_floats_are_not_fitted(scale):
    fit = mg.curve_fit(line, X, scale * Y, [scale, scale])
    assert not fit.converged
    assert "the squares of y / sigma are too small or too large for floats" in fit.message
    assert np.isnan(fit.values).all()
    fits = mg.curve_fits(line, X, [Y, scale * Y, 0.0 * Y], [1.0, 1.0])
    assert fits.converged.tolist() == [True, False, True]
    assert not mg.curve_fit(line, X, Y, [1.0, 1.0], sigma=1.0 / scale).converged


@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e100])
def test_units_do_not_change_a_fit(scale):
    one = mg.curve_fit(decay, X, Y, [1.0, 1.0, 0.0])
    other = mg.curve_fit(decay, X / scale, Y * scale, [scale, scale, 0.0])
    np.testing.assert_allclose(other.values / scale, one.values, rtol=1e-7)
    np.testing.assert_allclose(other.errors / scale, one.errors, rtol=1e-6)


WRONG = {
    "no p0": ({"p0": None}, "expected p0, a start for each of a, b; got None"),
    "pairs of bounds": ({"bounds": [(0, 5), (0, 5)]}, r"bounds is \(low, high\), .*low < high"),
    "a column of x": ({"x": X[:, None]}, r"expected x of shape \(12,\).*; got \(12, 1\)"),
    "x is a number": ({"x": 1.0}, r"expected x of shape \(12,\).*; got \(\)"),
    "no return": ({"model": lambda x, a, b: None}, "got None; is a `return` missing?"),
    "weights": ({"weights": 1.0}, "sigma=1 / weights"),
    "jac": ({"jac": "3-point"}, "derivatives are exact"),
    "method": ({"method": "lm"}, "one method"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_stranger_gets_wrong_is_said(name):
    given, said = WRONG[name]
    with pytest.raises((ValueError, TypeError), match=said):
        mg.curve_fit(**({"model": line, "x": X, "y": Y, "p0": [1, 1]} | given))


def test_bounds_may_be_those_of_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    fit = mg.curve_fit(line, X, Y, [1, 0], bounds=optimize.Bounds([0, -0.1], [9, math.inf]))
    assert fit["b"] == -0.1
