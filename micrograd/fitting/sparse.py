"""sparse_jacobian, sparse_hessian: derivatives as matrices that hold only what is not zero."""

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
    """The Jacobian of `f` as a sparse matrix: for each number of the result a row.

    A function of numbers, arrays and structures of them, which returns a `scipy.sparse.csr_array`:
    the rows are the numbers of the result, the columns those of the arguments, in their order. It
    holds the derivatives that are not zero for all arguments, as the graph shows; of a function
    with `if`, those that are not zero at this point. It is compiled at the first call, for each
    structure and shape of the arguments. Keywords, and positional arguments that `argnums` leaves
    out, are not differentiated.

    Rows with the same formula are computed together, each from the few numbers that it reads: so
    7,000 observations take one call of native code, however many unknowns there are.

    Raises ModuleNotFoundError without SciPy, TypeError if `f` is no function or if `argnums` names
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

    As `sparse_jacobian`; rows and columns are the numbers of the arguments. The terms of a sum with
    the same formula are computed together, each from the few numbers that it reads.

    Raises ModuleNotFoundError without SciPy, TypeError if `f` is no function, if it returns several
    numbers or if `argnums` names no argument, TraceError if `f` cannot be compiled.

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
    """`f` as a function of the vector, its other positional arguments, and its keywords."""

    @named_after(f)
    def of_all(chosen: tuple[Any, ...], rest: list[Any], keywords: dict[str, Any]) -> Any:
        given = dict(zip(places, chosen))
        others = iter(rest)
        args = [given[k] if k in given else next(others) for k in range(len(places) + len(rest))]
        return f(*args, **keywords)

    return unknowns.results_of(of_all) if order == 1 else unknowns.of_vector(of_all)
