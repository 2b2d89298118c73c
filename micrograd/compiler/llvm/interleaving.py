"""Interleaving: rows of numbers become a vector for each column, and vectors become rows.

A few numbers lie one behind the other: rows of n fill n vectors. More are transposed in squares.
"""

from llvmlite import ir

from micrograd.compiler.llvm.addressing import Body
from micrograd.compiler.llvm.control_flow import I32, I64, plus

Vectors = list[ir.Value]


def pays(n: int, width: int) -> bool:
    """Whether n columns need no more shuffles than a square as wide as a vector."""
    return n < width and shuffles(n) <= width * (width.bit_length() - 1)


def shuffles(n: int) -> int:
    """How many make columns of n vectors, or vectors of n columns."""
    return n * (n - 1) if n % 2 else n + 2 * shuffles(n // 2)


def loaded(body: Body, array: ir.Value, place: ir.Value, n: int) -> Vectors:
    """The columns of a vector of rows, of n numbers each, which begin at index `place`."""
    width = body.module.width
    places = [plus(body.b, place, I64(k * width)) for k in range(n)]
    return columns_of(body.b, [body.lanes.masked_load(body.at(array, x), width) for x in places])


def columns_of(b: ir.IRBuilder, rows: Vectors) -> Vectors:
    n, width = len(rows), rows[0].type.count
    if n % 2:
        return [_picked(b, rows, [e * n + k for e in range(width)]) for k in range(n)]
    pairs = [*zip(rows[::2], rows[1::2])]
    halves = [[_shuffled(b, x, y, [*range(k, 2 * width, 2)]) for x, y in pairs] for k in (0, 1)]
    even, odd = (columns_of(b, half) for half in halves)
    return [column for pair in zip(even, odd) for column in pair]


def rows_of(b: ir.IRBuilder, columns: Vectors) -> Vectors:
    n, width = len(columns), columns[0].type.count
    if n % 2:
        places = [k % n * width + k // n for k in range(n * width)]
        return [_picked(b, columns, places[k : k + width]) for k in range(0, n * width, width)]
    pairs = zip(rows_of(b, columns[::2]), rows_of(b, columns[1::2]))
    masks = [[k // 2 + k % 2 * width for k in range(i, i + width)] for i in (0, width)]
    return [_shuffled(b, x, y, mask) for x, y in pairs for mask in masks]


def transposed(b: ir.IRBuilder, rows: Vectors) -> Vectors:
    """The transpose of a square matrix with these rows, by interleaving its two halves."""
    n = len(rows)
    masks = [[half + k // 2 + n * (k % 2) for k in range(n)] for half in (0, n // 2)]
    for _ in range(n.bit_length() - 1):
        pairs = zip(rows[: n // 2], rows[n // 2 :])
        rows = [_shuffled(b, x, y, mask) for x, y in pairs for mask in masks]
    return rows


def _picked(b: ir.IRBuilder, vectors: Vectors, places: list[int]) -> ir.Value:
    """The numbers at these places, counted through all vectors."""
    width, result = len(places), vectors[0]
    for k, vector in enumerate(vectors[1:], start=1):
        mask = [
            width + p % width if p // width == k else p if k == 1 and p < width else e
            for e, p in enumerate(places)
        ]
        result = _shuffled(b, result, vector, mask)
    return result


def _shuffled(b: ir.IRBuilder, x: ir.Value, y: ir.Value, mask: list[int]) -> ir.Value:
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(mask)), mask))
