"""A call computes with its own arguments, whatever was called before, from any thread."""

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
