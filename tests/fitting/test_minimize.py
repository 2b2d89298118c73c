"""minimize and least_squares: known minima, SciPy's derivatives, structures, mistakes."""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from problems import PROBLEMS, of_squares, rosenbrock, wood

import micrograd as mg

optimize = pytest.importorskip("scipy.optimize")


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
