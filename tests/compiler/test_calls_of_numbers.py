"""Calls with numbers and lists: the values and gradients of arrays, and nothing kept."""

import itertools
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value


def formula(x: Any, y: Any, z: Any) -> Any:
    return mg.exp(-x * x) * mg.sin(y) + mg.where(x > 0, mg.sqrt(x), z) * z


POINTS = [(0.5, 2.0, -1.0), (-0.5, 2.0, 3.0), (0.0, 1.0, 2.0), (0.0, -0.0, 0.0), (3, -2, 1)]


@pytest.mark.parametrize("exact", [False, True])
def test_numbers_and_arrays_give_the_same_value_and_gradient(exact: bool) -> None:
    """Numbers are passed in registers, arrays of one number in memory; x = 0 makes 0 * inf."""
    f, g = mg.compile(formula, exact=exact), mg.vectorize(formula, exact=exact)
    for point, _ in itertools.product(POINTS, range(2)):
        v = [Value(x) for x in point]
        expected = formula(*v)
        expected.backward()
        value, gradient = f.value_and_grad(*point)
        assert {type(x) for x in (value, *gradient)} == {float}
        assert value == pytest.approx(expected.data, rel=1e-13)
        assert gradient == pytest.approx([x.grad for x in v], rel=1e-12, abs=1e-15)
        if exact:
            assert [value, *gradient] == [expected.data, *[x.grad for x in v]]
        values, slopes = g.value_and_grad(*[np.array([float(x)]) for x in point])
        np.testing.assert_allclose([values, *slopes], np.array([[value, *gradient]]).T, rtol=1e-13)


def test_gradients_of_numbers_of_every_kind() -> None:
    w = Value(3.0)
    for function, x, expected in [
        (lambda x: x * x, 3, (9.0, 6.0)), (lambda x: x * x, np.float64(3), (9.0, 6.0)),
        (lambda x: x * x, True, (1.0, 2.0)), (lambda x: 5.0, 2.0, (5.0, 0.0)),
        (lambda x: x, 2.0, (2.0, 1.0)), (lambda x: w * x, 2.0, (6.0, 3.0)),
        (lambda x: 2 * x, 10**400, (np.inf, 2.0)), (lambda x: -x, np.inf, (-np.inf, -1)),
    ]:  # fmt: skip
        f = mg.compile(function)
        assert f.value_and_grad(x) == f.value_and_grad(x) == expected
    assert mg.compile(lambda: 2.0).value_and_grad() == (2.0, ())
    f = mg.compile(lambda x, y: x * y)
    for _ in range(2):
        assert f.value_and_grad(2.0, y=3.0) == (6.0, (3.0, 2.0))
        assert f.value_and_grad(2.0, 3.0) == (6.0, (3.0, 2.0))
        with pytest.raises(mg.ShapeError, match="takes the arguments"):
            f.value_and_grad(2.0)
    for _ in range(2):
        with pytest.raises(TypeError, match="returns 2 numbers"):
            mg.compile(lambda x: [x, x]).value_and_grad(1.0)
    single = mg.compile(lambda x: x / 3, dtype="float32").value_and_grad(1.0)
    assert single == (np.float32(1 / 3).item(), np.float32(1 / 3).item())


# Native functions that Python calls.


@pytest.mark.native
def test_native_calls_keep_no_references() -> None:
    f, g = mg.compile(lambda x, y: x * y), mg.vectorize(lambda x, y: x * y)
    x, number = np.ones(3), 1234.5
    others: list[Any] = [None, True, False, float, int, np.ndarray]

    def counts() -> list[int]:
        return [sys.getrefcount(each) for each in (x, number, *others)]

    def call() -> None:
        f(number, number)
        f(10**400, 2.0)
        f.value_and_grad(number, 2.0)
        f(x, x)
        g(x, x)
        g.value_and_grad(x, x)
        g(x, 2.0)

    for _ in range(3):
        call()
    before = counts()
    for _ in range(1000):
        call()
    after = counts()
    assert all(b < a + 100 for a, b in zip(before, after))


@pytest.mark.native
def test_a_kernel_refuses_what_is_no_array() -> None:
    f = mg.compile(lambda x: mg.sum(x))
    it, call = f.specialize(np.ones(2))
    kernel, nothing = f.kernel(it), np.zeros(0)
    call.inputs = [[1.0, 1.0]]  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected an array"):
        kernel(call, nothing, 1.0)
    call.inputs = [np.ones(2)]
    assert np.ravel(kernel(call, nothing, 1.0)[0][0]).tolist() == [2.0]


# Lists and tuples of numbers.


def test_a_list_of_numbers_is_one_input_and_a_list_to_the_function() -> None:
    def f(p: Any, q: Any) -> Any:
        assert (type(p), type(q["a"]), type(q["b"])) == (list, tuple, list)
        return mg.sum(a * a for a in p) * q["a"][1] + q["b"][0][1] * q["b"][1]

    compiled = mg.compile(f)
    args: Any = [3, True, 2.5, Fraction(1, 2)], {"a": (1.0, 2.0), "b": [[5.0, 6.0], 7.0]}
    for _ in range(2):
        value, (p, q) = compiled.value_and_grad(*args)
        assert value == 2 * 16.5 + 42.0
        assert p == [12.0, 4.0, 10.0, 2.0]
        assert q == {"a": (0.0, 16.5), "b": [[0.0, 7.0], 6.0]}
    assert compiled.specializations[0].shapes == [(4,), (2,), (2,), None]


def test_a_long_list_takes_as_long_as_an_array() -> None:
    f = mg.compile(lambda x: mg.sum(a * a for a in x))
    f.value_and_grad([1.0] * 5)
    g = mg.compile(lambda x: mg.sum(a * a for a in x))
    g.value_and_grad(np.ones(5))
    assert f.source("program", [1.0] * 5) == g.source("program", np.ones(5))
