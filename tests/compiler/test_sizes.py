"""Programs of any length and shape: LLVM recurses, and a stack overflow ends the process.

Here LLVM's stack is a thousandth of its usual size, and the programs are long. They run in a
separate process, so that a crash does not end the tests.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("llvmlite")

PROGRAM = """
import random, sys
import numpy as np, micrograd as mg
from micrograd.compiler.llvm import thread

thread.STACK = 512 << 10
OPS = mg.sin, mg.tanh, mg.sigmoid, mg.softplus, lambda x: x * x, lambda x: 1.5 - x
START = np.array([0.1, 0.2, 0.3])

def chosen(seed):
    draw = random.Random(seed)
    return lambda: draw.choice(OPS), draw

def irregular(x, n=400):
    op, draw = chosen(0)
    values = [*x]
    for _ in range(n):
        a, b = draw.choice(values[-50:]), draw.choice(values)
        values.append(op()(a) + draw.random() * b if draw.random() < 0.5 else op()(a) * 0.5 - b)
    return mg.sum(v * 1e-3 for v in values[-20:])

def chain(x, n=300):
    s = x[0]
    for k in range(n):
        s = mg.sin(s * (1 + k * 1e-5) + x[1])
    return s

def choices(x, n=150):
    s = x[0]
    for k in range(n):
        s = mg.where(s > x[k % 3], s * 0.9, mg.maximum(mg.sin(s), x[k % 2]) + 0.1)
    return s

def wide(x, n=2_000):
    op, _ = chosen(1)
    return mg.mean(op()(x[k % 3] * (k * 1e-4)) for k in range(n))

def results(x, n=1_000):
    op, _ = chosen(2)
    return [op()(x[k % 3] * (k * 1e-3) + x[0]) for k in range(n)]

f = {f.__name__: f for f in (irregular, chain, choices, wide, results)}[sys.argv[1]]
values = [mg.Value(x) for x in START.tolist()]
expected = f(values)
if f is results:
    np.testing.assert_allclose(mg.compile(f)(START), [v.data for v in expected], rtol=1e-9)
else:
    expected.backward()
    slope = [v.grad for v in values]
    for compiled in (mg.compile(f), mg.compile(f, exact=True)):
        value, gradient = compiled.value_and_grad(START)
        np.testing.assert_allclose(value, expected.data, rtol=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-12)
    rows, gradients = mg.vectorize(f).value_and_grad(np.tile(START, (19, 1)))
    np.testing.assert_allclose(rows, [expected.data] * 19, rtol=1e-9)
    np.testing.assert_allclose(gradients, [slope] * 19, rtol=1e-7, atol=1e-12)
print("whole")
"""


@pytest.mark.parametrize("shape", ["irregular", "chain", "choices", "wide", "results"])
def test_no_program_is_too_long_for_the_stack(shape: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, shape]
    environment = os.environ | {"MICROGRAD_CACHE_DIR": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr
