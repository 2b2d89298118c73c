"""minimize: SciPy's searches for a minimum, with exact derivatives."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from micrograd.annotations import Found, Function, Tree
from micrograd.compiler.api.arguments import Array
from micrograd.fitting.constraint_derivatives import listed, with_derivatives
from micrograd.fitting.derivatives import Objective, kept
from micrograd.fitting.scipy_extra import scipy_module
from micrograd.fitting.unknowns import Unknowns, as_tuple
from micrograd.names import names_keywords, unknown
from micrograd.real import is_real

# What each method of SciPy needs besides the value.
NOTHING = {"nelder-mead", "powell", "cobyla", "cobyqa"}
GRADIENT = {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
HESSIAN = {"dogleg", "trust-exact", "trust-constr"}
PRODUCT = {"newton-cg", "trust-ncg", "trust-krylov"}
METHODS = NOTHING | GRADIENT | HESSIAN | PRODUCT
TRUST = {
    "dogleg",
    "trust-exact",
    "trust-ncg",
    "trust-krylov",
}  # these fail if the function returns NaN
FEW = 100  # unknowns: for more, products of the Hessian and a vector are computed instead
PRECISION = 1e-8  # of the gradient, relative to that at the start


@names_keywords()
def minimize(
    f: Function,
    x0: Tree,
    args: Tree = (),
    *,
    method: str | None = None,
    bounds: Tree = None,
    constraints: Tree = (),
    tol: float | None = None,
    callback: Callable[[Tree], object] | None = None,
    options: Mapping[str, object] | None = None,
) -> Found:
    """The unknowns at which `f` is smallest, by `scipy.optimize.minimize` with exact derivatives.

    `f(x, *args)` returns one number. `x0`, where the search starts, is a number, an array, or a
    nested list, tuple or dict of them; a Value counts as its number. `f` is passed an `x` of the
    same structure. The result is SciPy's OptimizeResult: its `x` has this structure too, and its
    `vector` holds the same numbers in the order of `jac`. `args` are not differentiated.

    `f` is compiled, with the derivatives that the method needs. With `method=None` the method is
    SLSQP if there are constraints, L-BFGS-B if there are bounds, BFGS if `f` has kinks (`abs`,
    `maximum`, `where`, `if`, ...), and otherwise one that uses second derivatives: trust-exact for
    up to 100 unknowns, trust-krylov for more. Each call compiles again, unless `f` is compiled:
    `minimize(mg.compile(f), ...)` keeps the code for the next call.

    `bounds` is a pair (low, high) for all unknowns, or the structure of `x0` in which such a pair
    may stand for a whole part, as {"rate": (0, None)}; or SciPy's Bounds. `constraints` are
    SciPy's, {"type": "ineq", "fun": g} or NonlinearConstraint, whose functions take the arguments
    of `f`; they are differentiated exactly. A LinearConstraint is on the vector. `callback` is
    called with x after each iteration; StopIteration ends the search. `tol` and `options` are
    passed to SciPy.

    Raises ModuleNotFoundError without SciPy, TypeError if `f` returns several numbers, TraceError
    if it cannot be compiled, ArgumentError for bounds that do not have the structure of `x0`, and
    ValueError for an unknown method or if `f` is not finite at `x0`.

    >>> import micrograd as mg
    >>> found = mg.minimize(lambda p: (p["a"] - 1) ** 2 + mg.exp(p["b"]) - p["b"], {"a": 0, "b": 1})
    >>> found.success, round(found.x["a"], 6), abs(found.x["b"]) < 1e-6
    (True, 1.0, True)
    >>> mg.minimize(lambda x: (x[0] - 3) ** 2 + x[1] ** 2, [0, 5], bounds=[(0, 2), (1, None)]).x
    [2.0, 1.0]
    """
    optimize = scipy_module("optimize", "minimize")
    unknowns = Unknowns.of_search(f, x0)
    search = _Search(kept(f, Objective, unknowns), unknowns.start, as_tuple(args))
    constraints = listed(constraints)
    name = (method or search.method(bounds is not None, bool(constraints))).lower()
    if name not in METHODS:
        raise ValueError(unknown("method", method, sorted(METHODS)))
    found = optimize.minimize(
        search.value if name in NOTHING else search.value_and_gradient,
        unknowns.start,
        method=name,
        bounds=None if bounds is None else optimize.Bounds(*limits(bounds, unknowns)),
        constraints=[
            with_derivatives(each, unknowns, optimize, curved=name == "trust-constr")
            for each in constraints
        ],
        tol=tol,
        callback=callback and _reporting(callback, unknowns),
        options=search.options(name, tol) | dict(options or {}),
        **search.derivatives(name),
    )
    found.vector, found.x = found.x, unknowns.arranged(found.x)
    return found


def limits(bounds: Any, unknowns: Unknowns) -> tuple[Array, Array]:
    """The lower and upper bounds, from pairs or from SciPy's Bounds."""
    if hasattr(bounds, "lb"):
        low = unknowns.numbers(bounds.lb, -math.inf, "bounds")
        return low, unknowns.numbers(bounds.ub, math.inf, "bounds")
    return unknowns.pairs(bounds)


def _reporting(callback: Callable[[Tree], object], unknowns: Unknowns) -> Callable[..., object]:
    def after(vector: Array, *state: Any) -> object:
        return callback(unknowns.arranged(vector))

    return after


class _Search:
    """The functions that SciPy calls, and the choice of the method."""

    def __init__(self, objective: Objective, start: Array, args: tuple[Any, ...]) -> None:
        self.objective, self.start, self.args = objective, start, args
        self.trusting = False  # a trust region, which shrinks where the value is infinite
        value: Any
        value, gradient = self.value_and_gradient(start)
        if not is_real(type(value)):
            raise TypeError(
                f"f returns a {type(value).__name__} of {len(value)} numbers, in which nothing is "
                "smallest: return one number"
            )
        if not math.isfinite(value):
            raise ValueError(
                f"f is {value} at x0: start where it is finite. micrograd.check_finite names the "
                "operation"
            )
        self.slope = float(np.linalg.norm(gradient))

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        value, gradient = self.objective.value_and_gradient(x, *self.args)
        if self.trusting and not math.isfinite(value):
            return math.inf, np.zeros(len(x))
        return value, gradient

    def value(self, x: Array) -> float:
        return self.value_and_gradient(x)[0]

    def hessian(self, x: Array) -> Array:
        found = self.objective.hessian.matrix(x, *self.args).dense()
        return np.nan_to_num(found, posinf=0.0, neginf=0.0) if self.trusting else found

    def product(self, x: Array, p: Array) -> Array:
        return self.objective.product(x, p, *self.args)

    def method(self, bounded: bool, constrained: bool) -> str:
        """The method for this function. None that takes bounds uses second derivatives."""
        if constrained or bounded:
            return "SLSQP" if constrained else "L-BFGS-B"
        if not self.objective.is_smooth(self.start, *self.args):
            return "BFGS"
        return "trust-exact" if len(self.start) <= FEW else "trust-krylov"

    def derivatives(self, name: str) -> dict[str, Any]:
        """The keywords for the derivatives that a method needs."""
        self.trusting = name in TRUST
        found: dict[str, Any] = {} if name in NOTHING else {"jac": True}
        if name in PRODUCT or (name == "trust-constr" and len(self.start) > FEW):
            return found | {"hessp": self.product}
        return found | ({"hess": self.hessian} if name in HESSIAN else {})

    def options(self, name: str, tol: float | None) -> dict[str, float]:
        """A smaller tolerance for methods with exact second derivatives, which reach it quickly."""
        precise = name in TRUST and tol is None
        return {"gtol": PRECISION * max(1.0, self.slope)} if precise else {}
