"""sparse_jacobian, sparse_hessian: derivatives as sparse matrices of SciPy."""

import functools
from collections.abc import Sequence
from typing import Any

from micrograd.annotations import Function
from micrograd.argnums import check_function, named_after, places_of
from micrograd.fitting.matrices import Derivatives
from micrograd.fitting.scipy_extra import scipy_module
from micrograd.fitting.unknowns import Unknowns
from micrograd.names import names_keywords


@names_keywords()
def sparse_jacobian(f: Function, argnums: int | Sequence[int] | None = None) -> Function:
    """The Jacobian of `f` as a sparse matrix, with a row for each number of the result.

    Returns a function of the arguments of `f` (numbers, arrays, or structures of them). It returns
    a `scipy.sparse.csr_array`, with a row for each number of the result, and a column for each
    number of the arguments. The matrix stores the derivatives that the graph does not show to be
    zero everywhere; if `f` has an `if`, those that are not zero at this point. Each structure and
    shape of arguments is compiled at its first call. Keyword arguments are not differentiated, nor
    are positional ones that `argnums` leaves out.

    Rows with the same formula are computed by one call of native code, each from the few numbers
    that it reads: 7,000 observations of one kind take one call, whatever the number of unknowns.

    Raises ModuleNotFoundError without SciPy, TypeError if `f` is not a function or `argnums` names
    no argument, TraceError if `f` cannot be compiled.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> slopes = mg.sparse_jacobian(lambda x: x[1:] * x[:-1])
    >>> found = slopes(np.array([1.0, 2.0, 3.0]))
    >>> found.nnz, found.shape
    (4, (2, 3))
    >>> found.toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    check_function(f, sparse_jacobian)
    return _matrix(f, argnums, 1, "sparse_jacobian")


@names_keywords()
def sparse_hessian(f: Function, argnums: int | Sequence[int] | None = None) -> Function:
    """The Hessian of `f`, which returns one number, as a sparse matrix.

    It is used like `sparse_jacobian`, but has a row and a column for each number of the arguments.
    Terms of a sum that have the same formula are computed by one call of native code.

    Raises ModuleNotFoundError without SciPy, TypeError if `f` is not a function or returns several
    numbers, or `argnums` names no argument, TraceError if `f` cannot be compiled.

    >>> import micrograd as mg
    >>> curvature = mg.sparse_hessian(lambda x: mg.sum(a * a * b for a, b in zip(x, x[1:])))
    >>> curvature([1.0, 2.0, 3.0]).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    check_function(f, sparse_hessian)
    return _matrix(f, argnums, 2, "sparse_hessian")


def _matrix(f: Function, argnums: Any, order: int, called: str) -> Function:
    known: dict[Any, tuple[Unknowns, Derivatives]] = {}

    @functools.wraps(f, updated=())
    def matrix(*args: Any, **keywords: Any) -> Any:
        sparse = scipy_module("sparse", called)
        places = places_of(argnums, len(args))
        unknowns = Unknowns(tuple([args[place] for place in places]))
        rest = [x for place, x in enumerate(args) if place not in places]
        key = unknowns.key, len(args)
        if key not in known:
            known[key] = unknowns, Derivatives(_of_vector(f, unknowns, places, order), order)
        return known[key][1].matrix(unknowns.start, rest, keywords).sparse(sparse)

    return matrix


def _of_vector(f: Function, unknowns: Unknowns, places: list[int], order: int) -> Function:
    """`f` as a function of the vector of unknowns, the other positional arguments, and keywords."""

    @named_after(f)
    def of_all(chosen: tuple[Any, ...], rest: list[Any], keywords: dict[str, Any]) -> Any:
        given = dict(zip(places, chosen))
        others = iter(rest)
        args = [given[k] if k in given else next(others) for k in range(len(places) + len(rest))]
        return f(*args, **keywords)

    return unknowns.results_of(of_all) if order == 1 else unknowns.of_vector(of_all)
