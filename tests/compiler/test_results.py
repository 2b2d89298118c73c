"""Results: numbers of any origin, in any order, copied into the caller's arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import eager

import micrograd as mg

w = mg.Value(0.75)
random = np.random.default_rng(0)

# Of x, four numbers; `k` counts the members. All are exact, so that any way to run them is right.
RESULTS: dict[str, Callable[[Any, int], Any]] = {
    "one number, many times": lambda x, k: [-x[0]] * k,
    "two blocks in turn": lambda x, k: [(j + 1.0) * x[j % 4] if j % 2 else -x[0] for j in range(k)],
    "backwards": lambda x, k: [x[j % 4] * (j + 1.0) for j in range(k)][::-1],
    "beside constants": lambda x, k: [0.0 if j % 3 else x[j % 4] * (j + 1.0) for j in range(k)],
    "beside parameters": lambda x, k: [(w, w * 2.0, x[j % 4], -x[0])[j % 4] for j in range(k)],
    "conditions": lambda x, k: [(x[0] < x[j % 4]) if j % 2 else x[1] for j in range(k)],
    "no example in it": lambda x, k: [(w, w * (j + 1.0), 3.0)[j % 3] for j in range(k)],
}  # fmt: skip


@pytest.mark.parametrize("members", [1, 2, 3, 17, 600])
@pytest.mark.parametrize("name", RESULTS)
def test_numbers_from_anywhere_in_any_order(name: str, members: int) -> None:
    def f(x: Any) -> Any:
        return np.array(RESULTS[name](x, members), object)

    X = random.integers(-9, 9, (136, 4)) / 4.0
    expected = eager(f, X)
    np.testing.assert_array_equal(mg.compile(f)(X[0]), expected[0])
    for n in (1, 8, 13, 136):
        np.testing.assert_array_equal(mg.vectorize(f)(X[:n]), expected[:n])


def test_one_number_many_times_for_whole_vectors_of_examples() -> None:
    for n in (8, 16, 96, 104, 136):
        x = np.linspace(0.0, 1.0, n)
        for answer in mg.vectorize(lambda x: [mg.exp(x)] * 3)(x):
            np.testing.assert_allclose(answer, np.exp(x), rtol=1e-15)


def peaks(x: Any) -> Callable[[Any], Any]:
    """NIST's Gauss1, at the points x."""

    def model(b: Any) -> Any:
        first = b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
        second = b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
        return b[0] * np.exp(-b[1] * x) + first + second

    return model


PEAKS = np.array([97.0, 0.009, 100.0, 65.0, 20.0, 70.0, 178.0, 16.5])


def test_a_jacobian_by_rows_of_data() -> None:
    x = np.linspace(1, 250, 250)
    f = peaks(x)
    b, h = PEAKS, 1e-4 * np.abs(PEAKS) * np.eye(8)
    slopes = [(f(b + d) - f(b - d)) / (2 * d.sum()) for d in h]
    curve = [(f(b + 2 * d) - f(b - 2 * d)) / (4 * d.sum()) for d in h]
    expected = np.transpose([(4 * s - c) / 3 for s, c in zip(slopes, curve)])  # of fourth order
    np.testing.assert_allclose(mg.compile(mg.jacobian(f))(b), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.native
@pytest.mark.parametrize(
    "program",
    [
        lambda n: (mg.jacobian(peaks(np.linspace(1, 250, n))), PEAKS),
        lambda n: (lambda x: np.array(RESULTS["beside parameters"](x, 4 * n)), np.ones(4)),
    ],
)
def test_code_does_not_grow_with_rows_of_results(program: Any) -> None:
    """The entries of a Jacobian come from few blocks, interleaved: they need few loops."""
    lengths = []
    for n in (20, 200):
        function, x = program(n)
        f = mg.compile(function)
        f(x)
        lengths.append([f.source("llvm").count("\n"), f.source("c").count(";")])
    assert all(b < 1.2 * a for a, b in zip(*lengths)), lengths


@pytest.mark.parametrize("f", [lambda x: np.float64(2.0), lambda x: np.array(2.0), lambda x: 2.0])
def test_a_constant_of_numpy_is_a_number(f: Any) -> None:
    """It was an array without axes, of which there is no gradient."""
    value, slope = mg.compile(f).value_and_grad(1.0)
    assert type(value) is type(slope) is float
    assert (value, slope) == (2.0, 0.0) == (mg.compile(f)(1.0), mg.grad(f)(1.0))
    values, slopes = mg.vectorize(f).value_and_grad([1.0, 3.0])
    assert (values.tolist(), slopes.tolist()) == ([2.0, 2.0], [0.0, 0.0])
