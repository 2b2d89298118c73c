"""Memory: numbers in the caller's arrays, in rows of lanes, packed; all reach the outputs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ways import in_numpy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.runtime.buffers import Pool
from micrograd.training.steps.update import Elementwise

EXAMPLES = [1, 2, 7, 8, 9, 16, 17, 135, 136, 137, 272, 273, 1000]  # around vectors and chunks
random = np.random.default_rng(0)


def formula(a: Any, b: Any, c: Any) -> Any:
    """Long enough for several loops, so that inputs are read again after outputs are written."""
    return mg.exp(-a * a) * mg.sin(b) + mg.erf(a * c) * mg.log1p(c * c) + mg.tanh(b - c) / a


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_of_any_count(dtype: str) -> None:
    f = mg.vectorize(formula, dtype=dtype)
    for n in EXAMPLES:
        arrays = [random.uniform(0.5, 2, n).astype(dtype) for _ in range(3)]
        agree(f, arrays, 1e-12 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("n", [9, 136, 300])
@pytest.mark.parametrize(
    "lie",
    [
        lambda n: random.uniform(0.5, 2, 2 * n)[::2],
        lambda n: random.uniform(0.5, 2, n)[::-1],
        lambda n: random.uniform(0.5, 2, n + 1)[1:],
        lambda n: np.frombuffer(bytearray(8 * n + 4), np.float64, n, 4) + random.uniform(1, 2, n),
        lambda n: random.uniform(0.5, 2, 1),
        lambda n: 1.5,
        lambda n: np.arange(1, n + 1),
    ],
)  # fmt: skip
def test_numbers_wherever_they_lie(n: int, lie: Callable[[int], Any]) -> None:
    agree(mg.vectorize(formula), [lie(n), random.uniform(0.5, 2, n), lie(n)], 1e-12)


def agree(f: Any, arrays: list[Any], tolerance: float) -> None:
    value, gradients = f.value_and_grad(*arrays)
    expected, slopes = in_numpy(formula).value_and_grad(*arrays)
    np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
    for g, slope in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(g, slope, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 20, 33])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_of_any_length(size: int, dtype: str) -> None:
    """Inputs and results; some results are inputs, some constants, some are duplicates."""

    def f(x: Any) -> dict[str, Any]:
        doubled = [2.0 * v for v in x]
        return {"turned": doubled[::-1], "in": x, "constant": 3.0, "twice": [doubled[0]] * 2}

    native = mg.vectorize(f, dtype=dtype)
    square = mg.vectorize(lambda x: mg.sum(v * v for v in x), dtype=dtype)
    for n in (1, 8, 13, 136, 140):
        X = random.normal(size=(n, size)).astype(dtype)
        answer = native(X)
        np.testing.assert_array_equal(np.transpose(answer["turned"]), 2 * X[:, ::-1])
        np.testing.assert_array_equal(answer["in"], X)
        np.testing.assert_array_equal(answer["constant"], np.full(n, 3.0))
        np.testing.assert_array_equal(answer["twice"], [2 * X[:, 0]] * 2)
        np.testing.assert_array_equal(square.value_and_grad(X)[1], 2 * X)


@pytest.mark.parametrize(
    ("rows", "columns"), [(16, 8), (16, 7), (17, 23), (24, 24), (31, 25), (20, 31), (18, 50)]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_gradients_of_any_shape(rows: int, columns: int, dtype: str) -> None:
    """Tiles of rows, panels of columns, the last ones smaller; one chunk, several, and segments."""
    layer = mg.Layer(columns, rows, activation="tanh", seed=0)
    parts = [np.array(part, object) for part in layer.arrays().values()]
    W, bias = (np.vectorize(lambda p: p.data)(part) for part in parts)

    def loss(x: Any) -> Any:
        return mg.sum(h * h for h in layer(x))

    f, in_two = mg.vectorize(loss, dtype=dtype), mg.vectorize(loss, dtype=dtype, threads=2)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for n in (3, 8, 135, 300, 5000):
        X = random.normal(size=(n, columns))
        f(X)
        theta, place = f.pack(), {p: k for k, p in enumerate(f.parameters)}
        mean, slope = f.gradient(theta, X)
        of_weights, of_bias = (slope[np.vectorize(place.get)(part)] for part in parts)
        h = np.tanh(X @ W.T + bias)
        d = 2 * h * (1 - h * h) / n
        assert mean == pytest.approx((h * h).sum(axis=1).mean(), rel=tolerance)
        np.testing.assert_allclose(of_weights, d.T @ X, rtol=0, atol=9 * tolerance)
        np.testing.assert_allclose(of_bias, d.sum(axis=0), rtol=0, atol=9 * tolerance)
        in_two(X)
        np.testing.assert_array_equal(in_two.gradient(theta, X)[1], slope)


def test_an_output_may_lie_on_an_input() -> None:
    """As in training: a write must not overwrite what is read later."""
    a, b = random.uniform(0.5, 2, 1000), random.uniform(0.5, 2, 1000)
    c = a.copy()
    expected = [in_numpy(formula)(a, b, c), in_numpy(lambda a, b: a * mg.exp(b))(a, b)]
    both = Elementwise(lambda a, b, c: [formula(a, b, c), a * mg.exp(b)], 3, float)
    run, _ = both.on([a, b, c], [b, a])
    run(1000, 1.0)
    np.testing.assert_allclose(b, expected[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(a, expected[1], rtol=1e-12, atol=1e-13)


def test_memory_without_references_is_reused() -> None:
    large, number = Pool(), np.dtype(float)
    first = large.take((10_000,), 10_000, number)
    second = large.take((10_000,), 10_000, number)
    place, other = first.ctypes.data, second.ctypes.data
    assert place != other
    assert place % 64 == other % 64 == 0
    part = first[10:20]
    del first
    third = large.take((10_000,), 10_000, number)
    assert third.ctypes.data not in (place, other)
    del part
    fourth = large.take((10_000,), 10_000, number)
    assert fourth.ctypes.data == place
    del second, third, fourth
    for size in (1, 2, 3, 4):
        count = size * large.BYTES // 32
        large.take((count,), count, number)
    assert sum(each.nbytes for each in large._kept) <= large.BYTES


def test_answers_of_two_calls_are_two_arrays() -> None:
    f, x = mg.vectorize(lambda x: 2.0 * x), np.arange(10_000.0)
    first = f(x)
    second = f(x + 1)
    np.testing.assert_array_equal(first, 2 * x)
    np.testing.assert_array_equal(second, 2 * x + 2)


def test_copies_of_the_last_example_raise_no_alarm() -> None:
    """Padding has a seed of 0, and 0 * inf is NaN; but no result contains it."""
    f = mg.vectorize(lambda x: mg.sqrt(x))
    _, slope = f.value_and_grad(np.zeros(3))
    assert np.isinf(slope).all()
    (it,) = f.specializations
    assert [*it.kernels] == [("arguments", False, ())]  # and no guarded one


def test_a_nan_in_any_gradient_raises_it() -> None:
    for n in (1, 8, 9, 300):
        for place in {0, n - 1}:
            x = np.ones(n)
            x[place] = 0.0
            f = mg.vectorize(lambda x: mg.where(x > 0, mg.log(x), 0.0 * x))
            _, slope = f.value_and_grad(x)
            np.testing.assert_array_equal(slope, np.where(x > 0, 1.0, 0.0))
            w = Value(1.0)
            g = mg.vectorize(lambda x, w=w: mg.where(x > 0, mg.log(x * w), w))
            assert g.backward(x) == pytest.approx(1 / n)
            assert w.grad == pytest.approx(1.0)


# Inputs that all examples share do not vary; their gradients do.


def network(W: Any, b: Any, x: Any, scale: Any) -> Any:
    hidden = [mg.tanh(mg.dot(row, x, bias)) for row, bias in zip(W, b)]
    return mg.sum(h * h for h in hidden) * mg.exp(scale * scale)


@pytest.mark.parametrize(("rows", "columns"), [(16, 8), (17, 23), (24, 6), (5, 50), (31, 25)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_of_each_example(rows: int, columns: int, dtype: str) -> None:
    """Gradients of shared weights, which are outer products, and of each example's own weights."""
    f = mg.vectorize(network, dtype=dtype)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    W, b, scale = random.normal(0, 0.3, (1, rows, columns)), random.normal(size=(1, rows)), 0.5
    for n in (2, 8, 13, 136, 301):
        x = random.normal(size=(n, columns))
        h = np.tanh(x @ W[0].T + b)
        growth = np.exp(scale**2)
        d = 2 * h * (1 - h * h) * growth
        value = (h * h).sum(axis=1) * growth
        for weights in (W, np.repeat(W, n, axis=0)):
            got, (dW, db, dx, ds) = f.value_and_grad(weights, b, x, scale)
            np.testing.assert_allclose(got, value, rtol=tolerance)
            expected = d[:, :, None] * x[:, None, :]
            np.testing.assert_allclose(dW, expected, rtol=0, atol=30 * tolerance)
            np.testing.assert_allclose(db, d, rtol=0, atol=30 * tolerance)
            np.testing.assert_allclose(dx, d @ W[0], rtol=0, atol=99 * tolerance)
            np.testing.assert_allclose(ds, 2 * scale * value, rtol=9 * tolerance)


@pytest.mark.native
def test_what_depends_on_shared_inputs_only_is_computed_once() -> None:
    f = mg.vectorize(lambda x, rate: x * mg.exp(-rate))
    f(np.ones(5), 0.5)
    before, examples = f.source("plan").split("examples:\n")
    assert "exp" in before
    assert "exp" not in examples
    x = random.normal(size=5)
    value, (dx, drate) = f.value_and_grad(x, 0.5)
    np.testing.assert_allclose(value, x * np.exp(-0.5), rtol=1e-15)
    np.testing.assert_allclose(dx, np.full(5, np.exp(-0.5)), rtol=1e-15)
    np.testing.assert_allclose(drate, -value, rtol=1e-15)


def test_a_function_of_shared_inputs_alone() -> None:
    f = mg.vectorize(lambda x, rate: rate * rate)
    value, (dx, drate) = f.value_and_grad(np.arange(5.0), 3.0)
    np.testing.assert_array_equal(value, np.full(5, 9.0))
    np.testing.assert_array_equal(dx, np.zeros(5))
    np.testing.assert_array_equal(drate, np.full(5, 6.0))


@pytest.mark.parametrize("exact", [False, True])
def test_shared_or_not_the_numbers_are_the_same(exact: bool) -> None:
    """The result is the same as if each example were passed its own copy."""
    f = mg.vectorize(formula, exact=exact)
    a, b = random.uniform(0.5, 2, 50), random.uniform(0.5, 2, 50)
    shared, each = f.value_and_grad(a, b, 1.25), f.value_and_grad(a, b, np.full(50, 1.25))
    np.testing.assert_allclose(shared[0], each[0], rtol=0 if exact else 1e-14)
    np.testing.assert_allclose(shared[1], each[1], rtol=0 if exact else 1e-13, atol=1e-15)
    w = Value(0.5)
    g = mg.vectorize(lambda x, s: mg.tanh(w * x) * s, exact=exact)
    assert g.backward(a, 2.0) == pytest.approx(g.backward(a, np.full(50, 2.0)), rel=1e-14)


def test_nan_in_what_is_shared() -> None:
    f = mg.vectorize(lambda x, y: mg.where(x > 0, x, y))
    value, (dx, dy) = f.value_and_grad(np.array([1.0, -1.0]), np.nan)
    np.testing.assert_array_equal(value, [1.0, np.nan])
    np.testing.assert_array_equal(dx, [1.0, 0.0])
    np.testing.assert_array_equal(dy, [0.0, 1.0])
