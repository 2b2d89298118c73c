"""Jacobians by rows and by columns: the same numbers, and the choice of the cheaper way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import traced

import micrograd as mg
from micrograd import modes

X = np.array([0.7, -1.3, 2.1])


def simulation(x: Any, steps: int = 12) -> list[Any]:
    """Every step is a result and depends on the step before."""
    y, z, path = x[0], x[1], []
    for _ in range(steps):
        y, z = y + 0.1 * (z - mg.tanh(x[2] * y)), z - 0.1 * mg.sin(y)
        path.append(y)
    return path


def residuals(x: Any, rows: int = 12) -> list[Any]:
    """Every result depends on the variables only, not on other results."""
    return [x[0] * mg.exp(x[1] * t) + mg.tanh(x[2] * t) - t for t in np.linspace(0, 1, rows)]


def masked(x: Any) -> list[Any]:
    """Each result depends on the last, with masked branches of infinite or NaN slope."""
    y, path = x[0] * x[2], []
    for v in [*x, *x]:
        root = mg.where(v > 0, mg.sqrt(v), 3.0 * v)
        y = mg.where(y > 99.0, mg.log(y - y), y * root) + mg.maximum(v, y) * 0.0
        path.append(y + mg.relu(v) - mg.take([v, y, mg.log(v * 0.0)], 0.0 * v))
    return path


def network(x: Any) -> list[Any]:
    hidden = [mg.tanh(mg.dot(row, x)) for row in W[:5, :3].tolist()]
    return [mg.dot(row, hidden, 0.5) for row in W.tolist()]


W = np.random.default_rng(0).normal(size=(9, 5))
FUNCTIONS: list[Callable[[Any], Any]] = [
    simulation, residuals, network, masked,
    lambda x: [x[0] * 2.0, 3.0, x[1], x[1], x[0], 1.0],
    lambda x: [mg.dot(x, [*x[1:], v], x[2]) * v for v in [*x, *x]],
    lambda x: np.outer(x, x) * mg.softmax(x),
]  # fmt: skip


def forced(monkeypatch: pytest.MonkeyPatch, columns: bool) -> None:
    monkeypatch.setattr(modes, "by_columns", lambda outputs, variables: columns)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_columns_are_the_transpose_of_rows(f: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for columns in (False, True):
        forced(monkeypatch, columns)
        answers.append(mg.jacobian(f)(X))
        compiled = mg.compile(mg.jacobian(f))(X)
        np.testing.assert_allclose(compiled, answers[-1], rtol=1e-13, atol=1e-15)
        np.testing.assert_array_equal(mg.compile(mg.jacobian(f), exact=True)(X), answers[-1])
    np.testing.assert_allclose(*answers, rtol=1e-13, atol=1e-15)
    assert np.isfinite(answers[0]).all()


@pytest.mark.parametrize("f", FUNCTIONS)
def test_columns_differentiate_again(f: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(x: Any) -> Any:
        return mg.sum(z * (k + 1.0) for k, z in enumerate(mg.jacobian(f)(x).ravel()))

    slopes = []
    for columns in (False, True):
        forced(monkeypatch, columns)
        slopes += [mg.grad(entries)(X), mg.compile(mg.grad(entries))(X)]
    for slope in slopes[1:]:
        np.testing.assert_allclose(slope, slopes[0], rtol=1e-12, atol=1e-13)


def test_the_way_that_is_less_work() -> None:
    ways = {}
    for f in (simulation, residuals):
        x = [*map(mg.Value, X)]
        ways[f] = modes.by_columns(f(x), x)
    assert ways == {simulation: True, residuals: False}


def test_a_square_matrix_goes_by_rows() -> None:
    x = [*map(mg.Value, X)]
    assert not modes.by_columns(simulation(x, 3), x)


@pytest.mark.parametrize("f", [simulation, residuals])
def test_the_graph_of_a_jacobian_is_linear_in_its_rows(f: Any) -> None:
    counts = [traced(mg.jacobian(lambda x, n=n: f(x, n)), (3,)).count for n in (40, 80)]
    assert counts[1] < 2.1 * counts[0]


def test_the_columns_of_a_simulation_are_its_slopes() -> None:
    h = 1e-5
    sides = [
        [np.array([float(z) for z in simulation(X + s * h * e, 200)]) for s in (1, -1)]
        for e in np.eye(3)
    ]
    expected = np.transpose([(up - down) / (2 * h) for up, down in sides])
    np.testing.assert_allclose(
        mg.jacobian(lambda x: simulation(x, 200))(X), expected, rtol=1e-6, atol=1e-8
    )
