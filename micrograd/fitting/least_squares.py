"""least_squares: SciPy's search for the smallest sum of squares, with an exact Jacobian."""

import math
from collections.abc import Mapping
from typing import Any

from micrograd.annotations import Found, Function, Tree
from micrograd.compiler.api.arguments import Array
from micrograd.errors import ArgumentError
from micrograd.fitting.derivatives import Results, kept
from micrograd.fitting.scipy_extra import scipy_module
from micrograd.fitting.unknowns import Unknowns, as_tuple
from micrograd.names import names_keywords

MANY = 100  # unknowns: for fewer, a dense Jacobian is faster
SPARSE = 10  # entries for each one that may be other than zero: a sparse Jacobian is faster


@names_keywords()
def least_squares(
    residuals: Function,
    x0: Tree,
    args: Tree = (),
    *,
    bounds: Tree = None,
    method: str = "trf",
    loss: str | Function = "linear",
    f_scale: float = 1.0,
    x_scale: Tree = 1.0,
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    max_nfev: int | None = None,
    tr_solver: str | None = None,
    tr_options: Mapping[str, object] | None = None,
    verbose: int = 0,
) -> Found:
    """The unknowns with the smallest sum of squared residuals, by `scipy.optimize.least_squares`.

    `residuals(x, *args)` returns numbers, in any structure. `x0`, where the search starts, is a
    number, an array, or a nested list, tuple or dict of them; a Value counts as its number.
    `residuals` is passed an `x` of the same structure. The result is SciPy's OptimizeResult: its
    `x` has this structure too, and its `vector` holds the same numbers in the order of the columns
    of `jac`. `args` are not differentiated.

    The residuals and their exact Jacobian are compiled. For 100 unknowns or more the Jacobian is
    sparse if at least 9 in 10 of its entries are zero everywhere, unless `tr_solver` is "exact".
    Each call compiles again, but `least_squares(mg.compile(f), ...)` keeps the code for the next.

    `bounds` is a pair (low, high), each a number or of the structure of `x0`, with None for no
    bound; or SciPy's Bounds. `x_scale` is "jac", a number, or of the structure of `x0`. The other
    arguments are SciPy's; the method "lm" takes no bounds.

    Raises ModuleNotFoundError without SciPy, TraceError if `residuals` cannot be compiled,
    ArgumentError for bounds that do not have the structure of `x0`, and SciPy's own errors.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> t = np.linspace(0.0, 4.0, 20)
    >>> y = 3 * np.exp(-0.5 * t) + 1
    >>> def residuals(p, t, y):
    ...     return p["height"] * np.exp(-p["rate"] * t) + p["floor"] - y
    >>> found = mg.least_squares(residuals, {"height": 1, "rate": 1, "floor": 0}, args=(t, y))
    >>> {name: round(x, 6) for name, x in found.x.items()}
    {'height': 3.0, 'rate': 0.5, 'floor': 1.0}
    """
    optimize = scipy_module("optimize", "least_squares")
    unknowns = Unknowns.of_search(residuals, x0)
    results, args = kept(residuals, Results, unknowns), as_tuple(args)
    sparse = scipy_module("sparse", "least_squares")

    def dense_jacobian(x: Array, *args: Tree) -> Array:
        return results.matrix(x, *args).dense()

    def sparse_jacobian(x: Array, *args: Tree) -> Tree:
        return results.matrix(x, *args).sparse(sparse)

    pays = method != "lm" and tr_solver != "exact" and _is_sparse(results, unknowns.start, args)
    found = optimize.least_squares(
        results.results,
        unknowns.start,
        jac=sparse_jacobian if pays else dense_jacobian,
        args=args,
        bounds=_bounds(bounds, unknowns),
        x_scale="jac" if x_scale == "jac" else unknowns.numbers(x_scale, 1.0, "x_scale"),
        method=method, loss=loss, f_scale=f_scale, ftol=ftol, xtol=xtol, gtol=gtol,
        max_nfev=max_nfev, tr_solver=tr_solver, tr_options=dict(tr_options or {}), verbose=verbose,
    )  # fmt: skip
    found.vector, found.x = found.x, unknowns.arranged(found.x)
    return found


def _is_sparse(results: Results, x: Array, args: tuple[Tree, ...]) -> bool:
    """Whether a sparse Jacobian is faster."""
    if len(x) < MANY:
        return False
    rows, columns = (pattern := results.matrix(x, *args).pattern).shape
    return SPARSE * len(pattern) <= rows * columns


def _bounds(bounds: Any, unknowns: Unknowns) -> tuple[Array, Array]:
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else _pair(bounds)
    return (
        unknowns.numbers(low, -math.inf, "bounds"),
        unknowns.numbers(high, math.inf, "bounds"),
    )


def _pair(bounds: Any) -> tuple[Any, Any]:
    if bounds is None:
        return None, None
    if isinstance(bounds, (list, tuple)) and len(bounds) == 2:
        return bounds[0], bounds[1]
    raise ArgumentError(
        f"expected bounds=(low, high), each a number or of the structure of x0; got {bounds!r:.60}"
    )
