"""minimize_many: minima in lanes, against SciPy, mpmath and formulas."""

from typing import Any

import mpmath
import numpy as np
import pytest

import micrograd as mg

RANDOM = np.random.default_rng(0)
A, B = RANDOM.uniform(0.1, 10.0, 200), RANDOM.normal(size=200)


def smooth(x, a, b):
    return mg.exp(a * x) - b * x + (x - b) ** 2


def test_minima_are_those_of_twenty_digits() -> None:
    found = mg.minimize_many(smooth, 0.0, A[:20], B[:20])
    with mpmath.workdps(20):
        for x, a, b in zip(found.x.tolist(), A.tolist(), B.tolist()):
            slope = lambda z, a=a, b=b: a * mpmath.exp(a * z) - b + 2 * (z - b)  # noqa: E731
            assert x == pytest.approx(float(mpmath.findroot(slope, x)), rel=1e-14, abs=1e-15)
    assert found.success.all()
    np.testing.assert_allclose(found.fun, mg.vectorize(smooth)(found.x, A[:20], B[:20]), rtol=1e-13)


FORMULAS = {
    "quartic": (lambda x, c: (x * x - c * c) ** 2, lambda c: abs(c), 3.0),
    "far away": (lambda x, c: (x - 1e6 * c) ** 2, lambda c: 1e6 * c, 0.0),
    "from a domain": (lambda x, c: x - mg.log(x) * (1 + c * c), lambda c: 1 + c * c, 1.0),
    "a kink": (lambda x, c: mg.abs(x - c), lambda c: c, 0.0),
    "a flat start": (lambda x, c: -mg.exp(-((x - c) ** 2)), lambda c: c, 0.0),
    "a corner": (lambda x, c: mg.maximum(c - x, 2 * (x - c)), lambda c: c, 10.0),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_minima_are_those_of_a_formula(name: str) -> None:
    f, minimum, start = FORMULAS[name]
    found = mg.minimize_many(f, start, B)
    assert found.success.all()
    np.testing.assert_allclose(found.x, minimum(B), rtol=1e-7, atol=1e-12)


def test_each_result_is_a_minimum_of_a_function_with_many() -> None:
    def waves(x, c):
        return mg.cos(3 * x) + 0.05 * (x - c) ** 2

    start = RANDOM.normal(size=500) * 10
    found = mg.minimize_many(waves, start, 1.0)
    assert found.success.all()
    slope = mg.vectorize(lambda x: mg.grad(waves, argnums=0)(x, 1.0))(found.x)
    curvature = mg.vectorize(lambda x: mg.grad(mg.grad(waves, argnums=0), argnums=0)(x, 1.0))
    assert abs(slope).max() < 1e-12
    assert curvature(found.x).min() > 0


def test_bounds_hold_as_in_scipys_bounded_search() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    low, high = np.full(200, -0.5), RANDOM.uniform(-0.4, 0.4, 200)
    found = mg.minimize_many(smooth, 0.0, A, B, bounds=(low, high))
    assert ((low <= found.x) & (found.x <= high)).all()
    for k in range(20):
        f = mg.compile(lambda x, k=k: smooth(x, A[k], B[k]))
        expected = optimize.minimize_scalar(
            f, bounds=(low[k], high[k]), method="bounded", options={"xatol": 1e-10}
        )
        assert found.x[k] == pytest.approx(expected.x, abs=1e-6)
        assert found.fun[k] <= expected.fun + 1e-12


def test_the_shape_is_that_of_the_arguments_broadcast() -> None:
    found = mg.minimize_many(lambda x, a, b: (x - a * b) ** 2, 0.0, A[:3, None], B[None, :4])
    np.testing.assert_allclose(found.x, A[:3, None] * B[None, :4], rtol=1e-14)
    assert found.fun.shape == found.success.shape == (3, 4)
    one = mg.minimize_many(lambda x: (x - 2) ** 2, 0.0)
    assert one.x == 2.0


def test_a_captured_value_is_a_parameter_that_stays_as_it_is() -> None:
    scale = mg.Value(3.0)
    found = mg.minimize_many(lambda x, a: (scale * x - a) ** 2, 0.0, A)
    np.testing.assert_allclose(found.x, A / 3, rtol=1e-14)
    assert scale.data == 3.0


def test_a_function_without_a_minimum_is_nan_and_counted() -> None:
    slopes: Any = [1.0, -2.0, 0.5]
    with pytest.warns(mg.ConvergenceWarning, match="minimizer did not converge for 3 of 3"):
        found = mg.minimize_many(lambda x, a: a * x, 0.0, slopes)
    assert np.isnan(found.x).all()
    assert not found.success.any()


def test_a_mistake_says_what_to_do() -> None:
    what = r"parameters\[0\] of shape \(3,\), parameters\[1\] of shape \(4,\)"
    with pytest.raises(mg.ShapeError, match=f"must broadcast; got {what}"):
        mg.minimize_many(lambda x, a, b: x * x * a * b, 0.0, np.ones(3), np.ones(4))
    with pytest.raises(mg.ArgumentError, match=r"<vectorized smooth> .* got str 'a'"):
        mg.minimize_many(smooth, "a", A, B)  # type: ignore[arg-type]
    with pytest.raises(mg.TraceError):
        mg.minimize_many(lambda x: x * x if x > 0 else x, 1.0)
