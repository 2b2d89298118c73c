"""Arguments that all examples share: `in_axes`, as in JAX, and their gradients, which are sums.

The oracle is the same function, row by row, differentiated by the eager engine.
"""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ways import WAYS

import micrograd as mg
from micrograd import Value

w = Value(0.7)
RANDOM = np.random.default_rng(5)
X, S, Q = RANDOM.normal(size=(37, 3)), RANDOM.normal(size=37), RANDOM.normal(size=3)


def bends(x: Any, q: Any, s: Any) -> Any:
    return mg.tanh(mg.dot(q, x)) * s + mg.exp(q[0]) * mg.sin(q[1] * q[2]) + w * x[0] * q[1]


def chosen(x: Any, q: Any, s: Any) -> Any:
    return np.where(x > q, x * q, s).sum()


def uniform(x: Any, q: Any, s: Any) -> Any:
    """No example enters it."""
    return mg.exp(q[0] * q[1]) + q[2]


def masked(x: Any, q: Any, s: Any) -> Any:
    """The root of a negative number is masked: its NaN must not reach the sum."""
    return mg.where(s > 0, mg.sqrt(s) * q[1], q[2] * x[1])


FUNCTIONS = {"bends": bends, "chosen": chosen, "uniform": uniform, "masked": masked}


def by_rows(f: Callable[..., Any], x: Any, q: Any, s: Any) -> Any:
    rows = [mg.value_and_grad(f)(x[k], q, s[k]) for k in range(len(x))]
    values, gradients = [value for value, _ in rows], [gradient for _, gradient in rows]
    dx, dq, ds = ([gradient[k] for gradient in gradients] for k in range(3))
    of_q = floats(dq).reshape(len(x), *q.shape).sum(axis=0)
    return floats(values), (floats(dx).reshape(x.shape), of_q, floats(ds))


def floats(numbers: Any) -> Any:
    """They are Values, if they depend on the captured one."""
    array = np.array([getattr(v, "data", v) for v in np.ravel(np.array(numbers, object))])
    return array.reshape(np.shape(np.array(numbers, object)))


def agrees(found: Any, expected: Any, tolerance: float) -> None:
    value, gradients = found
    for x, y in zip([value, *gradients], [expected[0], *expected[1]], strict=True):
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * 20)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_of_a_shared_argument_is_the_sum_over_the_examples(
    name: str, way: str
) -> None:
    make, tolerance = WAYS[way]
    f = make(FUNCTIONS[name], in_axes=(0, None, 0))
    for n in (37, 3, 1, 0):
        expected = by_rows(FUNCTIONS[name], X[:n], Q, S[:n])
        for _ in range(2):
            agrees(f.value_and_grad(X[:n], Q, S[:n]), expected, tolerance)
            np.testing.assert_allclose(f(X[:n], Q, S[:n]), expected[0], tolerance, tolerance)


def test_exact_sums_are_those_of_the_examples_too() -> None:
    f = mg.vectorize(bends, in_axes=(0, None, 0), exact=True)
    agrees(f.value_and_grad(X, Q, S), by_rows(bends, X, Q, S), 1e-13)


def test_as_many_examples_as_shared_numbers_are_no_reason_to_mistake_them() -> None:
    f = mg.vectorize(lambda x, q: x * q[0] + q[1] + q[2], in_axes=(0, None))
    for n in (3, 2, 3, 5, 3):
        x = np.arange(float(n))
        for _ in range(2):
            np.testing.assert_allclose(f(x, Q), x * Q[0] + Q[1] + Q[2], rtol=1e-14)
            assert f.value_and_grad(x, Q)[1][1] == pytest.approx([x.sum(), n, n])


def test_shared_arguments_in_structures_and_keywords() -> None:
    def f(x: Any, q: Any, k: Any = 1.0) -> Any:
        return x * q["a"] * k + q["b"][1]

    x, k = np.arange(4.0), np.arange(1.0, 5.0)
    both = mg.vectorize(f, in_axes=(0, None))
    value, (dx, dq, dk) = both.value_and_grad(x, {"a": 2.0, "b": Q}, k=k)
    np.testing.assert_allclose(value, x * 2 * k + Q[1])
    assert (dq["a"], dq["b"].tolist()) == (pytest.approx((x * k).sum()), [0.0, 4.0, 0.0])
    np.testing.assert_allclose(dx, 2 * k)
    np.testing.assert_allclose(dk, 2 * x)
    one = mg.vectorize(f, in_axes=(0, {"a": 0, "b": None}))
    value, (_, dq) = one.value_and_grad(x, {"a": k, "b": Q})
    np.testing.assert_allclose(dq["a"], x)
    assert dq["b"].tolist() == [0.0, 4.0, 0.0]
    assert np.shape(dq["a"]) == (4,)


def test_shared_arguments_beside_a_grid_of_numbers() -> None:
    f = mg.vectorize(lambda x, y, q: mg.exp(-q[0] * x) * y + q[1], in_axes=(0, 0, None),
                     each="number")  # fmt: skip
    x, y = RANDOM.normal(size=(3, 1)), RANDOM.normal(size=2)
    value, (dx, _, dq) = f.value_and_grad(x, y, Q[:2])
    np.testing.assert_allclose(value, np.exp(-Q[0] * x) * y + Q[1])
    np.testing.assert_allclose(dq, [(-x * np.exp(-Q[0] * x) * y).sum(), 6.0])
    assert dx.shape == (3, 2)


def test_a_shared_argument_of_one_row_without_in_axes_has_gradients_of_each_example() -> None:
    f = mg.vectorize(lambda x, q: mg.dot(x, q))
    np.testing.assert_allclose(f.value_and_grad(X, Q[None])[1][1], X)


def test_parameters_and_shared_arguments_have_gradients_of_their_own() -> None:
    f = mg.vectorize(lambda x, q: w * mg.dot(x, q), in_axes=(0, None))
    mean, gradient = f.gradient([2.0], X, Q)
    assert mean == pytest.approx(2 * np.mean(X @ Q))
    assert gradient == pytest.approx([np.mean(X @ Q)])
    np.testing.assert_allclose(f.value_and_grad(X, Q)[1][1], 0.7 * X.sum(axis=0))


def test_a_copy_shares_the_same_arguments() -> None:
    f = pickle.loads(pickle.dumps(mg.vectorize(line, in_axes=(0, None))))
    np.testing.assert_allclose(f(np.arange(3.0), Q[:2]), Q[0] + Q[1] * np.arange(3.0), rtol=1e-14)


def line(x: Any, q: Any) -> Any:
    return q[0] + q[1] * x


@pytest.mark.parametrize(
    ("in_axes", "message"),
    [
        ((0,), "an entry for each of 2 positional arguments"),
        ((0, 1), "moveaxis"),
        ((0, "q"), "must be 0"),
        ((0, {"a": None}), "must be 0"),
        ((None, None), "at least"),
        (None, "at least"),
        (True, "must be 0"),
    ],
)
def test_in_axes_that_do_not_fit(in_axes: Any, message: str) -> None:
    with pytest.raises(mg.ArgumentError, match=message):
        mg.vectorize(line, in_axes=in_axes)(np.arange(3.0), Q[:2])


def test_what_each_may_be() -> None:
    each: Any = "rows"
    with pytest.raises(ValueError, match='"number" or "row"'):
        mg.vectorize(line, each=each)


def test_an_argument_that_was_meant_to_be_shared_says_how() -> None:
    for n in (3, 5):
        with pytest.raises(mg.ShapeError, match=r"in_axes=\(0, None\)"):
            mg.vectorize(line)(np.arange(float(n)), Q)


# Random shapes: `vectorize` returns what a loop over the rows returns, or raises an error.

ELEMENTWISE: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a * b + 1,
    lambda a, b: mg.where(a > b, a, 2 * b),
    np.maximum,
    lambda a, b: np.clip(a, -1, 1) * (b > 0),
    lambda a, b: np.where((a > 0) & (b < 1), mg.exp(-a * a), b),
]
OF_ROWS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: (a * (a > 0)).sum() * b,
    lambda a, b: np.maximum.reduce(a) + b,
    lambda a, b: np.sort(a) * b,
    lambda a, b: a * np.arange(3.0) + b,
    lambda a, b: np.median(a) - np.minimum(a, b).min(),
    lambda a, b: (np.where(a > b, a, 0.0) * np.array([1.0, 10.0, 100.0])).sum(),
]


@settings(max_examples=40)
@given(
    st.sampled_from(ELEMENTWISE + OF_ROWS),
    st.sampled_from([*ELEMENTWISE, None]),
    st.sampled_from([1, 2, 3, 4]),
    st.sampled_from(["row", "number", "one"]),
    st.sampled_from([None, "row"]),
)
def test_what_is_vectorized_is_the_loop_over_the_rows_or_an_error(
    f: Any, g: Any, n: int, of_y: str, each: Any
) -> None:
    x = np.random.default_rng(n).normal(size=(n, 3))
    y = {"row": x[::-1] * 2, "number": x[:, 1] - 0.5, "one": np.array(0.25)}[of_y]

    def function(a: Any, b: Any) -> Any:
        return f(a, b) if g is None else g(f(a, b), b)

    try:
        answer = mg.vectorize(function, each=each)(x, y)
    except mg.ShapeError:  # an elementwise function, and arrays that fit by their last axes, or not
        assert each is None
        assert f in ELEMENTWISE
        assert of_y == "number"
        return
    loop = [function(x[k], y if y.ndim == 0 else y[k]) for k in range(n)]
    np.testing.assert_allclose(answer, loop, rtol=1e-12, atol=1e-12)
