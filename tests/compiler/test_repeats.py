"""Repeats: what was written twice is computed once, and a term stays a term."""

import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from pipeline import differentiated, eager, evaluated, rolled, traced

import micrograd as mg
from micrograd.compiler.program.ir import Map
from micrograd.compiler.program.roll import roll

random = np.random.default_rng(0)


def operations(f: Callable[..., Any], *shapes: Any) -> list[str]:
    """The names of the maps of a program, a name for each member."""
    maps = [i for i in rolled(f, *shapes).instructions if isinstance(i, Map)]
    return sorted(i.op.name for i in maps for _ in range(len(i)))


def twice(x: Any, y: Any) -> Any:
    return mg.sin(x * y) * x + mg.sin(x * y) * y


def test_an_expression_that_is_written_twice_is_computed_once() -> None:
    assert str(rolled(twice, None, None)) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1] = mul(x0[0], x1[0])
          %2[n, 1] = sin(%1[0])
          %3[n, 1] = sum of x0[0] * %2[0] + x1[0] * %2[0]
          value = %3[0]""")


def test_its_gradient_computes_the_derivative_once() -> None:
    program = differentiated(twice, None, None, per_example=True)
    names = [i.op.name for i in program.instructions if isinstance(i, Map)]
    assert (names.count("sin"), names.count("cos")) == (1, 1)


def by_minors(a: Any, remember: Any) -> Any:
    size = len(a)

    @remember
    def minor(columns: tuple[int, ...]) -> Any:
        row = a[size - len(columns)]
        if len(columns) == 1:
            return row[columns[0]]
        total = row[columns[0]] * minor(columns[1:])
        for k in range(1, len(columns)):
            term = row[columns[k]] * minor(columns[:k] + columns[k + 1 :])
            total = total - term if k % 2 else total + term
        return total

    return minor(tuple(range(size)))


def test_plain_recursion_is_the_program_of_remembered_results() -> None:
    plain, remembered = [
        rolled(lambda a, how=how: by_minors(a, how), (5, 5)) for how in (lambda f: f, cache)
    ]
    assert sum(map(len, plain.computations)) == sum(map(len, remembered.computations))
    a = random.normal(size=(3, 5, 5))
    values = evaluated(lambda a: by_minors(a, lambda f: f), a)
    np.testing.assert_allclose(values[:, 0], np.linalg.det(a), rtol=1e-12)


def test_a_product_is_a_term_of_each_sum_for_which_it_was_written_and_a_sum_is_shared() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return [a * b + c, a * b - c, (a + b) + c, (a + b) - c]

    assert str(rolled(f, None, None, None)) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1], x2[n, 1]
          %1[n, 1] = sum of x0[0] * x1[0] + x2[0]
          %2[n, 1] = sum of -1 * x2[0] + x0[0] * x1[0]
          %3[n, 1] = sum of x0[0] + x1[0]
          %4[n, 1] = sum of x2[0] + %3[0]
          %5[n, 1] = sum of -1 * x2[0] + %3[0]
          value = %1[0], %2[0], %4[0], %5[0]""")
    numbers = [random.normal(size=7) for _ in range(3)]
    np.testing.assert_allclose(evaluated(f, *numbers), eager(f, *numbers), rtol=1e-13)


def test_sums_that_begin_alike_share_no_single_term() -> None:
    """Python's sum begins with 0 + x."""
    text = str(rolled(lambda x: [sum((x[0], x[1])), sum((x[0], x[2]))], (3,)))
    assert "%1[n, 2] = sum of x0[table of 2 x 2] (t < 2)" in text


def test_a_matrix_product_that_is_written_twice_is_one() -> None:
    w = np.array([[mg.Value(x) for x in row] for row in random.normal(size=(3, 4)).tolist()])

    def f(x: Any) -> Any:
        return [*np.tanh(w @ x), *np.sin(w @ x)]

    text = str(rolled(f, (4,)))
    assert text.count("sum of") == 1
    assert "%1[n, 3] = sum of w[4i + t] * x0[t] (t < 4)" in text


def test_numbers_that_differ_in_a_sign_only_are_two() -> None:
    assert operations(lambda x: [x / 0.0, x / -0.0, x / 0.0], None) == ["div", "div"]


def test_the_same_operands_of_another_operation_are_no_repeat() -> None:
    assert operations(lambda x: [mg.sin(x), mg.cos(x), mg.sin(x)], None) == ["cos", "sin"]
    assert operations(lambda x, y: [x / y, y / x], None, None) == ["div", "div"]


def test_many_operands_repeat_as_few_do() -> None:
    def f(x: Any) -> Any:
        return [mg.norm(np.sin(x)), mg.norm(np.sin(x)), mg.sum(mg.sin(y) for y in x)]

    assert operations(f, (40,)).count("sin") == 40
    x = random.normal(size=(2, 40))
    np.testing.assert_allclose(evaluated(f, x), eager(f, x), rtol=1e-14)


def test_exact_computes_what_is_written() -> None:
    program = roll(traced(twice, None, None), exact=True)
    assert sum(isinstance(i, Map) and i.op.name == "sin" for i in program.instructions) == 1
    assert sum(len(i) for i in program.computations if "sin(" in repr(i)) == 2


def test_a_question_about_a_sum_that_is_written_again_decides_as_the_engine() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return (x + y) + z if (x + y) - z > 0 else (x + y) * z

    g = mg.vectorize(f)
    x, y, z = [random.choice([0.1, 0.2, 0.3, 1e16, -1e16], size=200) for _ in range(3)]
    np.testing.assert_allclose(g(x, y, z), [f(*row) for row in zip(x, y, z)], rtol=1e-15)


@pytest.mark.parametrize("per_example", [False, True])
def test_gradients_of_shared_results_are_those_of_values(per_example: bool) -> None:
    def score(x: Any, w: Any) -> Any:
        return mg.exp(mg.sin(w * x) + x) * mg.sin(w * x) + (w * x - x) ** 2

    f = mg.compile(lambda x, w: score(x, w) * score(x, w) - score(x, w) / (2 + score(w, x) ** 2))
    where = (0.3, 0.7)
    expected = mg.value_and_grad(
        lambda x, w: score(x, w) * score(x, w) - score(x, w) / (2 + score(w, x) ** 2), (0, 1)
    )(*where)
    value, gradient = f.value_and_grad(*where)
    np.testing.assert_allclose([value, *gradient], [expected[0], *expected[1]], rtol=1e-13)
