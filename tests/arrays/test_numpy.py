"""NumPy: arrays of Values, its functions on them, its numbers beside them."""

import math
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.engine import numbers_of


@pytest.fixture
def a() -> Any:
    return np.array([Value(0.1), Value(0.2), Value(0.3)])


def data(array: Any) -> Any:
    return np.reshape(numbers_of(np.ravel(array)), np.shape(array))


def test_numpy_numbers_beside_values() -> None:
    v = Value(3.0)
    for number in (np.float64(2), np.float32(2), np.int64(2)):
        for result, want in [(number * v, 6.0), (v * number, 6.0), (number - v, -1.0),
                             (number / v, 2 / 3), (v**number, 9.0), (number**v, 8.0)]:  # fmt: skip
            assert type(result) is Value
            assert result.data == pytest.approx(want)
            assert all(type(x) in (Value, float) for x in result.operands)
    assert (np.float64(2) < v) is True or bool(np.float64(2) < v)
    (np.float64(2) * v).backward()
    assert v.grad == 2.0


@pytest.mark.parametrize(
    "name",
    ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
     "sinh", "cosh", "tanh", "absolute", "fabs", "negative", "square", "reciprocal", "positive"],
)  # fmt: skip
def test_functions_of_numpy_on_arrays_of_values(name: str, a: Any) -> None:
    function = getattr(np, name)
    result = function(a)
    assert all(type(x) is Value for x in result)
    np.testing.assert_allclose(data(result), function(data(a)), rtol=1e-15)
    assert type(function(a[0])) is Value


@pytest.mark.parametrize("name", ["power", "maximum", "minimum", "true_divide", "subtract"])
def test_functions_of_two_operands(name: str, a: Any) -> None:
    function, numbers = getattr(np, name), np.array([0.3, 0.2, 0.1])
    want = function(data(a), numbers)
    np.testing.assert_allclose(data(function(a, numbers)), want, rtol=1e-15)
    np.testing.assert_allclose(data(function(a, numbers.astype(object))), want, rtol=1e-15)
    np.testing.assert_allclose(data(function(numbers, a)), function(numbers, data(a)), rtol=1e-15)


def test_arctan2_is_a_method_of_the_first_operand(a: Any) -> None:
    want = np.arctan2(data(a), [0.3, 0.2, 0.1])
    np.testing.assert_allclose(data(np.arctan2(a, [0.3, 0.2, 0.1])), want)


def test_products(a: Any) -> None:
    W = np.arange(6.0).reshape(2, 3)
    for product in (W @ a, np.dot(W, a), np.einsum("ij,j->i", W, a)):
        np.testing.assert_allclose(data(product), W @ data(a))
    (W @ a).sum().backward()
    assert [x.grad for x in a] == [3.0, 5.0, 7.0]
    V = np.array([[Value(float(i + j)) for j in range(3)] for i in range(2)])
    np.testing.assert_allclose(data(V @ a), data(V) @ data(a))
    np.testing.assert_allclose(data(np.outer(a, [1.0, 2.0])), np.outer(data(a), [1.0, 2.0]))
    np.testing.assert_allclose(data(a @ a), data(a) @ data(a))


def test_reductions(a: Any) -> None:
    for function in (np.sum, np.mean, np.prod, np.max, np.min, np.var, np.cumsum):
        np.testing.assert_allclose(data(function(a)), function(data(a)))
    a.mean().backward()
    assert [x.grad for x in a] == pytest.approx([1 / 3] * 3)
    table = a.reshape(1, 3) * np.ones((2, 1))
    np.testing.assert_allclose(data(table.sum(axis=0)), 2 * data(a))
    np.testing.assert_allclose(data(table.mean(axis=1)), [0.2, 0.2])


def test_broadcasting_and_arrays_of_floats(a: Any) -> None:
    v, numbers = Value(2.0), np.array([[1.0], [2.0]])
    for result, want in [(numbers * a, numbers * data(a)), (v + numbers, 2 + numbers),
                         (numbers / v, numbers / 2), (v - numbers, 2 - numbers),
                         (v**numbers, 2.0**numbers), (v * a, 2 * data(a)),
                         (a - v, data(a) - 2)]:  # fmt: skip
        assert result.dtype == object
        np.testing.assert_allclose(data(result), want)


def test_comparisons_and_where(a: Any) -> None:
    mask = a > 0.15
    assert mask.dtype == bool
    assert mask.tolist() == [False, True, True]
    assert (a > 0.15).tolist() == [False, True, True]
    for chosen in (np.where(mask, a, 0.0), mg.where(mask, a, 0.0), mg.where(a > 0.15, a, 0.0)):
        np.testing.assert_allclose(data(chosen), [0.0, 0.2, 0.3])
        assert chosen[1] is a[1] or chosen[1].op is mg.where


def test_in_place(a: Any) -> None:
    first, b = a[0], a.copy()
    b += 1.0
    b *= a
    np.testing.assert_allclose(data(b), (data(a) + 1) * data(a))
    assert a[0] is first
    v = w = Value(1.0)
    v += 2.0
    assert (v.data, w.data) == (3.0, 1.0)


def test_functions_of_the_table_on_arrays(a: Any) -> None:
    X = np.linspace(-2.0, 2.0, 6).reshape(2, 3)
    np.testing.assert_allclose(mg.tanh(X), np.tanh(X))
    np.testing.assert_allclose(mg.relu(X), np.maximum(X, 0))
    np.testing.assert_allclose(mg.maximum(X, 1), np.maximum(X, 1))
    np.testing.assert_allclose(mg.leaky_relu(X), np.where(X > 0, X, 0.01 * X))
    assert mg.tanh(X).dtype == float
    assert mg.erf(X).shape == (2, 3)
    assert [type(x) for x in mg.erf(a)] == [Value] * 3
    np.testing.assert_allclose(data(mg.maximum(a, 0.2)), [0.2, 0.2, 0.3])
    assert mg.ops.less(X, 0.0).tolist() == (X < 0).tolist()
    assert mg.tanh(np.array(0.5)) == pytest.approx(np.tanh(0.5))
    assert mg.tanh(np.arange(3)).tolist() == pytest.approx(np.tanh(np.arange(3)).tolist())


def test_functions_of_many_operands_take_arrays(a: Any) -> None:
    X = np.arange(6.0).reshape(2, 3)
    assert mg.sum(X) == 15.0
    assert mg.mean(X) == 2.5
    assert mg.sum(a).op is mg.ops.sum
    assert mg.norm(a).data == pytest.approx(np.linalg.norm(data(a)))
    assert mg.dot(X[0], a).data == pytest.approx(X[0] @ data(a))
    assert mg.dot(a, X[0]).data == pytest.approx(X[0] @ data(a))
    np.testing.assert_allclose(data(mg.softmax(a)), np.exp(data(a)) / np.exp(data(a)).sum())
    assert mg.take(a, 1) is a[1] or mg.take(a, 1).data == 0.2
    assert mg.take(X, np.int64(1)) == [3.0, 4.0, 5.0]


def test_no_warnings_from_numpy() -> None:
    """IEEE arithmetic: overflow gives infinity, without a warning."""
    X = np.array([0.0, -1.0, 1000.0, np.inf, np.nan])
    for row in (mg.log, mg.exp, mg.sqrt, mg.sigmoid, mg.silu, mg.lgamma, mg.gelu):
        assert row(X).shape == X.shape


def test_powers_of_arrays_are_those_of_numbers() -> None:
    """NumPy's `power` takes a square root for the exponent 0.5, which differs at -inf and -0."""
    x = [-math.inf, -0.0, 4.0, math.inf]
    np.testing.assert_array_equal(mg.pow(np.array(x), 0.5), [math.pow(v, 0.5) for v in x])
    assert str(mg.pow(np.array(x), 0.5)[1]) == "0.0"
