"""Random programs: the lines of a program, their meaning, and the numbers to run it on.

A program has vectors and scalars; each line computes another one from some that are there by then.
The program of a seed is the same on every machine.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
from bounded import Bounded

import micrograd as mg
from micrograd import ops
from micrograd.ops import TABLE
from micrograd.scalar import Scalar

EXAMPLES = 5  # fewer than lanes, so that some of these are padding
M = 3  # the length of a vector
LONGEST = 12  # lines

own = {row for row in TABLE.values() if row.library}
TRUTHS = sorted(row.name for row in own if row.boolean and row.arity == 2)
UNARY = sorted(row.name for row in own if row.arity == 1 and not row.boolean)
LONG = {"gammainc"}  # formulas so long that second derivatives of a program take minutes
BINARY = sorted(
    row.name for row in own if row.arity == 2 and not row.boolean and row.name not in LONG
)  # leaky_relu and elu among them

Statement = tuple[Any, ...]
VECTOR, SCALAR, MATRIX = [*range(31)], [*range(31)], [0]  # what an operand is: its place among such
LINES: dict[str, tuple[tuple[Any, ...], Callable[..., Any]]] = {}


def line(*options: list[Any]) -> Callable[..., Any]:
    """Adds a line: the choices for each operand. Names stand for operations."""

    def add(meaning: Callable[..., Any]) -> Callable[..., Any]:
        LINES[meaning.__name__] = options, meaning
        return meaning

    return add


def program(seed: int) -> list[Statement]:
    """The program of a seed."""
    random = Random(seed)
    names = random.choices([*LINES], k=random.randint(1, LONGEST))
    return [(name, *map(random.choice, LINES[name][0])) for name in names]


def run(lines: list[Statement], x: Any, y: Any, weights: Any) -> list[Any]:
    """All that a program computes. `x` is a vector, `y` a number, `weights` M + 1 vectors."""
    vectors: list[list[Any]] = [list(x), list(weights[0])]
    scalars: list[Any] = [y, x[0], weights[1][0], 0.5]

    def operands(options: Any, choices: Any) -> Iterator[Any]:
        for option, choice in zip(options, choices):
            if option is MATRIX:
                yield weights[1 : M + 1]
            elif option is VECTOR or option is SCALAR:
                known = vectors if option is VECTOR else scalars
                yield known[choice % len(known)]
            else:
                yield TABLE[choice] if isinstance(choice, str) else choice

    for name, *choices in lines:
        options, meaning = LINES[name]
        z = meaning(*operands(options, choices))
        (vectors if isinstance(z, list) else scalars).append(z)
    return [z for v in vectors[2:] for z in v] + scalars[4:]


# Operations, on vectors and on numbers.


@line(UNARY, VECTOR)
def each(f: Any, v: Any) -> Any:
    return [f(a) for a in v]


@line(BINARY, VECTOR, VECTOR)
def each_pair(f: Any, v: Any, w: Any) -> Any:
    return [f(a, b) for a, b in zip(v, w)]


@line(["add", "sub", "mul", "div"], VECTOR, SCALAR)
def scaled(f: Any, v: Any, b: Any) -> Any:
    return [f(a, b) for a in v]


@line(UNARY, SCALAR)
def one(f: Any, a: Any) -> Any:
    return f(a)


@line(BINARY, SCALAR, SCALAR)
def one_pair(f: Any, a: Any, b: Any) -> Any:
    return f(a, b)


@line([2, -1, 3, 0.5, -2.0, 0, 1], VECTOR)
def power(exponent: Any, v: Any) -> Any:
    return [a**exponent if isinstance(a, Scalar) else ops.pow(a, exponent) for a in v]


@line([0.0, -0.0, 1.0, -1.0, 0.1, 2.5, 1e-3], SCALAR)
def with_number(number: float, a: Any) -> Any:
    return a * number - number


# Sums.


def _added(total: Any, terms: Iterator[Any]) -> Any:
    """One by one, as Values; of plain floats `sum` is more precise since Python 3.12."""
    for term in terms:
        total = total + term
    return total


@line(VECTOR, VECTOR, SCALAR)
def dot(v: Any, w: Any, b: Any) -> Any:
    return mg.dot(v, w, b)


@line(VECTOR, VECTOR)
def pluses(v: Any, w: Any) -> Any:
    return _added(0, (a * b for a, b in zip(v, w)))


@line([mg.sum, mg.mean, mg.norm, mg.logsumexp], VECTOR)
def total(f: Any, v: Any) -> Any:
    return f(v)


@line(MATRIX, VECTOR)
def matrix(rows: Any, v: Any) -> Any:
    return [mg.dot(row, v) for row in rows]


@line(MATRIX, VECTOR)
def matrix_in_loops(rows: Any, v: Any) -> Any:
    return [_added(row[0], (w * a for w, a in zip(row, v))) for row in rows]


@line(VECTOR)
def prefixes(v: Any) -> Any:
    return [mg.sum(v[: k + 1]) for k in range(M)]


@line(VECTOR)
def softmax(v: Any) -> Any:
    return mg.softmax(v)


# Choices.


@line(TRUTHS, VECTOR, VECTOR, VECTOR, VECTOR)
def choose(truth: Any, *vectors: Any) -> Any:
    return [mg.where(truth(a, b), c, d) for a, b, c, d in zip(*vectors)]


@line(TRUTHS, UNARY, UNARY, VECTOR, VECTOR, VECTOR, VECTOR)
def masked(truth: Any, f: Any, g: Any, *vectors: Any) -> Any:
    """A branch that is not taken may be infinite, or not differentiable."""
    return [mg.where(truth(a, b), f(c), g(d)) for a, b, c, d in zip(*vectors)]


@line(TRUTHS, TRUTHS, VECTOR, VECTOR, VECTOR, VECTOR)
def both(first: Any, second: Any, *vectors: Any) -> Any:
    columns = [*zip(*vectors)]
    joined = [ops.logical_and(first(a, b), second(c, d)) for a, b, c, d in columns]
    return [mg.where(z, a * c, b) for z, (a, b, c, _) in zip(joined, columns)]


@line(TRUTHS, VECTOR, VECTOR, VECTOR)
def counted(truth: Any, *vectors: Any) -> Any:
    return [truth(a, b) * c + c for a, b, c in zip(*vectors)]


@line(VECTOR, SCALAR, SCALAR)
def clip(v: Any, low: Any, high: Any) -> Any:
    return [mg.clip(a, low, high) for a in v]


@line(VECTOR, SCALAR)
def take(v: Any, a: Any) -> Any:
    index = mg.sigmoid(a) * (M - 1e-3)  # less than M in float32 too
    return mg.take(v, mg.floor(mg.where(index >= 0, index, 0.0)))  # NaN is no place


@line(TRUTHS, UNARY, UNARY, SCALAR, SCALAR)
def slope(truth: Any, f: Any, g: Any, a: Any, b: Any) -> Any:
    """A derivative within the program, of a choice."""

    def h(v: Any) -> Any:
        return mg.where(truth(v, b), f(v), g(v)) * v

    return mg.grad(h)(Bounded(a) if isinstance(b, Bounded) and isinstance(a, float) else a)


# The numbers.


def data() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    x = random.uniform(-2, 2, (EXAMPLES, M))
    x[0, 0], x[1, 1], x[2] = 0.0, x[1, 2], 1.0  # kinks and ties
    return x, random.uniform(-2, 2, EXAMPLES), random.uniform(-1, 1, (M + 1, M))


X, Y, W = data()
EDGES = [0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan, 1e308, -1e200, 5e-324, -1e-310, 710.0]


def edges() -> tuple[Any, Any]:
    """Rows for the same programs: extreme floats among ordinary ones."""
    random = np.random.default_rng(2)
    x = random.choice(EDGES, (11, M))
    x[:4] = np.where(random.random((4, M)) < 0.5, x[:4], random.uniform(-2, 2, (4, M)))
    return x, random.choice([*EDGES, 0.5, -1.5, 0.25], 11)


# First the ordinary ones; as many as two vectors of lanes hold, so that nothing is padding.
ALL_X, ALL_Y = (np.concatenate(rows) for rows in zip((X, Y), edges()))
POINTS = [0.75, -1.5, 0.0, -0.0, 1.0, 40.0, -3.0, 1e200, 5e-324, np.inf, -np.inf, np.nan]


def matrix_of(kind: Callable[[float], Any], numbers: Any) -> Any:
    return [[kind(float(w)) for w in row] for row in numbers]
