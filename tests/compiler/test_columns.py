"""Columns of integers, of truths and of other floats: numbers like all others, and as fast."""

from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd.compiler.api.function import CompiledOne
from micrograd.compiler.api.vectorized import Vectorized

DTYPES = "int64", "int32", "int8", "uint16", "bool", "float32", "float64", ">f8"
x = np.linspace(-1.0, 2.0, 6)
whole = np.array([0, 1, 0, 1, 1, 0])


def of_numbers(x: Any, k: Any) -> Any:
    return mg.where(k > 0.5, x * x, 2 * x) + 0.25 * k * x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("column", DTYPES)
def test_a_column_of_any_type_has_the_answers_of_floats(dtype: str, column: str) -> None:
    f = mg.vectorize(of_numbers, dtype=dtype)
    expected = f.value_and_grad(x, whole.astype(dtype))
    for _ in range(2):
        value, gradient = f.value_and_grad(x, whole.astype(column))
        np.testing.assert_array_equal(value, expected[0])
        np.testing.assert_array_equal(gradient, expected[1])
        assert {value.dtype, *[g.dtype for g in gradient]} == {np.dtype(dtype)}


@pytest.mark.parametrize("column", DTYPES)
def test_so_has_an_array_of_one_example(column: str) -> None:
    f = mg.compile(lambda x: mg.sum(x * x))
    for _ in range(2):
        value, gradient = f.value_and_grad(whole.astype(column))
        assert value == 3.0
        np.testing.assert_array_equal(gradient, 2.0 * whole)


@pytest.mark.native
@pytest.mark.parametrize("way", [mg.compile, mg.vectorize])
def test_they_are_converted_once_and_need_no_further_look(
    way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = way(lambda x, k: mg.sum(x) * mg.sum(k), **({} if way is mg.compile else {"each": "row"}))
    k = np.arange(12).reshape(6, 2)
    expected = f(k * 1.0, k * 1.0)
    for kind in (CompiledOne, Vectorized):
        monkeypatch.delattr(kind, "_fitted")
    for other in (k, k.astype(np.int32), k.astype(np.float32), np.asfortranarray(k)):
        np.testing.assert_array_equal(f(k * 1.0, other), expected)
    bits = (k > 5)[:, ::-1]
    np.testing.assert_array_equal(f(k * 1.0, bits), f(k * 1.0, bits * 1.0))


def test_numbers_that_fit_no_float_are_refused_after_columns_of_integers() -> None:
    f = mg.vectorize(of_numbers)
    f(x, whole)
    with pytest.raises(mg.ArgumentError, match="takes numbers and arrays of numbers"):
        f(x, whole * 1j)
    with pytest.raises(mg.ShapeError):
        f(x, whole[:4])
