"""Functions of numbers broadcast like NumPy's; functions of rows have examples in the first axis.

The oracle is NumPy: the plain formula on whole arrays, or the function of rows, row by row. The
traps are functions of rows that look like formulas, or whose shapes happen to fit. An ambiguous
function raises an error, and `each` resolves it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from ways import WAYS

import micrograd as mg
from micrograd import Value

w = Value(0.7)


def normal(*shape: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def call_price(m: Any) -> Callable[..., Any]:
    """The Black-Scholes formula, in the functions of `m`."""

    def price(S: Any, K: Any, T: Any = 1.5, r: Any = 0.03, sigma: Any = 0.2) -> Any:
        S, K = 100 * 1.1**S, 100 * 1.1**K
        d1 = (m.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * m.sqrt(T))
        d2 = d1 - sigma * m.sqrt(T)
        return S * m.erfc(-d1 / 2**0.5) / 2 - K * m.exp(-r * T) * m.erfc(-d2 / 2**0.5) / 2

    return price


class InNumPy:
    log, sqrt, exp, erfc = np.log, np.sqrt, np.exp, scipy.special.erfc


def several(x: Any, y: Any) -> Any:
    return {"product": x * y, "pair": (x + y, [y]), "constant": 3.0}


FORMULAS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "arithmetic": (lambda x, y: 2 * x**2 - y / 3 + x * y, lambda x, y: 2 * x**2 - y / 3 + x * y),
    "Black and Scholes": (call_price(mg), call_price(InNumPy)),
    "a parameter": (lambda x, y: w * x - mg.tanh(y), lambda x, y: 0.7 * x - np.tanh(y)),
    "through NumPy": (
        lambda x, y: np.exp(x) * np.tanh(y) + np.float64(2) * x,
        lambda x, y: np.exp(x) * np.tanh(y) + 2 * x,
    ),
    "methods": (lambda x, y: x.sin() + y.relu(), lambda x, y: np.sin(x) + np.maximum(y, 0)),
    "a choice": (
        lambda x, y: mg.where((x > 0) & (y < 1), x, 2 * y),
        lambda x, y: np.where((x > 0) & (y < 1), x, 2 * y),
    ),
    "a list of numbers": (lambda x, y: mg.sum([x, y, w]), lambda x, y: x + y + 0.7),
    "a norm": (lambda x, y: mg.norm([x, y]), np.hypot),
    "a network": (
        lambda x, y: mg.MLP(2, [3, 1], seed=0)([x, y])[0] * 0 + x - y,
        lambda x, y: x - y,
    ),
    "a derivative within": (lambda x, y: mg.grad(lambda t: t * t * y)(x), lambda x, y: 2 * x * y),
    "several results": (
        several,
        lambda x, y: {"product": x * y, "pair": (x + y, [y + 0 * x]), "constant": 3 + 0 * x * y},
    ),
}
SHAPES = [
    [(), ()], [(), (4,)], [(4,), ()], [(1,), (4,)], [(1,), ()], [(7,), (7,)],
    [(10, 5), (5,)], [(5,), (10, 5)], [(10, 1), (5,)],
    [(1, 5), (5, 1)], [(5, 1), (1,)], [(10, 5), (10, 5)], [(10, 5), ()],
    [(10, 5), (1, 1)], [(1, 1), (1,)], [(2, 3, 4), (3, 1)], [(4, 1, 3), (5, 3)],
    [(7, 1, 3), (1, 4, 1)], [(0,), ()], [(0,), (1,)], [(0, 5), (5,)], [(5, 0), (5, 1)],
    [(0, 5), ()], [(0, 5), (0, 1)], [(3, 1, 0), (2, 1)],
]  # fmt: skip
# These fit by their first axes as well, and mean another thing then.
UNCLEAR = [[(5, 1), (5,)], [(5, 5), (5,)], [(1, 5), (5,)], [(5,), (5, 5)], [(2, 2, 3), (2, 3)]]


def agrees(answer: Any, expected: Any, tolerance: float) -> None:
    """Asserts equal structure, shapes and numbers; a number where NumPy returns one."""
    if isinstance(expected, dict):
        assert list(answer) == list(expected)
        answer, expected = [*answer.values()], [*expected.values()]
    if isinstance(expected, (list, tuple)):
        assert len(answer) == len(expected)
        for part, other in zip(answer, expected):
            agrees(part, other, tolerance)
    else:
        assert np.shape(answer) == np.shape(expected)
        assert np.ndim(expected) or isinstance(answer, np.floating)
        scale = max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(answer, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FORMULAS)
def test_a_function_of_numbers_broadcasts_like_numpy(name: str, way: str) -> None:
    function, formula = FORMULAS[name]
    make, tolerance = WAYS[way]
    f = make(function)
    for shapes in SHAPES:
        arguments = [normal(*shape, seed=k) for k, shape in enumerate(shapes)]
        expected = formula(*arguments)
        for _ in range(3):  # later calls may take a shortcut
            agrees(f(*arguments), expected, tolerance)
        others = [np.array(-x) for x in arguments]
        agrees(f(*others), formula(*others), tolerance)
        lists = [x.tolist() for x in arguments]
        if np.size(arguments[0]) and np.size(arguments[1]):  # an empty list has lost its shape
            agrees(f(*lists), expected, tolerance)


@pytest.mark.parametrize("way", WAYS)
def test_gradients_have_the_shape_of_all(way: str) -> None:
    make, tolerance = WAYS[way]
    f = make(lambda x, y: w * x * mg.tanh(y))
    for shapes in SHAPES:
        x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
        each = np.broadcast_shapes(*shapes)
        slopes = 0.7 * np.tanh(y) + 0 * x, 0.7 * x / np.cosh(y) ** 2
        values = 0.7 * x * np.tanh(y)
        for _ in range(2):
            value, gradient = f.value_and_grad(x, y)
            agrees(value, values, tolerance)
            agrees(gradient, slopes, tolerance)
            assert all(np.shape(g) == each for g in gradient)


@pytest.mark.parametrize("way", WAYS)
def test_the_mean_is_over_all(way: str) -> None:
    make, tolerance = WAYS[way]
    f = make(lambda x, y: w * x * mg.tanh(y))
    for shapes in SHAPES:
        x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
        products = x * np.tanh(y)
        if products.size:
            mean = np.mean(products)
            assert f.backward(x, y) == pytest.approx(0.7 * mean, rel=tolerance, abs=tolerance)
            assert w.grad == pytest.approx(mean, rel=tolerance, abs=tolerance)
            value, gradient = f.gradient([2.0], x, y)
            assert value == pytest.approx(2 * mean, rel=tolerance, abs=tolerance)
            assert gradient == pytest.approx([mean], rel=tolerance, abs=tolerance)
        else:
            with pytest.warns(RuntimeWarning, match="no examples, and their mean is NaN"):
                assert np.isnan(f.backward(x, y))
            assert w.grad == 0.0
    w.grad = 0.0


def test_arguments_in_structures_broadcast() -> None:
    f = mg.vectorize(lambda p, k=2.0: {"z": p["x"] * p["rest"][0] + p["rest"][1] * k})
    x, y, z = normal(6, 1), normal(4), 0.5
    for _ in range(2):
        answer = f({"x": x, "rest": [y, z]}, k=normal(3, 1, 1))
        np.testing.assert_allclose(answer["z"], x * y + 0.5 * normal(3, 1, 1), rtol=1e-13)
    g = mg.vectorize(lambda p, k=2.0: p["x"] * p["rest"][0] + p["rest"][1] * k)
    value, (of_p, of_k) = g.value_and_grad({"x": x, "rest": [y, z]}, k=normal(3, 1, 1))
    agrees(value, x * y + 0.5 * normal(3, 1, 1), 1e-13)
    agrees(of_p["x"], np.broadcast_to(y, (3, 6, 4)), 1e-13)
    agrees(of_p["rest"][0], np.broadcast_to(x, (3, 6, 4)), 1e-13)
    agrees(of_p["rest"][1], np.broadcast_to(normal(3, 1, 1), (3, 6, 4)), 1e-13)
    agrees(of_k, np.full((3, 6, 4), 0.5), 1e-13)


def test_views_integers_and_read_only_arrays_broadcast() -> None:
    f = mg.vectorize(lambda x, y: x - 2 * y)
    x, y = normal(5, 8)[:, ::2], np.arange(5)[:, None]
    y.flags.writeable = False
    for _ in range(2):
        agrees(f(x, y), x - 2 * y, 1e-14)
        agrees(f(x.T, y[:4]), x.T - 2 * y[:4], 1e-14)
        agrees(f(np.asfortranarray(x), np.float32(1)), x - 2, 1e-14)


def test_an_argument_of_one_number_is_shared() -> None:
    f = mg.vectorize(lambda x, y: x * y)
    for y in (normal(1, 1), normal(1), normal(1, 1, 1)):
        _, call = f.specialize(normal(40, 30), y)
        assert [a.size for a in call.inputs] == [1200, 1]


def test_a_grid_is_traced_as_one_number() -> None:
    """At any width."""
    f = mg.vectorize(lambda x, y: mg.exp(-x * x) * y)
    x, y = normal(2, 300_000), normal(2, 1)
    agrees(f(x, y), np.exp(-x * x) * y, 1e-13)
    assert f.source("program", x, y) == f.source("program", x[0], x[1])


def test_the_decision_is_made_once() -> None:
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append(x)
        return x * y

    g = mg.vectorize(f)
    g(normal(4, 1), normal(3))
    first = len(calls)
    for shapes in ([(4, 1), (3,)], [(9, 2), (2,)], [(9, 2), (1,)]):
        g(*[normal(*shape) for shape in shapes])
    assert len(calls) == first


# Functions of rows.


def by_rows(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function row by row; an argument of one row shares it."""
    n = max(len(x) for x in arguments)
    return np.array([function(*[x[k if len(x) > 1 else 0] for x in arguments]) for k in range(n)])


def matrix(n: int) -> Any:
    return normal(n, n, seed=8)


TRAPS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda x, y: np.sum(x) * y,
    "sum, kept": lambda x, y: np.sum(x, keepdims=True) * y,
    "sum by method": lambda x, y: x.sum() * y,
    "sum by hand": lambda x, y: sum(x) * y,
    "micrograd.sum": lambda x, y: mg.sum(x) * y,
    "mean": lambda x, y: (x - np.mean(x)) * y,
    "dot": lambda x, y: np.dot(x, x) * y,
    "dot with itself": lambda x, y: x * (x @ x) * y,
    "matrix": lambda x, y: matrix(len(x)) @ x * y,
    "matrix, by np.dot": lambda x, y: np.dot(matrix(np.size(x)), x) * y,
    "weights": lambda x, y: x * np.arange(1.0, 1 + len(x)) * y,
    "weights of one size": lambda x, y: x * np.arange(50.0)[: np.size(x)] * y,
    "a weighted sum": lambda x, y: x * np.sum(x * np.ones(np.size(x))) * y,
    "cumsum": lambda x, y: np.cumsum(x) * y,
    "reversed": lambda x, y: x[::-1] * y,
    "rolled": lambda x, y: np.roll(x, 1) * y,
    "rolled by two": lambda x, y: np.roll(x, 2) * y,
    "the first": lambda x, y: x[0] * y,
    "the size": lambda x, y: x / np.size(x) * y,
    "by its kind": lambda x, y: (x * x).sum() * y if np.ndim(x) else x * x * y,
    "a list": lambda x, y: [x[0] * y, x[0]][0],
    "a choice of a sum": lambda x, y: y * mg.where(np.sum(x) > 0, 1.0, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("shapes", [[(50, 50), (50,)], [(50, 1), (50,)], [(2, 2), (2,)]], ids=str)
@pytest.mark.parametrize("name", TRAPS)
def test_a_function_of_arrays_has_its_examples_along_the_first_axis(name: str, shapes: Any) -> None:
    function = TRAPS[name]
    x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
    f = mg.vectorize(function)
    expected = by_rows(function, x, y)
    for _ in range(2):
        np.testing.assert_allclose(f(x, y), expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(f(x + 1, y), by_rows(function, x + 1, y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["sum", "mean", "dot", "matrix, by np.dot", "cumsum", "weights"])
@pytest.mark.parametrize("shapes", [[(1, 50), (50, 1)], [(50, 1), (1, 50)], [(3, 1), (3, 1)]])
def test_rows_of_one_number(name: str, shapes: Any) -> None:
    function = TRAPS[name]
    x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
    np.testing.assert_allclose(mg.vectorize(function)(x, y), by_rows(function, x, y), rtol=1e-12)


v = Value(0.7)
OF_BOTH: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "other places": (lambda x: x - x[::-1], lambda x: x - x),
    "another constant": (lambda x: x * 3, lambda x: x * 2),
    "another parameter": (lambda x: x * w, lambda x: x * v),
    "another operation": (lambda x: x + 2, lambda x: x * 2),
    "another result": (lambda x: (x, x), lambda x: [x, x]),
    "fewer results": (lambda x: [x], lambda x: [x, x]),
    "a part": (lambda x: [x, x[:1]], lambda x: [x, x]),
}


@pytest.mark.parametrize("name", OF_BOTH)
def test_a_function_that_does_another_thing_with_arrays_is_not_guessed(name: str) -> None:
    on_arrays, on_numbers = OF_BOTH[name]

    def f(x: Any, y: Any) -> Any:
        return on_arrays(x * y) if isinstance(x, np.ndarray) else on_numbers(x * y)

    x, y = normal(5, 1), normal(5)
    for _ in range(2):
        with pytest.raises(mg.ArgumentError, match='each="number"'):
            mg.vectorize(f)(x, y)
    of_each = mg.vectorize(f, each="row"), mg.vectorize(f, each="number")
    for g, shape in zip(of_each, [(5, 1), (5, 5)]):
        answer = g(x, y)
        if isinstance(answer, (list, tuple)):
            answer = answer[0]
        assert answer.shape == shape


@pytest.mark.parametrize("shapes", [*UNCLEAR, [(50, 50), (50,)]], ids=str)
@pytest.mark.parametrize("name", ["a constant", "by its type", "a trap of NumPy's"])
def test_what_may_be_of_numbers_or_of_rows_asks_which(name: str, shapes: Any) -> None:
    function = {
        "a constant": lambda x, y: y * 2,
        "by its type": lambda x, y: x[::-1] * y if isinstance(x, np.ndarray) else x * y,
        "a trap of NumPy's": lambda x, y: (x - np.asarray(x).mean()) * y,
    }[name]
    x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
    with pytest.raises(mg.ArgumentError, match='each="row"'):
        mg.vectorize(function)(x, y)
    expected = by_rows(function, x, y)
    np.testing.assert_allclose(mg.vectorize(function, each="row")(x, y), expected, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shapes", UNCLEAR, ids=str)
def test_arrays_that_fit_by_either_axis_ask_which(shapes: Any, way: str) -> None:
    make, tolerance = WAYS[way]
    x, y = (normal(*shape, seed=k) for k, shape in enumerate(shapes))
    function, formula = FORMULAS["Black and Scholes"]
    with pytest.raises(mg.ArgumentError, match=r"x\[:, None\]"):
        make(function)(x, y)
    agrees(make(function, each="number")(x, y), formula(x, y), tolerance)
    rows = by_rows(formula, x, y)
    agrees(make(function, each="row")(x, y), rows, tolerance)
    most = max(x.ndim, y.ndim)
    first = [a.reshape(*a.shape[:1], *[1] * (most - a.ndim), *a.shape[1:]) for a in (x, y)]
    agrees(make(function)(*first), rows, tolerance)
    last = [a.reshape(*[1] * (most - a.ndim), *a.shape) for a in (x, y)]
    agrees(make(function)(*last), formula(x, y), tolerance)


def test_numbers_that_become_an_array_do_not_broadcast() -> None:
    with pytest.raises(AttributeError, match="sin"):
        mg.vectorize(lambda x: np.array([x.sin(), x]))(normal(3, 2))


def test_shapes_of_a_choice_of_arrays_are_not_mistaken() -> None:
    """For a number, np.sum(x) is x."""
    f = mg.vectorize(lambda x, y: mg.where(y > 0, np.sum(x), 0.0))
    x, y = normal(3, 3), normal(3, 1)
    np.testing.assert_allclose(f(x, y), np.where(y > 0, x.sum(axis=1, keepdims=True), 0.0))


def test_no_examples_of_arrays() -> None:
    f = mg.vectorize(lambda x: np.cumsum(x))
    assert f(np.zeros((0, 5))).shape == (0, 5)
    assert mg.vectorize(lambda x: mg.sum(x))(np.zeros((0, 5))).shape == (0,)


def test_rows_and_a_number_for_each_do_not_broadcast() -> None:
    """They would fit by chance, if there are as many rows as columns: so the user must choose."""
    f = mg.vectorize(lambda x, y: x * y)
    x, y = normal(6, 3), normal(6)
    for _ in range(2):
        with pytest.raises(mg.ShapeError, match=r"x\[:, None\]"):
            f(x, y)
        np.testing.assert_allclose(f(x, y[:, None]), x * y[:, None], rtol=1e-14)
        with pytest.raises(mg.ArgumentError, match=r"x\[:, None\]"):
            f(x[:3], y[:3])


@pytest.mark.parametrize(
    ("function", "shapes", "kind"),
    [
        (lambda x, y: x * y, [(3,), (4,)], "of numbers"),
        (lambda x, y: x * y, [(3, 2), (4, 2)], "of numbers"),
        (lambda x, y: x * y, [(3, 2), (4,)], "of numbers"),
        (lambda x, y: mg.norm([x, y]), [(3, 2), (3,)], "of numbers"),
        (lambda x, y: np.sum(x) * y, [(3, 2), (2,)], "of rows"),
        (lambda x, y: x[0] * y[0], [(3, 2), (4, 2)], "of rows"),
    ],
)
def test_shapes_that_do_not_fit(function: Any, shapes: Any, kind: str) -> None:
    f = mg.vectorize(function)
    for _ in range(2):
        with pytest.raises(mg.ShapeError) as caught:
            f(*[normal(*shape) for shape in shapes])
        message = str(caught.value)
        assert kind in message
        assert "broadcast" in message
        assert "first axis" in message
        assert ", ".join(map(str, shapes)) in message


def test_an_error_is_that_of_the_arrays() -> None:
    f = mg.vectorize(lambda x: np.dot(np.ones((2, 2)), x).sum())
    with pytest.raises(ValueError, match="not aligned"):
        f(normal(4, 3))
    model = mg.MLP(2, [1], seed=0)
    with pytest.raises(mg.ShapeError, match="3"):
        mg.vectorize(lambda x: model(x)[0])(normal(4, 3))


def test_numbers_give_a_number() -> None:
    f = mg.vectorize(lambda x, y: x * y)
    assert isinstance(f(2, 3.0), np.float64)
    assert f(np.array(2.0), 3.0) == 6.0
    value, gradient = f.value_and_grad(2.0, 3.0)
    assert (value, gradient) == (6.0, (3.0, 2.0))
    assert mg.vectorize(lambda x: [x, x], dtype="float32")(1.0) == [np.float32(1), np.float32(1)]
    array = mg.vectorize(lambda x: np.array([x, 2 * x]))
    assert array(1.0).tolist() == [1.0, 2.0]
    assert array([1.0, 3.0]).tolist() == [[1.0, 2.0], [3.0, 6.0]]
