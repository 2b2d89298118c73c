"""Random programs: the compiled ones against the eager engine.

The exact mode must give the same bits; the default must stay within a bound that is derived for
each number of each program (see bounded.py); so must gradients, of which the same analysis holds,
since they are programs too. `MICROGRAD_PROGRAMS=2000` runs that many of them; some run always.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bounded import Bounded
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from ways import in_numpy

import micrograd as mg
from micrograd import Value, graph, ops
from micrograd.engine import numbers_of
from micrograd.ops import TABLE, Op

COUNT = int(os.environ.get("MICROGRAD_PROGRAMS", "40"))
EXAMPLES = 5  # fewer than lanes, so that some of these are padding
M = 3  # the length of a vector

own = {row for row in TABLE.values() if row.primitive or row.meaning.__module__ == ops.__name__}
TRUTHS = [row.name for row in own if row.boolean and row.arity == 2]
UNARY = sorted(row.name for row in own if row.arity == 1 and not row.boolean)
BINARY = sorted(
    row.name for row in own if row.arity == 2 and not row.boolean
)  # leaky_relu and elu among them

Statement = tuple[Any, ...]
place = st.integers(0, 30)

# What a line of a program may be. Places count the vectors, or the scalars, that are there by then.
statements = st.one_of(
    st.tuples(st.just("each"), st.sampled_from(UNARY), place),
    st.tuples(st.just("each"), st.sampled_from(BINARY), place, place),
    st.tuples(st.just("scaled"), st.sampled_from(["add", "sub", "mul", "div"]), place, place),
    st.tuples(st.just("one"), st.sampled_from(UNARY), place),
    st.tuples(st.just("one"), st.sampled_from(BINARY), place, place),
    st.tuples(st.just("dot"), place, place, place),
    st.tuples(st.just("pluses"), place, place),
    st.tuples(st.just("sum"), place),
    st.tuples(st.just("mean"), place),
    st.tuples(st.just("matrix"), place, st.booleans()),
    st.tuples(st.just("prefixes"), place),
    st.tuples(st.just("choose"), st.sampled_from(TRUTHS), place, place, place, place),
    st.tuples(st.just("take"), place, place),
    st.tuples(st.just("softmax"), place),
    st.tuples(st.just("largest"), place),
    st.tuples(st.just("power"), st.sampled_from([2, -1, 3, 0.5, -2.0, 0, 1]), place),
    st.tuples(st.just("number"), st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 2.5, 1e-3]), place),
)
programs = st.lists(statements, min_size=1, max_size=12)


def call(name: str) -> Op:
    return TABLE[name]


def run(lines: list[Statement], x: Any, y: Any, weights: Any) -> list[Any]:
    """All that a program computes. `x` is a vector, `y` a number, `weights` M + 1 vectors."""
    vectors: list[list[Any]] = [list(x), list(weights[0])]
    scalars: list[Any] = [y, x[0], weights[1][0], 0.5]

    def vector(place: int) -> list[Any]:
        return vectors[place % len(vectors)]

    def scalar(place: int) -> Any:
        return scalars[place % len(scalars)]

    for kind, *rest in lines:
        if kind == "each":
            name, *places = rest
            vectors.append([call(name)(*column) for column in zip(*map(vector, places))])
        elif kind == "scaled":
            name, a, b = rest
            vectors.append([call(name)(v, scalar(b)) for v in vector(a)])
        elif kind == "one":
            name, *places = rest
            scalars.append(call(name)(*map(scalar, places)))
        elif kind == "dot":
            a, b, c = rest
            scalars.append(mg.dot(vector(a), vector(b), scalar(c)))
        elif kind == "pluses":
            scalars.append(sum(v * w for v, w in zip(vector(rest[0]), vector(rest[1]))))
        elif kind in ("sum", "mean"):
            scalars.append(getattr(mg, kind)(vector(rest[0])))
        elif kind == "matrix":
            v, loops = vector(rest[0]), rest[1]
            rows = weights[1 : M + 1]
            if loops:
                vectors.append([sum((w * a for w, a in zip(row, v)), row[0]) for row in rows])
            else:
                vectors.append([mg.dot(row, v) for row in rows])
        elif kind == "prefixes":
            v = vector(rest[0])
            vectors.append([mg.sum(v[: k + 1]) for k in range(M)])
        elif kind == "choose":
            name, *places = rest
            columns = zip(*map(vector, places))
            vectors.append([mg.where(call(name)(a, b), c, d) for a, b, c, d in columns])
        elif kind == "take":
            index = mg.sigmoid(scalar(rest[1])) * (M - 1e-9)
            index = mg.where(index >= 0, index, 0.0)  # NaN is no place
            scalars.append(mg.take(vector(rest[0]), mg.floor(index)))
        elif kind == "softmax":
            vectors.append(mg.softmax(vector(rest[0])))
        elif kind == "largest":
            scalars.append(mg.logsumexp(vector(rest[0])))
        elif kind == "power":
            vectors.append([v ** rest[0] for v in vector(rest[1])])
        elif kind == "number":
            scalars.append(scalar(rest[1]) * rest[0] - rest[0])
    return [z for v in vectors[2:] for z in v] + scalars[4:]


def data() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    x = random.uniform(-2, 2, (EXAMPLES, M))
    x[0, 0], x[1, 1], x[2] = 0.0, x[1, 2], 1.0  # kinks and ties
    return x, random.uniform(-2, 2, EXAMPLES), random.uniform(-1, 1, (M + 1, M))


X, Y, W = data()


def matrix_of(kind: Callable[[float], Any], numbers: Any) -> Any:
    return [[kind(float(w)) for w in row] for row in numbers]


def number(z: Any) -> float:
    return z.number if isinstance(z, Bounded) else numbers_of([z])[0]


def every(options: Any = None) -> Any:
    """Runs a test on COUNT random programs, the same ones every time."""

    def decorate(test: Any) -> Any:
        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
        limits = settings(max_examples=COUNT, deadline=None, suppress_health_check=slow)
        return limits(seed(1)(given(programs)(test)))

    return decorate


def eagerly(lines: list[Statement]) -> Any:
    weights = matrix_of(Value, W)
    return [
        [number(z) for z in run(lines, [*map(Value, x)], Value(y), weights)]
        for x, y in zip(X.tolist(), Y.tolist())
    ]


@every()
def test_the_exact_mode_gives_the_same_bits(lines: list[Statement]) -> None:
    weights = matrix_of(Value, W)
    f = mg.vectorize(lambda x, y: run(lines, x, y, weights), exact=True)
    np.testing.assert_array_equal(np.transpose(f(X, Y)), eagerly(lines))


@every()
def test_the_exact_mode_gives_the_same_gradients(lines: list[Statement]) -> None:
    weights = matrix_of(Value, W)

    def f(x: Any, y: Any) -> Any:
        return run(lines, x, y, weights)[-1] * y

    value, (dx, dy) = mg.vectorize(f, exact=True).value_and_grad(X, Y)
    for k in range(EXAMPLES):
        x, y = [*map(Value, X[k].tolist())], Value(Y[k])
        z = f(x, y)
        z.backward()
        np.testing.assert_array_equal(value[k], z.data)
        np.testing.assert_array_equal([*dx[k], dy[k]], [v.grad for v in (*x, y)])


@every()
def test_values_are_within_the_bound(lines: list[Statement]) -> None:
    weights = matrix_of(Value, W)
    bounded = [
        run(lines, [*map(Bounded, x)], Bounded(y), matrix_of(Bounded, W))
        for x, y in zip(X.tolist(), Y.tolist())
    ]
    values = eagerly(lines)
    for make in (in_numpy, mg.vectorize):
        answers = np.transpose(make(lambda x, y: run(lines, x, y, weights))(X, Y))
        for row in zip(answers.ravel(), np.ravel(values), [z for b in bounded for z in b]):
            within(*row)


def within(answer: float, value: float, bounded: Any) -> None:
    """Both are within the bound of the truth; so they are within twice the bound of each other."""
    if not isinstance(bounded, Bounded) or not bounded.known:
        return
    assert value == bounded.number or bounded.error  # the analysis ran the same program
    assert abs(answer - value) <= 2.01 * bounded.error


@every()
def test_gradients_are_within_the_bound(lines: list[Statement]) -> None:
    weights = matrix_of(Value, W)

    def f(x: Any, y: Any, weights: Any) -> Any:
        return run(lines, x, y, weights)[-1] * y

    def compiled(x: Any, y: Any) -> Any:
        return f(x, y, weights)

    expected = []
    for x, y in zip(X.tolist(), Y.tolist()):
        leaves = [*map(Bounded, x), Bounded(y)]
        parameters = matrix_of(Bounded, W)
        z = f(leaves[:-1], leaves[-1], parameters)
        expected.append(graph.gradients(z, [*leaves, *[w for row in parameters for w in row]]))
    for make in (in_numpy, mg.vectorize):
        g = make(compiled)
        _, (dx, dy) = g.value_and_grad(X, Y)
        for k, row in enumerate(expected):
            for answer, bounded in zip([*dx[k], dy[k]], row):
                within(answer, number(bounded), bounded)
        g.backward(X, Y)
        flat = [w for row in weights for w in row]
        for k, w in enumerate(flat, M + 1):
            column = [row[k] for row in expected]
            if w in g.parameters and all(isinstance(z, Bounded) and z.known for z in column):
                mean = sum(number(z) for z in column) / EXAMPLES
                errors = [z.error + (EXAMPLES + 2) * 2**-53 * abs(z.number) for z in column]
                assert abs(w.grad - mean) <= 2.01 * sum(errors) / EXAMPLES


def test_most_numbers_have_a_bound_and_it_is_near() -> None:
    bounds: list[float] = []

    @every()
    def collect(lines: list[Statement]) -> None:
        numbers = run(lines, [*map(Bounded, X[3].tolist())], Bounded(0.7), matrix_of(Bounded, W))
        found = [z for z in numbers if isinstance(z, Bounded)]
        bounds.extend(z.error / (abs(z.number) or 1.0) if z.known else np.inf for z in found)

    collect()
    assert np.mean(np.isfinite(bounds)) > 0.9
    assert np.median(bounds) < 16 * 2.0**-53


def test_every_operation_is_drawn() -> None:
    drawn = {*UNARY, *BINARY, *TRUTHS, "where", "take", "dot", "sum"}
    left_out = {row.name for row in own} - drawn
    assert left_out == {"logical_not", "digamma"} & {row.name for row in own}


@pytest.mark.parametrize("slip", [1 + 2.0**-40, 1 - 2.0**-40])
def test_the_bound_is_tight_enough_to_tell(slip: float) -> None:
    """A relative error of 10⁻¹² in one operation of a typical program is beyond the bound."""
    lines: list[Statement] = [("matrix", 0, False), ("each", "tanh", 2), ("sum", 3)]
    z = run(lines, [*map(Bounded, X[3].tolist())], Bounded(0.0), matrix_of(Bounded, W))[-1]
    with pytest.raises(AssertionError):
        within(z.number * slip, z.number, z)
