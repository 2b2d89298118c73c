"""Derivatives within compiled functions: loops of loops that run backwards, of any order."""

from typing import Any

import numpy as np
import pytest
from test_scan import PROGRAMS, A, B, C, filtered, garch, lstm, number, rnn, within

import micrograd as mg


def numbers(tree: Any) -> Any:
    return np.array([number(x) for x in np.ravel(np.array(tree, dtype=object))])


def loops(f: Any, **how: Any) -> int:
    return str(f.source("program", **how)).count("loop for s")


def length(program: Any) -> Any:
    """The square of the length of a gradient."""
    return lambda x: mg.sum(v * v for row in mg.grad(program)(x) for v in row)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients_in_a_function(program: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5, 2)) * 0.5
    f = mg.compile(mg.grad(program))
    np.testing.assert_allclose(numbers(f(x)), numbers(mg.grad(program)(x)), rtol=1e-11, atol=1e-13)
    asks = program.__name__ == "looked_up"  # which branch a trip takes: it is written out
    assert (loops(f) == 0) if asks else (loops(f) >= 2)


@pytest.mark.parametrize("program", [garch, rnn, lstm, filtered, within], ids=lambda f: f.__name__)
def test_the_gradient_of_a_gradient(program: Any) -> None:
    x = np.random.default_rng(1).normal(size=(5, 2)) * 0.5
    f = mg.compile(length(program))
    _, found = f.value_and_grad(x)
    expected = mg.grad(length(program))(x)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-10, atol=1e-12)
    assert loops(f, gradient="arguments") >= 4


def test_hessians_jvps_and_third_derivatives() -> None:
    x = np.random.default_rng(2).normal(size=(4, 2)) * 0.5
    found, expected = mg.compile(mg.hessian(garch))(x), mg.hessian(garch)(x)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-11, atol=1e-13)
    found = mg.compile(lambda x, v: mg.jvp(rnn)(x, v)[1])(x, 0.5 * x)
    assert found == pytest.approx(number(mg.jvp(rnn)(x, 0.5 * x)[1]), rel=1e-11)
    third = mg.grad(length(length(garch)))
    np.testing.assert_allclose(numbers(mg.compile(third)(x)), numbers(third(x)), rtol=1e-10)


def test_second_derivatives_are_those_of_finite_differences() -> None:
    x = np.random.default_rng(3).normal(size=(3, 2)) * 0.5
    gradient, hessian = mg.compile(mg.grad(rnn)), mg.compile(mg.hessian(rnn))
    found, h = np.reshape(hessian(x), (6, 6)), 1e-5
    for k, place in enumerate(np.ndindex(x.shape)):
        step = np.zeros_like(x)
        step[place] = h
        row = (np.ravel(gradient(x + step)) - np.ravel(gradient(x - step))) / (2 * h)
        np.testing.assert_allclose(found[k], row, atol=1e-8)


def test_a_second_derivative_does_not_grow_with_the_trips() -> None:
    def decay(x: Any) -> Any:
        return mg.scan(lambda h, _: (h - 0.01 * mg.sin(h) * C, None), x, length=trips)[0]

    texts = []
    for trips in (10, 400):  # noqa: B007  (read by decay)
        f = mg.compile(lambda x: mg.grad(decay)(x) ** 2)
        found = f.value_and_grad(1.0)
        texts.append(str(f.source("program", gradient="arguments")))
    assert len(texts[0].splitlines()) == len(texts[1].splitlines())
    h, slope, curve = 1.0, 1.0, 0.0
    for _ in range(400):
        curve = curve * (1 - 0.01 * np.cos(h) * C.data) + 0.01 * np.sin(h) * C.data * slope**2
        slope *= 1 - 0.01 * np.cos(h) * C.data
        h -= 0.01 * np.sin(h) * C.data
    assert found == pytest.approx((slope**2, 2 * slope * curve), rel=1e-10)


def test_gradients_by_captured_values_of_a_gradient_by_arguments() -> None:
    x = np.random.default_rng(4).normal(size=(3, 5, 2)) * 0.5
    f = mg.vectorize(length(garch), each="row")
    for p in (A, B, C):
        p.grad = 0.0
    f.backward(x)
    found = [p.grad for p in (A, B, C)]
    for p in (A, B, C):
        p.grad = 0.0
    (mg.sum(length(garch)(row) for row in x) / 3).backward()
    assert found == pytest.approx([p.grad for p in (A, B, C)], rel=1e-10)


def test_branches_within_a_derivative_are_written_out() -> None:
    """Where a masked branch has no derivative, nothing becomes NaN."""

    def f(x: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return mg.where(x > 0, mg.sqrt(mg.maximum(x, 0.0)) * h, h * h), None

        return mg.scan(step, 0.5, x)[0]

    g = mg.compile(mg.grad(f))
    x = np.array([1.0, 0.0, 2.0])
    np.testing.assert_allclose(g(x), numbers(mg.grad(f)(x)), rtol=1e-12)
    assert loops(g) == 0


@pytest.mark.parametrize("derive", [lambda f: f, mg.grad], ids=["value", "derivative"])
def test_a_question_about_a_result_writes_the_loop_out(derive: Any) -> None:
    def f(x: Any) -> Any:
        h = mg.scan(lambda h, x: (mg.tanh(h + x), None), 0.0, x)[0]
        return h * h if h > 0 else -3.0 * h

    g = mg.vectorize(derive(f), each="row")
    x = np.array([[1.0, 0.5], [-1.0, 0.2], [0.3, 0.1]])
    expected = [numbers(derive(f)(row)) for row in x]
    np.testing.assert_allclose(np.reshape(g(x), (3, -1)), expected, rtol=1e-12)
