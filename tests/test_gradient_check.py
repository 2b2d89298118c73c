"""check_gradient: right derivatives pass, wrong ones are named, and what cannot be told is said."""

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import micrograd as mg
from micrograd.differences import slopes
from micrograd.gradient_check import GradientError

FUNCTIONS: list[tuple[str, float]] = [
    ("sin", 1.0), ("sin", 0.0), ("exp", 3.0), ("exp", -30.0), ("log", 1e-8), ("sqrt", 2.0),
    ("tan", 1.5), ("atan", 1e6), ("gamma", 4.5), ("cos", 0.0), ("tanh", 0.01), ("log", 1e9),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x"), FUNCTIONS)
def test_finite_differences_are_as_near_as_they_say(name: str, x: float) -> None:
    """The estimate is that of the last steps, so a multiple of it bounds the error."""
    (slope,) = slopes(lambda t: [getattr(math, name)(t) if t > 0 or name != "log" else math.nan], x)
    want = float(mp.diff(getattr(mp, name), x))
    assert abs(slope.value - want) <= 8 * slope.error
    assert slope.error <= 1e-8 * (abs(want) + 1)


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (lambda x: x % 1.0, 8.0 + 1 / 3, 1.0),  # differences over whole periods would be 0
        (lambda x: math.sin(100 * x), 0.3, 100 * math.cos(30)),
        (lambda x: math.sin(1 / x), 0.01, -1e4 * math.cos(100)),
        (lambda x: max(x, 1.0), 1.0001, 1.0),  # a kink nearby
        (abs, 1e-9, 1.0),
        (lambda x: float(np.float32(math.sin(x))), 1.0, math.cos(1.0)),  # noise
        (lambda x: math.sqrt(x) ** 3 if x >= 0 else math.nan, 0.0, 0.0),  # the end of a domain
    ],
)
def test_finite_differences_are_honest_where_it_is_hard(
    f: Callable[[float], float], x: float, want: float
) -> None:
    (slope,) = slopes(lambda t: [f(t)], x)
    assert abs(slope.value - want) <= 8 * slope.error


@pytest.mark.parametrize("f", [abs, math.floor, math.cbrt if hasattr(math, "cbrt") else np.cbrt])
def test_finite_differences_do_not_make_slopes_up(f: Callable[[float], float]) -> None:
    """At a kink, a jump, an infinite slope."""
    (slope,) = slopes(lambda t: [float(f(t))], 0.0)
    assert math.isnan(slope.value) or slope.error > 0.1 * abs(slope.value)


@pytest.mark.parametrize("name", ["tanh", "erf", "atan2", "lgamma", "mul", "gelu", "log_ndtr"])
def test_operations_of_the_table_pass(name: str) -> None:
    row = mg.ops.TABLE[name]
    check = mg.check_gradient(row, *[0.75, 1.25][: row.arity])
    n = len(check.rows)
    assert n == (2 if row.arity == 1 else 2 + 4)
    assert not any(row.problem for row in check.rows)


def test_the_wrong_operand_is_named_and_by_how_much() -> None:
    @mg.op(derivative=lambda g, z, x, y: (g * y, 1.5 * g * x), name="half_wrong")
    def product(x: Any, y: Any) -> Any:
        return x * y

    message = (
        r"half_wrong by y at y = 3: the derivative is 3, but 2 ± \S+ by finite differences, 50 % "
    )
    with pytest.raises(AssertionError, match=message) as caught:
        mg.check_gradient(product, 2.0, 3.0, order=1)
    assert isinstance(caught.value, GradientError)
    assert [bool(row.problem) for row in caught.value.check.rows] == [False, True]


def test_a_wrong_second_derivative_is_found() -> None:
    @mg.op(derivative=lambda g, z, x: 2 * g * mg.stop_gradient(x), name="square_once")
    def square(x: Any) -> Any:
        return x * x

    mg.check_gradient(square, 3.0, order=1)
    with pytest.raises(GradientError, match=r"^square_once by x, then x at x = 3: .* is 0, but 2"):
        mg.check_gradient(square, 3.0)


def test_numbers_in_structures_and_arrays_have_names() -> None:
    def f(p: Any, v: Any, *more: Any) -> Any:
        return [p["a"] * v[0, 1] + mg.sin(more[0]), v[0, 0] ** 2]

    check = mg.check_gradient(f, {"a": 2.0}, np.array([[1.0, 2.0]]), 0.5, order=1)
    assert [row.name for row in check.rows[:4]] == [
        "f[0] by p['a']", "f[0] by v[0, 0]", "f[0] by v[0, 1]", "f[0] by more[0]",
    ]  # fmt: skip
    assert [row.derivative for row in check.rows[4:]] == [0.0, 2.0, 0.0, 0.0]


def test_captured_values_are_constants() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    check = mg.check_gradient(lambda x: model(x)[0], [0.5, -0.25])
    assert len(check.rows) == 2 + 4


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (mg.relu, 0.0, r"kink: the slope is 0 on the left and 1 on the right"),
        (mg.floor, 2.0, r"do not converge"),
        (mg.sqrt, 0.0, r"do not converge"),
        (mg.log, -1.0, r"do not converge"),
    ],
)
def test_what_cannot_be_told_is_no_success(f: Any, x: float, message: str) -> None:
    with pytest.raises(GradientError, match=message):
        mg.check_gradient(f, x)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_scale_of_a_function_does_not_matter(scale: float) -> None:
    mg.check_gradient(lambda x: scale * mg.cos(x), 0.0)
    mg.check_gradient(lambda x: scale * x * x, 0.0)
    with pytest.raises(GradientError, match=r"the derivative is 0, but"):
        mg.check_gradient(lambda x: mg.stop_gradient(scale * x), 2.0, order=1)


def test_it_prints_a_table() -> None:
    lines = str(mg.check_gradient(mg.atan2, 1.0, 2.0)).splitlines()
    assert lines[0].split("  ")[0] == "derivative of"
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "atan2 by y", "atan2 by x", "atan2 by y, then y",
    ]  # fmt: skip
    many = str(mg.check_gradient(lambda v: mg.sum(v), [1.0] * 30, order=1))
    assert many.endswith("and 10 more")


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="order must be 1 or 2, got 3"):
        mg.check_gradient(mg.sin, 1.0, order=3)
    with pytest.raises(TypeError, match="takes the function, and a point"):
        mg.check_gradient(mg.sin)
