"""Take: a table of any length, in every way of running it, at every index."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import differentiated, evaluated
from ways import WAYS, OneInNumPy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.program.ir import Map
from micrograd.compiler.trace import paths
from micrograd.engine import numbers_of

random = np.random.default_rng(0)
ROWS = 5, 16, 17, 40  # both sides of the length from which a table is read from memory
PLACES = [0.0, -0.0, 1.0, 3.0, 4.0, 15.0, 16.0, 17.0, 39.0, 40.0]
NOWHERE = [-1.0, 0.5, 1e300, 1e19, -1e19, math.inf, -math.inf, math.nan, 2.0**31, 2.0**32 + 1]
INDICES = np.array([*PLACES, *NOWHERE] * 3)
HOW: list[dict[str, Any]] = [{}, {"exact": True}, {"dtype": "float32"}, {"threads": 2}]


def within(rows: int) -> Any:
    """The indices of so many rows."""
    return np.array([k for k in INDICES if float(k).is_integer() and 0 <= k < rows] * 3)


def taken(table: Any, indices: Any = INDICES) -> Any:
    """By hand: NaN where there is no such row."""
    table = np.asarray(table)
    result = np.full((len(indices), *table.shape[1:]), np.nan)
    for n, k in enumerate(indices):
        if float(k).is_integer() and 0 <= k < len(table):
            result[n] = table[int(k)]
    return result


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("rows", ROWS)
def test_a_table_of_constants(rows: int, how: dict[str, Any]) -> None:
    table: list[float] = random.normal(size=rows).astype(np.float32).tolist()
    table[3] = table[1]  # constants are kept once
    f = mg.vectorize(lambda k: mg.take(table, k), **how)
    indices = within(rows)
    np.testing.assert_array_equal(f(indices), taken(table, indices))
    for nowhere in [float(rows), *NOWHERE]:
        with (
            np.errstate(over="ignore"),
            pytest.raises(IndexError, match=r"0 to \d+, got \S+ in example 1"),
        ):
            f(np.array([0.0, nowhere, 1.0] * 20))


@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_constants_and_of_parameters(rows: int) -> None:
    table = random.integers(0, 5, (rows, 3)) + 0.5
    values = [[Value(x) for x in row] for row in table.tolist()]
    for source in (table.tolist(), values):
        f = mg.vectorize(lambda k, source=source: mg.take(source, k))
        np.testing.assert_array_equal(np.transpose(f(within(rows))), taken(table, within(rows)))


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
    indices = within(rows)
    x = random.normal(size=(len(indices), rows))
    f = mg.vectorize(lambda x, k: 3 * mg.take(list(x), k), each="row")
    value, (dx, dk) = f.value_and_grad(x, indices)
    expected = [3 * taken(row, [k])[0] for row, k in zip(x, indices)]
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(dx, 3.0 * (np.arange(rows) == indices[:, None]))
    assert not np.any(dk)


@pytest.mark.parametrize("rows", ROWS)
def test_one_example_with_many_indices(rows: int) -> None:
    """Here the lanes hold members."""
    indices = within(rows)
    table = random.normal(size=(rows, len(indices)))
    f = mg.compile(lambda t, k: [mg.take(list(column), x) for column, x in zip(t.T, k)])
    expected = [taken(column, [k])[0] for column, k in zip(table.T, indices)]
    np.testing.assert_array_equal(f(table, indices), expected)
    indices[4] = rows
    with pytest.raises(IndexError, match=rf"from 0 to {rows - 1}, got {rows}\.0$"):
        f(table, indices)


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
    f(np.arange(9.0))
    assert str(f.source("llvm")).count("fcmp oeq") < 50


TABLE = [5.0, 7.0, 9.0]
weight = Value(2.0)
# Functions of an index k, and a number; Python raises for a list where they raise.
TAKES: dict[str, Callable[[Any, Any], Any]] = {
    "the result": lambda k, x: 2 * mg.take([x, 2 * x, weight], k),
    "a comparison": lambda k, x: mg.where(mg.take(TABLE, k) > 6, x, 2 * x),
    "a branch that is not taken": lambda k, x: mg.where(k < 3, mg.take(TABLE, k), x),
    "an index of another": lambda k, x: mg.take([x, 3.0], mg.take([0.0, 1.0, 0.0], k)),
    "a power of 0": lambda k, x: mg.take(TABLE, k) ** (0 * x),
    "no result": lambda k, x: (mg.take(TABLE, k), x * x)[1],
    "a derivative": lambda k, x: mg.grad(lambda x: mg.take([1.0, x, 3.0], k) * x)(x),
    "one path of two": lambda k, x: mg.take(TABLE, k) * x if k < 3 else -x,
    "a question": lambda k, x: x * x if mg.take(TABLE, k) > 6 else x,
    "both paths": lambda k, x: mg.take(TABLE, k + 1) if x > 0 else mg.take([x, 1.0], k),
}


def result_of(f: Any, *numbers: Any) -> Any:
    try:
        return np.ravel(f(*numbers)).tolist()
    except IndexError as error:
        return str(error).partition(" in example")[0]


@pytest.mark.parametrize("way", [*WAYS, "exact", "one", "one in NumPy"])
@pytest.mark.parametrize("name", TAKES)
def test_compiled_code_raises_where_the_engine_does(name: str, way: str) -> None:
    f = TAKES[name]
    alone = {"one": mg.compile, "one in NumPy": lambda f: OneInNumPy(f, "float64", 1, False)}
    make = alone.get(way) or (lambda f: mg.vectorize(f, exact=True))
    run: Any = make(f) if way not in WAYS else WAYS[way][0](f)
    for k in (1.0, 0.0, 2.0, 3.0, -1.0, 0.5, math.nan, 1.0):
        for x in (2.0, -2.0):
            expected = result_of(lambda k, x: numbers_of([f(Value(k), Value(x))]), k, x)
            arguments: Any = (k, x) if way in alone else (np.array([1.0, k, 0.0]), np.full(3, x))
            for call in (run, lambda *given: run.value_and_grad(*given)[0]):
                found = result_of(call, *arguments)
                other = result_of(call, np.array([k]), x) if way not in alone else found
                middle = found if isinstance(found, str) or way in alone else found[1:2]
                assert [middle, other] == [expected, expected], (k, x)


def test_the_message_names_the_example() -> None:
    for name in ("the result", "a comparison", "one path of two"):
        f = mg.vectorize(TAKES[name])
        k = np.array([0.0, 1.0, 2.0, 0.5, -1.0])
        with pytest.raises(IndexError, match=r"from 0 to 2, got 0\.5 in example 3$"):
            f(k, 1.0)
        with pytest.raises(IndexError, match="in example 3"):
            f.backward(k, 1.0)
    with pytest.raises(IndexError, match=r"from 0 to 2, got 3 in example 1$"):
        mg.take(TABLE, np.array([0, 3]))


def test_more_paths_than_run_in_lanes_raise_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "IN_LANES", 1)
    f = mg.vectorize(TAKES["one path of two"])
    assert f(np.array([1.0, 3.0]), 2.0).tolist() == [14.0, -2.0]
    with pytest.raises(IndexError, match=r"got -1\.0 in example 1"):
        f(np.array([3.0, -1.0]), 2.0)


def test_training_on_labels_that_are_out_of_range_raises() -> None:
    model = mg.MLP(2, [3], seed=0)

    def loss(outputs: Any, label: Any) -> Any:
        return mg.where(mg.take(outputs, label) > 0, 1.0, mg.sum(z * z for z in outputs))

    x, y = random.normal(size=(8, 2)), np.array([0, 1, 2, 0, 1, 2, 3, 0])
    with pytest.raises(IndexError, match=r"from 0 to 2, got 3\.0"):
        mg.fit(model, x, y, loss=loss, epochs=2, progress=False)
