"""The same bits every time: with any number of threads, and from many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from networks import loss, normal, rosenbrock

import micrograd as mg
from micrograd import Value


@pytest.mark.parametrize("n", [1, 100, 104, 1000, 4999])
def test_any_number_of_threads_gives_the_same_bits(n: int) -> None:
    X, y = normal(n, 4), normal(n)
    answers = []
    for threads in (1, 2, 5, 12):
        f = mg.vectorize(loss, threads=threads)
        mean = f.backward(X, y)
        value, (dx, dy) = f.value_and_grad(X, y)
        parts = [value, dx.ravel(), dy, f(X, y), [mean], [p.grad for p in f.parameters]]
        answers.append(np.concatenate(parts))
        assert f.backward(X, y) == mean
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


@pytest.mark.parametrize("threads", [1, 2])
def test_calls_from_many_threads_at_once(threads: int) -> None:
    """Threads call one function on data of different lengths; the first one compiles it."""
    f = mg.vectorize(loss, threads=threads)
    data = [(normal(n, 4) + n, normal(n)) for n in (3, 50, 104, 700)] * 4
    alone = mg.vectorize(loss)
    expected = [alone.value_and_grad(*arguments) for arguments in data]
    theta = alone.pack()
    gradients = [alone.gradient(theta, *arguments) for arguments in data]
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda arguments: f.value_and_grad(*arguments), data)]
        slopes = [*pool.map(lambda arguments: f.gradient(theta, *arguments), data)]
    for (value, (dx, dy)), (v, (x, y)) in zip(answers, expected):
        for one, other in ((value, v), (dx, x), (dy, y)):
            np.testing.assert_array_equal(one, other)
    for (mean, slope), (m, s) in zip(slopes, gradients):
        assert mean == m
        np.testing.assert_array_equal(slope, s)


def test_one_example_from_many_threads_at_once() -> None:
    f = mg.compile(rosenbrock)
    data = [normal(12) + k for k in range(40)]
    expected = [f.value_and_grad(x) for x in data]
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(f.value_and_grad, data * 5)]
    for (value, slope), (v, s) in zip(answers, expected * 5):
        assert value == v
        np.testing.assert_array_equal(slope, s)


def test_the_same_input_gives_the_same_bits() -> None:
    X, y = normal(777, 4), normal(777)
    first = mg.vectorize(loss)
    second = mg.vectorize(loss)
    assert first.backward(X, y) == second.backward(X, y) == first.backward(X, y)
    np.testing.assert_array_equal(first(X, y), second(X, y))


def test_exact_gradients_have_the_sign_of_their_zeros() -> None:
    _, gradient = mg.vectorize(mg.cos, exact=True).value_and_grad(np.array([0.0]))
    x = Value(0.0)
    mg.cos(x).backward()
    assert str(gradient[0]) == str(x.grad)
