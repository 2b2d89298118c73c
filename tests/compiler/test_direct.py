"""Direct: a few numbers per example are computed without rows, to the same bits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg

pytestmark = pytest.mark.native

SIZE = 150  # examples: whole chunks, and one that is not


def rotation(x: Any, angle: Any) -> list[Any]:
    """An output that is an input, one that is uniform, a comparison, and a captured Value."""
    c, s = 0.6 * angle, 0.8 * angle
    y = [c * x[0] - s * x[1], s * x[0] + c * x[1]]
    return [y[0], x[1], mg.where(y[0] < y[1], y[1] * weight, 0.0), weight * 2.0]


def adjugate(a: Any) -> Any:
    (p, q), (r, s) = a
    return mg.where(mg.det(a) == 0, 0.0, 1 / mg.det(a)) * np.array([s, -q, -r, p])


def energy(a: Any, b: Any) -> Any:
    return mg.dot(b, mg.solve(a, b)) * weight


weight = mg.Value(1.5)
random = np.random.default_rng(0)
PAIRS, TRIPLES, ANGLES = (
    random.normal(size=(SIZE, 2)),
    random.normal(size=(SIZE, 3)),
    np.arange(SIZE),
)
MATRICES = random.normal(size=(SIZE, 2, 2))

WAYS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "rotation": (rotation, (PAIRS, ANGLES.astype(float))),
    "energy": (energy, (MATRICES, PAIRS)),
    "solve": (mg.solve, (MATRICES, PAIRS)),
    "inverse": (mg.inv, (MATRICES,)),
    "inverse by its determinant": (adjugate, (MATRICES,)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WAYS)
def test_examples_have_the_same_bits_whatever_their_number(name: str, dtype: Any) -> None:
    """Those that fill no vector, or lie in another order, go by way of rows."""
    function, arguments = WAYS[name]
    f = mg.vectorize(lambda *x: np.array(function(*x)), dtype=dtype)
    arguments = [x.astype(dtype) for x in arguments]
    whole = f(*arguments)
    assert whole.shape[0] == SIZE
    assert "@direct(" in f.source("llvm", *arguments)
    for n in (1, 7, 16, 17, 33, 136, 149):
        np.testing.assert_array_equal(f(*[x[:n] for x in arguments]), whole[:n])
    exact = mg.vectorize(lambda *x: np.array(function(*x)), exact=True)
    expected = exact(*[x.astype(float) for x in arguments])
    np.testing.assert_allclose(whole, expected, rtol=1e-9 if dtype == "float64" else 2e-3)


def test_so_have_gradients() -> None:
    f = mg.vectorize(energy)
    values, gradients = f.value_and_grad(MATRICES, PAIRS)
    assert "@direct(" in f.source("llvm", MATRICES, PAIRS, gradient="arguments")
    for n in (1, 17, 149):
        part, slopes = f.value_and_grad(MATRICES[:n], PAIRS[:n])
        np.testing.assert_array_equal(part, values[:n])
        for slope, gradient in zip(slopes, gradients):
            np.testing.assert_array_equal(slope, gradient[:n])
    exact = mg.vectorize(energy, exact=True).value_and_grad(MATRICES, PAIRS)
    np.testing.assert_allclose(values, exact[0], rtol=1e-9)
    for slope, gradient in zip(exact[1], gradients):
        np.testing.assert_allclose(gradient, slope, rtol=1e-9)


def test_a_nan_in_a_gradient_is_seen_and_the_guards_are_used() -> None:
    """At 0 the slope of the root is infinite, but that branch is not taken."""

    def f(x: Any) -> Any:
        return mg.where(x[0] > 0, mg.sqrt(x[0]), x[1]) * mg.abs(x[1]) + mg.abs(x[0])

    x = np.array([[0.0, 2.0]] * 16)
    compiled = mg.vectorize(f)
    assert "@direct(" in compiled.source("llvm", x, gradient="arguments")
    np.testing.assert_array_equal(compiled.value_and_grad(x)[1], [[0.0, 4.0]] * 16)


def test_the_output_may_be_the_array_of_an_input() -> None:
    """A loop by hand may write where it reads: see `Kernel.prepared`."""
    f = mg.vectorize(lambda x: np.array([x[1], x[0] + x[1]]))
    x = np.arange(64.0).reshape(32, 2)
    it, call = f.specialize(x)
    again = f.kernel(it).prepared(call, f.pack(), [x])
    again(32, 1.0)
    np.testing.assert_array_equal(x[:, 0], np.arange(1.0, 64.0, 2.0))
