"""compile and vectorize: programs times ways to run them, against Values, one example at a time."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from vectorized import PARAMETERS, PROGRAMS, N, a, b, eagerly, hinge, model, normal
from ways import WAYS

import micrograd as mg
from micrograd import Value
from micrograd.engine import numbers_of

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
