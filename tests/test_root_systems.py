"""Roots of systems of equations: against SciPy and closed forms."""

from typing import Any

import numpy as np
import pytest
from rooted import WAYS

import micrograd as mg


def on_a_circle(p: Any) -> Any:
    """The point of the first quadrant where a circle of radius p[0] meets x y = p[1]."""
    return mg.root(lambda v: [v[0] ** 2 + v[1] ** 2 - p[0] ** 2, v[0] * v[1] - p[1]], [2.0, 0.5])


def closed_form(p: Any) -> list[Any]:
    plus, minus = mg.sqrt(p[0] ** 2 + 2.0 * p[1]), mg.sqrt(p[0] ** 2 - 2.0 * p[1])
    return [(plus + minus) / 2.0, (plus - minus) / 2.0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("k", [0, 1])
def test_a_system_of_two_equations_and_its_derivatives(way: str, k: int) -> None:
    at = np.array([2.0, 1.0])
    for of in (lambda f: f, mg.grad, mg.hessian):
        got = WAYS[way](of(lambda p: on_a_circle(p)[k]))(at)
        np.testing.assert_allclose(got, of(lambda p: closed_form(p)[k])(at), rtol=1e-12)


def test_systems_in_lanes_are_solved_as_scipy_solves_them() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(7)
    rows = random.uniform(-0.3, 0.3, (40, 3, 3))
    sides = random.uniform(-1.0, 1.0, (40, 3))

    def equations(x: Any, a: Any, b: Any, tanh: Any = mg.tanh) -> list[Any]:
        return [x[k] + sum(a[k][j] * tanh(x[j]) for j in range(3)) - b[k] for k in range(3)]

    f = mg.vectorize(lambda a, b: mg.root(equations, [0.0, 0.0, 0.0], a, b), each="row")
    found = np.transpose(f(rows, sides))
    for x, a, b in zip(found, rows, sides):
        want = optimize.fsolve(equations, np.zeros(3), (a, b, np.tanh), xtol=1e-12)
        np.testing.assert_allclose(x, want, rtol=1e-10, atol=1e-12)


def test_a_system_has_the_structure_of_its_guess() -> None:
    as_list = mg.root(lambda v: [v[0] - 1.0, v[1] - v[0]], [0.0, 0.0])
    as_array = mg.root(lambda v: v * v - np.array([4.0, 9.0]), np.array([1.0, 1.0]))
    assert as_list == [1.0, 1.0]
    assert isinstance(as_array, np.ndarray)
    np.testing.assert_allclose(as_array, [2.0, 3.0])


def test_a_system_without_a_solution_is_nan() -> None:
    with pytest.warns(mg.ConvergenceWarning):
        x = mg.root(lambda v: [v[0] ** 2 + v[1] ** 2 + 1.0, v[0] - v[1]], [1.0, 2.0])
    assert np.isnan(x).all()


@pytest.mark.parametrize("way", ["eager", "compiled", "exact"])
def test_a_system_whose_jacobian_is_singular_at_the_guess_is_solved(way: str) -> None:
    """Brown's almost linear function, from its customary start."""

    def brown(v: Any, c: Any) -> list[Any]:
        total = v[0] + v[1] + v[2]
        return [v[0] + total - c, v[1] + total - c, v[0] * v[1] * v[2] - 1.0]

    def unknowns(c: Any) -> Any:
        return np.array(mg.root(brown, [0.5, 0.5, 0.5], c))

    c = np.array([4.0, 5.0])
    found = (
        np.array([unknowns(x) for x in c])
        if way == "eager"
        else mg.vectorize(unknowns, exact=way == "exact")(c)
    )
    for x, value in zip(found, c):
        np.testing.assert_allclose([float(y) for y in brown(list(x), value)], 0.0, atol=1e-12)


def test_where_no_way_leads_down_a_system_has_no_solution() -> None:
    """The Jacobian is singular, and the sum of squares stationary."""
    with pytest.warns(mg.ConvergenceWarning):
        x = mg.root(lambda v: [v[0] ** 2 + v[1] ** 2 - 2.0, v[0] - v[1]], [0.0, 0.0])
    assert np.isnan(x).all()


def test_other_numbers_of_equations_than_of_unknowns_raise() -> None:
    for result in ([1.0], 1.0, [1.0, [2.0]]):
        with pytest.raises(mg.ShapeError, match="2 unknowns"):
            mg.root(lambda v, result=result: result, [1.0, 2.0])
    with pytest.raises(mg.ShapeError, match="1 unknowns"):
        mg.root(lambda x: [x], 1.0)
    with pytest.raises(mg.ShapeError, match="vectorize"):
        mg.root(lambda x: x - np.array([1.0, 2.0]), 1.0)
    with pytest.raises(mg.ShapeError, match="no unknowns"):
        mg.root(lambda v: v, [])
