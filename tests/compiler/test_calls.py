"""A call computes with its own arguments, whatever was called before, from any thread."""

import itertools
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api.call_cache import KEPT
from micrograd.compiler.runtime.buffers import Pool

# Keywords, and arguments of another structure.


def test_keywords_count_at_every_call() -> None:
    f = mg.compile(lambda S, K=100.0: S - K)
    assert [f(110.0), f(110.0, K=50.0), f(110.0, 50.0), f(110.0)] == [10.0, 60.0, 60.0, 10.0]
    for wrong in (lambda: f(1.0, k=2.0), lambda: f(1.0, 2.0, 3.0), lambda: f(1.0, 2.0, K=3.0)):
        with pytest.raises(mg.ShapeError, match="takes the arguments"):
            wrong()


def test_an_argument_too_many_is_refused_at_every_call() -> None:
    f = mg.compile(lambda x: x * x)
    assert f(2.0) == 4.0
    for wrong in (lambda: f(2.0, 3.0), lambda: f(), lambda: f(2.0, z=3.0)):
        with pytest.raises(mg.ShapeError, match="takes the arguments"):
            wrong()


def test_a_call_runs_the_program_of_its_own_arguments() -> None:
    f = mg.compile(lambda x, y=1.0: (mg.sum(x) if hasattr(x, "shape") else 3 * x) * y)
    calls: list[tuple[Any, float]] = [
        ((2.0,), 6.0), ((np.array([2.0, 5.0]),), 7.0), ((2.0, 2.0), 12.0),
        ((np.ones(3), 2.0), 6.0), ((np.array(2.0),), 6.0), ((7,), 21.0), ((np.float32(0.5),), 1.5),
    ]  # fmt: skip
    for _ in range(2):
        for args, expected in calls:
            assert f(*args) == expected


def test_results_that_are_no_numbers_are_not_taken_for_the_last_ones() -> None:
    f = mg.compile(lambda x: [x, 2 * x] if hasattr(x, "shape") else x)
    for _ in range(2):
        assert f(2.0) == 2.0
        assert [a.tolist() for a in f(np.ones(2))] == [[1.0, 1.0], [2.0, 2.0]]


@pytest.fixture
def eager_switches() -> Iterator[None]:
    """Threads switch as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switches")
@pytest.mark.parametrize("turn", range(3))
def test_threads_that_call_with_different_arguments(turn: int) -> None:
    """Numbers, arrays, keywords; each thread makes the first call with its type of arguments."""
    f = mg.compile(lambda x, k=1.0: (mg.sum(x) if hasattr(x, "shape") else 3 * x) * k)
    at_once = Barrier(6)
    calls: list[tuple[Callable[[], Any], Any]] = [
        (lambda: f(2.0), 6.0),
        (lambda: f(np.array([2.0, turn])), 2.0 + turn),
        (lambda: f(2.0, k=5.0), 30.0),
        (lambda: f(2.0, 7.0), 42.0),
        (lambda: f.value_and_grad(2.0), (6.0, 3.0)),
        (lambda: f.value_and_grad(np.ones(2))[1].tolist(), [1.0, 1.0]),
    ]

    def many(call: tuple[Callable[[], Any], Any]) -> bool:
        at_once.wait()
        return all(call[0]() == call[1] for _ in range(200))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(many, calls))


# Arrays that were passed before.


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_an_array_may_get_other_memory_between_calls(make: Any) -> None:
    f = make(lambda x: x * 2.0)
    x, theta = np.zeros(1000), np.ones(1)
    w = Value(1.0)
    g = make(lambda x: x[0] * w)
    first = np.ones((1, 1)) if make is mg.vectorize else np.ones(1)
    for number in (1.0, 2.0, 3.0):
        for array in (x, theta):
            state: Any = np.full(len(array), number).__reduce__()[2]
            array.__setstate__(state)
        trash = [np.full(1000, -7.0) for _ in range(20)]  # reuses the old memory
        np.testing.assert_array_equal(f(x), np.full(1000, 2 * number))
        assert g.gradient(theta, first)[0] == number
        del trash


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_an_array_may_be_resized_after_a_call(make: Any) -> None:
    f = make(lambda x: x * 2.0)
    x = np.arange(6.0)
    f(x)
    f.value_and_grad(x) if make is mg.vectorize else None
    x.resize(9)
    np.testing.assert_array_equal(f(x), 2 * x)


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")  # of NumPy 2.5
@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_an_array_may_change_its_shape_and_type_between_calls(make: Any) -> None:
    f = make(lambda x: x * 2.0)
    x = np.arange(12.0).reshape(3, 4)
    for _ in range(3):
        np.testing.assert_array_equal(f(x), 2 * x)
    x.shape = 4, 3
    np.testing.assert_array_equal(f(x), 2 * x)
    x.dtype = np.int64  # type: ignore[misc]
    np.testing.assert_array_equal(f(x), 2.0 * x)
    x.dtype = np.dtype(">f8")  # type: ignore[misc]
    np.testing.assert_array_equal(f(x), 2 * x)
    for other in (np.arange(24.0).reshape(4, 6)[:, ::2], np.asfortranarray(np.ones((4, 3)))):
        np.testing.assert_array_equal(f(other), 2 * other)


@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_arrays_that_may_not_be_written_and_empty_ones(make: Any) -> None:
    f = make(lambda x: x * 2.0)
    x = np.arange(6.0)
    x.flags.writeable = False
    for _ in range(2):
        np.testing.assert_array_equal(f(x), 2 * x)
        np.testing.assert_array_equal(f(np.zeros(0)), np.zeros(0))


# What is kept.


def test_of_many_lengths_the_newest_are_kept() -> None:
    f = mg.compile(mg.sum)
    for n in range(1, KEPT + 20):
        assert f(np.ones(n)) == n
    assert len(f.specializations) == KEPT
    assert f.specializations[-1].shapes == [(KEPT + 19,)]
    assert f(np.ones(1)) == 1.0
    assert f.specializations[-1].shapes == [(1,)]


def test_a_function_of_numbers_that_is_no_longer_kept_still_runs() -> None:
    f = mg.compile(lambda *x: 2 * mg.sum(x))
    for n in range(1, KEPT + 20):
        assert f(*[1.0] * n) == 2 * n
    for n in (1, 2, KEPT + 19):
        assert f(*[1.0] * n) == 2 * n


def test_answers_that_are_kept_do_not_add_up_in_the_function() -> None:
    """The pool searches a bounded number of arrays, however many results the caller keeps."""
    pool, number = Pool(), np.dtype(float)
    held = [pool.take((40_000,), 40_000, number) for _ in range(200)]
    assert len(pool) <= pool.ARRAYS
    assert len({array.ctypes.data for array in held}) == 200


def test_answers_of_any_size_are_freed_with_their_last_owner() -> None:
    f = mg.vectorize(lambda x: x * 2.0)
    x = np.ones(1000)
    held = [f(x) for _ in range(3)]
    tracemalloc.start()
    held += [f(x) for _ in range(200)]
    kept = tracemalloc.get_traced_memory()[0]
    held.clear()
    freed = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept > 200 * x.nbytes
    assert freed < 20 * x.nbytes


# The short way for numbers, with gradients.


def formula(x: Any, y: Any, z: Any) -> Any:
    return mg.exp(-x * x) * mg.sin(y) + mg.where(x > 0, mg.sqrt(x), z) * z


POINTS = [(0.5, 2.0, -1.0), (-0.5, 2.0, 3.0), (0.0, 1.0, 2.0), (0.0, -0.0, 0.0), (3, -2, 1)]


@pytest.mark.parametrize("exact", [False, True])
def test_numbers_and_arrays_give_the_same_value_and_gradient(exact: bool) -> None:
    """Numbers are passed in registers, arrays of one number in memory; x = 0 makes 0 * inf."""
    f, g = mg.compile(formula, exact=exact), mg.vectorize(formula, exact=exact)
    for point, _ in itertools.product(POINTS, range(2)):
        v = [Value(x) for x in point]
        expected = formula(*v)
        expected.backward()
        value, gradient = f.value_and_grad(*point)
        assert {type(x) for x in (value, *gradient)} == {float}
        assert value == pytest.approx(expected.data, rel=1e-13)
        assert gradient == pytest.approx([x.grad for x in v], rel=1e-12, abs=1e-15)
        if exact:
            assert [value, *gradient] == [expected.data, *[x.grad for x in v]]
        values, slopes = g.value_and_grad(*[np.array([float(x)]) for x in point])
        np.testing.assert_allclose([values, *slopes], np.array([[value, *gradient]]).T, rtol=1e-13)


def test_gradients_of_numbers_of_every_kind() -> None:
    w = Value(3.0)
    for function, x, expected in [
        (lambda x: x * x, 3, (9.0, 6.0)), (lambda x: x * x, np.float64(3), (9.0, 6.0)),
        (lambda x: x * x, True, (1.0, 2.0)), (lambda x: 5.0, 2.0, (5.0, 0.0)),
        (lambda x: x, 2.0, (2.0, 1.0)), (lambda x: w * x, 2.0, (6.0, 3.0)),
        (lambda x: 2 * x, 10**400, (np.inf, 2.0)), (lambda x: -x, np.inf, (-np.inf, -1)),
    ]:  # fmt: skip
        f = mg.compile(function)
        assert f.value_and_grad(x) == f.value_and_grad(x) == expected
    assert mg.compile(lambda: 2.0).value_and_grad() == (2.0, ())
    f = mg.compile(lambda x, y: x * y)
    for _ in range(2):
        assert f.value_and_grad(2.0, y=3.0) == (6.0, (3.0, 2.0))
        assert f.value_and_grad(2.0, 3.0) == (6.0, (3.0, 2.0))
        with pytest.raises(mg.ShapeError, match="takes the arguments"):
            f.value_and_grad(2.0)
    for _ in range(2):
        with pytest.raises(TypeError, match="returns 2 numbers"):
            mg.compile(lambda x: [x, x]).value_and_grad(1.0)
    single = mg.compile(lambda x: x / 3, dtype="float32").value_and_grad(1.0)
    assert single == (np.float32(1 / 3).item(), np.float32(1 / 3).item())


# Native functions that Python calls.


@pytest.mark.native
def test_native_calls_keep_no_references() -> None:
    f, g = mg.compile(lambda x, y: x * y), mg.vectorize(lambda x, y: x * y)
    x, number = np.ones(3), 1234.5
    others: list[Any] = [None, True, False, float, int, np.ndarray]

    def counts() -> list[int]:
        return [sys.getrefcount(each) for each in (x, number, *others)]

    def call() -> None:
        f(number, number)
        f(10**400, 2.0)
        f.value_and_grad(number, 2.0)
        f(x, x)
        g(x, x)
        g.value_and_grad(x, x)
        g(x, 2.0)

    for _ in range(3):
        call()
    before = counts()
    for _ in range(1000):
        call()
    after = counts()
    assert all(b < a + 100 for a, b in zip(before, after))


@pytest.mark.native
def test_a_kernel_refuses_what_is_no_array() -> None:
    f = mg.compile(lambda x: mg.sum(x))
    it, call = f.specialize(np.ones(2))
    kernel, nothing = f.kernel(it), np.zeros(0)
    call.inputs = [[1.0, 1.0]]  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected an array"):
        kernel(call, nothing, 1.0)
    call.inputs = [np.ones(2)]
    assert np.ravel(kernel(call, nothing, 1.0)[0][0]).tolist() == [2.0]


# Lists and tuples of numbers.


def test_a_list_of_numbers_is_one_input_and_a_list_to_the_function() -> None:
    def f(p: Any, q: Any) -> Any:
        assert (type(p), type(q["a"]), type(q["b"])) == (list, tuple, list)
        return mg.sum(a * a for a in p) * q["a"][1] + q["b"][0][1] * q["b"][1]

    compiled = mg.compile(f)
    args: Any = [3, True, 2.5, Fraction(1, 2)], {"a": (1.0, 2.0), "b": [[5.0, 6.0], 7.0]}
    for _ in range(2):
        value, (p, q) = compiled.value_and_grad(*args)
        assert value == 2 * 16.5 + 42.0
        assert p == [12.0, 4.0, 10.0, 2.0]
        assert q == {"a": (0.0, 16.5), "b": [[0.0, 7.0], 6.0]}
    assert compiled.specializations[0].shapes == [(4,), (2,), (2,), None]


def test_a_long_list_takes_as_long_as_an_array() -> None:
    f = mg.compile(lambda x: mg.sum(a * a for a in x))
    f.value_and_grad([1.0] * 5)
    g = mg.compile(lambda x: mg.sum(a * a for a in x))
    g.value_and_grad(np.ones(5))
    assert f.source("program", [1.0] * 5) == g.source("program", np.ones(5))
