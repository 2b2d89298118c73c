"""Arrays of Values and of traced numbers: comparisons, choices, conditions as numbers, masks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd as mg
from micrograd import NumPyError, Value
from micrograd.engine import numbers_of

X = np.array([2.0, -1.0, 0.5, -3.0, 5.0])


def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    return mg.compile(f)


def on_values(f: Callable[..., Any]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        answer = f(mg.array([Value(v) for v in x]))
        return np.reshape(numbers_of(np.ravel(answer)), np.shape(answer))

    return run


def floats(f: Callable[..., Any]) -> Callable[..., Any]:
    return f


WAYS = {"floats": floats, "Values": on_values, "compiled": compiled}


def zeroed(x: Any) -> Any:
    x = x + 0.0
    x[x < 0] = 0.0
    return x


# The expected results on floats, in plain Python.
CONDITIONS: dict[str, tuple[Callable[[Any], Any], Callable[[list[float]], Any]]] = {
    "a mask as a factor": (lambda x: x * (x > 0), lambda x: [v if v > 0 else 0.0 for v in x]),
    "a mask that is counted": (lambda x: (x > 0).sum(), lambda x: sum(v > 0 for v in x)),
    "the mean of a mask": (lambda x: (x > 0).mean(), lambda x: sum(v > 0 for v in x) / len(x)),
    "both": (lambda x: x * ((x > 0) & (x < 3)), lambda x: [v * (0 < v < 3) for v in x]),
    "either": (lambda x: x * ((x < 0) | (x > 3)), lambda x: [v * (v < 0 or v > 3) for v in x]),
    "not": (lambda x: np.where(~(x > 0), -x, x), lambda x: [abs(v) for v in x]),
    "one of two": (lambda x: 2.0 * ((x > 0) ^ (x > 3)), lambda x: [2.0 * (0 < v <= 3) for v in x]),
    "all, any": (
        lambda x: 2.0 * (x > -9).all() + 4.0 * (x > 9).any(),
        lambda x: 2.0,
    ),
    "minus a mask": (lambda x: 1 - (x > 0), lambda x: [1 - (v > 0) for v in x]),
    "a mask divided": (lambda x: (x > 0) / 2, lambda x: [(v > 0) / 2 for v in x]),
    "np.where": (lambda x: np.where(x > 1, x, 0.0), lambda x: [v if v > 1 else 0.0 for v in x]),
    "mg.where": (lambda x: mg.where(x > 1, x, 0.0), lambda x: [v if v > 1 else 0.0 for v in x]),
    "np.where of a known mask": (
        lambda x: np.where(np.arange(5) > 2, x, -x),
        lambda x: [v if k > 2 else -v for k, v in enumerate(x)],
    ),
    "np.select": (
        lambda x: np.select([x > 1, x < -1], [x * 2, x * 3], 7.0),
        lambda x: [v * 2 if v > 1 else v * 3 if v < -1 else 7.0 for v in x],
    ),
    "written by a mask": (zeroed, lambda x: [max(v, 0.0) for v in x]),
    "the largest, less the smallest": (
        lambda x: np.maximum.reduce(x) - x.min(),
        lambda x: max(x) - min(x),
    ),
    "running maxima": (
        lambda x: np.maximum.accumulate(x),
        lambda x: [max(x[: k + 1]) for k in range(len(x))],
    ),
    "between all pairs": (
        lambda x: np.maximum.outer(x, x).sum(),
        lambda x: sum(max(u, v) for u in x for v in x),
    ),
    "sorted": (lambda x: np.sort(x), sorted),
    "sorted, downwards": (lambda x: np.sort(x)[::-1], lambda x: sorted(x, reverse=True)),
    "a median": (lambda x: np.median(x), lambda x: sorted(x)[len(x) // 2]),
    "np.clip": (lambda x: np.clip(x, -1, 1), lambda x: [min(max(v, -1), 1) for v in x]),
    "clip": (lambda x: x.clip(0), lambda x: [max(v, 0) for v in x]),
    "np.round": (lambda x: np.round(x / 3, 1), lambda x: [round(v / 3, 1) for v in x]),
    "np.interp": (
        lambda x: np.interp(x, [-2.0, 0.0, 4.0], [1.0, 3.0, 5.0]),
        lambda x: [1.0 if v < -2 else 5.0 if v > 4 else 3 + v / (2 if v > 0 else 1) for v in x],
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_and_choices(name: str, way: str) -> None:
    function, expected = CONDITIONS[name]
    np.testing.assert_allclose(WAYS[way](function)(X), expected(X.tolist()), rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_where_broadcasts_its_condition_and_both_choices(way: str) -> None:
    f = WAYS[way](lambda x: mg.where((x > 0)[:, None], x, 2 * x[:, None]).sum())
    expected = sum(x if y > 0 else 2 * y for y in X for x in X)
    assert f(X) == pytest.approx(expected)


def test_conditions_that_are_added_as_numbers() -> None:
    """Python bools, the result of comparing Values."""
    f = mg.compile(lambda x: (x > 0) + (x > 1) + 3 * (x > 2) - (x > 9) / (x > 0))
    assert [f(x) for x in (0.5, 1.5, 2.5, 9.5)] == [1.0, 2.0, 5.0, 4.0]
    value, slope = mg.compile(lambda x: x * (x > 1) * mg.exp(x < 5)).value_and_grad(2.0)
    assert (value, slope) == pytest.approx((2 * np.e, np.e))


def test_two_arrays_of_conditions_are_not_added_as_numpy_does_not_count_there() -> None:
    assert (np.array([True]) + np.array([True])).tolist() == [True]
    for f in (lambda x: (x > 0) + (x > 1), lambda x: (x > 0) - (x > 1)):
        with pytest.raises(NumPyError, match=r"np.where\(c, 1.0, 0.0\)"):
            mg.compile(f)(X)


def test_an_operation_of_ones_own_may_count_with_conditions() -> None:
    if "stepped" not in mg.ops.TABLE:
        mg.op(derivative=lambda g, z, x: g * (x > 0) + 0 * z, name="stepped")(lambda x: x * (x > 0))
    f = mg.ops.TABLE["stepped"]
    for x in (-2.0, 3.0):
        assert mg.compile(f).value_and_grad(x) == (max(x, 0.0), float(x > 0))
        assert mg.grad(f)(x) == float(x > 0)


def test_at_a_tie_each_gets_half() -> None:
    for f in (
        lambda x: np.maximum(x, 0.0).sum(),
        lambda x: np.maximum(0.0, x).sum(),
        lambda x: mg.maximum(x, 0.0).sum(),
        lambda x: -np.minimum(-x, 0.0).sum(),
        lambda x: np.clip(x, 0.0, 9.0).sum(),
    ):
        x = np.array([0.0, 1.0, -1.0])
        assert mg.grad(f)(x).tolist() == [0.5, 1.0, 0.0]
        assert mg.compile(f).value_and_grad(x)[1].tolist() == [0.5, 1.0, 0.0]


numbers = st.sampled_from([-1.0, 0.0, 0.5, 2.0, np.inf, -np.inf, np.nan])


@given(st.lists(numbers, min_size=1, max_size=9))
def test_what_is_sorted_is_what_numpy_sorts(row: list[float]) -> None:
    x = np.array(row)
    values = mg.array([Value(v) for v in row])
    np.testing.assert_array_equal(numbers_of(np.sort(values)), np.sort(x))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.median(values).data, np.median(x))


@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=3))
def test_the_place_of_the_largest_is_that_of_numpy(rows: list[list[float]]) -> None:
    """The first NaN, if there is one."""
    x = np.array(rows)
    values = mg.array([[Value(v) for v in row] for row in rows])
    for function in (np.argmax, np.argmin):
        for axis in (None, 0, 1, -1):
            for keepdims in (False, True):
                found = function(values, axis=axis, keepdims=keepdims)
                np.testing.assert_array_equal(found, function(x, axis=axis, keepdims=keepdims))
                assert np.asarray(found).dtype == np.intp
    np.testing.assert_array_equal(values.argmax(axis=1), x.argmax(axis=1))
    np.testing.assert_array_equal(values.argmin(0), x.argmin(0))


def test_the_median_of_one_number_does_not_overflow() -> None:
    assert np.median(mg.array([Value(1e308)])).data == 1e308


def test_sorting_passes_gradients_on_to_where_each_came_from() -> None:
    weights = np.arange(1.0, 6.0)
    f = lambda x: (np.sort(x) * weights).sum()  # noqa: E731
    expected = np.argsort(np.argsort(X)) + 1.0
    assert mg.grad(f)(X).tolist() == expected.tolist()
    assert mg.compile(f).value_and_grad(X)[1].tolist() == expected.tolist()
    table = np.array([[3.0, 1.0], [2.0, 5.0]])
    for axis in (0, 1, None):
        answer = mg.compile(lambda t, axis=axis: np.sort(t, axis=axis))(table)
        assert answer.tolist() == np.sort(table, axis=axis).tolist()


def test_a_mask_of_a_traced_array_chooses_no_elements() -> None:
    with pytest.raises(NumPyError, match=r"np.where\(mask, x, 0.0\)"):
        mg.compile(lambda x: x[x > 0].sum())(X)
    with pytest.raises(NumPyError, match="x > 0"):
        mg.compile(lambda x: np.where(x > 0)[0])(X)
    values = mg.array([Value(v) for v in X])
    assert values[values > 0].sum().data == 7.5


def test_an_array_that_numpy_made_takes_one_of_two() -> None:
    def largest(x: Any, y: Any) -> Any:
        return np.maximum(np.array([x, y]), 0.0).sum()

    assert mg.compile(largest).value_and_grad(-1.0, 2.0) == (2.0, (0.0, 1.0))
    f = mg.compile(lambda x, y: np.maximum(mg.array([x, y]), 0.0).sum())
    assert f(-1.0, 2.0) == 2.0
    assert mg.compile(lambda x, y: np.maximum(np.stack([x, y]), 0.0).sum())(-1.0, 2.0) == 2.0


def test_numbers_are_not_written_into_arrays_of_floats() -> None:
    def added(x: Any) -> Any:
        total = np.zeros(5)
        total += x
        return total

    for run in (mg.compile(added), mg.grad(lambda x: added(x).sum())):
        with pytest.raises(NumPyError, match=r"np.zeros\(shape, object\)"):
            run(X)


def test_what_has_no_formula_says_what_to_write() -> None:
    for f, instead in (
        (lambda x: np.ldexp(x, 2).sum(), r"x \* 2.0\*\*n"),
        (lambda x: np.linalg.svd(np.outer(x, x))[1][0], "micrograd.op"),
        (lambda x: np.nanpercentile(x, 30), "without `nan`"),
    ):
        for run in (mg.compile(f), mg.grad(f)):
            with pytest.raises(NumPyError, match=instead):
                run(X)


def test_the_length_of_a_vector_is_that_of_micrograd() -> None:
    """It has a gradient at the origin, unlike sqrt."""
    assert mg.grad(lambda x: np.linalg.norm(x))(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    table = np.arange(6.0).reshape(2, 3)
    every: list[dict[str, Any]] = [{}, {"axis": 0}, {"axis": 1, "keepdims": True}]
    for arguments in [*every, {"ord": 1, "axis": 0}]:
        answer = mg.compile(lambda t, a=arguments: np.linalg.norm(t, **a))(table)
        np.testing.assert_allclose(answer, np.linalg.norm(table, **arguments), rtol=1e-13)


def test_plain_arrays_of_values_know_numpys_functions() -> None:
    a = np.array([Value(0.3), Value(0.7)])
    for name in ("exp2", "log2", "log10", "cbrt", "rint", "arcsinh", "arctanh", "deg2rad"):
        function = getattr(np, name)
        np.testing.assert_allclose(numbers_of(function(a)), function([0.3, 0.7]), 1e-14)
    assert numbers_of(np.hypot(a, a)) == pytest.approx(np.hypot([0.3, 0.7], [0.3, 0.7]))


@pytest.mark.parametrize("way", [mg.grad, mg.compile, mg.vectorize])
def test_a_function_of_numpy_on_an_array_that_numpy_made(way: Any) -> None:
    told = r"np\.tanh got scalars of a graph beside a .* micrograd\.array"
    with pytest.raises(mg.NumPyError, match=told):
        way(lambda x: np.tanh(np.array([x, 1.0])).sum())(1.0)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "std", "max", "ptp", "cumsum", "average"])
def test_a_choice_that_takes_numbers_everywhere(name: str) -> None:
    """Its array of objects holds floats, and no derivative is lost in them."""

    def f(x: Any) -> Any:
        return np.sum(getattr(np, name)(np.where(x > 0, x, 1.5)))

    x = np.array([-1.0, -2.0])
    for value, gradient in (mg.value_and_grad(f)(x), mg.compile(f).value_and_grad(x)):
        assert (value, gradient.tolist()) == (f(x), [0.0, 0.0])


def test_other_comparisons_of_equal_values_are_quiet() -> None:
    x, y = np.array([Value(1.0), Value(np.nan)]), Value(1.0)
    with np.errstate(invalid="ignore"):
        assert (x >= 1.0).tolist() == [True, False]
        assert np.less_equal(x, 1.0).tolist() == [True, False]
    assert y <= 1.0
    assert max(y, Value(1.0)) is y
    assert sorted([y, Value(1.0)])[0] is y
