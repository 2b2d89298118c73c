"""grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp: against mpmath and each other."""

import math
from typing import Any

import numpy as np
import pytest
from oracle import ROWS, derivatives, rounded

import micrograd as mg
from micrograd import Value
from micrograd.calculus import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from micrograd.ops import Op

FLAT = {"stop_gradient", "floor"}


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("row", [row for row in ROWS if row.arity == 1], ids=lambda row: row.name)
def test_nested_gradients_of_every_row(row: Op) -> None:
    for x in (0.3, -0.7, 0.95, 1.7, -2.3):
        if not math.isfinite(row(x)) or row.name in FLAT:
            continue
        _, slope, curvature = derivatives(row, (x,), 0)
        assert grad(row)(x) == pytest.approx(rounded(slope), rel=1e-13, abs=1e-15)
        assert grad(grad(row))(x) == pytest.approx(rounded(curvature), rel=1e-11, abs=1e-15)


def test_third_derivatives() -> None:
    assert grad(grad(grad(lambda x: x**5)))(2.0) == 240.0
    assert grad(grad(grad(mg.sin)))(0.3) == pytest.approx(-math.cos(0.3), rel=1e-14)


def test_a_gradient_within_a_function() -> None:
    """d/dx (x · d/dy (x y²) at y = 3) = 2 · 6 x: the inner variable does not mix with the outer."""
    assert grad(lambda x: x * grad(lambda y: x * y * y)(3.0))(2.0) == 24.0


def test_the_gradient_has_the_structure_of_the_argument() -> None:
    def f(p: Any, x: float) -> Any:
        return mg.dot(p["w"], [x, 2.0], p["b"][0])

    value, (dp, dx) = value_and_grad(f)({"w": [3.0, 4.0], "b": (5.0,)}, 1.0)
    assert value == 16.0
    assert dp == {"w": [1.0, 2.0], "b": (1.0,)}
    assert dx == 3.0


def test_arrays() -> None:
    x = np.array([1.5, -0.5])
    gradient = grad(rosenbrock)(x)
    assert gradient.dtype == float
    np.testing.assert_allclose(gradient, [-400 * 1.5 * (-0.5 - 2.25) - 2 * -0.5, 200 * -2.75])
    W = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(jacobian(lambda x: W @ x)(np.ones(3)), W)
    assert grad(lambda W: (W @ np.ones(3)).sum())(W).tolist() == np.ones((2, 3)).tolist()


def test_products_with_derivatives_agree_with_the_matrices() -> None:
    def f(x: Any) -> list[Any]:
        return [x[0] * mg.sin(x[1]), mg.exp(x[0]) / x[1], x[1] ** 3]

    x, v, u = [0.3, 1.7], [0.9, -0.4], [1.0, -2.0, 0.5]
    J = jacobian(f)(x)
    value, along = jvp(f)(x, v)
    assert value == f(x)
    assert along == pytest.approx(J @ v)
    assert vjp(f)(x, u)[1] == pytest.approx(u @ J)
    H = hessian(rosenbrock)(x)
    np.testing.assert_allclose(H, [[2 - 400 * (1.7 - 3 * 0.09), -120.0], [-120.0, 200.0]])
    assert hvp(rosenbrock)(x, v) == pytest.approx(H @ v)


def test_what_a_function_does_not_use_has_no_slope() -> None:
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert grad(lambda x, y: x)(2.0, 5.0) == (1.0, 0.0)
    assert grad(lambda x: mg.stop_gradient(x) * x)(3.0) == 3.0


def test_values_outside_are_left_alone() -> None:
    w = Value(2.0)
    assert grad(lambda x: mg.tanh(w) * x)(3.0).data == math.tanh(2.0)
    assert w.grad == 0.0


@pytest.mark.parametrize("result", [[1.0, 2.0], "1", None])
def test_a_gradient_is_that_of_one_number(result: Any) -> None:
    with pytest.raises(TypeError):
        grad(lambda x: result)(1.0)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda a: {"u": a * a}, 3.0),
        (lambda d: [d["a"]], {"a": 1.0}),
        (lambda a: "x", 3.0),
        (lambda a: (q for q in (a, a)), 3.0),
    ],
)
def test_a_jacobian_of_what_is_no_array(f: Any, x: Any) -> None:
    with pytest.raises(TypeError, match="jacobian and hessian take and give numbers, arrays"):
        mg.jacobian(f)(x)


def test_a_hessian_of_a_structure() -> None:
    with pytest.raises(TypeError, match="jacobian and hessian"):
        mg.hessian(lambda d: d["a"] * d["a"])({"a": 2.0})


def test_the_exponent_bends_a_power_where_it_is_zero():
    bends = mg.hessian(lambda p: p[0] ** p[1])(np.array([2.0, 0.0]))
    np.testing.assert_allclose(bends, [[0.0, 0.5], [0.5, math.log(2.0) ** 2]], rtol=1e-15)
