"""Fits: against NIST's certified answers and SciPy."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from decays import X, decay, decays

import micrograd as mg
from micrograd.compaction import repeat
from micrograd.parser import Expression

NIST = json.loads((Path(__file__).parent / "nist.json").read_text(encoding="utf-8"))


def digits(found, certified):
    return -np.log10(np.max(np.abs(found / certified - 1.0)) + 1e-15)


@pytest.mark.native
@pytest.mark.parametrize("name", NIST)
def test_certified_parameters_and_errors_of_nist_from_both_starts(name):
    data = NIST[name]
    expression = Expression(data["formula"])
    names = [f"b{k + 1}" for k in range(len(data["values"]))]
    model = lambda x, *p: expression({"x": x, **dict(zip(names, p))})  # noqa: E731
    y = np.array([data["y"]] * 2)
    fits = mg.curve_fits(model, data["x"], y, data["starts"], iterations=10_000)
    assert fits.converged.all()
    certified = np.array(data["values"])
    for values, errors in zip(fits.values, fits.errors):
        if name == "Eckerle4":  # the signs of b1 and b2 are not determined
            values = np.abs(values)
        assert digits(values, certified) >= 6
        # Residuals of 1e-13 are differences of numbers of about 1: three digits are left of them.
        assert digits(errors, data["errors"]) >= (2 if name == "Lanczos1" else 5)
    if name != "Lanczos1":
        np.testing.assert_allclose(fits.chi2, data["chi2"], rtol=1e-9)


def test_a_fit_has_the_parameters_errors_and_statistics_of_a_straight_line():
    x, y = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 2.9, 5.2, 9.1])
    fit = mg.curve_fit(lambda x, a, b: a + b * x, x, y, [0.0, 0.0])
    (b, a), covariance = np.polyfit(x, y, 1, cov=True)
    np.testing.assert_allclose(fit.values, [a, b], rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, covariance[::-1, ::-1], rtol=1e-8)
    assert fit.parameters == {"a": fit["a"], "b": fit["b"]}
    assert fit.chi2 == pytest.approx(((y - a - b * x) ** 2).sum())
    assert fit.reduced_chi2 == pytest.approx(fit.chi2 / 2)
    np.testing.assert_allclose(fit.residuals, y - a - b * x, atol=1e-9)
    np.testing.assert_allclose(fit.predict([10.0]), [a + 10 * b], rtol=1e-9)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_losses_give_the_parameters_and_covariances_of_scipy(loss):
    optimize = pytest.importorskip("scipy.optimize")
    _, y = decays(3)
    y[:, 7] += 0.6
    fits = mg.curve_fits(decay, X, y, [1.0, 1.0, 1.0], loss=loss, loss_scale=0.1)
    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
    how = {} if loss == "linear" else {"method": "trf", "loss": loss, "f_scale": 0.1}
    for k in range(3):
        f = lambda x, a, b, c: a * np.exp(-b * x) + c  # noqa: E731
        values, covariance = optimize.curve_fit(f, X, y[k], fits.values[k], **tight, **how)
        np.testing.assert_allclose(fits.values[k], values, rtol=2e-6)
        np.testing.assert_allclose(fits.covariance[k], covariance, rtol=1e-4)


MODELS = {  # a formula, and the range of its parameters
    "decay": (lambda m, x, a, b, c: a * m.exp(-b * x) + c, [1, 0.5, 0], [3, 2, 1]),
    "line": (lambda m, x, a, b: a + b * x, [-2, -2], [2, 2]),
    "parabola": (lambda m, x, a, b, c: a + b * x + c * x * x, [-2, -2, -2], [2, 2, 2]),
    "saturation": (lambda m, x, v, k: v * x / (k + x), [1, 0.3], [4, 3]),
    "logistic": (lambda m, x, a, k, c: a / (1 + m.exp(-k * (x - c))), [1, 1.5, 1], [4, 5, 3]),
    "peak": (lambda m, x, a, c, s: a * m.exp(-(((x - c) / s) ** 2)), [1, 1, 0.4], [3, 3, 1]),
    "power": (lambda m, x, a, b: a * x**b, [0.5, -1.5], [3, 1.5]),
    "wave": (lambda m, x, a, w, p: a * m.sin(w * x + p), [1, 2, 0], [2, 3, 1]),
    "dose": (lambda m, x, t, k, h: t / (1 + (k / x) ** h), [1, 0.5, 1], [3, 2, 3]),
    "steps": (lambda m, x, a, b, c: a * m.tanh(b * (x - c)), [1, 1, 1], [2, 3, 3]),
}


@pytest.mark.parametrize("name", MODELS)
def test_ten_models_have_the_minima_of_scipy(name):
    optimize = pytest.importorskip("scipy.optimize")
    formula, low, high = MODELS[name]
    random, x = np.random.default_rng(0), np.linspace(0.2, 4.0, 40)
    truth = random.uniform(low, high, (10, len(low)))
    y = np.stack([formula(np, x, *p) for p in truth]) + random.normal(0.0, 0.03, (10, 40))
    starts = truth * random.uniform(0.8, 1.25, truth.shape)
    fits = mg.curve_fits(lambda x, *p: formula(mg, x, *p), x, y, starts)
    assert fits.converged.all()
    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
    for k in range(10):
        f = lambda x, *p: formula(np, x, *p)  # noqa: E731
        values, covariance = optimize.curve_fit(f, x, y[k], starts[k], **tight)
        # SciPy's derivatives by differences leave about 1e-6 standard errors.
        difference = np.abs(fits.values[k] - values) / np.sqrt(np.diag(covariance))
        assert difference.max() < 1e-4
        np.testing.assert_allclose(fits.covariance[k], covariance, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("absolute", [False, True])
def test_sigma_means_what_it_means_in_scipy(absolute):
    optimize = pytest.importorskip("scipy.optimize")
    _, y = decays(1)
    sigma = 0.02 + 0.1 * X
    f = lambda x, a, b, c: a * np.exp(-b * x) + c  # noqa: E731
    fit = mg.curve_fit(decay, X, y[0], [1, 1, 1], sigma, absolute)
    values, covariance = optimize.curve_fit(f, X, y[0], [1, 1, 1], sigma, absolute)
    np.testing.assert_allclose(fit.values, values, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-4)


def test_bounds_hold_and_the_others_fit_as_well_as_they_can():
    _, y = decays(20)
    fits = mg.curve_fits(decay, X, y, [1.0, 1.0, 0.1], bounds=([0, 0, 0], [9, 9, 0.2]))
    free = mg.curve_fits(decay, X, y, [1.0, 1.0, 1.0])
    held = free["c"] > 0.2
    assert fits.converged.all()
    assert 0 < held.sum() < 20
    assert (fits["c"][held] == 0.2).all()
    np.testing.assert_allclose(fits.values[~held], free.values[~held], rtol=1e-6)
    fixed = mg.curve_fits(decay, X, y[held], {"a": 1.0, "b": 1.0, "c": (0.2, None, None, True)})
    np.testing.assert_allclose(fits.values[held], fixed.values, rtol=1e-6)


def test_a_row_has_the_same_fit_alone_and_among_many():
    _, y = decays(40)
    fits = mg.curve_fits(decay, X, y, [1.0, 1.0, 1.0])
    for k in (0, 17, 39):
        fit = mg.curve_fit(decay, X, y[k], [1.0, 1.0, 1.0])
        np.testing.assert_allclose(fits[k].values, fit.values, rtol=1e-8)
        np.testing.assert_allclose(fits[k].errors, fit.errors, rtol=1e-6)


def test_many_points_are_fitted_in_pieces_to_the_same_answer():
    x = np.linspace(0.0, 4.0, 333)
    y = 2.0 * np.exp(-0.7 * x) + 0.5 + 0.01 * np.sin(50.0 * x)
    fit = mg.curve_fit(decay, x, y, [1.0, 1.0, 1.0])
    slopes = np.stack(
        [np.exp(-fit["b"] * x), -fit["a"] * x * np.exp(-fit["b"] * x), np.ones_like(x)]
    )
    assert fit.converged
    assert np.abs(slopes @ fit.residuals).max() < 1e-7  # the condition of a minimum


def test_parameters_may_be_fixed_or_tied_by_expressions():
    _, y = decays(1)
    model = lambda x, a, b, c: decay(x, a, b, c)  # noqa: E731
    fit = mg.curve_fit(model, X, y[0], {"a": "2 * c", "b": (1.0, 0.0, 5.0), "c": 1.0})
    same = mg.curve_fit(lambda x, b, c: 2 * c * mg.exp(-b * x) + c, X, y[0], [1.0, 1.0])
    np.testing.assert_allclose(fit.values[1:], same.values, rtol=1e-7)
    assert fit["a"] == 2 * fit["c"]
    np.testing.assert_allclose(fit.covariance[1:, 1:], same.covariance, rtol=1e-6)
    np.testing.assert_allclose(fit.errors[0], 2 * fit.errors[2])
    assert mg.curve_fit(model, X, y[0], {"a": 1.0, "b": 1.0, "c": (0.3, 0, 1, True)})["c"] == 0.3


def test_starts_may_be_rows_or_a_function_of_the_data():
    p, y = decays(5)
    rows = mg.curve_fits(decay, X, y, p)
    called = mg.curve_fits(decay, X, y, lambda x, y: [y[0] - y[-1], 1.0, y[-1]])
    np.testing.assert_allclose(rows.values, called.values, rtol=1e-6)


def test_several_inputs_are_a_tuple():
    x = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 2.0, 1.0])
    fit = mg.curve_fit(lambda x, a, b: a * x[0] + b * x[1], x, 2.0 * x[0] - 3.0 * x[1], [1, 1])
    np.testing.assert_allclose(fit.values, [2.0, -3.0], rtol=1e-9)
    np.testing.assert_allclose(fit.predict(([1.0], [1.0])), [-1.0], rtol=1e-9)


def test_a_model_may_branch():
    x = np.linspace(0.0, 2.0, 21)

    def knee(x, a, b):
        return a * x if x < 1.0 else a + b * (x - 1.0)

    fit = mg.curve_fit(knee, x, np.where(x < 1.0, 3.0 * x, 3.0 + 0.5 * (x - 1.0)), [1.0, 1.0])
    np.testing.assert_allclose(fit.values, [3.0, 0.5], rtol=1e-9)


def test_a_model_may_hide_a_nan_or_read_a_value_also_in_a_single_fit():
    def masked(x, a, b):  # at x = 0 the derivative of the power is 0 * inf
        return mg.where(x > 0.0, a * (x * b) ** 0.5, 0.0 * a)

    x = np.linspace(0.0, 2.0, 9)
    fit = mg.curve_fit(masked, x, 3.0 * np.sqrt(x), {"a": 1.0, "b": (1.0, None, None, True)})
    assert fit["a"] == pytest.approx(3.0)
    offset = mg.Value(1.0)
    line = lambda x, a: a * x + offset  # noqa: E731
    for number in (1.0, 2.0):
        offset.data = number
        assert mg.curve_fit(line, x, 3.0 * x + number, [1.0])["a"] == pytest.approx(3.0)


def test_threads_may_fit_the_same_model_at_once():
    _, y = decays(40)
    alone = [mg.curve_fit(decay, X, row, [1.0, 1.0, 1.0]).values.tolist() for row in y]
    with ThreadPoolExecutor(4) as pool:
        at_once = pool.map(lambda row: mg.curve_fit(decay, X, row, [1.0, 1.0, 1.0]), y)
    assert [fit.values.tolist() for fit in at_once] == alone


def test_two_threads_find_what_one_does():
    _, y = decays(200)
    one, two = [mg.curve_fits(decay, X, y, [1, 1, 1], threads=n) for n in (1, 2)]
    assert one.values.tolist() == two.values.tolist()
    assert one.covariance.tolist() == two.covariance.tolist()
    x = np.linspace(0.0, 4.0, 90)  # in pieces
    y = np.exp(-np.linspace(0.5, 1.5, 40)[:, None] * x) + 0.01 * np.sin(40.0 * x)
    one, two = [mg.curve_fits(decay, x, y, [1, 1, 1], threads=n) for n in (1, 2)]
    assert one.values.tolist() == two.values.tolist()


def test_points_of_weight_zero_and_points_omitted_do_not_count():
    _, y = decays(3)
    weights = np.ones((3, 50))
    weights[1, 30:] = 0.0
    whole = mg.curve_fits(decay, X, y, [1, 1, 1], weights=weights)
    short = mg.curve_fit(decay, X[:30], y[1, :30], [1, 1, 1])
    np.testing.assert_allclose(whole[1].values, short.values, rtol=1e-7)
    np.testing.assert_allclose(whole[1].covariance, short.covariance, rtol=1e-6)
    holes = np.where(weights == 0.0, np.nan, y)
    omitted = mg.curve_fits(decay, X, holes, [1, 1, 1], nan="omit")
    np.testing.assert_allclose(omitted.values, whole.values, rtol=1e-8)
    assert omitted.dof.tolist() == [47, 27, 47]
    assert np.isnan(omitted.residuals[1, 30:]).all()


def test_sigma_may_be_one_number_for_all_points():
    y = decays(1)[1][0]
    one, each = [
        mg.curve_fit(decay, X, y, [1, 1, 1], sigma=sigma, absolute_sigma=True)
        for sigma in (0.1, np.full(len(X), 0.1))
    ]
    assert one.errors.tolist() == each.errors.tolist()
    assert one.chi2 == each.chi2


def test_pictures_of_fits_show_data_curve_and_residuals(tmp_path):
    pytest.importorskip("matplotlib")
    _, y = decays(3)
    fits = mg.curve_fits(decay, X, y, [1, 1, 1])
    fits.plot(path=tmp_path / "fits.png")
    assert (tmp_path / "fits.png").stat().st_size > 10_000
    above, below = fits[0].plot().axes
    assert len(above.lines) == 2
    assert below.get_ylabel() == "residual"


def test_rows_are_repeated_until_done_or_the_limit():
    halve = lambda x: np.column_stack([x[:, 0] / 2, x[:, 0] <= 2.0])  # noqa: E731
    state = np.column_stack([2.0 ** np.arange(8), np.zeros(8)])
    final, taken = repeat(halve, state, [], 5)
    assert taken.tolist() == [1, 1, 2, 3, 4, 5, 5, 5]
    assert final[:, 0].tolist() == [0.5, 1, 1, 1, 1, 1, 2, 4]
