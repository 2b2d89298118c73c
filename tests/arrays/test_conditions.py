"""Conditions of `where` and similar functions: truths, and 0 and 1; `~` of a bool is neither."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value

NOT_TRUE = -2  # ~True, which Python 3.12 warns of

WAYS: dict[str, Callable[[Any], Any]] = {
    "floats": lambda c: mg.where(c, 1.0, 2.0),
    "Values": lambda c: mg.where(c, Value(1.0), Value(2.0)),
    "a Value and a number": lambda c: mg.where(c, Value(1.0), 2),
    "an array": lambda c: mg.where(c, np.array([1.0]), 2.0)[0],
    "np.where of Values": lambda c: np.where(c, mg.array([Value(1.0)]), 2.0)[0],
    "within grad": lambda c: mg.grad(lambda x: x + mg.where(c, x, 2 * x))(1.0),
    "compiled": lambda c: mg.compile(lambda x: mg.where(c, x, 2 * x))(1.0),
    "vectorized": lambda c: mg.vectorize(lambda x: mg.where(c, x, 2 * x))(np.ones(2))[0],
    "logical_not": lambda c: mg.where(mg.logical_not(c), 2.0, 1.0),
    "logical_and": lambda c: mg.where(mg.logical_and(c, True), 1.0, 2.0),
    "logical_or": lambda c: mg.where(mg.logical_or(False, c), 1.0, 2.0),
}
EACH_WAY = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@EACH_WAY
@pytest.mark.parametrize("c", [NOT_TRUE, -1, 2, np.int64(-2), np.array([-2, 0]), np.array(-1)])
def test_an_integer_that_is_no_condition_is_refused(way: Callable[[Any], Any], c: Any) -> None:
    with pytest.raises(TypeError, match=r"condition.*~.*logical_not"):
        way(c)


@EACH_WAY
@pytest.mark.parametrize("c", [True, 1, np.int8(1), np.True_, 1.0])
def test_truths_and_one_are_conditions(way: Callable[[Any], Any], c: Any) -> None:
    number = way(c)
    assert float(number.data if isinstance(number, Value) else number) in (1.0, 2.0)
    other = way(type(c)(0))
    assert number != other


@pytest.mark.filterwarnings("ignore:Bitwise inversion:DeprecationWarning")  # Python 3.12
def test_the_negation_of_a_comparison_is_refused_eager_and_compiled() -> None:
    def f(x: Any) -> Any:
        return mg.where(~(x > 0), 1.0, x)

    for run in (mg.grad(f), mg.compile(f), mg.vectorize(f)):
        with pytest.raises(TypeError, match="logical_not"):
            run(1.0)


def test_where_a_negated_comparison_is_right_beside_and_it_works() -> None:
    """`True & ~False` is 1 in Python."""
    assert [mg.where(c & NOT_TRUE + 1, 1.0, 2.0) for c in (True, False)] == [1.0, 2.0]
