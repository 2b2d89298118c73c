"""Bounds and constraints of minimize: the problems of Hock and Schittkowski, and SciPy's own."""

import numpy as np
import pytest

import micrograd as mg

optimize = pytest.importorskip("scipy.optimize")

# Hock and Schittkowski, 1981, with the minima that they name.
HOCK_SCHITTKOWSKI = {
    1: (lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, [-2, 1],
        [None, (-1.5, None)], [], 0.0),
    3: (lambda x: x[1] + 1e-5 * (x[1] - x[0]) ** 2, [10, 1], [None, (0, None)], [], 0.0),
    5: (lambda x: mg.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1, [0, 0],
        [(-1.5, 4), (-3, 3)], [], -0.5 * 3**0.5 - np.pi / 3),
    6: (lambda x: (1 - x[0]) ** 2, [-1.2, 1], None,
        [("eq", lambda x: 10 * (x[1] - x[0] ** 2))], 0.0),
    7: (lambda x: mg.log(1 + x[0] ** 2) - x[1], [2, 2], None,
        [("eq", lambda x: (1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4)], -(3**0.5)),
    26: (lambda x: (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4, [-2.6, 2, 2], None,
         [("eq", lambda x: (1 + x[1] ** 2) * x[0] + x[2] ** 4 - 3)], 0.0),
    35: (lambda x: 9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * x[0] ** 2 + 2 * x[1] ** 2 + x[2] ** 2
         + 2 * x[0] * x[1] + 2 * x[0] * x[2], [0.5, 0.5, 0.5], (0, None),
         [("ineq", lambda x: 3 - x[0] - x[1] - 2 * x[2])], 1 / 9),
    43: (lambda x: x[0] ** 2 + x[1] ** 2 + 2 * x[2] ** 2 + x[3] ** 2 - 5 * x[0] - 5 * x[1]
         - 21 * x[2] + 7 * x[3], [0, 0, 0, 0], None,
         [("ineq", lambda x: [
             8 - x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - x[3] ** 2 - x[0] + x[1] - x[2] + x[3],
             10 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - 2 * x[3] ** 2 + x[0] + x[3],
             5 - 2 * x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - 2 * x[0] + x[1] + x[3]])], -44.0),
    71: (lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], [1, 5, 5, 1], (1, 5),
         [("ineq", lambda x: x[0] * x[1] * x[2] * x[3] - 25),
          ("eq", lambda x: mg.sum(y * y for y in x) - 40)], 17.0140173),
}  # fmt: skip


INTERIOR = [(n, "trust-constr") for n in HOCK_SCHITTKOWSKI if n != 3]  # its barrier hides 1e-5


@pytest.mark.parametrize(("number", "method"), [*[(n, None) for n in HOCK_SCHITTKOWSKI], *INTERIOR])
def test_a_problem_of_hock_and_schittkowski(number: int, method: str | None) -> None:
    f, x0, bounds, constraints, least = HOCK_SCHITTKOWSKI[number]
    given = [{"type": kind, "fun": g} for kind, g in constraints]
    options = {"maxiter": 3000, "gtol": 1e-9, "xtol": 1e-12} if method else None
    found = mg.minimize(
        f, np.array(x0, float), bounds=bounds, constraints=given, method=method, options=options
    )
    assert found.fun == pytest.approx(least, abs=2e-5)


def test_second_derivatives_of_constraints_are_those_of_finite_differences() -> None:
    from micrograd.fitting.constraint_derivatives import with_derivatives
    from micrograd.fitting.unknowns import Unknowns

    x, v = np.array([0.3, -0.7]), np.array([2.0, -3.0])

    def g(p, scale):
        return {"one": scale * p[0] ** 3 * p[1], "two": [mg.exp(p[0] * p[1])]}

    given = {"type": "ineq", "fun": g, "args": 5.0}
    made = with_derivatives(given, Unknowns([0.3, -0.7]), optimize, curved=True)
    assert (made.lb, made.ub) == (0.0, np.inf)
    differences = [optimize.approx_fprime(x, lambda y, k=k: made.fun(y)[k], 1e-7) for k in (0, 1)]
    np.testing.assert_allclose(made.jac(x), differences, rtol=1e-5)
    slope = optimize.approx_fprime(x, lambda y: v @ made.jac(y), 1e-7)
    np.testing.assert_allclose(made.hess(x, v), slope, rtol=1e-5)


def test_scipys_own_constraints_and_bounds_are_taken() -> None:
    round_ = optimize.NonlinearConstraint(lambda x: x[0] ** 2 + x[1] ** 2, -np.inf, 2.0)
    line = optimize.LinearConstraint([[1.0, 2.0]], 0.5, np.inf)
    found = mg.minimize(lambda x: x[0] + x[1], [0.5, 0.5], constraints=[round_, line])
    assert found.x == pytest.approx([-1.1, 0.8], abs=0.3)
    assert found.x[0] + 2 * found.x[1] == pytest.approx(0.5)
    assert found.x[0] ** 2 + found.x[1] ** 2 == pytest.approx(2)
    bounds = optimize.Bounds([0.2, -np.inf], [1.0, 0.1])
    assert mg.minimize(lambda x: x[0] - x[1], [0.5, 0.0], bounds=bounds).x == pytest.approx(
        [0.2, 0.1]
    )


def test_least_squares_takes_bounds_and_scales_by_name() -> None:
    t = np.linspace(0, 3, 30)
    y = 2 * np.exp(-1.5 * t)

    def residuals(p):
        return p["a"] * np.exp(-p["b"] * t) - y

    found = mg.least_squares(
        residuals, {"a": 1.0, "b": 0.5}, bounds=({"a": 0}, {"b": 1.0}), x_scale={"a": 1, "b": 0.1}
    )
    plain = optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * t) - y, [1.0, 0.5], bounds=([0, -np.inf], [np.inf, 1.0])
    )
    assert found.x["b"] == pytest.approx(1.0)
    assert found.vector == pytest.approx(plain.x, rel=1e-5)
    assert found.jac == pytest.approx(plain.jac, rel=1e-5)
