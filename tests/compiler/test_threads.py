"""Many threads and tasks trace, compile and call at once, the same functions and their own."""

import asyncio
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import micrograd as mg

X = np.linspace(-1.0, 1.0, 20_000)
weight = mg.Value(2.0)


@pytest.fixture(autouse=True)
def _other_threads_run_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def functions() -> dict[str, Any]:
    """Functions that several threads call for the first time at once."""
    table = mg.compile(lambda x: 10.0 * x)  # called while another function is traced
    return {
        "many": mg.vectorize(lambda x: mg.tanh(x * weight) + 1.0, threads=2),
        "one": mg.compile(lambda x: x * x * weight),
        "calls another": mg.compile(lambda x: x * table(0.3)),
    }


def work(shared: dict[str, Any], j: int) -> None:
    """Each result is correct whatever other threads do, and eager work is not affected."""
    many, one, calls = shared.values()
    lengths = np.random.default_rng(j).integers(1, len(X), 3).tolist()
    for n in lengths:
        np.testing.assert_allclose(many(X[:n]), np.tanh(2.0 * X[:n]) + 1.0, rtol=1e-12)
        assert one(float(j)) == 2.0 * j * j
        assert one.value_and_grad(float(j)) == (2.0 * j * j, 4.0 * j)
        assert one(np.array([1.0, float(j)])).tolist() == [2.0, 2.0 * j * j]
        assert calls(float(j)) == 3.0 * j
        own = mg.compile(lambda x: mg.sin(x) * n + j)  # noqa: B023
        assert own(0.5) == pytest.approx(math.sin(0.5) * n + j, rel=1e-14)
        v = mg.Value(3.0)
        (v * v).backward()
        assert (v.grad, v > 2, mg.grad(lambda x: x**3)(2.0)) == (6.0, True, 12.0)


def test_threads() -> None:
    shared = functions()
    with ThreadPoolExecutor(6) as threads:
        assert [*threads.map(work, [shared] * 6, range(6))] == [None] * 6


def test_tasks() -> None:
    shared = functions()

    async def task(j: int) -> None:
        await asyncio.sleep(0)
        work(shared, j)
        await asyncio.to_thread(work, shared, j)

    async def run() -> None:
        await asyncio.gather(*[task(j) for j in range(3)])

    asyncio.run(run())


def test_a_function_that_is_traced_may_wait_for_threads_that_call_and_compile() -> None:
    new = mg.compile(lambda x: x + 1.0)
    with ThreadPoolExecutor(1) as other:
        for _ in range(2):  # a new function, and one that is compiled
            f = mg.compile(lambda x: x * other.submit(new, 2.0).result(60))
            assert f(2.0) == 6.0


def test_a_function_of_rows_that_is_traced_may_wait_for_threads_that_compile() -> None:
    x = np.ones((3, 2))
    with ThreadPoolExecutor(1) as other:

        def waits(row: Any) -> Any:
            new = mg.vectorize(lambda row: mg.sum(row) ** 2)
            value, _ = other.submit(new.value_and_grad, x).result(60)
            return mg.sum(row) * float(value[0])

        assert mg.vectorize(waits)(x).tolist() == [8.0, 8.0, 8.0]
        assert mg.compile(mg.grad(waits))(x[0]).tolist() == [4.0, 4.0]
