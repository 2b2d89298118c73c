"""Functions along a sequence, against NumPy: in numbers, compiled, and their gradients."""

import math
from typing import Any

import numpy as np
import pytest

import micrograd as mg

X = [0.5, -1.5, 2.0, 2.0, -3.0, 0.25]
LISTS = [X, X[:1], [3.0, 2.0, 1.0], [1.0, math.nan, 2.0], [0.0, 4.0, 0.0]]
FUNCTIONS = ["prod", "cumsum", "max", "min", "sort", "argmax", "argmin"]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", LISTS)
def test_values_are_those_of_numpy(name: str, x: list[float]) -> None:
    function, want = getattr(mg, name), getattr(np, name)(np.array(x))
    np.testing.assert_allclose(function(x), want)
    np.testing.assert_allclose(mg.compile(function)(np.array(x)), want)


def test_a_product_has_its_gradient_where_factors_are_zero() -> None:
    assert [*mg.grad(mg.prod)([2.0, 0.0, 3.0])] == [0.0, 6.0, 0.0]
    assert [*mg.grad(mg.prod)([2.0, 0.0, 0.0])] == [0.0, 0.0, 0.0]
    assert [*mg.hessian(mg.prod)([2.0, 0.0, 0.0])[1]] == [0.0, 0.0, 2.0]


def test_gradients() -> None:
    assert [*mg.grad(mg.max)([1.0, 3.0, 2.0])] == [0.0, 1.0, 0.0]
    assert [*mg.grad(mg.min)([1.0, 1.0, 2.0])] == [0.5, 0.5, 0.0]
    assert [*mg.grad(lambda x: mg.dot(mg.sort(x), [1.0, 2.0, 3.0]))([5.0, 1.0, 3.0])] == [3, 1, 2]
    assert [*mg.grad(lambda x: mg.cumsum(x)[1])([5.0, 1.0, 3.0])] == [1.0, 1.0, 0.0]
    assert [*mg.grad(lambda x: mg.take(x, mg.argmax(x)) ** 2)([5.0, 1.0])] == [10.0, 0.0]


@pytest.mark.parametrize("x", [-2.0, -1.0, -0.25, 0.0, 1.5, 3.0, 4.0, math.nan])
def test_interp_is_that_of_numpy(x: float) -> None:
    xp, fp = [-1.0, 0.0, 1.0, 3.0], [2.0, 4.0, -1.0, 5.0]
    want = np.interp(x, xp, fp)
    assert mg.interp(x, xp, fp) == pytest.approx(want, nan_ok=True)
    assert mg.compile(mg.interp)(x, xp, fp) == pytest.approx(want, nan_ok=True)
    assert mg.interp(x, xp, fp, left=-9.0, right=9.0) == pytest.approx(
        np.interp(x, xp, fp, left=-9.0, right=9.0), nan_ok=True
    )


def test_interp_has_derivatives_in_x_and_in_the_table() -> None:
    def f(x: Any, xp: Any, fp: Any) -> Any:
        return mg.interp(x, xp, fp)

    slopes = mg.grad(f)(1.5, [0.0, 1.0, 2.0], [10.0, 20.0, 40.0])
    dx, dxp, dfp = slopes
    assert dx == 20.0
    assert [*dxp] == [0.0, -10.0, -10.0]
    assert [*dfp] == [0.0, 0.5, 0.5]


def test_what_has_no_value() -> None:
    for function in (mg.max, mg.min, mg.argmax, mg.argmin):
        with pytest.raises(ValueError, match="of an empty sequence has no value"):
            function([])
    assert mg.prod([]) == 1.0
    assert mg.sort([]) == mg.cumsum([]) == []
    with pytest.raises(mg.ShapeError, match="as many fp as xp, got 1 and 2"):
        mg.interp(0.0, [0.0, 1.0], [1.0])


@pytest.mark.parametrize("way", [lambda f: f, mg.compile])
def test_divmod_is_that_of_python(way: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        (q, r), (p, s) = divmod(x, y), divmod(10.0, y)
        return q + 10.0 * r + 100.0 * p + 1000.0 * s

    for x, y in ((-7.0, 3.0), (7.5, -2.0), (6.25, 2.0)):
        assert way(f)(x, y) == f(x, y)
        slope = -10.0 * (x // y) - 1000.0 * (10.0 // y)
        np.testing.assert_allclose(mg.grad(f)(x, y), [10.0, slope])
