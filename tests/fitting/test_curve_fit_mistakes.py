"""Fits that fail, and wrong arguments: what a fit may never hide."""

import math
import pickle

import numpy as np
import pytest
from decays import X, decay, decays

import micrograd as mg
from micrograd.errors import ArgumentError, ShapeError
from micrograd.fitting import levenberg_marquardt as method
from micrograd.fitting import solution


def test_what_a_function_for_the_start_returns_is_checked():
    _, y = decays(2)
    with pytest.raises(ArgumentError, match="expected real numbers in what p0 returns, got 'abc'"):
        mg.curve_fit(decay, X, y[0], lambda x, y: "abc")
    with pytest.raises(ShapeError, match=r"for data set 0 it returned numbers of shape \(\)"):
        mg.curve_fit(decay, X, y[0], lambda x, y: 1.0)
    answers = iter([[1.0, 1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ShapeError, match=r"for data set 1 it returned numbers of shape \(2,\)"):
        mg.curve_fits(decay, X, y, lambda x, y: next(answers))


@pytest.mark.parametrize("start", [0.5, 0.0, 1.5])
def test_bounds_on_parameters_that_the_data_do_not_determine(start):
    x, y = np.linspace(0.5, 2.0, 12), np.linspace(1.0, 4.3, 12) ** 1.1
    slope = (x @ y) / (x @ x)  # about 2.2: within the bounds, on a whole line of minima
    for model in (lambda x, a, b: (a + b) * x, lambda x, a, b: (1.0 + a) * (0.5 + b) * x):
        fit = mg.curve_fit(model, x, y, [start, start], bounds=(0.0, 1.5))
        assert fit.converged
        assert (fit.values >= 0.0).all()
        assert (fit.values <= 1.5).all()
        assert fit.chi2 == pytest.approx(((y - slope * x) ** 2).sum(), rel=1e-9)
        assert np.isinf(fit.covariance).all()


def test_a_step_that_rounding_swallows_makes_no_damping_of_nan():
    equations = method.Equations(1.0, [1e-9], [[1.0]])
    old = method.State([1.0], [1.0], equations, [1.0], 1e9, 2.0, mg.Value(0.0), 0.0, 0.0)
    new = method.step(old, equations, None, None)  # Values divide by zero as the machine does
    assert new.damping.data > old.damping
    assert math.isfinite(new.trial[0].data)


def test_progress_is_a_bar_on_stderr_that_counts_the_fits(capsys, monkeypatch):
    monkeypatch.setattr(solution, "LARGEST", 4)
    _, y = decays(10)
    weights = np.ones((10, 50))
    weights[9] = 0.0  # too few points
    for progress in (True, False, None):  # None: not in a terminal here
        mg.curve_fits(decay, X, y, [1, 1, 1], weights=weights, progress=progress)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert ("10.0/10.0" in shown.err) == (progress is True)


def test_nan_in_the_data_is_an_error_that_names_the_place():
    _, y = decays(3)
    y[1, 7] = np.nan
    with pytest.raises(ArgumentError, match=r"y is nan at row 1, point 7; nan='omit'"):
        mg.curve_fits(decay, X, y, [1, 1, 1])
    y[1, 7] = np.inf
    with pytest.raises(ArgumentError, match=r"y is inf at row 1, point 7$"):
        mg.curve_fits(decay, X, y, [1, 1, 1], nan="omit")


@pytest.mark.parametrize(("x", "y", "p0", "said"), [
    ([], [], [1, 1, 1], "y has no points"),
    ([1.0, 2.0], ["a", "b"], [1, 1, 1], r"expected real numbers in y, got \['a', 'b'\]"),
    ([1.0, 2.0], [[1.0], [1.0, 2.0]], [1, 1, 1], "expected real numbers in y"),
    ([1.0, 2.0], [1.0, 2.0], "abc", "expected real numbers in p0, got 'abc'"),
])  # fmt: skip
def test_what_cannot_be_fitted_is_one_clear_error(x, y, p0, said):
    with pytest.raises((ArgumentError, ShapeError), match=said):
        mg.curve_fit(decay, x, y, p0)


def test_what_the_data_do_not_determine_has_infinite_errors():
    fit = mg.curve_fit(lambda x, a, b: (a + b) * x, [1.0, 2.0, 3.0], [2.0, 4.1, 6.0], [1.0, 1.0])
    assert np.isinf(fit.covariance).all()
    assert np.isinf(fit.errors).all()
    exact = mg.curve_fit(lambda x, a, b: a + b * x, [1.0, 2.0], [2.0, 4.0], [1.0, 1.0])
    np.testing.assert_allclose(exact.values, [0.0, 2.0], atol=1e-9)
    assert np.isinf(exact.covariance).all()  # no degrees of freedom are left
    assert math.isnan(exact.reduced_chi2)


def test_a_fit_that_fails_says_so_and_the_others_go_on():
    _, y = decays(3)
    starts = np.ones((3, 3))
    starts[1, 1] = -1e6  # exp overflows
    fits = mg.curve_fits(decay, X, y, starts)
    assert fits.status.tolist() == [1, solution.NOT_FINITE, 1]
    assert "not finite" in fits.message(1)
    assert np.isnan(fits.values[1]).all()
    assert np.isnan(fits.errors[1]).all()
    assert "1 not fitted: the model or a derivative is not finite" in fits.summary()
    few = mg.curve_fits(
        decay, X, y, [1, 1, 1], weights=[[1.0] * 50, [1.0] * 2 + [0.0] * 48, [1] * 50]
    )
    assert few.status.tolist() == [1, solution.TOO_FEW, 1]
    limited = mg.curve_fit(decay, X, y[0], [1, 1, 1], iterations=2)
    assert not limited.converged
    assert "limit of iterations" in limited.message


def test_ctrl_c_returns_the_fits_that_are_done(monkeypatch):
    monkeypatch.setattr(solution, "LARGEST", 4)
    _, y = decays(10)
    asked = []

    def interrupted(*arguments):
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return attempt(*arguments)

    attempt = solution._attempt
    monkeypatch.setattr(solution, "_attempt", interrupted)
    fits = mg.curve_fits(decay, X, y, [1, 1, 1])
    assert fits.status.tolist() == [1] * 4 + [solution.INTERRUPTED] * 6
    assert np.isnan(fits.values[4:]).all()


def test_a_number_that_the_model_reads_and_that_changes_is_noticed():
    scale = [1.0]
    model = lambda x, a: a * scale[0] * x  # noqa: E731
    fit = lambda: mg.curve_fit(model, [1.0, 2.0], [2.0, 4.0], [1.0])["a"]  # noqa: E731
    assert fit() == pytest.approx(2.0)
    scale[0] = 2.0
    assert fit() == pytest.approx(1.0)


def test_mistakes_are_named():
    x, y = [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]
    line = lambda x, a, b: a + b * x  # noqa: E731
    with pytest.raises(ArgumentError, match="2 parameters \\(a, b\\), but p0 has 3"):
        mg.curve_fit(line, x, y, [1, 1, 1])
    with pytest.raises(ShapeError, match=r"expected x of shape \(3,\)"):
        mg.curve_fit(line, [1.0, 2.0], y, [1, 1])
    with pytest.raises(ArgumentError, match="the start of b, 1, is not within"):
        mg.curve_fit(line, x, y, [1, 1], bounds=([0, 2], [3, 3]))
    with pytest.raises(ArgumentError, match="p0 has no entry for b"):
        mg.curve_fit(line, x, y, {"a": 1.0})
    with pytest.raises(ArgumentError, match="a, b read one another"):
        mg.curve_fit(line, x, y, {"a": "b", "b": "a"})
    with pytest.raises(ArgumentError, match="sigma must be greater than 0"):
        mg.curve_fit(line, x, y, [1, 1], sigma=[1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="there is no loss 'hubert'; did you mean 'huber'"):
        mg.curve_fit(line, x, y, [1, 1], loss="hubert")
    with pytest.raises(ArgumentError, match=r"expected at least 2 points, .* got 1; fix some"):
        mg.curve_fit(line, [1.0], [1.0], [1, 1])
    with pytest.raises(KeyError, match="there is no parameter 'c'"):
        mg.curve_fit(line, x, y, [1, 1])["c"]


MISTAKES = {
    "a truth value": ({"model": lambda x, a, b: a * x > b}, "got a truth value"),
    "iterations": ({"iterations": 1.5}, "iterations must be a whole number of at least 1, got 1.5"),
    "loss_scale": ({"loss_scale": math.inf}, "loss_scale must be a number greater than 0, got inf"),
    "loss": ({"loss": []}, r"there is no loss \[\]"),
    "sigma": ({"sigma": 5e-324}, "sigma must be greater than 0"),
    "a fixed value": ({"p0": {"a": (math.nan, 0, 1, True), "b": 1}}, "value of a must be finite"),
    "bounds": ({"bounds": (0.0, 1.0, 2.0)}, r"expected bounds=\(low, high\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_argument_is_named(name):
    given, said = MISTAKES[name]
    line = {"model": lambda x, a, b: a + b * x, "x": [1.0, 2, 3], "y": [1.0, 2, 4], "p0": [1, 1]}
    with pytest.raises(ValueError, match=said):
        mg.curve_fit(**(line | given))


def test_threads_are_at_least_one_also_for_one_data_set():
    with pytest.raises(ArgumentError, match="threads must be a whole number of at least 1, got 0"):
        mg.curve_fits(decay, X, [X], [1, 1, 1], threads=0)


def test_none_is_no_bound():
    line = lambda x, a, b: a + b * x  # noqa: E731
    x = np.array([0.0, 1.0, 2.0])
    for bounds in ((None, 5.0), (0.0, None), ([None, 0.0], [5.0, None]), (None, None)):
        fit = mg.curve_fit(line, x, 1.0 + 2.0 * x, [1.0, 1.0], bounds=bounds)
        np.testing.assert_allclose(fit.values, [1.0, 2.0])
    assert mg.curve_fit(line, x, -x, [0.0, -3.0], bounds=(None, [0.0, -2.0]))["b"] == -2.0


@pytest.mark.parametrize(
    "p0", [[1, 1, 1], np.ones((0, 3)), lambda x, y: 1 / 0, {"a": "2 * b", "b": 1.0, "c": 1.0}]
)
def test_no_data_sets_are_no_fits(p0):
    fits = mg.curve_fits(decay, X, np.zeros((0, 50)), p0)
    assert len(fits) == 0
    assert fits.values.shape == fits.errors.shape == (0, 3)
    assert fits.covariance.shape == (0, 3, 3)
    assert fits.residuals.shape == (0, 50)
    assert "0 fits" in fits.summary()


def test_a_model_need_not_be_hashable_and_fits_are_pickled():
    class Line:
        __hash__ = None  # type: ignore[assignment]  # as of a dataclass

        def __call__(self, x, a, b):
            return a + b * x

    assert mg.curve_fit(Line(), [0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [1, 1])["b"] == pytest.approx(2)
    fit = mg.curve_fit(decay, X, decays(1)[1][0], [1.0, 1.0, 1.0])
    assert pickle.loads(pickle.dumps(fit)).errors.tolist() == fit.errors.tolist()


def test_fits_are_counted_from_both_ends():
    fits = mg.curve_fits(decay, X, decays(2)[1], [1, 1, 1])
    assert fits[-1].values.tolist() == fits[1].values.tolist()
    with pytest.raises(IndexError, match="there are 2 fits, so no fit 2"):
        fits[2]
