"""Small irregular programs are straight-line code, cut into functions, with the same bits."""

import math
import textwrap
from typing import Any

import numpy as np
from pipeline import differentiated, rolled
from planned import by_minors, plain, plan

import micrograd as mg
from micrograd import Value
from micrograd.compiler.schedule.schedule import schedule
from micrograd.compiler.schedule.straight_line import STRETCH, stretches


def test_small_irregular_programs_are_straight_line_code() -> None:
    """A look-up of an index would cost as much as the load that follows."""
    assert plan(by_minors(3), (9,)) == textwrap.dedent("""\
        plan: 136 examples at once, 13 rows of them
        examples:
          straight-line, for i < 3:
            %1[i] = r0 = x0[table] * x0[table] + c[0] * x0[table] * x0[table]
          straight-line,
            %2[0] = r0 = sum t < 2 of x0[2t] * %1[2t] + c[0] * x0[1] * %1[1]""")


def test_straight_line_code_is_cut_into_functions() -> None:
    """The work of each is bounded; the members stay in order."""
    program = differentiated(by_minors(6), (36,), per_example=True)
    nests = plain(schedule(program, 8))
    parts = stretches(nests)
    assert [member for part in parts for tile in part for member in tile] == [
        (nest, member) for nest in nests for member in np.ndindex(nest.axes)
    ]
    assert len(parts) > 3
    for first, *others in parts:
        work = sum(
            nest.work // math.prod(nest.axes) for tile in (first, *others) for nest, _ in tile
        )
        assert work <= STRETCH or not others


def test_long_sums_in_straight_line_code_are_computed_side_by_side() -> None:
    """They share their loads; a sum that reads another one comes after it."""
    order = np.random.default_rng(0).permutation(16)

    def f(x: Any) -> Any:
        sums = [mg.dot([x[order[i + j]] for j in range(6)], x[i : i + 6]) for i in range(10)]
        return mg.dot(sums[:6], sums[4:])

    plan = schedule(rolled(f, (16,)), 8)
    assert plan.straight_line
    assert [len(tile) for part in stretches(plain(plan)) for tile in part] == [8, 2, 1]


def test_straight_line_code_is_exact_in_exact_mode() -> None:
    x = np.random.default_rng(0).normal(size=(9, 36))
    f = mg.vectorize(by_minors(6), exact=True)
    values, gradients = f.value_and_grad(x)
    for row, value, gradient in zip(x, values, gradients):
        numbers = [Value(number) for number in row]
        root = by_minors(6)(numbers)
        root.backward()
        assert root.data == value
        np.testing.assert_array_equal([number.grad for number in numbers], gradient)


def test_large_irregular_programs_keep_their_loops() -> None:
    assert not schedule(differentiated(by_minors(9), (81,), per_example=True), 8).straight_line
