"""Operations in words: what is printed of a derivative is what the table computes."""

import doctest
import inspect
import math
import pydoc
from collections.abc import Callable
from typing import Any

import pytest

import micrograd as mg
from micrograd import beta_function, ops
from micrograd.formula import Formula, _texts, derivative, derivative_line
from micrograd.operation import TABLE, UNLISTED, Op

both, either = ops.logical_and, ops.logical_or
DIFFERENTIABLE = [row for row in TABLE.values() if row.derivative]
NUMBERS = {"x": 0.3, "y": 1.7, "c": True, "a": 0.6, "b": 1.3, "x1": 0.2, "x2": 0.9, "x3": 1.0}
NUMBERS |= {"low": 0.1, "high": 0.9}
DOMAINS = {"acosh": {"x": 1.3}}


def evaluated(text: str, names: dict[str, Any]) -> float:
    """The number of a formula, as Python reads it."""
    functions = {**UNLISTED, **TABLE, "digamma": mg.digamma, "inf": math.inf}
    return eval(text, {**functions, **names})


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_the_printed_derivative_is_that_of_the_table(row: Op) -> None:
    """To the six digits that are printed."""
    gradients, shared = derivative(row)
    known = NUMBERS | DOMAINS.get(row.name, {})
    numbers = [known[name] for name in gradients]
    z = row(*numbers)
    names: dict[str, Any] = {**known, "g": 1.5, "z": z}
    for name, text in shared.items():
        names[name] = evaluated(text, names)
    printed = [evaluated(text, names) for text in gradients.values()]
    assert row.derivative is not None
    assert printed == pytest.approx([*row.derivative(1.5, z, *numbers)], rel=1e-5)


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y: x - (y - x), lambda x, y: x - y - x, lambda x, y: x / (y * x) / y,
        lambda x, y: -(x**2) + (-x) ** 2, lambda x, y: x ** (y**x), lambda x, y: (x**y) ** x,
        lambda x, y: -(x * y) - (-x), lambda x, y: x**-y, lambda x, y: (-2.0) * (x + y) * -3.0,
        lambda x, y: mg.where(both(x < y, either(y < 2, x > 5)), x, y),
        lambda x, y: mg.where(either(ops.logical_not(x < y), both(x < 1, y < 1)), x, -0.0 - y),
    ],
)  # fmt: skip
def test_parentheses_are_where_python_needs_them(formula: Callable[..., Any]) -> None:
    made: dict[Any, Formula] = {}
    x, y = [Formula(made, None, (), name) for name in "xy"]
    (text,), shared = _texts([formula(x, y)], {}, {"x", "y"})
    assert shared == {}
    assert evaluated(text, {"x": 0.3, "y": 1.7}) == formula(mg.Value(0.3), mg.Value(1.7)).data


def test_what_is_used_twice_has_a_name_and_is_printed_once() -> None:
    def steps(g: Any, z: Any, x: Any) -> Any:
        for _ in range(40):
            x = mg.sin(x) * mg.sin(x) + x
        return g * x

    made: dict[Any, Formula] = {}
    g, z, x = [Formula(made, None, (), name) for name in "gzx"]
    (_,), shared = _texts([steps(g, z, x)], {}, {"g", "z", "x"})
    assert max(map(len, shared.values())) < 40
    assert len(shared) <= 80


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_help_says_the_signature_the_meaning_and_an_example_that_runs(row: Op) -> None:
    said = pydoc.plain(pydoc.render_doc(row))
    assert f"{row.name}(" in said
    assert row.doc in said
    if row.derivative and row.arity is not None:
        names = {} if getattr(mg, row.name, None) is row else {row.name: row}
        test = doctest.DocTestParser().get_doctest(row.__doc__ or "", names, row.name, None, 0)
        assert test.examples
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_the_signature_names_the_operands() -> None:
    assert str(inspect.signature(mg.atan2)) == "(y, x, /)"
    assert str(inspect.signature(mg.leaky_relu)) == "(x, a=0.01, /)"
    assert str(inspect.signature(ops.sum)) == "(*x)"
    assert "name" in inspect.signature(Op).parameters  # the class has its own


def test_an_operation_of_a_user_is_described_as_those_of_the_package() -> None:
    @mg.op(derivative=lambda g, z, x, y: (g * 2 * x * y, g * x * x), name="weighed_square")
    def weighed_square(x: Any, y: Any) -> Any:
        """x times x times y"""
        return x * x * y

    try:
        assert derivative_line(weighed_square) == "g * 2 * x * y, g * x * x"
        assert str(inspect.signature(weighed_square)) == "(x, y, /)"
        said = weighed_square.__doc__ or ""
        assert said.startswith("weighed_square(x, y): x times x times y")
        assert "(0.0625, 0.25, 0.25)" in said
    finally:
        del TABLE["weighed_square"]


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_help_is_read_at_a_glance(row: Op) -> None:
    assert len(pydoc.render_doc(row)) < 2_000
    assert len(derivative_line(row)) < 1_500


def test_a_long_derivative_is_where_the_help_says() -> None:
    assert "a long formula, is _beta in micrograd.beta_function" in (mg.beta.__doc__ or "")
    assert mg.beta.derivative is vars(beta_function)["_beta"]


def test_a_derivative_that_is_no_formula_is_said_to_be_none() -> None:
    @mg.op(derivative=lambda g, z, x: g * math.exp(x), name="floats_only")
    def floats_only(x: Any) -> Any:
        return x

    try:
        assert derivative(floats_only) == ({}, {})
        assert "cannot be shown" in (floats_only.__doc__ or "")
    finally:
        del TABLE["floats_only"]
