"""Random inputs: the engine, compiled functions and exact ones agree on which of them raise.

Inputs are all that Python may pass for a number or a vector, and all ways to pass them. One thing
is left out, since it differs as documented: a Value is an operand of the engine only. An array is
one of Values.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from random_cases import COUNT, program
from random_programs import EDGES, M, Statement, W, run

import micrograd as mg
from micrograd import Value
from micrograd.engine import numbers_of

pytestmark = pytest.mark.filterwarnings("ignore:the result depends on the variables only through")

NUMBERS = [
    *EDGES, 3, -2, True, 10**400, -(10**400), np.float64(2.5), np.float32(0.5), np.int64(3),
    np.uint8(7), np.bool_(True), Fraction(1, 3), Decimal("0.1"), Decimal("NaN"),
    Decimal("-Infinity"), np.longdouble(0.25), np.float16(2.0),
]  # fmt: skip
OTHERS = [
    None, "3", "x", b"3", 1j, np.complex128(1), np.array(1j), np.array("3"), np.array(None), {1.0},
    object(), np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.ma.masked,
    Decimal("sNaN"), timedelta(1), float, NotImplemented, ...,
]  # fmt: skip
# The ways to pass x and y, and those that do not fit.
CALLS: list[Callable[..., Any]] = [
    *[lambda f, x, y: f(x, y)] * 20,
    lambda f, x, y: f(x, y=y),
    lambda f, x, y: f(y=y, x=x),
    lambda f, x, y: f(x),
    lambda f, x, y: f(x, y, y),
    lambda f, x, y: f(x, z=y),
    lambda f, x, y: f(x, y, y=y),
    lambda f, x, y: f(x, y, dtype="float32"),
]


def function_of(lines: list[Statement]) -> Any:
    def f(x: Any, y: Any) -> Any:
        return run(lines, x, y, W.tolist())

    return f


def on_values(f: Any) -> Any:
    """The function as the engine runs it: each number is a Value."""

    def eager(*args: Any, **kwargs: Any) -> list[float]:
        named = {name: _values(x) for name, x in kwargs.items()}
        return numbers_of(f(*map(_values, args), **named))

    return eager


def _values(x: Any) -> Any:
    if isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray):
        x = x.tolist()
    return [*map(_values, x)] if isinstance(x, (list, np.ndarray)) else Value(x)


def drawn(random: Random) -> tuple[Any, Any, Any]:
    """Arguments, and the way to pass them. Most are numbers; a vector may have another length."""

    def number() -> Any:
        return random.choice(NUMBERS if random.random() < 0.95 else OTHERS)

    size = M if random.random() < 0.9 else random.choice([0, 1, M - 1, M + 1])
    x: Any = [number() for _ in range(size)]
    if random.random() < 0.3:
        x = random.choice(
            [
                np.array([0.5] * size), np.array([1] * size), np.array([1j] * size),
                np.array(["1"] * size), np.array(x, object), np.array([True] * size),
                np.ma.masked_array([0.5] * size, [True] * size), number(),
            ]
        )  # fmt: skip
    return x, number(), random.choice(CALLS)


def outcome(f: Any, *drawn: Any) -> list[float] | None:
    """The numbers, or None if it raises."""
    x, y, call = drawn
    try:
        return np.ravel(call(f, x, y)).tolist()
    except (TypeError, ValueError, LookupError):
        return None


@pytest.mark.parametrize("seed", range(max(COUNT // 5, 1)))
def test_the_engine_and_compiled_functions_agree_on_which_inputs_raise(seed: int) -> None:
    f, random = function_of(program(seed)), Random(seed)
    fast, exact, many = mg.compile(f), mg.compile(f, exact=True), mg.vectorize(f, exact=True)
    for _ in range(30):
        inputs = drawn(random)
        expected = outcome(on_values(f), *inputs)
        found, bits = outcome(fast, *inputs), outcome(exact, *inputs)
        assert [found is None, bits is None] == [expected is None] * 2, inputs
        if expected is not None:
            np.testing.assert_array_equal(bits, expected)
        x, y, call = inputs
        if isinstance(x, list):  # of arrays, a list is a structure, not rows
            rows = outcome(many, [x, x], [y, y], call)
            assert (rows is None) == (expected is None), inputs
