"""Values that a compiled function reads: parameters, read at each call, and constants."""

from typing import Any

import numpy as np
import pytest
from ways import WAYS

import micrograd as mg
from micrograd import Value


@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_read_at_each_call(way: str) -> None:
    w, v = Value(2.0), Value(3.0)
    f = WAYS[way][0](lambda x: w * x + v)
    assert f(1.0) == 5.0
    assert f.parameters == (w, v)
    w.data = 10.0
    assert f(1.0) == 13.0
    theta = f.pack()
    assert theta.tolist() == [10.0, 3.0]
    assert theta.dtype == f.dtype
    value, gradient = f.gradient(theta * 2, np.array([1.0, 2.0]))
    assert (value, gradient.tolist()) == (36.0, [1.5, 1.0])
    assert (w.data, w.grad) == (10.0, 0.0)
    f.unpack(theta * 2)
    assert (w.data, v.data) == (20.0, 6.0)


def test_what_a_parameter_was_computed_from_is_the_parameter() -> None:
    w = Value(2.0)
    squared = w * w
    f = mg.vectorize(lambda x: squared * x)
    assert f.backward(np.array([1.0, 3.0])) == 8.0
    assert w.grad == 8.0
    assert f.parameters == (w,)


def test_values_made_inside_are_constants() -> None:
    f = mg.vectorize(lambda x: Value(3.0) * x)
    assert f(np.array([1.0, 2.0])).tolist() == [3.0, 6.0]
    assert f.parameters == ()


@pytest.mark.parametrize("theta", [np.zeros(3), np.zeros((2, 1)), 1.0])
def test_a_theta_of_another_shape(theta: Any) -> None:
    w = Value(1.0), Value(2.0)
    f = mg.vectorize(lambda x: mg.dot(w, x))
    f(np.ones((1, 2)))
    with pytest.raises(mg.ShapeError, match=r"\(2,\).*got \("):
        f.gradient(theta, np.ones((1, 2)))
    with pytest.raises(mg.ShapeError, match=r"\(2,\)"):
        f.unpack(theta)


def test_parameters_are_known_after_a_call() -> None:
    f = mg.vectorize(lambda x: x)
    with pytest.raises(RuntimeError, match="call it on an example first"):
        f.pack()
