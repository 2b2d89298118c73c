"""Reductions of arrays of scalars: where a condition holds, and among equal values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value

WHERE = [
    lambda x, c: np.sum(x, where=c),
    lambda x, c: np.prod(x, where=c),
    lambda x, c: np.max(x, where=c, initial=0.5),
    lambda x, c: np.min(x, where=c, initial=0.5),
    lambda x, c: np.sum(x, where=c, initial=3.0),
    lambda x, c: np.sum(np.outer(x, x), axis=0, where=c)[0],
]


@pytest.mark.parametrize("reduced", WHERE)
@pytest.mark.parametrize("condition", [lambda x: x > 0, lambda x: [True, False, True]])
def test_a_reduction_where_a_condition_holds(reduced: Any, condition: Any) -> None:
    def f(x: Any) -> Any:
        return reduced(x, condition(x))

    x, h = np.array([1.2, -1.0, 3.0]), 1e-6 * np.eye(3)
    slopes = [(f(x + d) - f(x - d)) / 2e-6 for d in h]
    for value, gradient in (mg.value_and_grad(f)(x), mg.compile(f).value_and_grad(x)):
        np.testing.assert_allclose(value, f(x), rtol=1e-15)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("f", [lambda x: np.exp(x, where=x > 0), lambda x: np.max(x, where=x > 0)])
@pytest.mark.parametrize("way", [mg.grad, mg.compile])
def test_what_has_no_value_where_a_condition_does_not_hold(f: Any, way: Any) -> None:
    with pytest.raises(mg.NumPyError, match=r"Instead, choose: np\.where"):
        way(f)(np.array([1.2, -1.0, 3.0]))


CHOICES: list[Callable[[Any], Any]] = [
    lambda x: np.maximum(x, 1.0).sum(),
    lambda x: np.minimum(1.0, x).sum(),
    lambda x: np.fmax(x, 1.0).sum(),
    lambda x: np.clip(x, 1.0, 3.0).sum(),
    lambda x: x.clip(-1.0, 1.0).sum(),
    lambda x: np.max(x),
    lambda x: x.min(),
    lambda x: np.ptp(x),
    lambda x: np.maximum.reduce(x),
    lambda x: np.maximum.accumulate(x).sum(),
]


@pytest.mark.parametrize("f", CHOICES)
@pytest.mark.parametrize("point", [[1.0, 1.0], [np.nan, 1.0], [1.0, np.nan]])
def test_numpy_does_not_choose_among_equal_values_in_silence(f: Any, point: Any) -> None:
    """It compares elements of an array that it made itself; those of `mg.array` are formulas."""
    with np.errstate(invalid="ignore"):
        f(mg.array([Value(v) for v in point]))
        with pytest.warns(mg.LostGradientWarning, match=r"one gets the whole .* micrograd\.array"):
            f(np.array([Value(v) for v in point]))
