"""Minima: those that SciPy finds with exact derivatives and the smallest tolerances."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import micrograd as mg


@pytest.fixture(scope="module")
def minima():
    """`benchmarks/minima.py`: ten formulas with data. Run, it compares 1,000 sets of each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        return importlib.import_module("minima")


@pytest.mark.native
@pytest.mark.parametrize("name", [
    "decay", "two decays", "saturation", "logistic", "gauss + line", "lorentzian", "power",
    "damped wave", "dose", "step",
])  # fmt: skip
def test_ten_formulas_have_the_minima_of_scipy_to_seven_digits(minima, name):
    pytest.importorskip("scipy.optimize")
    difference, worse, better = minima.compared(name, sets=20)
    assert difference <= minima.SAME
    assert worse <= better


@pytest.mark.parametrize("k", [798, 675])
def test_a_minimum_with_large_residuals_is_exact(minima, k):
    """There full steps may be too long, which is no reason to take them for rounding errors."""
    peak = minima.MODELS["gauss + line"][0]
    y, starts = (array[k] for array in minima.data_of("gauss + line", 1000))
    fit = mg.curve_fit(lambda x, *p: peak(mg, x, *p), minima.x, y, starts)
    chi2 = lambda p: mg.sum((v - peak(mg, u, *p)) ** 2 for u, v in zip(minima.x, y))  # noqa: E731
    exact = fit.values
    for _ in range(5):  # Newton's method
        exact = exact - np.linalg.solve(mg.hessian(chi2)([*exact]), mg.grad(chi2)([*exact]))
    assert fit.converged
    assert (np.abs(fit.values - exact) < 1e-6 * fit.errors).all()
