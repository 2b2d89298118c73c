"""Take: a table of any length, in every way of running it, at every index."""

import math
from typing import Any

import numpy as np
import pytest
from pipeline import differentiated, evaluated

import micrograd as mg
from micrograd import Value
from micrograd.compiler.program.ir import Map

random = np.random.default_rng(0)
ROWS = 5, 16, 17, 40  # both sides of the length from which a table is read from memory
PLACES = [0.0, -0.0, 1.0, 3.0, 4.0, 15.0, 16.0, 17.0, 39.0, 40.0]
NOWHERE = [-1.0, 0.5, 1e300, 1e19, -1e19, math.inf, -math.inf, math.nan, 2.0**31, 2.0**32 + 1]
INDICES = np.array([*PLACES, *NOWHERE] * 3)


def taken(table: Any, indices: Any = INDICES) -> Any:
    """By hand: NaN where there is no such row."""
    table = np.asarray(table)
    result = np.full((len(indices), *table.shape[1:]), np.nan)
    for n, k in enumerate(indices):
        if float(k).is_integer() and 0 <= k < len(table):
            result[n] = table[int(k)]
    return result


@pytest.mark.parametrize("how", [{}, {"exact": True}, {"dtype": "float32"}, {"threads": 2}])
@pytest.mark.parametrize("rows", ROWS)
def test_a_table_of_constants(rows: int, how: dict[str, Any]) -> None:
    table: list[float] = random.normal(size=rows).astype(np.float32).tolist()
    table[3] = table[1]  # constants are kept once
    f = mg.vectorize(lambda k: mg.take(table, k), **how)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(f(INDICES), taken(table))


@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_constants_and_of_parameters(rows: int) -> None:
    table = random.integers(0, 5, (rows, 3)) + 0.5
    values = [[Value(x) for x in row] for row in table.tolist()]
    for source in (table.tolist(), values):
        f = mg.vectorize(lambda k, source=source: mg.take(source, k))
        np.testing.assert_array_equal(np.transpose(f(INDICES)), taken(table))


@pytest.mark.parametrize("rows", ROWS)
def test_without_machine_code(rows: int) -> None:
    table = random.normal(size=(rows, 2)).tolist()
    np.testing.assert_array_equal(
        evaluated(lambda k: mg.take(table, k), INDICES), taken(np.array(table))
    )
    x = random.normal(size=(len(INDICES), rows))
    found = evaluated(lambda x, k: mg.take(list(x), k), x, INDICES)[:, 0]
    expected = [taken(row, [k])[0] for row, k in zip(x, INDICES)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rows", ROWS)
def test_a_table_in_every_example(rows: int) -> None:
    x = random.normal(size=(len(INDICES), rows))
    f = mg.vectorize(lambda x, k: 3 * mg.take(list(x), k), each="row")
    value, (dx, dk) = f.value_and_grad(x, INDICES)
    expected = [3 * taken(row, [k])[0] for row, k in zip(x, INDICES)]
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(dx, 3.0 * (np.arange(rows) == INDICES[:, None]))
    assert not np.any(dk)


@pytest.mark.parametrize("rows", ROWS)
def test_one_example_with_many_indices(rows: int) -> None:
    """Here the lanes hold members."""
    table = random.normal(size=(rows, len(INDICES)))
    f = mg.compile(lambda t, k: [mg.take(list(column), x) for column, x in zip(t.T, k)])
    expected = [taken(column, [k])[0] for column, k in zip(table.T, INDICES)]
    np.testing.assert_array_equal(f(table, INDICES), expected)


@pytest.mark.parametrize("how", [{}, {"exact": True}, {"threads": 2}])
@pytest.mark.parametrize("rows", ROWS)
def test_the_gradient_of_a_table_adds_up_what_each_row_gets(rows: int, how: Any) -> None:
    table = [[Value(x) for x in row] for row in random.normal(size=(rows, 2)).tolist()]
    scale = Value(3.0)

    def loss(k: Any, x: Any) -> Any:
        a, b = mg.take(table, k)
        return scale * a * x + mg.sin(b)

    k, x = random.integers(0, rows, 300), random.normal(size=300)
    f = mg.vectorize(loss, **how)
    f.backward(k, x)
    expected = np.zeros((rows, 2))
    np.add.at(expected, k, np.stack([3.0 * x, np.cos([table[i][1].data for i in k])], 1) / 300)
    np.testing.assert_allclose([[p.grad for p in row] for row in table], expected, atol=1e-15)


def test_a_second_derivative_goes_through_the_table() -> None:
    def f(x: Any, k: Any) -> Any:
        return mg.hessian(lambda x: mg.take([y * y * y for y in x], k))(x)

    x = random.normal(size=20)
    h = mg.compile(f)(x, 7.0)
    np.testing.assert_allclose(h, np.diag(np.where(np.arange(20) == 7, 6 * x, 0.0)), rtol=1e-14)


def test_the_gradient_is_one_comparison_for_all_rows() -> None:
    table = [Value(float(k)) for k in range(50)]
    program = differentiated(lambda k: mg.take(table, k) ** 2, None, per_example=False)
    assert len([i for i in program.instructions if isinstance(i, Map)]) <= 6
    table_of_two = differentiated(lambda x, k: mg.take(list(x), k), (2,), None, per_example=True)
    assert "equal" in str(table_of_two)


@pytest.mark.native
def test_a_long_table_is_read_from_memory() -> None:
    table = random.normal(size=1_000).tolist()
    f = mg.vectorize(lambda k: mg.take(table, k))
    f(INDICES)
    assert str(f.source("llvm")).count("fcmp oeq") < 50
