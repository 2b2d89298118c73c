"""beta and gammainc: every way to run them, and the derivatives that they promise, by mpmath."""

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import micrograd as mg

GRID = [(a, x) for a in (0.3, 1.0, 2.5, 7.9, 8.1, 40.5) for x in (0.01, 0.8, 3.1, 8.3, 60.0)]
A, X = (np.array(column) for column in zip(*GRID))
ORACLES: dict[str, Callable[..., Any]] = {
    "beta": mp.beta,
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
}


def of_mpmath(name: str, by: tuple[int, int]) -> list[float]:
    with mp.workdps(50):
        return [float(mp.diff(ORACLES[name], (mp.mpf(a), mp.mpf(x)), by)) for a, x in GRID]


@pytest.mark.native
@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 5e-13), ("float32", 2e-4)])
def test_values_and_gradients_compiled_are_those_of_mpmath(
    name: str, dtype: str, tolerance: float
) -> None:
    f = getattr(mg, name)
    values, (da, dx) = mg.vectorize(lambda a, x: f(a, x), dtype=dtype).value_and_grad(A, X)
    for got, by in ((values, (0, 0)), (da, (1, 0)), (dx, (0, 1))):
        want = np.array(of_mpmath(name, by))
        shown = np.abs(want) > 1e-30
        np.testing.assert_allclose(got[shown], want[shown], rtol=tolerance)


@pytest.mark.parametrize("name", ORACLES)
def test_the_same_bits_with_exact_and_on_arrays(name: str) -> None:
    f = getattr(mg, name)
    want = [f(a, x) for a, x in GRID]
    np.testing.assert_allclose(f(A, X), want, rtol=1e-12)
    assert mg.vectorize(lambda a, x: f(a, x), exact=True)(A, X).tolist() == want


@pytest.mark.parametrize("by", [(2, 0), (1, 1), (0, 2)])
@pytest.mark.parametrize("name", ORACLES)
def test_second_derivatives_are_those_of_mpmath(name: str, by: tuple[int, int]) -> None:
    f: Callable[..., Any] = getattr(mg, name)
    for place, times in enumerate(by):
        for _ in range(times):
            f = mg.grad(f, argnums=place)
    for (a, x), want in zip(GRID, of_mpmath(name, by)):
        if abs(want) > 1e-20:
            assert f(a, x) == pytest.approx(want, rel=1e-9), (a, x)


@pytest.mark.parametrize("a", [1e3, 1e5])
def test_gammainc_of_large_operands(a: float) -> None:
    """Where it rises from 0 to 1, within some standard deviations of a: as near as x is."""
    with mp.workdps(40):
        for k in (-3.0, 0.0, 3.0):
            x = a + k * a**0.5
            want = mp.gammainc(a, 0, x, regularized=True)
            slope = mp.exp(a * mp.log(x) - x - mp.loggamma(a))
            error = abs(mp.mpf(mg.gammainc(a, x)) - want)
            assert error <= 8 * 2.0**-52 * (want + slope * 3), (a, x)


def test_the_third_derivative_by_a_is_not_made_up() -> None:
    third = mg.grad(mg.grad(mg.grad(lambda a: mg.gammainc(a, 1.5))))
    assert np.isnan(third(2.0))


# Both negative, one, with a sum on either side of 0, near poles, and large ones, of which the
# logarithms of the gamma functions cancel.
NEGATIVE = [
    (-0.5, 1.0), (-1.5, -2.25), (-0.3, 7.25), (3.5, -2.25), (0.75, -0.5), (1e-10, -479.1875),
    (3.5, -479.25), (700.25, -479.25), (-120.5, -30.25), (-2.001, 0.5), (-1e5 - 0.25, 1e5 + 0.5),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_beta_of_negative_operands_is_that_of_mpmath(dtype: str) -> None:
    """As near as an error of some units of the last place in each operand."""
    a, b = (np.array(x, dtype).astype(float) for x in zip(*NEGATIVE))
    found = mg.vectorize(mg.beta, dtype=dtype)(a.astype(dtype), b.astype(dtype))
    epsilon = float(np.finfo(dtype).eps)
    with mp.workdps(60):
        for x, y, value in zip(a, b, found):
            want = mp.beta(mp.mpf(x), mp.mpf(y))
            psi = mp.digamma(mp.mpf(x) + mp.mpf(y))
            slopes = abs(x * (mp.digamma(x) - psi)) + abs(y * (mp.digamma(y) - psi))
            if abs(want) > float(np.finfo(dtype).max):
                assert value == math.copysign(math.inf, want)
                continue
            error = abs(mp.mpf(float(value)) / want - 1)
            assert error <= 8 * epsilon * (1 + slopes), (x, y)
            if dtype == "float64":
                assert mg.beta(x, y) == pytest.approx(float(value), rel=1e-9)


def test_beta_at_the_poles_is_that_of_scipy() -> None:
    """Between integers it is the limit, where there is one."""
    cases = {
        (1.0, -2.0): -0.5, (2.0, -2.0): 0.5, (3.0, -2.0): math.inf, (2.5, -2.0): math.inf,
        (-1.0, 1.0): -1.0, (-3.0, 2.0): 1 / 6, (-1.5, 0.5): 0.0, (-2.0, -0.5): math.inf,
        (0.0, -0.5): math.inf,
    }  # fmt: skip
    for (a, b), want in cases.items():
        assert mg.beta(a, b) == pytest.approx(want, rel=1e-15, abs=1e-300), (a, b)
        assert mg.beta(b, a) == mg.beta(a, b)
        assert mg.Value(a).beta(b).data == mg.beta(a, b)
    assert mg.beta(-0.5, math.inf) == -math.inf  # as Γ(a) b ** -a
    assert mg.beta(-1.5, math.inf) == math.inf
    for a in (-math.inf, 2.0, -2.5, math.inf):
        assert math.isnan(mg.beta(a, -math.inf))
