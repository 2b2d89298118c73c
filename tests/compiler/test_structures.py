"""Structures of arguments and results: tuples, lists, dicts, named tuples, and ragged rows."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from vectorized import normal
from ways import WAYS

import micrograd as mg


@pytest.mark.parametrize("way", WAYS)
def test_structures_of_arguments_and_results(way: str) -> None:
    def f(p: Any, pair: Any) -> Any:
        first, (second,) = pair
        return {
            "sum": p["x"] + first,
            "list": [p["y"][0] * second, second],
            "array": p["y"] * 2,
            "none": (),
        }

    x, y = np.arange(3.0), np.arange(6.0).reshape(3, 2)
    result = WAYS[way][0](f)({"x": x, "y": y}, (1.0, [x]))
    assert list(result) == ["sum", "list", "array", "none"]
    np.testing.assert_array_equal(result["sum"], x + 1)
    np.testing.assert_array_equal(result["list"][0], y[:, 0] * x)
    np.testing.assert_array_equal(result["list"][1], x)
    np.testing.assert_array_equal(result["array"], 2 * y)
    assert result["none"] == ()


@pytest.mark.parametrize("way", WAYS)
def test_the_gradient_has_the_structure_of_the_arguments(way: str) -> None:
    f = WAYS[way][0](lambda p, k: p["x"] * p["y"][0] * k)
    x, y = np.arange(3.0), np.arange(6.0).reshape(3, 2)
    _, (dp, dk) = f.value_and_grad({"x": x, "y": [y[:, 0], y[:, 1]]}, k=2.0)
    np.testing.assert_array_equal(dp["x"], 2 * y[:, 0])
    np.testing.assert_array_equal(dp["y"][0], 2 * x)
    np.testing.assert_array_equal(dp["y"][1], 0 * x)
    np.testing.assert_array_equal(dk, x * y[:, 0])


def test_structures_one_example_a_call() -> None:
    f = mg.compile(lambda x, y: (x * y, [x, {"a": np.array([x, y])}]))
    product, (x, rest) = f(2.0, 3.0)
    assert (product, x) == (6.0, 2.0)
    np.testing.assert_array_equal(rest["a"], [2.0, 3.0])


def test_a_matrix_of_results() -> None:
    A = np.arange(6.0).reshape(2, 3)
    f = mg.vectorize(lambda x: A @ x)
    x = normal(4, 3, 2)
    np.testing.assert_allclose(f(x), A @ x, rtol=1e-14, atol=1e-14)


def test_lists_in_a_named_tuple_are_arrays() -> None:
    class Pair(NamedTuple):
        a: Any
        b: Any

    f = mg.vectorize(lambda p: p.a * p.b)
    np.testing.assert_array_equal(f(Pair([2.0, 3.0], [3.0, 4.0])), [6.0, 12.0])


def test_rows_of_different_lengths_are_not_read_as_columns() -> None:
    f = mg.vectorize(lambda x, y: mg.sum(x) * y)
    with pytest.raises(mg.ShapeError, match="the rows of a list must be equally long, got lengths"):
        f([[1.0, 2.0], [3.0]], [1.0, -1.0])
