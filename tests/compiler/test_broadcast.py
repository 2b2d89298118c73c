"""Functions of numbers broadcast like NumPy's ufuncs."""

from typing import Any

import numpy as np
import pytest
from broadcasting import FORMULAS, agrees, normal, w
from ways import WAYS

import micrograd as mg

SHAPES = [
    [(), ()], [(), (4,)], [(4,), ()], [(1,), (4,)], [(1,), ()], [(7,), (7,)],
    [(10, 5), (5,)], [(5,), (10, 5)], [(10, 1), (5,)],
    [(1, 5), (5, 1)], [(5, 1), (1,)], [(10, 5), (10, 5)], [(10, 5), ()],
    [(10, 5), (1, 1)], [(1, 1), (1,)], [(2, 3, 4), (3, 1)], [(4, 1, 3), (5, 3)],
    [(7, 1, 3), (1, 4, 1)], [(0,), ()], [(0,), (1,)], [(0, 5), (5,)], [(5, 0), (5, 1)],
    [(0, 5), ()], [(0, 5), (0, 1)], [(3, 1, 0), (2, 1)],
]  # fmt: skip


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
