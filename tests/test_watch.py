"""Numbers that leave a graph: what is noticed, and what the message says."""

import inspect
import logging
import math
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import micrograd as mg
from micrograd import LostGradientError, LostGradientWarning, TraceError, Value


def number(x: Any) -> Any:
    return float(x)  # here


def exponential(x: Any) -> Any:
    return math.exp(x) * x  # here


def magnitude(x: Any) -> Any:
    return math.fabs(x)  # here


def distance(x: Any) -> Any:
    return math.hypot(x, 1.0)  # here


def normal(x: Any) -> Any:
    return statistics.NormalDist().cdf(x)  # here


def filled(x: Any) -> Any:
    a = np.zeros(3)
    for k in range(3):
        a[k] = x * x  # here
    return a.sum()


def spline(x: Any) -> Any:
    return CubicSpline([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 4.0, 9.0])(x)  # here


def array_of_floats(x: Any) -> Any:
    return np.array([x, 1.0], float).sum()  # here


def converted(x: Any) -> Any:
    return np.array([x]).astype(float)[0]  # here


def over_two_lines(x: Any) -> Any:
    return math.log(  # here
        x * x
    )


# Functions that take a number, with the parts of the message: its name, and the replacement.
TAKES = {
    number: ("`float`", "with the Value itself"),
    exponential: ("`math.exp`", "write micrograd.exp;"),
    magnitude: ("`math.fabs`", "write micrograd.abs;"),
    distance: ("`math.hypot`", "write micrograd.hypot;"),
    normal: ("`erf", "write micrograd.erf"),  # erfc since Python 3.14
    filled: ("array of floats", "dtype=object"),
    spline: ("`CubicSpline", "functions of micrograd"),
    array_of_floats: ("`np.array`", "arrays of objects"),
    converted: ("`np.array([x]).astype`", "arrays of objects"),
    over_two_lines: ("`math.log`", "write micrograd.log;"),
}

DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: mg.grad(f)(2.0),
    "value_and_grad": lambda f: mg.value_and_grad(f)(2.0),
    "jacobian": lambda f: mg.jacobian(f)(2.0),
    "hessian": lambda f: mg.hessian(f)(2.0),
    "jvp": lambda f: mg.jvp(f)(2.0, 1.0),
    "vjp": lambda f: mg.vjp(f)(2.0, 1.0),
    "hvp": lambda f: mg.hvp(f)(2.0, 1.0),
}


def line_of(function: Callable[..., Any]) -> str:
    source, start = inspect.getsourcelines(function)
    return f"{__file__}:{next(k for k, text in enumerate(source, start) if '# here' in text)}"


@pytest.mark.parametrize("function", TAKES, ids=lambda f: f.__name__)
def test_a_number_that_a_derivative_would_miss(function: Callable[..., Any]) -> None:
    called, instead = TAKES[function]
    with pytest.raises(LostGradientError) as caught:
        mg.grad(function)(2.0)
    message = str(caught.value)
    assert called in message
    assert instead in message
    assert f"at {line_of(function)};" in message


@pytest.mark.parametrize("name", DERIVATIVES)
def test_in_every_derivative(name: str) -> None:
    with pytest.raises(LostGradientError, match=r"`math.exp` .*write micrograd.exp"):
        DERIVATIVES[name](exponential)


@pytest.mark.parametrize("function", TAKES, ids=lambda f: f.__name__)
def test_a_number_of_a_graph_that_is_built_by_hand(function: Callable[..., Any]) -> None:
    """One warning per line, by Python's default filter, and the usual number."""
    expected = function(2.0)
    x = Value(1.0) * 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            assert mg.stop_gradient(function(x)) == pytest.approx(expected)
    (warning,) = caught
    assert warning.category is LostGradientWarning
    assert f"{warning.filename}:{warning.lineno}" == line_of(function)
    assert all(part in str(warning.message) for part in TAKES[function])


def test_one_line_that_takes_numbers_of_two_graphs_warns_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for k in range(3):
            number(Value(1.0) + k)
        float(Value(1.0) * 3)
    assert len(caught) == 2


def test_where_there_is_no_source_the_message_is_a_general_one() -> None:
    scope: dict[str, Any] = {"math": math}
    exec("def f(x): return math.exp(x)", scope)
    with pytest.raises(LostGradientError, match=r"Python took .* at <string>:1; .*micrograd.exp"):
        mg.grad(scope["f"])(1.0)


# Legitimate uses of numbers.


def shown(x: Any) -> Any:
    assert f"{x:.1f} {x * x:6.2f}" == "2.0   4.00"
    assert f"{x * x:.1f}" == "4.0"
    assert "%.1f" % (x * x) == "4.0"
    assert "%.1f and %d, %s" % (x, x * x, 0) == "2.0 and 4, 0"  # noqa: UP031
    assert b"%.1f" % (x * x) == b"4.0"
    text = "%.1f"
    text %= x * x
    assert text == "4.0"
    assert round(x * x, 1) == round(x * x) == 4
    assert str(x) == repr(x)
    logging.getLogger("nobody").warning("%.1f", x * x)
    return x * x


def chosen(x: Any) -> Any:
    assert x
    assert x * x > 3
    assert max(x, 3.0 * x) == 6.0
    assert sorted([x * x, x])[0] == 2.0
    return x * x if x * x > 1 else x


def meant(x: Any) -> Any:
    assert float((x * x).data) == math.sqrt(mg.stop_gradient(16.0 * x / x)) == 4.0
    assert int(mg.floor(x * x)) == int(mg.sign(x)) + 3 == 4
    return x * x


@pytest.mark.parametrize("function", [shown, chosen, meant])
def test_what_asks_for_numbers_and_loses_none(function: Callable[..., Any]) -> None:
    """Warnings are errors here."""
    assert mg.grad(function)(2.0) == 4.0
    x = Value(2.0)
    function(x).backward()
    function(1.0 * x)
    assert x.grad == 4.0


def test_a_leaf_has_no_gradient_to_lose() -> None:
    w = Value(2.0)
    assert (float(w), int(w), math.sqrt(Value(4.0))) == (2.0, 2, 2.0)
    assert np.array([w, w], float).tolist() == [2.0, 2.0]
    assert mg.grad(lambda x: float(w) * x)(3.0) == 2.0


def test_what_depends_on_no_variable_of_the_derivative_is_as_outside() -> None:
    w = Value(2.0)
    with pytest.warns(LostGradientWarning):
        assert mg.grad(lambda x: float(w * w) * x)(3.0) == 4.0


def test_matplotlib_draws_the_numbers_of_values() -> None:
    """Without a LostGradientWarning, which would be an error here."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    x = Value(1.0)
    values: Any = [x * k for k in range(3)]
    plt.figure()
    (line,) = plt.plot(values, values)
    points = plt.scatter(values, values, c=values)
    level = plt.axhline(values[1])
    bars = plt.bar([0, 1, 2], values)
    plt.close()
    drawn = np.asarray(line.get_xydata()).tolist()
    assert drawn == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    assert np.asarray(points.get_offsets()).tolist() == drawn
    assert np.asarray(points.get_array()).tolist() == [0.0, 1.0, 2.0]
    assert np.asarray(level.get_xydata())[:, 1].tolist() == [1.0, 1.0]
    assert [bar.get_bbox().y1 for bar in bars] == [0.0, 1.0, 2.0]


def test_an_integer_is_a_step_whose_derivative_is_0() -> None:
    def f(x: Any) -> Any:
        return int(x) * x + math.floor(x) * x + math.ceil(x) + math.trunc(x) + round(x)

    assert mg.grad(f)(2.5) == 4.0
    assert mg.grad(mg.grad(f))(2.5) == 0.0


def test_in_a_trace_the_error_is_that_of_the_trace() -> None:
    w = Value(2.0)
    with pytest.raises(TraceError, match="a captured Value was turned into a float"):
        mg.compile(lambda x: mg.grad(lambda y: math.exp(w) * y)(x))(1.0)
    with pytest.raises(TraceError, match="a traced number was turned into a float"):
        mg.compile(mg.grad(exponential))(1.0)


def test_a_variable_of_an_outer_derivative() -> None:
    def f(x: Any) -> Any:
        return mg.grad(lambda y: math.exp(x) * y)(3.0)

    with pytest.raises(LostGradientError, match=r"write micrograd\.exp"):
        mg.grad(f)(1.0)


# Searches.


def square_root(y: Any) -> float:
    low, high = 0.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if middle * middle > y else (middle, high)
    return low


@pytest.mark.parametrize("make", [lambda m: m, Value])
def test_a_root_that_is_searched_has_no_derivative(make: Callable[[float], Any]) -> None:
    with pytest.warns(LostGradientWarning, match=r"60 comparisons, .*Newton") as caught:
        assert mg.grad(lambda y: make(square_root(y)))(2.0) == 0.0
    assert caught[0].filename == __file__


def test_a_step_of_newton_gives_it_one() -> None:
    def root(y: Any) -> Any:
        m = square_root(y)
        return m - (m * m - y) / (2 * m)

    assert mg.grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2.0), rel=1e-12)


def test_a_choice_is_no_search() -> None:
    assert mg.grad(lambda x: max(x, 0.0))(-1.0) == 0.0
    assert mg.grad(lambda x: 1.0 if x > 0 else 0.0)(-1.0) == 0.0


@pytest.mark.parametrize("number", [math.exp, float, lambda x: np.array([x], float)[0]])
def test_a_number_that_leaves_the_equation_is_an_error(number: Any) -> None:
    """Newton's method and the derivatives of the root need the slope of f."""

    def f(x: Any, a: Any = 0.7) -> Any:
        return x + 0.5 * number(x) - a

    for find in (
        lambda: mg.root(f, 0.5),
        lambda: mg.grad(lambda a: mg.root(lambda x: f(x, a), 0.5))(0.7),
        lambda: mg.fixed_point(lambda x: 0.2 * number(x), 0.5),
    ):
        with pytest.raises(LostGradientError, match="took the number of a Value"):
            find()
