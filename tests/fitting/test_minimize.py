"""minimize and least_squares: known minima, SciPy's derivatives, structures, bounds, mistakes."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import micrograd as mg

optimize = pytest.importorskip("scipy.optimize")


# Moré, Garbow and Hillstrom, "Testing unconstrained optimization software", 1981: residuals, start,
# and the smallest sum of squares that the paper names.

BARD = np.array(
    [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
)
KOWALIK = np.array(
    [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
)
DOSES = np.array([4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625])  # fmt: skip


def rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(x):
    return [
        -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
        -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
    ]


def beale(x):
    return [y - x[0] * (1 - x[1] ** k) for k, y in enumerate((1.5, 2.25, 2.625), start=1)]


def powell_singular(x):
    return [
        x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2,
        10**0.5 * (x[0] - x[3]) ** 2,
    ]  # fmt: skip


def bard(x):
    u = np.arange(1.0, 16.0)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def kowalik_osborne(x):
    return KOWALIK - x[0] * (DOSES**2 + DOSES * x[1]) / (DOSES**2 + DOSES * x[2] + x[3])


def wood(x):
    return [
        10 * (x[1] - x[0] ** 2), 1 - x[0], 90**0.5 * (x[3] - x[2] ** 2), 1 - x[2],
        10**0.5 * (x[1] + x[3] - 2), (x[1] - x[3]) / 10**0.5,
    ]  # fmt: skip


def box(x):
    t = 0.1 * np.arange(1.0, 11.0)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def trigonometric(x):
    n = len(x)
    total = mg.sum(mg.cos(y) for y in x)
    return [n - total + k * (1 - mg.cos(y)) - mg.sin(y) for k, y in enumerate(x, start=1)]


PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], 0.0),
    "freudenstein and roth": (freudenstein_roth, [0.5, -2.0], 48.98425),
    "beale": (beale, [1.0, 1.0], 0.0),
    "powell singular": (powell_singular, [3.0, -1.0, 0.0, 1.0], 0.0),
    "bard": (bard, [1.0, 1.0, 1.0], 8.21487e-3),
    "kowalik and osborne": (kowalik_osborne, [0.25, 0.39, 0.415, 0.39], 3.07505e-4),
    "wood": (wood, [-3.0, -1.0, -3.0, -1.0], 0.0),
    "box": (box, [0.0, 10.0, 20.0], 0.0),
    "trigonometric": (trigonometric, [0.1] * 10, 2.79506e-5),
}


def of_squares(residuals):
    return lambda x: mg.sum(r * r for r in residuals(x))


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_smallest_squares_are_those_of_the_paper(name: str) -> None:
    residuals, x0, least = PROBLEMS[name]
    found = mg.least_squares(residuals, np.array(x0), xtol=1e-15, ftol=1e-15, gtol=1e-12)
    assert 2 * found.cost == pytest.approx(least, rel=2e-6, abs=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_smallest_value_is_that_of_the_paper(name: str) -> None:
    residuals, x0, least = PROBLEMS[name]
    found = mg.minimize(of_squares(residuals), np.array(x0))
    others = {"freudenstein and roth": [0.0], "trigonometric": [0.0]}  # another minimum
    assert any(
        found.fun == pytest.approx(value, rel=2e-6, abs=1e-9)
        for value in [least, *others.get(name, [])]
    )


METHODS = [
    "CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
    "trust-exact", "trust-constr", "Nelder-Mead", "Powell",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_end_of_the_valley(method: str) -> None:
    f = of_squares(rosenbrock)
    found = mg.minimize(lambda p: f(p["x"]), {"x": [-1.2, 1.0]}, method=method)
    assert found.x["x"] == pytest.approx([1, 1], abs=1e-2)


def test_the_derivatives_that_scipy_is_given_are_those_of_finite_differences() -> None:
    """Each method gets what it takes, exact to what differences can see."""
    given: dict[str, Any] = {}

    def search(fun: Any, x0: Any, **keywords: Any) -> Any:
        given.update(keywords, fun=fun)
        return optimize.OptimizeResult(x=x0)

    f, x0, p = of_squares(wood), np.array([-3.0, -1.0, -3.0, -1.0]), np.array([1.0, 2, -1, 0.5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimize, "minimize", search)
        mg.minimize(f, x0, method="trust-exact")
        hessian = given["hess"](x0)
        mg.minimize(f, x0, method="Newton-CG")
        product = given["hessp"](x0, p)
        value, gradient = given["fun"](x0)
    assert value == f(x0)
    np.testing.assert_allclose(gradient, optimize.approx_fprime(x0, f, 1e-7), rtol=1e-5)
    differences = optimize.approx_fprime(x0, mg.grad(f), 1e-7)
    np.testing.assert_allclose(hessian, differences, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(product, hessian @ p, rtol=1e-12)


def test_the_method_follows_from_what_the_function_has() -> None:
    methods = []

    def search(fun: Any, x0: Any, method: str, **keywords: Any) -> Any:
        methods.append(method)
        return optimize.OptimizeResult(x=x0)

    def bowl(x):
        return mg.sum(y**4 for y in x)

    def forked(x):
        return x[0] ** 2 if x[1] > 0 else x[1] ** 2

    circle = {"type": "ineq", "fun": lambda x: 1 - x[0] ** 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimize, "minimize", search)
        mg.minimize(bowl, [1.0, 2.0])
        mg.minimize(bowl, np.ones(101))
        mg.minimize(lambda x: mg.abs(x[0]) + x[1] ** 2, [1.0, 2.0])
        mg.minimize(forked, [1.0, 2.0])
        mg.minimize(bowl, [1.0, 2.0], bounds=(0, None))
        mg.minimize(bowl, [1.0, 2.0], constraints=circle)
    assert methods == ["trust-exact", "trust-krylov", "bfgs", "bfgs", "l-bfgs-b", "slsqp"]


# Structures.


def test_unknowns_have_the_structure_of_the_start() -> None:
    def f(p):
        a, (b, c) = p["a"], p["rest"]
        return mg.sum((x - 2) ** 2 for x in a.ravel()) + (b - 3) ** 2 + (c + b) ** 2

    start = {"a": np.zeros((2, 2)), "rest": (mg.Value(1.0), 5)}
    found = mg.minimize(f, start)
    np.testing.assert_allclose(found.x["a"], np.full((2, 2), 2.0))
    assert found.x["rest"] == pytest.approx((3, -3))
    assert isinstance(found.x["rest"][0], float)
    assert found.vector.tolist() == [*found.x["a"].ravel(), *found.x["rest"]]
    assert start["rest"][0].data == 1.0
    assert mg.minimize(lambda x: (x - 4) ** 2, 0.0).x == pytest.approx(4)


def test_captured_values_and_further_arguments_are_not_moved() -> None:
    shift = mg.Value(2.0)
    data = {"x": np.arange(3.0), "y": 7.0}

    def f(x, data):
        return mg.sum((x - shift - z) ** 2 for z in data["x"]) + data["y"]

    found = mg.minimize(f, 0.0, args=data)
    assert found.x == pytest.approx(3)
    assert found.fun == pytest.approx(9)
    assert shift.data == 2.0
    kept = mg.compile(f)
    for _ in range(2):
        assert mg.minimize(kept, 0.0, args=data).x == pytest.approx(1 + shift.data)
        shift.data += 1


def test_a_compiled_function_is_traced_once() -> None:
    calls = []

    def f(x):
        calls.append(x)
        return (x[0] - 1) ** 2 + x[1] ** 2

    kept = mg.compile(f)
    mg.minimize(kept, [3.0, 3.0])
    before = len(calls)
    assert mg.minimize(kept, [7.0, -3.0]).x == pytest.approx([1, 0])
    assert len(calls) == before


# Bounds and constraints: Hock and Schittkowski, 1981, with the minima that they name.

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


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_robust_losses_give_what_scipy_gives_with_finite_differences(loss: str) -> None:
    t = np.linspace(0, 3, 30)
    y = 2 * np.exp(-1.5 * t) + 0.05 * np.cos(17 * t)
    y[7] += 5
    found = mg.least_squares(
        lambda p: p[0] * np.exp(-p[1] * t) - y, [1.0, 1.0], loss=loss, f_scale=0.1, gtol=1e-12
    )
    plain = optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * t) - y, [1.0, 1.0], loss=loss, f_scale=0.1, gtol=1e-12
    )
    assert found.x == pytest.approx(plain.x, rel=1e-4)


def test_a_callback_gets_the_structure_and_may_end_the_search() -> None:
    seen = []

    def callback(p):
        seen.append(p["x"])
        if len(seen) == 3:
            raise StopIteration

    found = mg.minimize(
        lambda p: of_squares(rosenbrock)(p["x"]), {"x": [-1.2, 1.0]}, method="BFGS",
        callback=callback,
    )  # fmt: skip
    assert len(seen) == 3
    assert found.nit == 3
    assert seen[-1] == found.x["x"]


def test_a_step_to_where_the_function_is_nan_is_taken_back() -> None:
    found = mg.minimize(lambda x: x[0] - mg.log(x[0]) + (x[1] - mg.sqrt(x[1])), [8.0, 9.0])
    assert found.success
    assert found.x == pytest.approx([1.0, 0.25])


def test_a_chain_of_many_unknowns_uses_products_with_the_hessian() -> None:
    def chain(x):
        return mg.sum((b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))

    found = mg.minimize(chain, np.full(200, 0.5))
    assert found.fun < 1e-12
    assert found.x == pytest.approx(np.ones(200), abs=1e-5)


# Mistakes.


def test_a_mistake_says_what_to_do() -> None:
    def f(x):
        return x[0] ** 2 + x[1] ** 2

    with pytest.raises(ValueError, match=r"no method 'newton-cgs'; did you mean 'newton-cg'\?"):
        mg.minimize(f, [1.0, 2.0], method="newton-cgs")
    with pytest.raises(ValueError, match=r"f is nan at x0: start where it is finite"):
        mg.minimize(lambda x: mg.log(x), -1.0)
    with pytest.raises(mg.ShapeError, match="no unknowns: x0 holds no number"):
        mg.minimize(f, [])
    with pytest.raises(TypeError, match="only a function that returns one number has a gradient"):
        mg.minimize(lambda x: [x[0], x[1]], [1.0, 2.0])
    with pytest.raises(mg.ArgumentError, match="have the structure of x0, here 2 parts"):
        mg.minimize(f, [1.0, 2.0], bounds=[(0, 1), (0, 1), (0, 1)])
    with pytest.raises(mg.ArgumentError, match=r"here a dict with keys of \['a'\]"):
        mg.minimize(lambda p: p["a"] ** 2, {"a": 1.0}, bounds={"b": (0, 1)})
    with pytest.raises(mg.ArgumentError, match="a constraint is"):
        mg.minimize(f, [1.0, 2.0], constraints=[{"type": "le", "fun": f}])
    with pytest.raises(mg.ArgumentError, match=r"expected bounds=\(low, high\)"):
        mg.least_squares(lambda x: x, [1.0, 2.0], bounds=3.0)


@pytest.mark.parametrize("name", ["minimize", "least_squares"])
def test_without_scipy_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-native\[optimize\]'"):
        getattr(mg, name)(lambda x: x * x, 1.0)
