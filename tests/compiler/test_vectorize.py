"""compile and vectorize: programs times ways to run them, against Values, one example at a time."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from ways import WAYS

import micrograd as mg
from micrograd import MLP, Value
from micrograd.engine import numbers_of

Rows = list[list[Any]]  # of each argument, its examples


def values_of(x: Any) -> Any:
    """The numbers of an example as Values, in the same shape."""
    return np.vectorize(Value, otypes=[object])(x) if np.ndim(x) else Value(x)


def gradient_of(x: Any) -> Any:
    return np.vectorize(lambda v: v.grad, otypes=[float])(x) if np.ndim(x) else x.grad


def eagerly(f: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
    """Values, and gradients by each argument, example by example."""
    values, gradients = [], []
    for example in zip(*arguments):
        point = [values_of(x) for x in example]
        value = f(*point)
        if isinstance(value, Value):
            value.backward()
        values += numbers_of([value])
        gradients.append([gradient_of(x) for x in point])
    return np.array(values), tuple(map(np.array, zip(*gradients)))


model = MLP(3, [5, 4, 1], activation="tanh", seed=1)
a, b, table = Value(0.7), Value(-1.3), [[Value(0.1 * i + j) for j in range(3)] for i in range(4)]


def black_scholes(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> Any:
    d1 = (mg.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * mg.sqrt(T))
    d2 = d1 - sigma * mg.sqrt(T)
    return S * mg.erfc(-d1 / 2**0.5) / 2 - K * mg.exp(-r * T) * mg.erfc(-d2 / 2**0.5) / 2


def hinge(x: Any, y: Any) -> Any:
    return mg.relu(1 - y * model(x)[0]) + 1e-3 * mg.sum(p * p for p in model.parameters())


def cross_entropy(x: Any, k: Any) -> Any:
    return -mg.take(mg.log_softmax(x), k)


def embedding(token: Any, x: Any) -> Any:
    row = mg.take(table, token)
    return mg.tanh(mg.dot(row, x, a)) * b


def pendulum(angle: Any, speed: Any) -> Any:
    def slope(angle: Any, speed: Any) -> tuple[Any, Any]:
        return speed, -9.81 * mg.sin(angle) - a * speed

    h = 0.05
    for _ in range(4):
        k1 = slope(angle, speed)
        k2 = slope(angle + h / 2 * k1[0], speed + h / 2 * k1[1])
        k3 = slope(angle + h / 2 * k2[0], speed + h / 2 * k2[1])
        k4 = slope(angle + h * k3[0], speed + h * k3[1])
        angle = angle + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        speed = speed + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return angle * angle + b * speed


def through_numpy(x: Any) -> Any:
    A = np.arange(9.0).reshape(3, 3) / 9
    h = np.tanh(A @ x + np.array([a, b, a * b]))
    return (h * h[::-1]).sum() - np.maximum(h, 0.1)[1:].max(initial=-1.0, where=[False, False])


def determinant(x: Any) -> Any:
    """The determinant of a 3 x 3 matrix, by elimination: an irregular program."""
    m = [list(row) for row in x]
    result = 1.0
    for k in range(3):
        for i in range(k + 1, 3):
            factor = m[i][k] / m[k][k]
            m[i] = [u - factor * v for u, v in zip(m[i], m[k])]
        result = result * m[k][k]
    return result


def second_derivative(x: Any) -> Any:
    """An inner gradient within the function."""
    return mg.grad(lambda u: mg.sin(a * u) * u)(x) * b


def masked(x: Any) -> Any:
    return mg.where(x > 0, mg.log(x) + mg.sqrt(x), mg.exp(x)) + mg.relu(x) ** 1.5


def several_lengths(x: Any) -> Any:
    return mg.sum(mg.exp(-mg.sum(x[:k]) * 0.1) * mg.softmax(x[: k + 1])[-1] for k in range(1, 6))


def normal(*shape: int) -> Any:
    return np.random.default_rng(3).normal(size=shape)


N = 21
u = np.random.default_rng(5).uniform
PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "one product": (lambda x, y: x * y, (normal(N), normal(N) + 1)),
    "black_scholes": (
        black_scholes,
        (u(50, 150, N), u(80, 120, N), u(0.2, 2, N), u(0, 0.1, N), u(0.1, 0.5, N)),
    ),
    "hinge": (hinge, (normal(N, 3), np.where(normal(N) > 0, 1.0, -1.0))),
    "cross_entropy": (cross_entropy, (4 * normal(N, 5), np.arange(N) % 5.0)),
    "embedding": (embedding, (np.arange(N) % 4.0, normal(N, 3))),
    "pendulum": (pendulum, (normal(N), normal(N) + 2)),
    "determinant": (determinant, (normal(N, 3, 3) + 3 * np.eye(3),)),
    "second_derivative": (second_derivative, (normal(N),)),
    "masked": (masked, (normal(N),)),
    "several_lengths": (several_lengths, (normal(N, 6),)),
    "unused": (lambda x, y: x[1] * x[1], (normal(N, 3), normal(N))),
    "constant": (lambda x: 3.0, (normal(N, 2),)),
    "a parameter": (lambda x: a, (normal(N, 2),)),
    "of parameters": (lambda x: a * a + mg.exp(b), (normal(N, 2),)),
    "linear in all": (lambda x: x[0] + x[1] + x[2], (normal(N, 3),)),
    "no slope": (lambda x: mg.stop_gradient(x[0]) + mg.floor(x[1]), (normal(N, 2),)),
}
PARAMETERS = [*model.parameters(), a, b, *[w for row in table for w in row]]
RUNS = [(program, way) for program in PROGRAMS for way in WAYS]


@pytest.mark.parametrize(("program", "way"), RUNS)
def test_values_and_gradients_of_the_arguments(program: str, way: str) -> None:
    function, arguments = PROGRAMS[program]
    make, tolerance = WAYS[way]
    f = make(function)
    value, gradients = f.value_and_grad(*arguments)
    expected, slopes = eagerly(function, *arguments)
    gradients = gradients if len(arguments) > 1 else (gradients,)
    close = {"rtol": tolerance, "atol": tolerance * np.abs(expected).max()}
    np.testing.assert_allclose(value, expected, **close)
    np.testing.assert_allclose(f(*arguments), expected, **close)
    for gradient, slope in zip(gradients, slopes, strict=True):
        scale = max(1.0, np.abs(slope).max())
        np.testing.assert_allclose(gradient, slope, rtol=tolerance, atol=tolerance * scale)
        assert gradient.dtype == value.dtype == f.dtype


@pytest.mark.parametrize(("program", "way"), RUNS)
def test_the_mean_and_the_gradients_of_the_parameters(program: str, way: str) -> None:
    function, arguments = PROGRAMS[program]
    make, tolerance = WAYS[way]
    for p in PARAMETERS:
        p.grad = 0.0
    expected = eagerly(function, *arguments)[0]
    slopes = [p.grad / N for p in PARAMETERS]
    for p in PARAMETERS:
        p.grad = 0.0
    f = make(function)
    scale = np.abs(expected).max()
    assert f.backward(*arguments) == pytest.approx(expected.mean(), abs=2 * tolerance * scale)
    scale = max([1.0, *map(abs, slopes)])
    np.testing.assert_allclose(
        [p.grad for p in PARAMETERS], slopes, rtol=tolerance, atol=tolerance * scale
    )
    value, gradient = f.gradient(f.pack(), *arguments)
    assert gradient.tolist() == [p.grad for p in f.parameters]
    assert value == f.backward(*arguments)
    for p in PARAMETERS:
        p.grad = 0.0


@pytest.mark.parametrize("program", PROGRAMS)
def test_one_example_a_call(program: str) -> None:
    function, arguments = PROGRAMS[program]
    expected, slopes = eagerly(function, *arguments)
    f = mg.compile(function)
    for k in (0, N - 1):
        example = [x[k] for x in arguments]
        value, gradients = f.value_and_grad(*example)
        assert type(value) is float
        assert f(*example) == value == pytest.approx(expected[k], rel=1e-12, abs=1e-14)
        gradients = gradients if len(arguments) > 1 else (gradients,)
        for gradient, slope in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(gradient, slope[k], rtol=1e-11, atol=1e-12)
            assert np.shape(gradient) == slope[k].shape


# Numbers of examples, and their shapes.


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 103, 104, 105, 1000])
@pytest.mark.parametrize("way", WAYS)
def test_any_number_of_examples(n: int, way: str) -> None:
    make, tolerance = WAYS[way]
    f = make(lambda x, y: mg.tanh(mg.dot([a, b, a], x)) * y)
    x, y = normal(n, 3), normal(n)
    expected = np.tanh(x @ [0.7, -1.3, 0.7]) * y
    np.testing.assert_allclose(f(x, y), expected, rtol=tolerance, atol=tolerance)
    value, (dx, dy) = f.value_and_grad(x, y)
    assert value.shape == dy.shape == (n,)
    assert dx.shape == (n, 3)
    if n:
        mean = f.backward(x, y)
        assert mean == pytest.approx(expected.mean(), rel=tolerance, abs=tolerance)
    else:
        with pytest.warns(RuntimeWarning, match="no examples"):
            assert math.isnan(f.backward(x, y))
        assert a.grad == b.grad == 0.0
    a.grad = b.grad = 0.0


def test_a_million_examples() -> None:
    x = np.linspace(-2, 2, 1_000_003)
    f = mg.vectorize(lambda x: a * mg.exp(-x * x))
    np.testing.assert_allclose(f(x), 0.7 * np.exp(-x * x), rtol=1e-14)
    assert f.backward(x) == pytest.approx(np.mean(0.7 * np.exp(-x * x)), rel=1e-12)
    assert a.grad == pytest.approx(np.mean(np.exp(-x * x)), rel=1e-12)
    a.grad = 0.0


@pytest.mark.parametrize("way", WAYS)
def test_arguments_broadcast(way: str) -> None:
    """A number is the same for all examples, and so is an array whose first axis is 1."""
    f = WAYS[way][0](lambda x, y, z: x * y + mg.sum(z))
    x, z = np.arange(4.0), np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(f(x, 10.0, z), 10 * x + 3)
    np.testing.assert_array_equal(f(x[:1], x, np.tile(z, (4, 1))), 3 + 0 * x)
    value, (dx, dy, dz) = f.value_and_grad(x, 10.0, z)
    np.testing.assert_array_equal(value, 10 * x + 3)
    np.testing.assert_array_equal(dx, np.full(4, 10.0))
    np.testing.assert_array_equal(dy, x)
    np.testing.assert_array_equal(dz, np.ones((4, 2)))
    assert f(2.0, 3.0, z).tolist() == [9.0]
    for _ in range(2):  # the second call may take a short way
        np.testing.assert_array_equal(f(x[:1], x, z), 3 + 0 * x)
        np.testing.assert_array_equal(f(x, x[1:2], z), x + 3)
        with pytest.raises(mg.ShapeError):
            f(x[:1], x, np.tile(z, (7, 1)))
        with pytest.raises(mg.ShapeError):
            f(x, x[:3], z)


@pytest.mark.parametrize("way", WAYS)
def test_a_second_call_with_other_shapes(way: str) -> None:
    f = WAYS[way][0](lambda x: mg.sum(v * v for v in x))
    np.testing.assert_array_equal(f(np.ones((2, 3))), [3, 3])
    np.testing.assert_array_equal(f(np.ones((5, 4))), [4] * 5)
    np.testing.assert_array_equal(f(2 * np.ones((1, 3))), [12])


def test_other_shapes_one_example_a_call() -> None:
    f = mg.compile(lambda x, y: (x * y).sum() if np.ndim(x) else x * y * a)
    for _ in range(2):
        assert f(2.0, 3.0) == 6.0 * a.data
        assert f(np.ones(3), 2.0) == 6.0
        assert f(np.ones(3), np.arange(3.0)) == 3.0
        assert f(np.float64(2.0), 3) == 6.0 * a.data
        a.data += 1.0  # a parameter is read at each call
    a.data = 0.7


# Structures.


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


# Parameters.


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


# Numbers that are none, and infinite ones.


@pytest.mark.parametrize("way", WAYS)
def test_nan_in_nan_out(way: str) -> None:
    """And only there: the neighbours in the lanes do not change."""
    function, (x, y) = hinge, PROGRAMS["hinge"][1]
    f = WAYS[way][0](function)
    expected, (slopes, _) = f.value_and_grad(x, y)
    spoiled = x.copy()
    spoiled[5, 1] = math.nan
    value, (dx, dy) = f.value_and_grad(spoiled, y)
    assert np.flatnonzero(np.isnan(value)).tolist() == [5]
    assert np.isnan(dy[5])
    others = np.arange(N) != 5
    np.testing.assert_array_equal(value[others], expected[others])
    np.testing.assert_array_equal(dx[others], slopes[others])
    assert math.isnan(f.backward(spoiled, y))
    assert all(math.isnan(p.grad) for p in model.layers[0].neurons[0].weights)
    for p in PARAMETERS:
        p.grad = 0.0


MASKED: dict[str, tuple[Callable[[Any], Any], float, float, float]] = {
    "log of 0": (lambda x: mg.where(x > 0, mg.log(x), 5 * x), 0.0, 0.0, 5.0),
    "log below 0": (lambda x: mg.where(x > 0, mg.log(x), 5 * x), -1.0, -5.0, 5.0),
    "root of 0": (lambda x: mg.where(x > 0, mg.sqrt(x), x), 0.0, 0.0, 1.0),
    "1 / 0": (lambda x: mg.where(x == 0, 1.0, mg.sin(x) / x), 0.0, 1.0, 0.0),
    "overflow": (lambda x: mg.where(x > 10, x, mg.exp(x)), 1000.0, 1000.0, 1.0),
    "a power": (lambda x: mg.where(x > 0, x**0.5, 2 * x), 0.0, 0.0, 2.0),
    "norm of 0": (lambda x: mg.norm([x, 2 * x]), 0.0, 0.0, 0.0),
    "relu of a root": (lambda x: mg.relu(mg.sqrt(x) - 1), 0.0, 0.0, 0.0),
    "maximum": (lambda x: mg.maximum(mg.log(x), 0.5), 0.0, 0.5, 0.0),
    "nested": (
        lambda x: mg.where(x > 0, mg.where(x > 1, mg.log(x - 1), mg.sqrt(1 - x)), x * x),
        0.0, 0.0, 0.0,
    ),
    "two steps": (lambda x: mg.where(x > 0, mg.log(mg.sqrt(x) * 3), x), 0.0, 0.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MASKED)
def test_a_masked_branch_makes_no_nan(name: str, way: str) -> None:
    function, x, value, slope = MASKED[name]
    v = Value(x)
    function(v).backward()
    assert v.grad == slope
    answer, gradient = WAYS[way][0](function).value_and_grad(np.array([x, 0.5]))
    assert answer[0] == pytest.approx(value, rel=1e-6)
    assert gradient[0] == slope
    assert np.isfinite(gradient).all()
    assert mg.compile(function).value_and_grad(x) == (pytest.approx(value), slope)


@pytest.mark.parametrize("way", ["NumPy", "native"])
def test_ieee_754(way: str) -> None:
    f = WAYS[way][0](lambda x: [mg.exp(x), mg.log(x), 1 / x, mg.sqrt(x), x**0.5, mg.tanh(x)])
    x = [0.0, -0.0, 1000.0, -1000.0, math.inf, -math.inf, math.nan]
    expected = [numbers_of(eager_edges(v)) for v in x]
    np.testing.assert_array_equal(np.transpose(f(np.array(x))), expected)


def eager_edges(x: float) -> list[Any]:
    v = Value(x)
    return [mg.exp(v), mg.log(v), 1 / v, mg.sqrt(v), v**0.5, mg.tanh(v)]


def test_a_prepared_call_writes_the_same_numbers_again_and_again():
    weight = mg.Value(3.0)
    f = mg.vectorize(lambda x: weight * x * x)
    X = np.array([1.0, 2.0, 4.0])
    mean, gradient = f.gradient([5.0], X)
    it, call = f.specialize(X)
    theta, answers = np.array([3.0]), [np.empty(1), np.empty(1)]
    again = f.kernel(it, "parameters").prepared(call, theta, answers)
    theta[:] = 5.0
    again(3, 1 / 3)
    assert [a.item() for a in answers] == [mean, *gradient]
    again(2, 1 / 2)
    assert [a.item() for a in answers] == [5 * 2.5, 2.5]


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
