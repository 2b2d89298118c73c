"""mg.op: a user adds an operation in one place; mistakes in it are named."""

from math import inf, nan

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.ops import TABLE


def test_an_operation_is_added_in_one_place() -> None:
    @mg.op(derivative=lambda g, z, x: 3 * g * x**2)
    def cube(x):
        """x times x times x."""
        return x**3

    assert TABLE["cube"] is cube
    assert (cube.arity, cube.doc, cube(2.0), cube(2)) == (1, "x times x times x", 8.0, 8.0)
    x = Value(2.0)
    y = cube(x)
    assert (y.op, y.operands) == (cube, (x,))
    y.backward()
    assert x.grad == 12.0
    (dx,) = mg.graph.gradients(y, [x])
    (dxx,) = mg.graph.gradients(dx, [x])
    assert dxx.data == 12.0
    assert cube(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]
    assert cube(np.array([x, 3.0], dtype=object))[1] == 27.0


def test_operations_of_two_operands_and_defaults() -> None:
    @mg.op(derivative=lambda g, z, x, k: (g * k, g * x), name="scaled")
    def anything(x, k=2.0):
        return x * k

    x = Value(3.0)
    y = anything(x)
    y.backward()
    assert (y.data, x.grad, anything(3.0, 4.0), TABLE["scaled"]) == (6.0, 2.0, 12.0, anything)
    assert repr(anything) == "<op scaled>"


def test_what_python_raises_in_them_is_ieee_too() -> None:
    @mg.op(derivative=lambda g, z, x: -g / x**2)
    def inverse(x):
        return 1 / x

    @mg.op(derivative=lambda g, z, x: g * 0.5 * x**-0.5)
    def root(x):
        return x**0.5

    @mg.op(derivative=lambda g, z, x: g / (mg.sin(x) - mg.sin(x)))
    def steep(x):
        return 1 / (mg.sin(x) * 0.0)

    for operation, data, number, slope in [
        (inverse, 0.0, inf, -inf), (inverse, -0.0, -inf, -inf), (root, -1.0, nan, nan),
        (root, 0.0, 0.0, inf), (root, inf, inf, 0.0), (steep, 1.0, inf, inf),
    ]:  # fmt: skip
        x = Value(data)
        y = operation(x)
        y.backward()
        assert {type(y.data), type(x.grad), type(operation(data))} == {float}
        assert [y.data, x.grad] == pytest.approx([number, slope], nan_ok=True)


def test_python_in_them_may_be_anything_on_floats() -> None:
    @mg.op(derivative=lambda g, z, x: [g * (1 if x > 0 else 0)])
    def ramp(x):
        return x if x > 0 else 0

    assert type(ramp(-1.0)) is float
    x = Value(-1.0)
    assert type(ramp(x).data) is float
    with np.errstate(all="ignore"):
        assert ramp(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_mistakes_in_them_are_named() -> None:
    with pytest.raises(ValueError, match="has an operation called 'relu' already"):
        mg.op(derivative=lambda g, z, x: g, name="relu")(lambda x: x)
    with pytest.raises(TypeError, match="the derivative of f must be a function, got 3"):
        mg.op(derivative=3, name="f")(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="f must take a fixed number of operands"):
        mg.op(derivative=lambda g, z, *x: g, name="f")(lambda *x: x)
    with pytest.raises(TypeError, match="f must take a fixed number of operands"):
        mg.op(derivative=lambda g, z: g, name="f")(lambda: 1.0)

    two = mg.op(derivative=lambda g, z, x, y: g, name="two")(lambda x, y: x + y)
    with pytest.raises(TypeError, match="derivative of two must return one gradient for each of"):
        two(Value(1.0), 2.0).backward()
    nothing = mg.op(derivative=lambda g, z, x: g, name="nothing")(lambda x: None)
    with pytest.raises(TypeError, match="the result of nothing: expected one real number"):
        nothing(Value(1.0))


def test_one_of_them_is_an_activation_by_name() -> None:
    @mg.op(derivative=lambda g, z, x: 2 * g * x)
    def square(x):
        return x * x

    model = mg.MLP(2, [3, 1], activation="square", seed=0)
    (score,) = model([1.0, 2.0])
    score.backward()
    assert any(p.grad for p in model.parameters())
    assert mg.MLP(2, [3, 1], activation=square, seed=0)([1.0, 2.0])[0].data == score.data
