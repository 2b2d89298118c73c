"""Robust losses from starts at which each point counts as an outlier."""

import numpy as np
import pytest

import micrograd as mg


def power(x, a, b, c):
    return a * x**b + c


@pytest.mark.native
@pytest.mark.parametrize("points", [5, 90])  # in one piece, and in several
@pytest.mark.parametrize("loss", ["huber", "soft_l1"])  # these have one minimum
def test_a_robust_fit_finds_its_way_from_far_outside(loss, points):
    x, random = np.linspace(0.2, 4.0, points), np.random.default_rng(5)
    truth = random.uniform([0.5, 0.5, 0.2], [3.0, 1.5, 1.0], (100, 3))
    a, b, c = truth.T[:, :, None]
    y = a * x**b + c + random.normal(0.0, 0.03, (100, points))
    y[:, 2] += random.uniform(0.0, 1.0, 100)
    how = {"loss": loss, "loss_scale": 0.1, "sigma": 0.03}
    near = mg.curve_fits(power, x, y, truth, **how)
    far = mg.curve_fits(power, x, y, truth * 1.3 ** random.uniform(-1.0, 1.0, truth.shape), **how)
    assert far.converged.mean() > 0.97
    np.testing.assert_allclose(far.chi2, near.chi2, rtol=1e-6)
