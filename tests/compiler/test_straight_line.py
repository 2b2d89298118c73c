"""Small irregular programs are straight-line code, cut into functions, with the same bits."""

import math
import textwrap
from typing import Any

import numpy as np
from pipeline import differentiated, rolled
from planned import by_minors, plain, plan

import micrograd as mg
from micrograd import Value
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import Step
from micrograd.compiler.schedule.schedule import schedule
from micrograd.compiler.schedule.straight_line import STRETCH, stretches


def test_small_irregular_programs_are_straight_line_code() -> None:
    """A look-up of an index would cost as much as the load that follows."""
    assert plan(by_minors(3), (9,)) == textwrap.dedent("""\
        plan: 136 examples at once, 10 rows of them
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


def test_what_only_one_function_of_straight_line_code_reads_is_not_stored() -> None:
    """A number that the next function reads has a row; one that only its own reads has none."""
    plan = schedule(rolled(mg.det, (7, 7)), 8)
    written: dict[Any, int] = {}  # in which function
    read: set[Any] = set()  # what others read
    for k, part in enumerate(stretches(plain(plan))):
        for nest, member in (member for tile in part for member in tile):
            accesses = [(x, t) for step in nest.steps for x, t in _accesses(step)]
            places = [(x.block, x.at(member, t)) for x, t in accesses]
            read.update(x for x in places if written.get(x, k) < k)
            stored = [step.target for step in nest.steps if step.stored]
            written.update(((x.block, x.at(member)), k) for x in stored)
    (output,) = plan.program.outputs["value"]
    assert plan.private == {x for x in written if x not in read and x[0] is not output.block}
    assert len(read) > 20
    assert len(plan.private) > 20
    homes = {block.name for block in plan.offset}
    assert {block.name for block, _ in plan.private} - homes


def _accesses(step: Step) -> list[tuple[Access, int]]:
    factors = [(1, step.operands), *step.products]
    return [(x, t) for n, some in factors for x in some if isinstance(x, Access) for t in range(n)]


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
