"""Derivatives of roots, of any order, by mpmath and closed forms; roots within roots."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from rooted import WAYS

import micrograd as mg
from micrograd.compiler.program import fingerprint
from micrograd.compiler.program.ir import Program


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_of_order_one_to_three_are_those_of_mpmath(way: str) -> None:
    def lambert(a: Any) -> Any:
        return mg.root(lambda x: x * mg.exp(x) - a, 1.0)

    function = lambert
    for order in range(4):
        for a in (0.5, 2.0, 30.0):
            with mp.workdps(50):
                want = float(mp.diff(lambda a: mp.lambertw(a).real, a, order))
            assert WAYS[way](function)(a) == pytest.approx(want, rel=1e-12)
        function = mg.grad(function)


@pytest.mark.parametrize("way", WAYS)
def test_the_hessian_by_two_parameters_is_that_of_the_closed_form(way: str) -> None:
    def by_root(p: Any) -> Any:
        return mg.root(lambda x: x * x - p[0] * x - p[1], 5.0)

    def closed(p: Any) -> Any:
        return (p[0] + mg.sqrt(p[0] * p[0] + 4.0 * p[1])) / 2.0

    at = np.array([1.5, 2.0])
    for derivative in (mg.grad, mg.hessian):
        got, want = WAYS[way](derivative(by_root))(at), derivative(closed)(at)
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_captured_values_have_gradients_too() -> None:
    w, v = mg.Value(2.0), mg.Value(3.0)
    x = mg.root(lambda x: x**3 - w * x - v * w, 2.0)
    x.backward()
    slope = 3 * x.data**2 - w.data
    assert w.grad == pytest.approx((x.data + v.data) / slope, rel=1e-14)
    assert v.grad == pytest.approx(w.data / slope, rel=1e-14)
    eager = w.grad, v.grad
    w.grad = v.grad = 0.0
    f = mg.vectorize(lambda a: mg.root(lambda x: x**3 - w * x - v * w * a, 2.0))
    assert f.backward([1.0, 1.0]) == pytest.approx(x.data, rel=1e-14)
    assert (w.grad, v.grad) == pytest.approx(eager, rel=1e-14)


def test_trial_points_are_not_checked_but_the_root_is() -> None:
    w = mg.Value(2.0)
    with mg.check_finite():  # log of a negative number on the way
        assert mg.root(lambda x: mg.log(x) - w, 1e3).data == pytest.approx(np.exp(2.0), rel=1e-14)
        with pytest.warns(mg.ConvergenceWarning), pytest.raises(mg.NonFiniteError, match="root"):
            mg.root(lambda x: x * x + w, 1.0)


def test_a_copy_has_the_derivatives_of_the_root() -> None:
    w = mg.Value(4.0)
    circle = mg.root(lambda v: [v[0] - w * v[1], v[0] * v[1] - 1.0], [1.0, 1.0])
    for copied in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        x = copied(circle)[0]  # 2, the root of w
        x.backward()
        (own,) = {y for y in x.operands if isinstance(y, mg.Value)}
        assert own is not w
        assert own.grad == pytest.approx(0.25, rel=1e-14)


def test_programs_of_other_equations_have_other_fingerprints() -> None:
    def program(f: Callable[..., Any]) -> Program:
        compiled = mg.compile(lambda a: mg.root(f, 1.0, a), exact=True)
        compiled(2.0)
        return compiled.kernel(compiled.specializations[0]).program

    square, cube = program(lambda x, a: x * x - a), program(lambda x, a: x * x * x - a)
    again = program(lambda y, b: y * y - b)
    assert fingerprint.of_program(square) is not None
    assert fingerprint.of_program(square) == fingerprint.of_program(again)
    assert fingerprint.of_program(square) != fingerprint.of_program(cube)
    chosen = program(lambda x, a: mg.where(x > 0.0, x, x * x) - a)
    assert fingerprint.of_program(chosen) is None  # `where` may hide a NaN


def test_parameters_may_be_values_arrays_and_structures() -> None:
    a, b = mg.Value(2.0), np.array([1.0, 3.0])
    x = mg.root(lambda x, p, b: p["a"] * x + b @ b - 4.0, 0.0, {"a": a}, b)
    assert x.data == -3.0
    x.backward()
    assert a.grad == 1.5
    row = np.array([[1.0, 3.0], [2.0, 2.0]])
    f = mg.vectorize(lambda b: mg.root(lambda x, b: 2.0 * x + b @ b - 4.0, 0.0, b))
    value, gradient = f.value_and_grad(row)
    np.testing.assert_array_equal(value, [-3.0, -2.0])
    np.testing.assert_array_equal(gradient, -row)


@pytest.mark.parametrize("way", WAYS)
def test_a_root_within_a_root(way: str) -> None:
    def nested(a: Any) -> Any:  # y³ = x + a, and y = 2a: x = 8a³ - a
        return mg.root(lambda x: mg.root(lambda y: y * y * y - x - a, 1.0) - 2.0 * a, 1.0)

    for order, want in enumerate((7.0, 23.0, 48.0)):
        function: Callable[..., Any] = nested
        for _ in range(order):
            function = mg.grad(function)
        assert WAYS[way](function)(1.0) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_a_trial_point_without_an_inner_root_is_no_warning(way: str) -> None:
    def nested(a: Any) -> Any:
        return mg.root(lambda x: mg.root(lambda y: y * y - x, 1.0) - a, 5.0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert WAYS[way](nested)(0.1) == pytest.approx(0.01, rel=1e-13)


def test_equations_with_an_operation_that_is_defined_again_are_two() -> None:
    def of_power(n: int) -> Callable[..., Any]:
        @mg.op(derivative=lambda g, z, x: n * g * x ** (n - 1.0))
        def power(x: Any) -> Any:
            return x**n

        return lambda a: mg.root(lambda x: power(x) - a, 1.0)

    square, fourth = of_power(2), of_power(4)
    both = mg.compile(lambda a: [square(a), fourth(a)])
    np.testing.assert_allclose(both(16.0), [4.0, 2.0], rtol=1e-15)


@pytest.mark.parametrize("way", WAYS)
def test_a_root_of_a_gradient_that_contains_a_root(way: str) -> None:
    def inner(x: Any, a: Any) -> Any:  # x²/2 - a x, whose minimum is a
        return mg.root(lambda y: y - 0.5 * x * x + a * x, 0.0)

    def lowest(a: Any) -> Any:
        return mg.root(lambda x: mg.grad(inner, argnums=0)(x, a), 5.0)

    assert WAYS[way](lowest)(1.25) == pytest.approx(1.25, rel=1e-15)
    assert WAYS[way](mg.grad(lowest))(1.25) == pytest.approx(1.0, rel=1e-15)
