"""A new row of the table needs no second edit: every part of the package is right with it."""

import pydoc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pipeline import evaluated, rolled
from ways import in_numpy

import micrograd as mg
from micrograd import cli, formula, functions, operation, ops, scalar
from micrograd.compiler.program import fingerprint
from micrograd.compiler.schedule.cost import QUICK, cost
from micrograd.operation import Op
from micrograd.ops import TABLE
from micrograd.scalar import Scalar


def _of_the_library() -> Op:
    """A row as `ops.py` has them: with a choice, and a default."""

    @operation.composed(lambda g, z, x, a: (ops.select(x > a, g * 2 * x, 0.0), 0.0))
    def hill(x, a=1.0):
        """x² beyond a, else 0"""
        return ops.select(x > a, x * x, 0.0)

    return hill


def _of_a_user() -> Op:
    @mg.op(derivative=lambda g, z, x, a: (mg.where(x > a, g * 2 * x, 0.0), 0.0))
    def mound(x, a=1.0):
        return mg.where(x > a, x * x, 0.0)

    return mound


@pytest.fixture(params=[_of_the_library, _of_a_user])
def row(request: pytest.FixtureRequest) -> Op:
    """One new row; `conftest.py` takes it out of the table again."""
    return request.param()


X = np.array([-3.0, 0.5, 1.0, 1.5, 2.0])
WANT, SLOPE, CURVATURE = (np.where(X > 1, y, 0.0) for y in (X * X, 2 * X, 2.0))


def test_eager_with_first_and_second_derivatives(row: Op) -> None:
    for x, want, slope, curvature in zip(X.tolist(), WANT, SLOPE, CURVATURE):
        assert row(x) == row(mg.Value(x)).data == want
        assert row(x, 1.75) == (4.0 if x == 2.0 else 0.0)
        assert mg.grad(row)(x) == slope
        assert mg.grad(mg.grad(row))(x) == curvature
    np.testing.assert_array_equal(row(X), WANT)


@pytest.mark.parametrize("exact", [False, True])
def test_compiled_for_one_example_and_for_many(row: Op, exact: bool) -> None:
    f: Callable[..., Any] = lambda x: row(x)  # noqa: E731
    many, one = mg.vectorize(f, exact=exact), mg.compile(f, exact=exact)
    for got, want in zip(many.value_and_grad(X), (WANT, SLOPE)):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(mg.vectorize(mg.grad(mg.grad(f)), exact=exact)(X), CURVATURE)
    assert [one.value_and_grad(x) for x in X.tolist()] == [*zip(WANT.tolist(), SLOPE.tolist())]


def test_in_numpy(row: Op) -> None:
    np.testing.assert_array_equal(evaluated(lambda x: row(x), X)[:, 0], WANT)
    value, slope = in_numpy(lambda x: row(x)).value_and_grad(X)
    np.testing.assert_array_equal([value, slope], [WANT, SLOPE])


def test_as_c(row: Op) -> None:
    text = mg.compile(lambda x: row(x)).source("c", 1.5)
    assert f"static double mg_{row.name}(double x, double a)" in text
    assert "return x > a ? x * x : 0.0;" in text.replace("a < x", "x > a")


def test_its_cost_is_that_of_its_formula(row: Op) -> None:
    assert cost(row, 2) == 3 <= QUICK  # to compare, to multiply, to choose


def test_it_is_explained_by_its_name(row: Op) -> None:
    assert row.name in mg.vectorize(lambda x: row(x) + 1).explain(X)


def test_the_program_of_a_row_of_the_package_is_kept_on_disk_and_that_of_a_user_is_not(
    row: Op,
) -> None:
    known = fingerprint.of_program(rolled(lambda x: row(x), None))
    assert (known is not None) == row.library == (row.name == "hill")


def test_help_and_the_command_say_its_derivative(row: Op) -> None:
    shown = CliRunner().invoke(cli.main, ["ops"]).output.splitlines()
    (line,) = [line for line in shown if line.split()[:1] == [row.name]]
    help_of_row = pydoc.plain(pydoc.render_doc(row))
    assert formula.derivative_line(row) in line
    assert f"{row.name}(x, a=1.0)" in help_of_row
    assert "g * 2 * x" in line.replace("2 * g", "g * 2")
    assert "Derivative" in help_of_row


def test_on_arrays_of_values_and_as_a_method(row: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    values = mg.array([mg.Value(x) for x in X.tolist()])
    assert [z.data for z in row(values)] == WANT.tolist()
    monkeypatch.setattr(Scalar, row.name, None, raising=False)  # is undone at the end
    monkeypatch.delattr(Scalar, row.name)
    scalar.add_methods()
    assert hasattr(Scalar, row.name) == row.library
    if row.library:
        assert getattr(mg.Value(1.5), row.name)().data == 2.25
        delattr(Scalar, row.name)


UFUNCS = [name for name in TABLE if isinstance(getattr(np, name, None), np.ufunc)]


@pytest.mark.parametrize("name", UFUNCS)
def test_the_ufunc_of_its_name_is_the_row(name: str) -> None:
    row = TABLE[name]
    operands = [1.0 if name == "acosh" else 0.5, 0.25, 0.75][: row.arity]
    ufunc = getattr(np, name)
    if not row.boolean:
        (z,) = ufunc(*[mg.array([mg.Value(x)]) for x in operands])
        assert z.data == row(*operands)


def test_as_an_activation_by_its_name(row: Op) -> None:
    neuron = mg.Neuron(1, activation=row.name, seed=0)
    neuron.weights[0].data, neuron.bias.data = 2.0, 0.0
    assert neuron([1.5]).data == 9.0


@pytest.mark.native
def test_a_derivative_that_asks_python_for_a_truth_says_so_when_it_is_compiled() -> None:
    @mg.op(derivative=lambda g, z, x: g if x > 0 else 0.0)
    def kinked(x):
        return x if x > 0 else 0.0 * x

    with pytest.raises(mg.TraceError, match="where"):
        mg.vectorize(lambda x: kinked(x) + 1).value_and_grad(X)


# What is written a second time for readers and type checkers, and where.


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if not row.boolean])
def test_every_row_is_public(name: str) -> None:
    known = TABLE[name], getattr(functions, name, None), mg.dot  # some take a sequence
    where = f"micrograd/__init__.py: import {name}, and list it in __all__"
    assert getattr(mg, name, 0) in known, where


def test_every_row_of_numbers_is_a_method() -> None:
    """Unless it has an operator: those have a symbol."""
    names = [
        name
        for name, row in TABLE.items()
        if row.arity and row.library and not (row.boolean or row.symbol or row.conditions)
    ]
    assert [name for name in names if not hasattr(Scalar, name)] == []
    for name in names:
        first, *others = [1.0 if name == "acosh" else 0.5, 0.25, 0.75][: TABLE[name].arity]
        got = getattr(mg.Value(first), name)(*others)
        assert got.data == TABLE[name](first, *others)
