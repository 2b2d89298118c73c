"""Linear algebra of small matrices of scalars: nested lists or arrays, up to about 12 x 12.

Rows are exchanged so that each pivot is the largest in its column (partial pivoting). In a compiled
program each example exchanges its own rows: a pivot that is zero for one does not affect the
others.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from micrograd import functions, ops
from micrograd.annotations import Number, Numbers, Result
from micrograd.errors import ShapeError

Matrix = list[list[Result]]


def _square(a: Iterable[Numbers], function: str) -> Matrix:
    if getattr(a, "ndim", 2) > 2:
        raise ShapeError(
            f"{function} expects one square matrix, got an array of shape {a.shape}; for many "  # type: ignore[attr-defined]
            f"matrices write micrograd.vectorize(micrograd.{function})"
        )
    if not hasattr(a, "__iter__"):
        raise TypeError(f"{function} expects a square matrix, as rows of numbers, got {a!r:.60}")
    rows = [functions.operands(row, function) for row in a]
    if not rows or any(len(row) != len(rows) for row in rows):
        lengths = [len(row) for row in rows]
        raise ShapeError(f"{function} expects a square matrix, got rows of {lengths}")
    return rows


def _exchanged(swap: Any, a: list[Any], b: list[Any]) -> tuple[list[Any], list[Any]]:
    return (
        [ops.select(swap, y, x) for x, y in zip(a, b)],
        [ops.select(swap, x, y) for x, y in zip(a, b)],
    )


def _pivoted(rows: Matrix, k: int) -> Any:
    """Brings the row from k on whose entry in column k is largest to k; the sign of that."""
    sign: Any = 1.0
    for i in range(k + 1, len(rows)):
        swap = ops.less(ops.abs(rows[k][k]), ops.abs(rows[i][k]))
        rows[k], rows[i] = _exchanged(swap, rows[k], rows[i])
        sign = ops.select(swap, -sign, sign)
    return sign


def _eliminated(rows: Matrix, k: int, inverse: Any) -> None:
    """Subtracts multiples of row k, whose pivot has this inverse, so that column k is zero below
    it."""
    for i in range(k + 1, len(rows)):
        factor = rows[i][k] * inverse
        rows[i][k + 1 :] = [x - factor * y for x, y in zip(rows[i][k + 1 :], rows[k][k + 1 :])]


def _less(x: Any, products: list[Any]) -> Any:
    """x minus all products, which a compiled program subtracts in one instruction each."""
    return reduce(ops.sub, products, x)


def _solved(rows: Matrix, width: int) -> Matrix:
    """The unknowns of rows that hold a matrix and, behind it, `width` right sides."""
    n = len(rows)
    inverses: list[Any] = []  # of the pivots
    for k in range(n):
        _pivoted(rows, k)
        inverses.append(ops.div(1.0, rows[k][k]))
        _eliminated(rows, k, inverses[k])
    unknowns: Matrix = [[] for _ in rows]
    for k in reversed(range(n)):
        for c in range(width):
            known = [rows[k][j] * unknowns[j][c] for j in range(k + 1, n)]
            unknowns[k].append(_less(rows[k][n + c], known) * inverses[k])
    return unknowns


def solve(a: Iterable[Numbers], b: Iterable[Number | Numbers]) -> Result:
    """The x of a x = b, as a list; of a matrix b, as a list of rows.

    The row with the largest pivot is taken at each step. A singular matrix has answers that are
    infinite or NaN; so has one whose pivots are below 1e-308. Raises ShapeError if `a` is not
    square, or `b` has another number of rows, or rows of different lengths.

    >>> solve([[0.0, 2.0], [4.0, 1.0]], [6.0, 7.0])
    [1.0, 3.0]
    """
    rows = _square(a, "solve")
    right = functions.operands(b.tolist() if hasattr(b, "tolist") else b, "solve")  # type: ignore[attr-defined]
    if len(right) != len(rows):
        raise ShapeError(f"solve expects {len(rows)} rows in b, got {len(right)}")
    single = not hasattr(right[0], "__len__")
    sides = [[y] if single else functions.operands(y, "solve") for y in right]
    width = len(sides[0])
    if any(len(side) != width for side in sides):
        lengths = [len(side) for side in sides]
        raise ShapeError(f"solve expects rows of one length in b, got rows of {lengths}")
    x = _solved([[*row, *side] for row, side in zip(rows, sides)], width)
    return [y for (y,) in x] if single else x


def inv(a: Iterable[Numbers]) -> Matrix:
    """The inverse of a square matrix, as a list of rows; see `solve`.

    Raises ShapeError if `a` is not square.

    >>> inv([[0.0, 2.0], [4.0, 0.0]])
    [[0.0, 0.25], [0.5, 0.0]]
    """
    rows = _square(a, "inv")
    n = len(rows)
    return _solved([[*row, *[float(i == j) for j in range(n)]] for i, row in enumerate(rows)], n)


def det(a: Iterable[Numbers]) -> Result:
    """The determinant of a square matrix: up to 3 x 3 as a polynomial, else by elimination.

    At a singular matrix of more than 3 rows, the derivative may be NaN. Raises ShapeError if `a`
    is not square.

    >>> det([[1.0, 2.0], [3.0, 4.0]])
    -2.0
    """
    rows = _square(a, "det")
    if len(rows) == 1:
        return ops.sum(rows[0][0])
    if len(rows) <= 3:
        return _expanded(rows)
    result: Any = 1.0
    lost: Any = 0.0  # 0, whose slope is NaN where the pivots do not show the derivative
    for k in range(len(rows)):
        sign = _pivoted(rows, k)
        pivot = rows[k][k]
        result = result * pivot * sign
        if k < len(rows) - 1:
            zero = ops.equal(pivot, 0.0)  # as is all of its column
            lost = lost + ops.select(zero, ops.sqrt(pivot * pivot), 0.0)
            _eliminated(rows, k, 1.0 / ops.select(zero, 1.0, pivot))
    return result + lost


def _expanded(rows: Matrix) -> Any:
    """The determinant, expanded by the minors of the first row."""
    if len(rows) == 1:
        return rows[0][0]
    minors = [_expanded([row[:k] + row[k + 1 :] for row in rows[1:]]) for k in range(len(rows))]
    terms = [x * minor for x, minor in zip(rows[0], minors)]
    return ops.sum(*[-term if k % 2 else term for k, term in enumerate(terms)])


def cholesky(a: Iterable[Numbers]) -> Matrix:
    """The lower triangle L with L Lᵀ = a, as a list of rows; it reads the lower triangle of `a`.

    There are no exchanges: the pivots of a positive definite matrix are positive. The rows of
    another one hold NaN. Raises ShapeError if `a` is not square.

    >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
    [[2.0, 0.0], [1.0, 2.0]]
    """
    rows = _square(a, "cholesky")
    lower: Matrix = [[0.0] * len(rows) for _ in rows]
    inverses: list[Any] = []  # of the pivots
    for i, row in enumerate(rows):
        for j in range(i + 1):
            rest = _less(row[j], [lower[i][k] * lower[j][k] for k in range(j)])
            lower[i][j] = ops.sqrt(rest) if i == j else rest * inverses[j]
        inverses.append(ops.div(1.0, lower[i][i]))
    return lower
