"""What counts as a number is the same in every call, in every way to run, and for a Value."""

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from ways import in_numpy

import micrograd as mg
from micrograd import Value


class Column:
    """Like a pandas object: NumPy converts it to an array."""

    def __init__(self, *numbers: Any):
        self.numbers = numbers

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.numbers, dtype)


def triple(x: Any) -> Any:
    return 3.0 * x


def after_a_call(f: Any) -> Any:
    f(1.0)
    f(np.array([1.0]))
    return f


WAYS: dict[str, Any] = {
    "compiled": lambda: mg.compile(triple),
    "compiled, a later call": lambda: after_a_call(mg.compile(triple)),
    "exact": lambda: mg.compile(triple, exact=True),
    "vectorized": lambda: mg.vectorize(triple),
    "vectorized, a later call": lambda: after_a_call(mg.vectorize(triple)),
    "in NumPy": lambda: in_numpy(triple),
    "a gradient": lambda: lambda x: 3.0 * x_of_gradient(mg.compile(lambda v: v * v / 2), x),
    "theta": lambda: of_theta,
}
EAGER = {"a Value": lambda: lambda x: triple(Value(x)).data}


def x_of_gradient(f: Any, x: Any) -> Any:
    return f.value_and_grad(x)[1]


def of_theta(x: Any) -> Any:
    w = Value(1.0)
    f = mg.compile(lambda scale: w * scale)
    f(1.0)
    return f.gradient({w: x}, 3.0)[0]


NUMBERS: list[Any] = [
    2.0, 2, True, 2**70, -(10**400), Decimal("0.5"), Fraction(1, 2), np.float32(0.5), np.int8(-2),
    np.bool_(True), np.float16(2), np.longdouble(2), np.uint64(2**63), float("nan"), float("-inf"),
]  # fmt: skip
NONE: list[Any] = [
    "2", b"2", None, 1j, np.complex128(2), np.str_("2"), np.datetime64("2020-01-01"),
    np.timedelta64(3, "s"), object(), np.ma.masked, {2.0}, Ellipsis,
]  # fmt: skip
ARRAYS: list[tuple[Any, list[float]]] = [
    (np.array([1, 2], "int8"), [1, 2]), (np.array([True, False]), [1, 0]),
    (np.array([1.0, np.nan], object), [1, np.nan]),
    (np.array([Fraction(1, 2), Decimal(2), 2**70], object), [0.5, 2, 2.0**70]),
    (Column(1.0, 2.5), [1, 2.5]), (Column(1, Fraction(1, 2)), [1, 0.5]),
    (np.ma.masked_array([1.0, 2.0], mask=False), [1, 2]), (np.arange(4.0)[::2], [0, 2]),
    (np.array([1.0, 2.0], ">f4"), [1, 2]),
]  # fmt: skip
NO_ARRAYS: list[Any] = [
    np.array([1.0, None], object), np.array([1.0, "2"], object), np.array([1j]), np.array(["1"]),
    np.array(["2020-01-01"], "datetime64[D]"), np.array([3], "timedelta64[s]"),
    np.ma.masked_array([1.0, 2.0], [False, True]), Column(1.0, None),
    np.ones((1, 2)).view(np.matrix),
    np.array([Value(1.0)], object), np.zeros(2, [("x", float)]),
]  # fmt: skip


@pytest.mark.parametrize("way", [*WAYS, *EAGER])
def test_numbers_are_numbers_in_every_way(way: str) -> None:
    for x in NUMBERS:
        expected = 3.0 * Value(x).data
        np.testing.assert_array_equal((WAYS | EAGER)[way]()(x), expected)


@pytest.mark.parametrize("way", [*WAYS, *EAGER])
def test_anything_else_is_a_type_error_in_every_way(way: str) -> None:
    for x in NONE:
        with pytest.raises(TypeError):
            (WAYS | EAGER)[way]()(x)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("theta", "a gradient")])
def test_arrays_of_numbers(way: str) -> None:
    for (x, expected), twice in itertools.product(ARRAYS, [False, True]):
        f = WAYS[way]()
        if twice:
            f(np.ones(2))
        np.testing.assert_array_equal(f(x), 3.0 * np.array(expected))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "theta"])
def test_arrays_of_anything_else(way: str) -> None:
    for x in NO_ARRAYS:
        with pytest.raises(mg.ShapeError, match="takes numbers and arrays of numbers, got"):
            WAYS[way]()(x)


def test_lists_of_numbers_are_arrays_of_them() -> None:
    f = mg.vectorize(triple)
    assert f([Fraction(1, 2), 2**70, True]).tolist() == [1.5, 3.0 * 2.0**70, 3.0]
    for wrong in ([1.0, None], ["1", "2"], [1.0, np.ma.masked], [1j], [Value(1.0)]):
        with pytest.raises(mg.ShapeError, match="takes numbers and arrays of numbers, got"):
            f(wrong)


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_a_message_says_what_to_do(make: Any) -> None:
    f = make(triple)
    with pytest.raises(mg.ShapeError, match=r"masked numbers.*x\.filled\(0\.0\)"):
        f(np.ma.masked_array([1.0, 2.0], [False, True]))
    with pytest.raises(mg.ShapeError, match=r"a matrix.*np\.asarray\(x\)"):
        f(np.ones((1, 1)).view(np.matrix))
