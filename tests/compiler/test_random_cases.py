"""The oracles of random programs: bounds that hold and are near, all operations drawn, differences
reduced to what matters."""

import numpy as np
import pytest
from bounded import Bounded
from random_cases import Case, bounds_of, case, find_differences, within
from random_programs import (
    BINARY,
    EXAMPLES,
    LINES,
    LONG,
    TRUTHS,
    UNARY,
    Statement,
    W,
    X,
    matrix_of,
    own,
    run,
)

import micrograd as mg

pytestmark = pytest.mark.filterwarnings("ignore:the result depends on the variables only through")


def test_the_engine_is_within_the_bound() -> None:
    def way(batch: list[Case]) -> None:
        for one in batch:
            within(one.values, one.bounds)
            within(one.gradients, one.bounds_of_gradients)
            within(one.seconds, one.bounds_of_seconds)

    find_differences(way, native=False)


def test_most_numbers_have_a_bound_and_it_is_near() -> None:
    """On ordinary numbers: of the values, in units of these."""
    bounds = [case(seed).bounds.part(slice(EXAMPLES)) for seed in range(100)]
    numbers, errors = (np.concatenate([x.ravel() for x in part]) for part in zip(*bounds))
    size = np.where(np.isfinite(numbers) & (numbers != 0), abs(numbers), 1.0)
    assert np.mean(np.isfinite(errors)) > 0.9
    assert np.median(errors / size) < 16 * 2.0**-53


def test_every_operation_is_drawn() -> None:
    others = {"where", "take", "dot", "sum", "norm", "clip", "logical_and"}
    drawn = {*UNARY, *BINARY, *TRUTHS} | others
    left_out = {row.name for row in own} - drawn
    assert left_out == ({"logical_not", "digamma"} | LONG) & {row.name for row in own}


def test_every_line_is_drawn() -> None:
    assert {name for seed in range(100) for name, *_ in case(seed).lines} == {*LINES}


@pytest.mark.parametrize("slip", [1 + 2.0**-40, 1 - 2.0**-40])
def test_the_bound_is_tight_enough_to_tell(slip: float) -> None:
    """A relative error of 10⁻¹² in one operation of a typical program exceeds the bound."""
    lines: list[Statement] = [("matrix", 0, 0), ("each", "tanh", 2), ("total", mg.sum, 3)]
    z = run(lines, [*map(Bounded, X[3].tolist())], Bounded(0.0), matrix_of(Bounded, W))[-1]
    with pytest.raises(AssertionError):
        within([[z.number * slip]], bounds_of([[z]]))


def test_a_difference_is_reduced_to_the_lines_that_matter() -> None:
    """A way that is wrong about softmax finds a program that is one softmax."""

    def way(batch: list[Case]) -> None:
        for one in batch:
            assert all(name != "softmax" for name, *_ in one.lines), "a slip"

    with pytest.raises(AssertionError, match=r"seed \d+: \[\('softmax', \d+\)\]\n.*a slip"):
        find_differences(way, native=False)
