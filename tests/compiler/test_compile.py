"""Compiled derivatives, nested; SciPy as a caller; copies and methods."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from networks import loss, normal, rosenbrock, w

import micrograd as mg
from micrograd import MLP, Value
from micrograd.engine import numbers_of


def wave(x: Any) -> Any:
    return mg.sin(w * x[0]) * mg.exp(-x[1] * x[1]) + x[0] * x[1] ** 3


def bowl(x: Any) -> Any:
    return [x[0] * mg.tanh(x[1]), mg.exp(x[0]) / (2 + x[1] ** 2), x[1] ** 3]


V, U = [0.9, -0.4], [1.0, -2.0, 0.5]
DERIVATIVES: dict[str, Callable[..., Any]] = {
    "grad": mg.grad(wave),
    "grad of grad": mg.grad(lambda x: mg.grad(wave)(x)[0]),
    "third": mg.grad(lambda x: mg.grad(lambda y: mg.grad(wave)(y)[1])(x)[0]),
    "value_and_grad": mg.value_and_grad(wave),
    "jacobian": mg.jacobian(bowl),
    "hessian": mg.hessian(wave),
    "jvp": lambda x: mg.jvp(bowl)(x, V),
    "vjp": lambda x: mg.vjp(bowl)(x, U),
    "hvp": lambda x: mg.hvp(wave)(x, V),
    "of a parameter": lambda x: mg.grad(lambda s: wave([s * x[0], x[1]]))(w),
}


def leaves(answer: Any) -> list[float]:
    if isinstance(answer, (list, tuple)):
        return [x for part in answer for x in leaves(part)]
    return numbers_of(np.ravel(np.asarray(answer, object)))


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_compiled_is_that_of_values(name: str) -> None:
    function = DERIVATIVES[name]
    points = normal(5, 2)
    expected = [leaves(function(list(x))) for x in points]
    one = mg.compile(function)
    for x, answer in zip(points, expected):
        assert leaves(one(x)) == pytest.approx(answer, rel=1e-12, abs=1e-13)
    flat = mg.vectorize(lambda x: np.array(leaf_scalars(function(x))))
    np.testing.assert_allclose(flat(points), expected, rtol=1e-12, atol=1e-13)


def leaf_scalars(answer: Any) -> list[Any]:
    if isinstance(answer, (list, tuple)):
        return [x for part in answer for x in leaf_scalars(part)]
    return [*np.ravel(np.asarray(answer, object))]


def test_the_gradient_of_a_compiled_derivative_is_the_second() -> None:
    f = mg.compile(mg.grad(lambda x: x**3 * w))
    value, slope = f.value_and_grad(2.0)
    assert (value, slope) == (pytest.approx(12 * w.data), pytest.approx(12 * w.data))


def test_hessians_of_all_examples() -> None:
    H = mg.vectorize(mg.hessian(wave))(normal(6, 2))
    assert H.shape == (6, 2, 2)
    np.testing.assert_allclose(H, np.swapaxes(H, 1, 2), rtol=1e-12, atol=1e-14)


def test_a_network_of_physics() -> None:
    """u'' + u = 0: a loss with a second derivative by x, and its gradient by the weights."""
    model = MLP(1, [4, 1], activation="tanh", seed=0)

    def u(x: Any) -> Any:
        return model([x])[0]

    def residual(x: Any) -> Any:
        return (mg.grad(mg.grad(u))(x) + u(x)) ** 2

    x = np.linspace(0, 1, 9)
    for p in model.parameters():
        p.grad = 0.0
    eager = [residual(Value(v)) for v in x]
    for term in eager:
        term.backward()
    expected = [p.grad / len(x) for p in model.parameters()]
    f = mg.vectorize(residual)
    mean = f.backward(x)
    assert mean == pytest.approx(np.mean([loss.data for loss in eager]), rel=1e-12)
    assert [p.grad for p in model.parameters()] == pytest.approx(expected, rel=1e-10, abs=1e-13)
    theta, h = f.pack(), 1e-6
    for k in (0, 5, 12):
        step = h * np.eye(len(theta))[k]
        slope = (f.gradient(theta + step, x)[0] - f.gradient(theta - step, x)[0]) / (2 * h)
        assert f.gradient(theta, x)[1][k] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_scipy_minimises(method: str) -> None:
    f = mg.compile(rosenbrock)
    found = scipy.optimize.minimize(f.value_and_grad, np.zeros(20), jac=True, method=method)
    assert found.x == pytest.approx(np.ones(20), abs=1e-3)
    value, gradient = f.value_and_grad(np.linspace(0, 1, 20))
    x = np.linspace(0, 1, 20)
    assert value == pytest.approx(scipy.optimize.rosen(x), rel=1e-13)
    np.testing.assert_allclose(gradient, scipy.optimize.rosen_der(x), rtol=1e-12, atol=1e-11)


def test_scipy_takes_the_hessian_and_its_products() -> None:
    x = np.linspace(-1, 1, 8)
    H = mg.compile(mg.hessian(rosenbrock))(x)
    np.testing.assert_allclose(H, scipy.optimize.rosen_hess(x), rtol=1e-12, atol=1e-10)
    p = np.arange(8.0)
    product = mg.compile(mg.hvp(rosenbrock))(x, p)
    np.testing.assert_allclose(product, scipy.optimize.rosen_hess_prod(x, p), rtol=1e-11, atol=1e-9)


def test_scipy_fits_the_parameters_of_a_model() -> None:
    model = MLP(2, [8, 1], activation="tanh", seed=0)
    X = normal(50, 2)
    y = np.sin(X[:, 0]) * X[:, 1]
    loss = mg.vectorize(lambda x, y: (model(x)[0] - y) ** 2)
    first = loss.backward(X, y)
    found = scipy.optimize.minimize(
        loss.gradient, loss.pack(), args=(X, y), jac=True, method="L-BFGS-B"
    )
    loss.unpack(found.x)
    assert loss(X, y).mean() == pytest.approx(found.fun, rel=1e-12)
    assert found.fun < first / 20


def test_what_a_caller_keeps_is_not_overwritten() -> None:
    f = mg.compile(lambda x: (x * x).sum())
    _, first = f.value_and_grad(np.array([1.0, 2.0]))
    _, second = f.value_and_grad(np.array([3.0, 4.0]))
    assert (first.tolist(), second.tolist()) == ([2.0, 4.0], [6.0, 8.0])
    g = mg.vectorize(lambda x: x * 2)
    kept = g(np.ones(3))
    g(np.zeros(3))
    assert kept.tolist() == [2.0, 2.0, 2.0]


def test_an_argument_is_never_written_to() -> None:
    x = normal(9, 2)
    before = x.copy()
    x.flags.writeable = False
    f = mg.vectorize(lambda x: mg.tanh(x[0]) * x[1])
    f(x)
    f.value_and_grad(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "view",
    [lambda x: x[::2], lambda x: x[:, ::-1], lambda x: np.asfortranarray(x),
     lambda x: x.astype("float32"), lambda x: x.astype(">f8"), lambda x: np.round(x).astype(int)],
)  # fmt: skip
def test_arrays_of_any_layout(view: Callable[[Any], Any]) -> None:
    x = view(normal(40, 3))
    f = mg.vectorize(lambda x: x[0] + 10 * x[1] + 100 * x[2])
    for _ in range(2):
        np.testing.assert_allclose(f(x), x.astype(float) @ [1.0, 10.0, 100.0], rtol=1e-13)


@pytest.mark.native
def test_the_stages_print() -> None:
    f = mg.vectorize(lambda x: mg.tanh(x * w))
    f(np.ones(3))
    assert "tanh" in f.source("program")
    assert f.source("plan").startswith("plan:")
    assert "define" in f.source("llvm")
    assert f.source("assembly")
    with pytest.raises(ValueError, match="fortran"):
        f.source("fortran")
    assert f.source("program", np.ones((2, 1))) != ""


def test_names_and_documentation_are_those_of_the_function() -> None:
    f = mg.vectorize(loss)
    assert f.__name__ == "loss"  # type: ignore[attr-defined]
    assert repr(f) == "<vectorized loss>"
    assert repr(mg.compile(rosenbrock)) == "<compiled rosenbrock>"


def test_numbers_of_parameters_that_are_not_finite() -> None:
    p = Value(math.inf)
    f = mg.vectorize(lambda x: mg.exp(-p) + x)
    assert f(1.0) == 1.0


def test_conditions_count_as_numbers() -> None:
    x = np.array([1.0, -2.0, 3.0])
    assert mg.compile(lambda x: mg.sum([q > 0 for q in x]))(x) == 2.0
    assert mg.compile(lambda x: (x[0] > 0) + (x[1] > 0))(x) == 1.0
    np.testing.assert_array_equal(mg.vectorize(lambda x: (x > 0) * 3 + 1)(x), [4.0, 1.0, 4.0])


def test_not_is_refused_for_it_means_another_thing_eagerly() -> None:
    with pytest.raises(mg.TraceError, match="exchange the branches"):
        mg.compile(lambda x: mg.where(~(x > 0), 1.0, 2.0))(1.0)


def test_a_compiled_function_among_values_says_what_to_call() -> None:
    with pytest.raises(TypeError, match="call the plain function"):
        mg.grad(mg.compile(lambda x: x * x))(2.0)


def cube(x: Any) -> Any:
    return x**3


@mg.vectorize
def square(x: Any) -> Any:
    return x * x


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
def test_a_copy_is_compiled_anew(make: Any, again: Any) -> None:
    f = make(cube, dtype="float32", threads=2)
    assert f(2.0) == 8.0
    other = again(f)
    assert other is not f
    assert type(other) is type(f)
    assert (other.dtype, other.threads, other.exact) == (f.dtype, 2, False)
    with pytest.raises(RuntimeError, match="call it on an example first"):
        other.pack()
    assert other.value_and_grad(2.0) == (8.0, 12.0)
    square(3.0)
    assert again(square) is square  # it is pickled by its name, like any function


def test_a_copy_of_a_compiled_model_has_weights_of_its_own() -> None:
    model = MLP(2, [1], seed=0)
    f = mg.compile(model)
    f(np.ones(2))
    other = copy.deepcopy(f)
    other(np.ones(2))
    assert other.pack().tolist() == f.pack().tolist()
    assert {*other.parameters}.isdisjoint(f.parameters)


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_a_method_is_compiled_for_each_object(make: Any) -> None:
    class Line:
        slope = 2.0
        cubed = staticmethod(make(cube))

        def __init__(self) -> None:
            self.fast = make(self.slow)

        def slow(self, x: Any) -> Any:
            return self.slope * x

        @make
        def at_once(self, x: Any) -> Any:
            return self.slope * x

    assert Line().fast(3.0) == 6.0
    assert Line().cubed(2.0) == 8.0
    with pytest.raises(TypeError, match=r"in `__init__`, self\.at_once = micrograd\.\w+\(self\."):
        Line().at_once(3.0)
    assert Line.at_once.__name__ == "at_once"


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_arguments_of_another_number_or_kind_are_errors_of_shape(make: Any) -> None:
    f = make(lambda x, y: x * y)
    for call in (lambda: f(1.0), lambda: f(1.0, 2.0, 3.0), lambda: f(1.0, z=2.0)):
        with pytest.raises(mg.ShapeError, match=r"takes the arguments \(x, y\), got"):
            call()
    with pytest.raises(mg.ShapeError, match="takes numbers and arrays of numbers, got str 'a'"):
        f(1.0, "a")
