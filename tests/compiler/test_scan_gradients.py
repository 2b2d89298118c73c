"""Gradients of compiled loops are loops that run backwards, with the numbers of other systems."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_c import COMPILER, CompiledC
from test_scan import A, B, C, W, filtered, garch, lstm, momentum, number, pendulum, rnn

import micrograd as mg
from micrograd import Value

PARAMETERS = [A, B, C, *chain.from_iterable(W)]


@pytest.fixture(autouse=True)
def no_gradients() -> None:
    for p in PARAMETERS:
        p.grad = 0.0


def by_parameter(f: Any, x: Any) -> list[float]:
    """The gradient of the mean, in the order of PARAMETERS."""
    f.backward(x)
    found = [p.grad for p in PARAMETERS]
    for p in PARAMETERS:
        p.grad = 0.0
    return found


@pytest.mark.parametrize(
    "options", [{"dtype": "float32"}, {"threads": 2}, {"exact": True}], ids=lambda x: next(iter(x))
)
@pytest.mark.parametrize("program", [garch, rnn, filtered, pendulum], ids=lambda f: f.__name__)
def test_gradients_in_other_modes(program: Any, options: dict[str, Any]) -> None:
    x = np.random.default_rng(1).normal(size=(70, 9, 2))
    one, other = (mg.vectorize(program, each="row", **how) for how in ({}, options))
    close: dict[str, Any]
    close = {"rtol": 2e-4, "atol": 2e-5} if "dtype" in options else {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(other.value_and_grad(x)[1], one.value_and_grad(x)[1], **close)
    np.testing.assert_allclose(by_parameter(other, x), by_parameter(one, x), **close)


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    x = np.random.default_rng(1).normal(size=(300, 9, 2))
    one, two = (mg.vectorize(rnn, each="row", threads=n) for n in (1, 2))
    assert by_parameter(one, x) == by_parameter(two, x)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.parametrize("program", [garch, lstm, pendulum], ids=lambda f: f.__name__)
def test_gradients_in_c(program: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(11, 9, 2))
    f = mg.vectorize(program, each="row")
    _, by_x = f.value_and_grad(x)
    text = str(f.source("c", gradient="arguments"))
    assert "for (long s = 8; s >= 0; s--)" in text
    theta, rows = f.pack(), x.reshape(11, -1)
    found = CompiledC(text, tmp_path)(theta, rows)
    np.testing.assert_allclose(found["gradient_0"], by_x.reshape(11, -1), rtol=1e-11, atol=1e-13)
    _, by_parameters = f.gradient(theta, x)
    text = str(f.source("c", gradient="parameters"))
    found = CompiledC(text, tmp_path)(theta, rows, seed=1 / 11)
    np.testing.assert_allclose(found["gradient"][0], by_parameters, rtol=1e-11, atol=1e-13)


def test_the_gradient_is_a_loop_that_runs_backwards() -> None:
    """Gradients of weights are matrix products, added up over the trips and the examples."""
    f = mg.vectorize(rnn, each="row")
    f(np.ones((3, 20, 2)))
    assert (
        str(f.source("program", gradient="parameters"))
        == """program of x0[n, 40], w[28]
  %1[n, 4] = identity(0)
  %8[n, 0:4] = identity(0)
  loop for s < 20:
    %2[n, 4] = sum of %1[t] * w[7i + t] (t < 4) + w[7i + t + 4] * x0[t + 2s] (t < 2) + w[7i + 6]
    %3[n, 4] = tanh(%2[i])
    %8[n, 4s + 4 : +4] = identity(%3[i])
    %1[n, 4] = identity(%3[i])
  %5[n, 1] = sum of %3[t] * %3[t] (t < 4)
  %6[n, 4] = sum of seed[0] * %3[i] + seed[0] * %3[i]
  %9[n, 4] = identity(%6[i])
  loop for s from 19 down to 0:
    %10[n, 4] = sum of -1 * %8[i + 4 + 4s] * %8[i + 4 + 4s] + 1
    %11[n, 4] = mul(%9[i], %10[i])
    %12[n, 4] = sum of w[i + 7t] * %11[t] (t < 4)
    %17[0:16] = sum over all examples of %8[(i of i % 4) + 4s] * %11[i // 4]
    %17[16:24] = sum over all examples of x0[(i of i % 2) + 2s] * %11[i // 2]
    %17[24:28] = sum over all examples of %11[i]
    %9[n, 4] = identity(%12[i])
  %18[1] = sum over all examples of seed[0] * %5[0]
  value = %18[0]
  gradient = %17[table of 28]"""
    )


def test_a_gradient_does_not_grow_with_the_trips() -> None:
    def decay(x: Any) -> Any:
        return mg.scan(lambda h, _: (h - 0.001 * mg.sin(h) * C, None), x, length=length)[0]

    length = 10
    f = mg.compile(decay)
    f.value_and_grad(1.0)
    short = str(f.source("program", gradient="arguments"))
    length = 20_000
    f = mg.compile(decay)
    found = f.value_and_grad(1.0)
    long = str(f.source("program", gradient="arguments"))
    assert long == short.replace("s < 10", "s < 20000").replace("from 9 ", "from 19999 ")
    h, slope = 1.0, 1.0
    for _ in range(length):
        slope *= 1 - 0.001 * np.cos(h) * C.data
        h -= 0.001 * np.sin(h) * C.data
    assert found == pytest.approx((h, slope), rel=1e-9)


def test_gradients_are_those_of_hips_autograd() -> None:
    autograd = pytest.importorskip("autograd")
    anp = autograd.numpy
    x = np.random.default_rng(3).normal(size=(5, 12, 2))

    def loss(w: Any, row: Any) -> Any:
        a, b, c = w[0], w[1], w[2]
        h, total = a / (1 - b - c), 0.0
        for r in row[:, 0]:
            total = total + anp.log(h) + r * r / h
            h = a + b * r * r + c * h
        return total

    w = np.array([A.data, B.data, C.data])
    f = mg.vectorize(garch, each="row")
    f.backward(x)
    found = [p.grad for p in (A, B, C)]
    expected = np.mean([autograd.grad(loss)(w, row) for row in x], axis=0)
    assert found == pytest.approx(expected.tolist(), rel=1e-11)
    by_x = [autograd.grad(loss, 1)(w, row) for row in x]
    np.testing.assert_allclose(f.value_and_grad(x)[1], by_x, rtol=1e-11, atol=1e-13)


def test_gradients_are_those_of_finite_differences() -> None:
    x = np.random.default_rng(4).normal(size=(6, 2)) * 0.5
    for program in (lstm, pendulum):
        f = mg.compile(program)
        _, found = f.value_and_grad(x)
        h = 1e-6
        for k in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[k] = h
            assert found[k] == pytest.approx((f(x + step) - f(x - step)) / (2 * h), abs=1e-8)


def test_a_masked_branch_passes_nothing_on() -> None:
    """Not even where its derivative is infinite: as the engine has it."""

    def f(x: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return mg.where(x > 0, mg.sqrt(mg.maximum(x, 0.0)) * h, h * h), None

        return mg.scan(step, 0.5, x)[0]

    x = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.3]])
    g = mg.vectorize(f, each="row")
    _, found = g.value_and_grad(x)
    expected = [[number(v) for v in mg.grad(f)(row)] for row in x]
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_derivative_in_a_step_keeps_its_guards() -> None:
    x = np.zeros((2, 5, 2))
    f = mg.vectorize(momentum, each="row")
    expected = [[number(v) for v in np.ravel(mg.grad(momentum)(row))] for row in x]
    np.testing.assert_allclose(f.value_and_grad(x)[1].reshape(2, -1), expected, rtol=1e-11)


def test_the_gradient_of_a_loop_that_all_examples_share() -> None:
    v = Value(0.3)

    def f(x: Any, path: Any) -> Any:
        h, hs = mg.scan(lambda h, p: (mg.tanh(C * h + p * v), h), v, path)
        return x * h + hs[1] * x * x

    path, xs = np.linspace(-1, 1, 6), np.array([1.0, 2.0, 3.0])
    g = mg.vectorize(f, in_axes=(0, None))
    _, (by_x, by_path) = g.value_and_grad(xs, path)
    each = [mg.grad(f)(x, path) for x in xs]
    np.testing.assert_allclose(by_x, [number(a) for a, _ in each], rtol=1e-12)
    np.testing.assert_allclose(
        by_path, sum(np.array([number(p) for p in b]) for _, b in each), rtol=1e-11
    )
    g.backward(xs, path)
    found = C.grad, v.grad
    C.grad = v.grad = 0.0
    (mg.sum(f(x, path) for x in xs) / 3).backward()
    assert found == pytest.approx((C.grad, v.grad), rel=1e-11)


def test_a_number_of_the_example_that_all_trips_read() -> None:
    """Its gradient is the total over the trips, for each example; so is that of what a loop began
    with, and of the outputs of an earlier loop."""

    def f(x: Any) -> Any:
        _, hs = mg.scan(lambda h, p: (h * x[0] + p, h * h), x[1], x[2:])
        (total, _), _ = mg.scan(
            lambda c, h: ((c[0] + h * c[1], c[1] * x[0]), None), (0.0, x[1]), hs
        )
        return total * hs[2]

    x = np.random.default_rng(6).normal(size=(4, 7))
    _, found = mg.vectorize(f, each="row").value_and_grad(x)
    expected = [[number(v) for v in mg.grad(f)(row)] for row in x]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_results_that_are_one_number_have_one_gradient() -> None:
    def f(x: Any) -> Any:
        last, _ = mg.scan(lambda s, r: ([mg.tanh(r + C)] * 2 + [s[0]], None), [x[0]] * 3, x)
        return last[0] + 2.0 * last[1] * last[2]

    x = np.random.default_rng(8).normal(size=(4, 5))
    _, found = mg.vectorize(f, each="row").value_and_grad(x)
    expected = [[number(v) for v in mg.grad(f)(row)] for row in x]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_more_parameters_than_one_tile_of_a_matrix_product() -> None:
    """Rows and columns that do not fill vectors, and batches that do not fill chunks."""
    random = np.random.default_rng(7)
    w = [[Value(x) for x in row] for row in random.normal(size=(19, 24)) * 0.2]

    def f(x: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return [mg.tanh(mg.dot(row, [*h, *x])) for row in w], None

        return mg.sum(mg.scan(step, [0.1] * 19, x)[0])

    x = random.normal(size=(37, 3, 5))
    g = mg.vectorize(f, each="row")
    g.backward(x)
    found = np.array([[p.grad for p in row] for row in w])
    h = np.full((4, 37, 19), 0.1)
    weights = np.array([[p.data for p in row] for row in w])
    for t in range(3):
        h[t + 1] = np.tanh(np.concatenate([h[t], x[:, t]], axis=1) @ weights.T)
    slope, expected = np.full((37, 19), 1 / 37), np.zeros_like(weights)
    for t in (2, 1, 0):
        slope = slope * (1 - h[t + 1] ** 2)
        expected += slope.T @ np.concatenate([h[t], x[:, t]], axis=1)
        slope = slope @ weights[:, :19]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)
