"""Random programs: the compiled ones against the eager engine, at ordinary numbers and at edges.

The exact mode must give the same bits. The default mode must stay within a bound that is derived
for each number of each program (see bounded.py), and be infinite or NaN where the eager engine is.
The same holds for gradients, since they are programs too. None may raise.
`MICROGRAD_PROGRAMS=2000` runs that many of them; some run always.
"""

import os
from typing import Any

import numpy as np
import pytest
from bounded import Bounded, in_single
from hypothesis import HealthCheck, given, seed, settings
from random_programs import (
    ALL_X,
    ALL_Y,
    BINARY,
    EXAMPLES,
    TRUTHS,
    UNARY,
    M,
    Statement,
    W,
    X,
    Y,
    matrix_of,
    own,
    programs,
    run,
)
from ways import InNumPy, in_float32, in_numpy, in_two_threads

import micrograd as mg
from micrograd import Value, graph
from micrograd.engine import numbers_of

COUNT = int(os.environ.get("MICROGRAD_PROGRAMS", "40"))


def number(z: Any) -> float:
    return z.number if isinstance(z, Bounded) else numbers_of([z])[0]


def every(share: float = 1.0) -> Any:
    """Runs a test on COUNT random programs, or a fraction of them, the same ones every time."""

    def decorate(test: Any) -> Any:
        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
        count = max(round(COUNT * share), 1)
        limits = settings(max_examples=count, deadline=None, suppress_health_check=slow)
        return limits(seed(1)(given(programs)(test)))

    return decorate


def eagerly(lines: list[Statement], X: Any = ALL_X, Y: Any = ALL_Y) -> Any:
    weights = matrix_of(Value, W)
    return [
        [number(z) for z in run(lines, [*map(Value, x)], Value(y), weights)]
        for x, y in zip(X.tolist(), Y.tolist())
    ]


def function_of(lines: list[Statement], weights: Any) -> Any:
    def f(x: Any, y: Any) -> Any:
        return run(lines, x, y, weights)

    return f


def last_of(lines: list[Statement], weights: Any) -> Any:
    """The program as a function with one result, so that it has a gradient."""

    def f(x: Any, y: Any) -> Any:
        return run(lines, x, y, weights)[-1] * y

    return f


def exactly_in_numpy(f: Any) -> Any:
    return InNumPy(f, "float64", 1, exact=True)


@every()
def test_the_exact_mode_gives_the_same_bits(lines: list[Statement]) -> None:
    f = mg.vectorize(function_of(lines, matrix_of(Value, W)), exact=True)
    np.testing.assert_array_equal(np.transpose(f(ALL_X, ALL_Y)), eagerly(lines))


@every()
def test_the_exact_mode_gives_the_same_gradients(lines: list[Statement]) -> None:
    f = last_of(lines, matrix_of(Value, W))
    value, (dx, dy) = mg.vectorize(f, exact=True).value_and_grad(ALL_X, ALL_Y)
    for k, (point, number) in enumerate(zip(ALL_X.tolist(), ALL_Y.tolist())):
        x, y = [*map(Value, point)], Value(number)
        z = f(x, y)
        z.backward()
        np.testing.assert_array_equal(value[k], z.data)
        np.testing.assert_array_equal([*dx[k], dy[k]], [v.grad for v in (*x, y)])


@every(0.25)
def test_the_exact_mode_without_llvm(lines: list[Statement]) -> None:
    f = exactly_in_numpy(function_of(lines, matrix_of(Value, W)))
    np.testing.assert_array_equal(np.transpose(f(ALL_X, ALL_Y)), eagerly(lines))


@every()
def test_values_are_within_the_bound(lines: list[Statement]) -> None:
    bounded = bounds(lines)
    values = eagerly(lines)
    f = function_of(lines, matrix_of(Value, W))
    for make in (in_numpy, mg.vectorize):
        answers = np.transpose(make(f)(ALL_X, ALL_Y))
        for row in zip(answers.ravel(), np.ravel(values), bounded):
            within(*row)


def bounds(lines: list[Statement], X: Any = ALL_X, Y: Any = ALL_Y) -> list[Any]:
    return [
        z
        for x, y in zip(X.tolist(), Y.tolist())
        for z in run(lines, [*map(Bounded, x)], Bounded(y), matrix_of(Bounded, W))
    ]


def within(answer: float, value: float, bounded: Any) -> None:
    """Both are within the bound of the true value, so within twice the bound of each other."""
    if not isinstance(bounded, Bounded) or not bounded.known:
        return
    if not np.isfinite(bounded.number):
        np.testing.assert_array_equal([answer, value], [bounded.number] * 2)
        return
    assert value == bounded.number or bounded.error  # the analysis ran the same program
    assert abs(answer - value) <= 2.01 * bounded.error


@every(0.25)
def test_one_example_a_call_is_within_the_bound(lines: list[Statement]) -> None:
    bounded, values = bounds(lines), eagerly(lines)
    f = mg.compile(function_of(lines, matrix_of(Value, W)))
    answers = [f(x, y) for x, y in zip(ALL_X, ALL_Y.tolist())]
    for row in zip(np.ravel(answers), np.ravel(values), bounded):
        within(*row)


@every(0.25)
def test_in_float32_too_values_are_within_the_bound(lines: list[Statement]) -> None:
    """On ordinary numbers; these and the parameters are exact in float32."""
    x, y = X.astype(np.float32), Y.astype(np.float32)
    weights = W.astype(np.float32).astype(float)
    with in_single():
        bounded = [
            z
            for row, number in zip(x.tolist(), y.tolist())
            for z in run(lines, [*map(Bounded, row)], Bounded(number), matrix_of(Bounded, weights))
        ]
        known = [isinstance(z, Bounded) and z.known for z in bounded]
    answers = np.transpose(in_float32(function_of(lines, matrix_of(Value, weights)))(x, y))
    for answer, z, is_known in zip(answers.ravel().tolist(), bounded, known):
        if is_known and np.isfinite(z.number):
            assert abs(answer - z.number) <= 1.01 * z.error
        elif is_known:
            np.testing.assert_array_equal(answer, z.number)


@every(0.25)
def test_threads_keywords_and_shared_rows_change_no_bit(lines: list[Statement]) -> None:
    f = mg.vectorize(function_of(lines, matrix_of(Value, W)))
    rows = np.arange(300) % len(ALL_X)
    x, y = ALL_X[rows], ALL_Y[rows]
    expected = f(x, y)
    threaded = in_two_threads(function_of(lines, matrix_of(Value, W)))
    np.testing.assert_array_equal(threaded(x, y), expected)
    np.testing.assert_array_equal(f(y=y, x=x), expected)
    np.testing.assert_array_equal(f(x[3:4], y[:16]), f(x[[3] * 16], y[:16]))
    np.testing.assert_array_equal(f(x[:16], y[3]), f(x[:16], y[[3] * 16]))


@every()
def test_gradients_are_within_the_bound(lines: list[Statement]) -> None:
    weights = matrix_of(Value, W)
    compiled = last_of(lines, weights)
    expected = []
    for x, y in zip(X.tolist(), Y.tolist()):
        leaves = [*map(Bounded, x), Bounded(y)]
        parameters = matrix_of(Bounded, W)
        z = last_of(lines, parameters)(leaves[:-1], leaves[-1])
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
            if not np.all(np.isfinite([number(z) for z in column])):
                continue  # of a mean with an infinite or undefined term there is no bound
            if w in g.parameters and all(isinstance(z, Bounded) and z.known for z in column):
                mean = sum(number(z) for z in column) / EXAMPLES
                errors = [z.error + (EXAMPLES + 2) * 2**-53 * abs(z.number) for z in column]
                assert abs(w.grad - mean) <= 2.01 * sum(errors) / EXAMPLES


@every(0.25)
def test_the_exact_mode_gives_the_same_second_derivatives(lines: list[Statement]) -> None:
    """Second derivatives along one number that moves all inputs, with fixed weights."""

    def f(t: Any) -> Any:
        return run(lines, [t, 0.5 * t, t - 1.0], 1.5 * t, W.tolist())[-1] * t

    slope = mg.grad(f)
    points = [0.75, -1.5, 0.0, 1.0, 40.0, 1e200, np.inf, np.nan]
    first, second = mg.vectorize(slope, exact=True).value_and_grad(np.array(points))
    np.testing.assert_array_equal(first, [slope(t) for t in points])
    np.testing.assert_array_equal(second, [mg.grad(slope)(t) for t in points])


def relative(z: Bounded) -> float:
    if not z.known:
        return np.inf
    return z.error / (abs(z.number) or 1.0) if np.isfinite(z.number) else 0.0


def test_most_numbers_have_a_bound_and_it_is_near() -> None:
    bounds: list[float] = []

    @every()
    def collect(lines: list[Statement]) -> None:
        numbers = run(lines, [*map(Bounded, X[3].tolist())], Bounded(0.7), matrix_of(Bounded, W))
        found = [z for z in numbers if isinstance(z, Bounded)]
        bounds.extend(relative(z) for z in found)

    collect()
    assert np.mean(np.isfinite(bounds)) > 0.9
    assert np.median(bounds) < 16 * 2.0**-53


def test_every_operation_is_drawn() -> None:
    others = {"where", "take", "dot", "sum", "norm", "clip", "logical_and"}
    drawn = {*UNARY, *BINARY, *TRUTHS} | others
    left_out = {row.name for row in own} - drawn
    assert left_out == {"logical_not", "digamma"} & {row.name for row in own}


@pytest.mark.parametrize("slip", [1 + 2.0**-40, 1 - 2.0**-40])
def test_the_bound_is_tight_enough_to_tell(slip: float) -> None:
    """A relative error of 10⁻¹² in one operation of a typical program exceeds the bound."""
    lines: list[Statement] = [("matrix", 0, False), ("each", "tanh", 2), ("sum", 3)]
    z = run(lines, [*map(Bounded, X[3].tolist())], Bounded(0.0), matrix_of(Bounded, W))[-1]
    with pytest.raises(AssertionError):
        within(z.number * slip, z.number, z)
