"""Random programs: the compiled ones against the eager engine, at ordinary numbers and at edges.

The exact mode must give the same bits. The default mode must stay within a bound that is derived
for each number of each program (see bounded.py), and be infinite or NaN where the eager engine is.
The same holds for first and second derivatives, since they are programs too. None may raise.
`random_cases.py` says how to run many of them; some run always.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bounded import Bounded, in_single
from compiled_c import COMPILER, CompiledC
from random_batches import (
    compare_columns,
    compare_gradients,
    compare_mean,
    compare_values,
    repeated,
    seconds_of,
    slopes_of,
    sum_of,
    values_of,
)
from random_cases import SHARED, Case, bounds_of, find_differences, flat, same, within, within_total
from random_programs import (
    ALL_X,
    ALL_Y,
    EXAMPLES,
    POINTS,
    M,
    Statement,
    W,
    X,
    Y,
    matrix_of,
    run,
)
from ways import InNumPy, OneInNumPy

import micrograd as mg
from micrograd import Value

pytestmark = pytest.mark.filterwarnings("ignore:the result depends on the variables only through")
Function = Callable[..., Any]
Make = Callable[..., Any]


def in_numpy(f: Function, exact: bool = False, **how: Any) -> Any:
    return InNumPy(f, "float64", 1, exact, how.get("each"), how.get("in_axes", 0))


MAKERS = {
    "in NumPy": in_numpy,
    "in native code": pytest.param(mg.vectorize, marks=pytest.mark.native),
}
both_makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
both_modes = pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])


# The ways to run them.


def is_native(make: Make) -> bool:
    return make is not in_numpy


@both_modes
@both_makers
def test_values(make: Make, exact: bool) -> None:
    def way(batch: list[Case]) -> None:
        compare_values(batch, make(values_of(batch), exact=exact)(ALL_X, ALL_Y), exact)

    find_differences(way, is_native(make))


@both_modes
@both_makers
def test_gradients_by_the_inputs(make: Make, exact: bool) -> None:
    def way(batch: list[Case]) -> None:
        f = make(sum_of(batch)[0], each="row", exact=exact)
        _, gradient = f.value_and_grad(*repeated(batch))
        compare_gradients(batch, gradient, exact)

    find_differences(way, is_native(make))


@both_modes
@both_makers
def test_gradients_by_the_weights(make: Make, exact: bool) -> None:
    """Of each example, and of the mean. NumPy takes long for one example a call: some suffice."""
    examples = slice(0, None, 1 if is_native(make) else 4)

    def way(batch: list[Case]) -> None:
        f, weights = sum_of(batch)
        g = make(f, each="row", exact=exact)
        x, y = repeated(batch)
        rows = []
        for k in range(len(x))[examples]:
            for w in flat(flat(weights)):
                w.grad = 0.0
            g.backward(x[k : k + 1], y[k : k + 1])
            rows.append([[w.grad for w in flat(matrix)] for matrix in weights])
        for one, found in zip(batch, zip(*rows)):
            compare_columns(one, found, exact, examples, slice(M + 2, None))
        g.backward(*repeated(batch, X, Y))
        for one, matrix in zip(batch, weights):
            compare_mean(one, [w.grad for w in flat(matrix)])

    find_differences(way, is_native(make))


@both_modes
@both_makers
def test_second_derivatives(make: Make, exact: bool) -> None:
    """Both as the gradient of a program with a derivative in it, and as a program."""

    def way(batch: list[Case]) -> None:
        points = np.array(POINTS)
        many = np.tile(points[:, None], len(batch))
        _, second = make(slopes_of(batch), each="row", exact=exact).value_and_grad(many)
        programs = make(seconds_of(batch), exact=exact)(points)
        for one, column, found in zip(batch, second.T, programs):
            rows = np.transpose([*found, column])
            if exact:
                same(rows, [[a, b, b] for a, b in one.seconds])
            else:
                within(rows, one.bounds_of_seconds.part(columns=[0, 1, 1]))

    find_differences(way, is_native(make))


@pytest.mark.native
@both_modes
def test_one_example_a_call(exact: bool) -> None:
    def way(batch: list[Case]) -> None:
        f = mg.compile(values_of(batch), exact=exact)
        rows = [f(x, y) for x, y in zip(ALL_X, ALL_Y.tolist())]
        compare_values(batch, [np.transpose(found) for found in zip(*rows)], exact)

    find_differences(way, native=True)


@both_modes
@pytest.mark.parametrize("kind", [pytest.param("native", marks=pytest.mark.native), "NumPy"])
def test_one_example_of_plain_numbers(kind: str, exact: bool) -> None:
    """Values, gradients and keywords. Native code has an entry of its own for them."""

    def way(batch: list[Case]) -> None:
        for one in batch[:1]:
            weights = W.tolist()

            def f(a: Any, b: Any, c: Any, y: Any, one: Case = one, weights: Any = weights) -> Any:
                return one.last([a, b, c], y, weights)

            g = (
                mg.compile(f, exact=exact)
                if kind == "native"
                else OneInNumPy(f, "float64", 1, exact)
            )
            rows = [(*x, y) for x, y in zip(ALL_X.tolist(), ALL_Y.tolist())]
            found = [g.value_and_grad(*row) for row in rows]
            found = [[value, *gradient] for value, gradient in found]
            compare_columns(one, found, exact, columns=slice(M + 2))
            same([[g(*row)] for row in rows], [[g(*x, y=y)] for *x, y in rows])

    find_differences(way, native=kind == "native")


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@both_modes
def test_printed_c(exact: bool) -> None:
    """Values and gradients."""

    def way(batch: list[Case]) -> None:
        f, (g, _) = in_numpy(values_of(batch), exact=exact), sum_of(batch)
        g = in_numpy(g, exact=exact, each="row")
        f(ALL_X, ALL_Y)
        rows = repeated(batch)
        g(*rows)
        with tempfile.TemporaryDirectory() as folder:
            values = CompiledC(f.source("c"), Path(folder))
            gradient = CompiledC(g.source("c", gradient="arguments"), Path(folder))
            answers = values(f.pack(), ALL_X, ALL_Y)["value"]
            slopes = gradient(g.pack(), *rows)
        answers = np.broadcast_to(answers, (len(ALL_X), answers.shape[1]))
        ends = np.cumsum([len(one.values[0]) for one in batch])[:-1]
        compare_values(batch, [x.T for x in np.split(answers, ends, axis=1)], exact)
        shapes = [x.shape for x in rows]
        found = [slopes[f"gradient_{k}"] for k in range(2)]
        found = [np.broadcast_to(x, shape) for x, shape in zip(found, shapes)]
        compare_gradients(batch, found, exact)

    find_differences(way, native=True)


@both_makers
def test_threads_keywords_and_shared_rows_change_no_bit(make: Make) -> None:
    rows = np.arange(300) % len(ALL_X)
    x, y = ALL_X[rows], ALL_Y[rows]

    def way(batch: list[Case]) -> None:
        function = values_of(batch)
        f = make(function)
        expected = flat(f(x, y))
        if is_native(make):
            np.testing.assert_array_equal(flat(make(function, threads=2)(x, y)), expected)
        np.testing.assert_array_equal(flat(f(y=y, x=x)), expected)
        shared = flat(f(x[3:4], y[:16]))
        np.testing.assert_array_equal(shared, flat(f(x[[3] * 16], y[:16])))
        np.testing.assert_array_equal(flat(f(x[:16], y[3])), flat(f(x[:16], y[[3] * 16])))
        of_all = make(function, in_axes=(None, 0))
        np.testing.assert_array_equal(flat(of_all(x[3], y[:16])), shared)

    find_differences(way, is_native(make))


@both_modes
@both_makers
def test_the_gradient_of_a_shared_row_is_the_sum(make: Make, exact: bool) -> None:
    """Of a row of ordinary numbers and of one with edges."""

    def way(batch: list[Case]) -> None:
        x, y = repeated(batch)
        g = make(sum_of(batch)[0], in_axes=(None, 0), exact=exact)
        for at, row in enumerate(SHARED):
            _, (dx, dy) = g.value_and_grad(x[row], y[:EXAMPLES])
            assert dx.shape == x[row].shape
            for k, one in enumerate(batch):
                bounds = one.bounds_of_shared[at]
                within(dy[:, k : k + 1], bounds.part(columns=[M + 1]))
                within_total(dx[M * k : M * k + M], bounds.part(columns=slice(1, M + 1)))

    find_differences(way, is_native(make))


@pytest.mark.native
def test_in_float32_too_numbers_are_within_the_bound() -> None:
    """On ordinary numbers; these and the parameters are exact in float32."""
    x, y, numbers = (z.astype(np.float32) for z in (X, Y, W))

    def way(batch: list[Case]) -> None:
        weights = matrix_of(Value, numbers)
        f = mg.vectorize(
            lambda x, y: [run(one.lines, x, y, weights) for one in batch], dtype="float32"
        )
        for one, answer in zip(batch, f(x, y), strict=True):
            with in_single():
                matrix = matrix_of(Bounded, numbers)
                pairs = zip(x.tolist(), y.tolist())
                rows = [run(one.lines, [*map(Bounded, a)], Bounded(b), matrix) for a, b in pairs]
                bounds = bounds_of(rows, np.inf)
            within(np.transpose(answer), bounds, 1.01)

    find_differences(way, native=True)


FOUND = [  # programs of which an exact derivative differed, most of them in the last bit
    [("slope", "less", "log2", "acosh", 20, 25)],
    [("take", 3, 25), ("one", "erfcx", 30)],
    [("pluses", 12, 11), ("clip", 0, 17, 24), ("clip", 26, 30, 12), ("dot", 30, 19, 1)],
    [("total", mg.norm, 10), ("one_pair", "xlogy", 27, 0)],
    [("slope", "equal", "lgamma", "cos", 24, 9)],
    [("scaled", "div", 1, 1), ("total", mg.norm, 2)],
]


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_exact_c_has_functions_of_constants_from_the_library(tmp_path: Path) -> None:
    """x**0 is a constant, of which a C compiler would compute erfc itself, correctly rounded."""
    f = in_numpy(lambda x: mg.gelu(x**0), exact=True)
    f(np.ones(2))
    (value,) = set(CompiledC(f.source("c"), tmp_path)(f.pack(), np.ones(2))["value"].ravel())
    assert value == mg.gelu(1.0)


@pytest.mark.parametrize("lines", FOUND)
def test_exact_second_derivatives_of_formulas_with_choices(lines: list[Statement]) -> None:
    one = Case(lines)
    f = in_numpy(slopes_of([one]), exact=True, each="row")
    first, second = f.value_and_grad(np.array(POINTS)[:, None])
    same(np.transpose([first, second[:, 0]]), one.seconds)
