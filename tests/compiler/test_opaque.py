"""Opaque operations in compiled programs: Python, called back with columns of numbers."""

import ctypes
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ways import InNumPy, in_numpy

import micrograd as mg
from micrograd.compiler.trace.errors import TraceError
from micrograd.ops import TABLE

CALLS: list[Any] = []


def series(x: Any, order: int) -> Any:
    """Bessel's J, by 30 terms of its power series: enough up to |x| = 6."""
    total, term = 0.0, (x / 2.0) ** order / math.factorial(order)
    for k in range(30):
        total, term = total + term, term * -((x / 2.0) ** 2) / ((k + 1) * (k + 1 + order))
    return total


@mg.op(derivative=lambda g, z, x: -g * second(x), opaque=True)
def bessel0(x):
    CALLS.append(np.shape(x))
    return series(x, 0)


def second(x: Any) -> Any:
    return bessel1(x)


@mg.op(derivative=lambda g, z, x: g * (bessel0(x) - z / x), opaque=True)
def bessel1(x):
    return series(x, 1)


@mg.op(derivative=lambda g, z, x, y: (g * y, g * x), opaque=True)
def of_floats(x, y):
    """Takes no arrays."""
    if x > 1e6:
        raise RuntimeError("too large")
    return math.fsum([x * y])


for own in (bessel0, bessel1, of_floats):
    del TABLE[own.name]  # the tests of other files run all operations of the table

WAYS: dict[str, tuple[Callable[..., Any], float]] = {
    "NumPy": (in_numpy, 1e-13),
    "native": (mg.vectorize, 1e-13),
    "threads": (lambda f: mg.vectorize(f, threads=2), 1e-13),
    "exact": (lambda f: mg.vectorize(f, exact=True), 0.0),
    "exact in NumPy": (lambda f: InNumPy(f, "float64", 1, True, None, 0), 0.0),
    "float32": (lambda f: mg.vectorize(f, dtype="float32"), 2e-6),
}
X = np.linspace(0.1, 5.0, 603)


def program(x: Any, y: Any) -> Any:
    """Columns of examples, of constants, and an operation of an operation's result."""
    return bessel0(2.0 * x) * y + of_floats(bessel1(x), y) + bessel0(3.0) + mg.sin(bessel0(x))


@pytest.mark.parametrize("way", WAYS)
def test_values_and_gradients_are_those_of_the_eager_engine(way: str) -> None:
    make, tolerance = WAYS[way]
    f = make(program)
    Y = np.cos(X)
    values, (dx, dy) = f.value_and_grad(X, Y)
    for k in range(0, len(X), 67):
        value, slopes = mg.value_and_grad(program)(float(X[k]), float(Y[k]))
        got = [values[k], dx[k], dy[k]]
        assert got == pytest.approx([value, *slopes], rel=tolerance, abs=tolerance)


@pytest.mark.native
def test_second_derivatives_and_one_example_a_call() -> None:
    f = lambda x: bessel0(x * x) * x  # noqa: E731
    for transformed in (f, mg.grad(f), mg.grad(mg.grad(f))):
        assert mg.compile(transformed)(1.25) == pytest.approx(transformed(1.25), rel=1e-13)
    second = mg.grad(mg.grad(bessel0))(1.5)
    assert second == pytest.approx(-series(1.5, 0) + series(1.5, 1) / 1.5, rel=1e-14)


@pytest.mark.native
@pytest.mark.parametrize("size", [1, 7, 128, 300])
def test_members_of_an_array_are_columns_too(size: int) -> None:
    v = np.linspace(0.1, 1.0, size)
    f = mg.compile(lambda v: mg.sum(bessel0(x) * x for x in v))
    value, gradient = f.value_and_grad(v)
    assert value == pytest.approx(np.sum(series(v, 0) * v), rel=1e-13)
    assert gradient == pytest.approx(series(v, 0) - v * series(v, 1), rel=1e-12)


@pytest.mark.native
def test_whole_columns_are_passed_to_a_function_that_takes_arrays() -> None:
    f = mg.vectorize(lambda x: bessel0(x) + 1.0)
    f(X)
    CALLS.clear()
    f(np.linspace(0.0, 1.0, 10_000))
    assert len(CALLS) <= 10_000 / 30
    assert () not in CALLS


@pytest.mark.native
def test_parameters_and_sums_over_examples() -> None:
    w = mg.Value(1.5)
    step = mg.vectorize(lambda x: of_floats(x * w, w) + bessel0(w))
    w.grad = 0.0
    loss = step.backward(X)
    assert loss == pytest.approx(np.mean(X) * 2.25 + series(1.5, 0), rel=1e-13)
    assert w.grad == pytest.approx(np.mean(X) * 3.0 - series(1.5, 1), rel=1e-12)


@pytest.mark.native
def test_it_is_called_in_training() -> None:
    model = mg.MLP(1, [3, 1], activation=lambda x: bessel1(x + 1.5), seed=0)
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    history = mg.fit(model, x, x[:, 0] ** 2, loss="mse", epochs=3, progress=False)
    eager = mg.MLP(1, [3, 1], activation=lambda x: bessel1(x + 1.5), seed=0)
    same = mg.fit(
        eager, x, x[:, 0] ** 2, loss="mse", epochs=3, progress=False, engine="eager"
    )  # fmt: skip
    assert history.loss == pytest.approx(same.loss, rel=1e-9)


@pytest.mark.native
@pytest.mark.parametrize("make", [mg.vectorize, in_numpy], ids=["native", "NumPy"])
def test_an_exception_comes_through_and_the_next_call_works(make: Any) -> None:
    f = make(lambda x: of_floats(x, 2.0) + x)
    with pytest.raises(RuntimeError, match="too large"):
        f(1e7 * X)
    assert f(X) == pytest.approx(3.0 * X)


@pytest.mark.native
def test_ctrl_c_in_an_operation_comes_through() -> None:
    def interrupted(x: Any) -> Any:
        raise KeyboardInterrupt

    own = mg.op(derivative=lambda g, z, x: g, opaque=True, name="interrupted")(interrupted)
    with pytest.raises(KeyboardInterrupt):
        mg.compile(lambda x: own(x) + 1.0)(2.0)


@pytest.mark.native
def test_an_exception_that_ctypes_swallows_is_raised_all_the_same() -> None:
    """Ctrl-C before the operation could answer, as the variable of the machine code says."""
    f = mg.vectorize(lambda x: of_floats(x, 2.0))
    f(X)
    it, _ = f.specialize(X)
    kernel: Any = f.kernel(it, "value")
    from micrograd.compiler.llvm.abi import LOST

    ctypes.c_int64.from_address(kernel.native.address(LOST)).value = 1
    with pytest.raises(KeyboardInterrupt):
        f(X)
    assert f(X) == pytest.approx(2.0 * X)


@pytest.mark.native
def test_an_operation_may_call_compiled_functions_the_same_one_too() -> None:
    depth: list[Any] = []

    def inner(x: Any) -> Any:
        depth.append(x)
        return 1.0 if x < 1.0 else x * f(x - 1.0)

    own = mg.op(derivative=lambda g, z, x: g, opaque=True, name="recursive")(inner)
    f = mg.compile(lambda x: own(x) + 0.0)
    assert f(5.0) == 120.0
    assert depth == [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]


@pytest.mark.native
def test_several_threads_may_call() -> None:
    f = mg.vectorize(program)
    want = f(X, X)
    same: list[bool] = []

    def call() -> None:
        same.extend(np.array_equal(f(X, X), want) for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 15


def test_c_says_that_it_cannot() -> None:
    f = mg.compile(lambda x: bessel0(x) + 1.0)
    with pytest.raises(TraceError, match=r"C cannot call back into Python, where .* bessel0 runs"):
        f.source("c", 1.0)


UNMARKED: dict[str, Callable[[Any], Any]] = {
    "a function of math": lambda x: math.gamma(x),
    "a conversion": lambda x: np.float64(2.0 * float(x)),
    "an opaque one": lambda x: bessel0(x) + 1.0,
}


@pytest.mark.native
@pytest.mark.parametrize("kind", UNMARKED)
def test_without_the_mark_the_message_says_what_to_do(kind: str) -> None:
    own = mg.op(derivative=lambda g, z, x: g, name="unmarked")(UNMARKED[kind])
    assert own(1.5) > 0.0
    with pytest.raises(TraceError, match=r"opaque"):
        mg.compile(lambda x: 2.0 * own(x))(1.5)
    with pytest.raises(TraceError, match=r"opaque"):
        mg.vectorize(own)([1.5, 2.0])


@pytest.mark.native
def test_a_function_of_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    own = mg.op(derivative=lambda g, z, x: g, name="of_scipy")(lambda x: special.j0(x))
    with pytest.raises(TraceError, match=r"j0 does not take .* opaque=True"):
        mg.compile(own)(1.5)
    own = mg.op(opaque=True, name="of_scipy")(lambda x: special.j0(x))
    assert mg.vectorize(own)(X) == pytest.approx(special.j0(X), rel=1e-15)
