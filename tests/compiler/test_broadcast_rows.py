"""Functions of rows have their examples in the first axis; what may be either is an error."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from broadcasting import FORMULAS, UNCLEAR, agrees, normal, w
from ways import WAYS

import micrograd as mg
from micrograd import Value


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
