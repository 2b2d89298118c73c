"""The exact mode: the bits of the eager engine, in values and gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ways import InNumPy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api import function
from micrograd.ops import TABLE

W = [Value(w) for w in (0.1, 0.2, 0.3, -0.7)]


def tenths(x: Any) -> list[Any]:
    return [0.1 * x, 0.2 * x, 0.3 * x]


def read_after(x: Any) -> Any:
    a, b, c = tenths(x)
    return (a + b + c) * mg.where(a < 9.0, 1.0, 0.0)


def read_before(x: Any) -> Any:
    a, b, c = tenths(x)
    return mg.where(c > 9.0, 0.0, 1.0) * (a + b + c)


def read_between(x: Any) -> Any:
    a, b, c = tenths(x)
    return mg.where(b <= c, a * b + c, a) + a * c + b


def read_by_both(x: Any) -> Any:
    a, b, c = tenths(x)
    low, high = mg.where((a < b) & (c < 7.0), b, c), mg.where((a > b) | (b == c), a, b)
    return low * high + a * b * c


def nested(x: Any) -> Any:
    a, b, c = tenths(x)
    inner = mg.where(c * b < a + 1.0, a * c, b)
    return mg.where(inner < a, b, inner * c) + b * inner + a


def as_a_number(x: Any) -> Any:
    a, b, c = tenths(x)
    return (a + b + c) * (b < 5.0) + c * b


def of_parameters(x: Any) -> Any:
    a, b, c = tenths(x)
    return mg.dot([a, b, c, W[1]], W, mg.where(W[0] * a < W[1], a + c, b)) * (a + b)


# A comparison of operands that other nodes read, too: a trace has a node for it, a Value has none.
PROGRAMS: list[Callable[[Any], Any]] = [
    read_after, read_before, read_between, read_by_both, nested, as_a_number, of_parameters,
]  # fmt: skip
POINTS = np.random.default_rng(2).uniform(-4.0, 4.0, 60)

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 710.0, 1e308, -1e308, 5e-324, -1e-310]
EDGES += [np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("f", PROGRAMS)
def test_comparisons_leave_the_order_of_gradients_as_it_is(f: Any) -> None:
    values, gradients = mg.vectorize(f, exact=True).value_and_grad(POINTS)
    for point, value, gradient in zip(POINTS.tolist(), values, gradients):
        x = Value(point)
        z = f(x)
        z.backward()
        assert (value, gradient) == (z.data, x.grad)


@pytest.mark.parametrize("f", PROGRAMS)
def test_derivatives_of_second_order_have_the_bits_of_values(f: Any) -> None:
    slope = mg.grad(f)
    compiled = mg.vectorize(slope, exact=True)
    assert compiled(POINTS).tolist() == [slope(x) for x in POINTS.tolist()]
    curvatures = compiled.value_and_grad(POINTS)[1]
    assert curvatures.tolist() == [mg.grad(slope)(x) for x in POINTS.tolist()]


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_exact_is_of_the_numbers_of_values(make: Any) -> None:
    """Values have 64 bits: there is no eager engine in float32 to compare with."""
    with pytest.raises(ValueError, match=r"exact.*float64.*float32"):
        make(mg.exp, dtype="float32", exact=True)
    assert make(mg.exp, dtype=np.float64, exact=True)(np.array([1.0])).tolist() == [mg.exp(1.0)]


@pytest.mark.parametrize("f", PROGRAMS)
def test_without_llvm_the_bits_are_the_same(f: Any) -> None:
    g = InNumPy(f, "float64", 1, exact=True)
    h = mg.vectorize(f, exact=True)
    np.testing.assert_array_equal(g(POINTS), h(POINTS))
    for ours, native in zip(g.value_and_grad(POINTS), h.value_and_grad(POINTS)):
        np.testing.assert_array_equal(ours, native)


@pytest.mark.parametrize("make", [InNumPy, function.Vectorized])
@pytest.mark.parametrize("name", [row.name for row in TABLE.values() if not row.boolean])
def test_every_operation_is_that_of_values(name: str, make: Any) -> None:
    """The functions of NumPy, and of fast native code, differ in the last bit."""
    row, random = TABLE[name], np.random.default_rng(3)
    count = row.arity or 5
    ordinary = random.normal(size=(60, count)) * np.exp(3 * POINTS[:, None])
    points = np.concatenate([ordinary, random.choice(EDGES, (200, count))])
    if name == "take":
        points[:, -1] = np.arange(len(points)) % (count - 1)
    answers = make(lambda x: row(*x), "float64", 1, exact=True)(points)
    expected = np.array([row(*map(Value, p)).data for p in points.tolist()])
    np.testing.assert_array_equal(answers, expected)
    numbers = ~np.isnan(expected)  # the sign of a NaN is undefined
    np.testing.assert_array_equal(np.signbit(answers)[numbers], np.signbit(expected)[numbers])


def test_a_sum_within_a_sum_is_added_up_on_its_own() -> None:
    def nested(x: Any) -> Any:
        return mg.sum([x, mg.sum([1e16 * x, -1e16 * x])])

    assert mg.vectorize(nested, exact=True)(np.array([1.0, 3.0])).tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda v: (lambda u: u.sum() + (np.outer(v, v) @ u).sum())(np.where(v > 0.75, v, v)),
        lambda v: (np.outer(v, np.interp(v, [-1.0, 0.0, 1.0], v)) @ v).sum() + v.sum(),
        lambda v: (np.outer(v, v) @ np.select([v > 0.5, v < 0.0], [v, -v], v)).sum() + v.sum(),
        lambda v: (np.fmax(v, 0.5) * v).sum() + (np.outer(v, v) @ np.trunc(v)).sum(),
    ],
)
def test_a_choice_of_numpy_is_a_node_in_the_engine_too(f: Any) -> None:
    """Else its gradient would be added in another order; a fuzzer of arrays found it."""
    g = mg.compile(f, exact=True)
    for numbers in np.random.default_rng(0).uniform(-2, 2, (20, 3)):
        leaves = [Value(x) for x in numbers.tolist()]
        z = f(mg.array(leaves))
        z.backward()
        value, gradient = g.value_and_grad(numbers)
        assert [value, *gradient] == [z.data, *[leaf.grad for leaf in leaves]]
