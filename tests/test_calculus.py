"""grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp: against mpmath and each other."""

import inspect
import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from oracle import ROWS, derivatives, rounded

import micrograd as mg
from micrograd import Value, graph
from micrograd.calculus import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from micrograd.ops import Op

FLAT = {"stop_gradient", "floor"}


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("row", [row for row in ROWS if row.arity == 1], ids=lambda row: row.name)
def test_nested_gradients_of_every_row(row: Op) -> None:
    for x in (0.3, -0.7, 0.95, 1.7, -2.3):
        if not math.isfinite(row(x)):
            continue
        _, slope, curvature = derivatives(row, (x,), 0)
        if row.name in FLAT:  # `stop_gradient` on purpose
            slope = curvature = mp.mpf(0)
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


def test_rows_of_a_jacobian_are_numbers_where_they_can_be() -> None:
    w = Value(2.0)
    both = jacobian(lambda x: [w * x[0] * x[0], x[1] * x[1]])([3.0, 5.0])
    assert (both[0][0].data, both[0][1]) == (12.0, 0.0)
    assert both[1].tolist() == [0.0, 10.0]
    both[0][0].backward()
    assert w.grad == 6.0


def test_one_walk_sees_whether_all_rows_of_a_jacobian_are_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A walk for each row made Hessians half as fast again."""
    walks: list[Any] = []
    below = graph.below
    monkeypatch.setattr(graph, "below", lambda *roots: walks.append(roots) or below(*roots))
    jacobian(lambda x: [x[0] * y for y in x])([1.0, 2.0, 3.0])
    assert len(walks) == 1


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


# Which arguments: `argnums`, and keywords, as in JAX and HIPS autograd.


def _three(a: Any, b: Any, c: Any = 1.0) -> Any:
    return a * a * b + mg.sin(b) * c


@pytest.mark.parametrize("compiled", [False, True])
def test_keywords_are_passed_on_and_not_differentiated_by(compiled: bool) -> None:
    wrap: Any = mg.compile if compiled else lambda f: f
    assert wrap(mg.grad(_three))(3.0, b=4.0) == 24.0
    assert wrap(mg.grad(_three))(3.0, 4.0, c=0.0) == (24.0, 9.0)
    assert wrap(mg.value_and_grad(_three))(3.0, b=4.0, c=0.0) == (36.0, 24.0)
    assert wrap(mg.jacobian(lambda x, k: [k * x, x]))(3.0, k=2.0).tolist() == [2.0, 1.0]
    assert wrap(mg.hessian(_three))(3.0, b=4.0) == 8.0
    assert wrap(mg.jvp(_three))(3.0, 1.0, b=4.0, c=0.0) == (36.0, 24.0)
    assert wrap(mg.vjp(_three))(3.0, 2.0, b=4.0, c=0.0) == (36.0, 48.0)
    assert wrap(mg.hvp(_three))(3.0, 2.0, b=4.0) == 16.0


def test_argnums_choose_as_in_hips_autograd() -> None:
    """Its functions are the oracle, for each choice."""
    autograd = pytest.importorskip("autograd")
    np_ = pytest.importorskip("autograd.numpy")

    def theirs(a: Any, b: Any, c: Any = 1.0) -> Any:
        return a * a * b + np_.sin(b) * c

    point = 3.0, 4.0, 0.5
    for place in range(3):
        assert mg.grad(_three, place)(*point) == pytest.approx(autograd.grad(theirs, place)(*point))
        got, expected = mg.value_and_grad(_three, place)(*point), theirs(*point)
        assert got == pytest.approx((expected, float(autograd.grad(theirs, place)(*point))))
    for place in range(2):  # it is linear in the last
        expected = autograd.hessian(theirs, place)(*point)
        assert mg.hessian(_three, place)(*point) == pytest.approx(expected)
    both = [*map(float, autograd.grad(theirs, (0, 2))(*point))]
    assert [*mg.grad(_three, (0, 2))(*point)] == pytest.approx(both)
    assert mg.grad(_three, (2, 0))(*point) == mg.grad(_three, (0, 2))(*point)[::-1]
    assert mg.grad(_three, -1)(*point) == mg.grad(_three, 2)(*point)


def test_data_get_no_jacobian_of_their_own() -> None:
    data = np.arange(6.0).reshape(3, 2)
    residuals = mg.jacobian(lambda w, X, y: X @ w - y, argnums=0)
    assert residuals(np.ones(2), data, np.zeros(3)).tolist() == data.tolist()
    assert mg.jacobian(lambda w, X: X @ w)(np.ones(2), X=data).tolist() == data.tolist()


def test_arguments_that_are_not_there_are_told() -> None:
    for call in (
        lambda: mg.grad(_three)(a=1.0, b=2.0),
        lambda: mg.grad(_three, 2)(1.0, 2.0),
        lambda: mg.grad(_three, 1)(1.0, b=2.0),
        lambda: mg.jacobian(_three, ())(1.0, 2.0),
    ):
        with pytest.raises(TypeError, match="positional arguments; keywords are passed on"):
            call()
    with pytest.raises(TypeError, match="names one argument twice"):
        mg.grad(_three, (0, -2))(1.0, 2.0)


@pytest.mark.parametrize(
    "number", [3.0, np.float32(3.0), np.float64(3.0), np.array(3.0), np.array(3)]
)
def test_an_array_without_axes_is_a_number(number: Any) -> None:
    def cube(x: Any) -> Any:
        return np.array(x * x * x)

    assert (
        mg.value_and_grad(cube)(number) == mg.compile(cube).value_and_grad(number) == (27.0, 27.0)
    )
    assert mg.jvp(cube)(number, np.array(2.0))[1] == 54.0
    assert mg.hessian(cube)(number) == mg.compile(mg.hessian(cube))(number) == 18.0


@pytest.mark.parametrize("argnums", [np.int64(1), [np.int64(1)], (1,)])
def test_argnums_takes_any_integer(argnums: Any) -> None:
    assert mg.grad(lambda x, y: x * y, argnums=argnums)(2.0, 3.0) == 2.0


@pytest.mark.parametrize("argnums", ["x", 1.0, ["x"], (0, None)])
def test_argnums_of_another_kind_says_what_it_takes(argnums: Any) -> None:
    with pytest.raises(TypeError, match="argnums must be the place of an argument"):
        mg.grad(lambda x, y: x * y, argnums=argnums)(2.0, 3.0)


def test_vjp_of_nothing_says_what_it_takes() -> None:
    with pytest.raises(TypeError, match="vjp takes the arguments, and last the cotangent"):
        mg.vjp(lambda x: x * x)()


def test_signatures_name_argnums() -> None:
    for transformation in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian):
        assert [*inspect.signature(transformation).parameters] == ["f", "argnums"]
