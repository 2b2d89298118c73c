"""Constraints of `scipy.optimize.minimize`, with exact derivatives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from micrograd.compiler.api.arguments import Array
from micrograd.errors import ArgumentError
from micrograd.fitting.derivatives import Results, kept
from micrograd.fitting.unknowns import Unknowns, as_tuple

KINDS = {"eq": (0.0, 0.0), "ineq": (0.0, math.inf)}


def listed(constraints: Any) -> Sequence[Any]:
    """The constraints, which may be a single one."""
    one = isinstance(constraints, Mapping) or hasattr(constraints, "lb")
    return [constraints] if one else [*constraints]


def with_derivatives(each: Any, unknowns: Unknowns, optimize: Any, curved: bool) -> Any:
    """A constraint on the caller's structure, as SciPy's constraint on the vector of unknowns.

    `each` is a dict with "type" and "fun", or a NonlinearConstraint. A LinearConstraint is on the
    vector already. `curved`: with second derivatives. Raises ArgumentError for anything else.
    """
    if hasattr(each, "A"):
        return each
    fun, args, low, high, feasible = _parts(each)
    results = kept(fun, Results, unknowns)

    def values(x: Array) -> Array:
        return results.results(x, *args)

    def jacobian(x: Array) -> Array:
        return results.matrix(x, *args).dense()

    def hessian(x: Array, v: Array) -> Array:
        return results.weighted_hessian(x, np.asarray(v, float), *args)

    more = {"hess": hessian, "keep_feasible": feasible} if curved else {}
    return optimize.NonlinearConstraint(values, low, high, jac=jacobian, **more)


def _parts(each: Any) -> tuple[Any, tuple[Any, ...], Any, Any, Any]:
    """The function, its other arguments, its bounds, and whether all points must satisfy them."""
    if isinstance(each, Mapping):
        if each.get("type") in KINDS and callable(each.get("fun")):
            return each["fun"], as_tuple(each.get("args", ())), *KINDS[each["type"]], False
    elif hasattr(each, "fun") and hasattr(each, "lb"):
        return each.fun, (), each.lb, each.ub, each.keep_feasible
    raise ArgumentError(
        'a constraint is {"type": "eq" or "ineq", "fun": f}, a NonlinearConstraint or a '
        f"LinearConstraint of scipy.optimize; got {each!r:.60}"
    )
