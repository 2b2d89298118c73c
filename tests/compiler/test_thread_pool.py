"""The thread pool: the bits are the same whether workers are awake, asleep, busy or gone."""

import os
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import pytest

import micrograd as mg

pytest.importorskip("llvmlite")
from micrograd.compiler.runtime.thread_pool import thread_pool

RANDOM = np.random.default_rng(0)
model = mg.MLP(3, [8, 1], activation="tanh", seed=0)
X, y = RANDOM.normal(size=(5_000, 3)), RANDOM.normal(size=5_000)


def loss(x: Any, y: Any) -> Any:
    return (model(x)[0] - y) ** 2


def gradient(f: mg.Compiled, n: int = len(X)) -> bytes:
    mean = f.backward(X[:n], y[:n])
    return np.array([mean, *[p.grad for p in f.parameters]]).tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("threads", [2, 3, 8, 20])
def test_many_calls_of_many_sizes(threads: int, dtype: str) -> None:
    one, many = (mg.vectorize(loss, threads=t, dtype=dtype) for t in (1, threads))
    for n in [*RANDOM.integers(1, len(X), 50).tolist(), 1, len(X)]:
        assert gradient(many, n) == gradient(one, n)


def test_sleeping_workers_are_woken() -> None:
    f = mg.vectorize(loss, threads=2)
    first = gradient(f)
    for seconds in (0.0, 0.05, 0.0, 0.1):
        time.sleep(seconds)
        assert gradient(f) == first


def test_a_call_does_not_wait_for_a_busy_pool() -> None:
    f = mg.vectorize(loss, threads=2)
    first = gradient(f)
    with thread_pool(2).free:
        assert gradient(f) == first
    assert gradient(f) == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that does not fork")
def test_a_forked_process_has_a_pool_of_its_own() -> None:
    f = mg.vectorize(loss, threads=2)
    first = gradient(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point
        child = os.fork()
    if not child:
        os._exit(gradient(f) != first)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gradient(f) == first


PROGRAM = """
import numpy as np, micrograd as mg
f = mg.vectorize(lambda x: mg.tanh(x) * x, threads=3)
for _ in range(100):
    answer = f(np.linspace(0, 1, 3_000))
print(answer[-1])
"""


def test_a_process_ends_while_its_workers_spin() -> None:
    for _ in range(5):
        command = [sys.executable, "-W", "error", "-c", PROGRAM]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert float(done.stdout) == pytest.approx(np.tanh(1))
