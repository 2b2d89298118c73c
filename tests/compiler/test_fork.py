"""A process that forks while its other threads compile, call and trace."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd as mg

pytest.importorskip("llvmlite")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that does not fork")

FORK = """
import gc, os, sys, threading, time, warnings
import numpy as np, micrograd as mg
warnings.simplefilter("ignore")

def child(answers):
    pid = os.fork()
    if not pid:
        code = 2
        try:
            code = 0 if answers() else 1
        finally:
            os._exit(code)
    for _ in range(3_000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    return "hangs"
"""

WHILE_THREADS_COMPILE = (
    FORK
    + """
X = np.random.default_rng(0).normal(size=(3_000, 3))
f = mg.vectorize(lambda x: mg.tanh(x[0] * x[1]) + x[2], threads=2)
known, over = f(X), threading.Event()

def work(j):
    k = 0
    while not over.is_set():
        k += 1
        mg.compile(lambda x: x * k + j)(1.0)
        f(X)

def answers():
    new = mg.compile(lambda x: mg.tanh(x) * x)
    w = mg.Value(2.0)
    return gc.isenabled() and (f(X) == known).all() and new(0.0) == 0.0 and (w > 1) is True

threads = [threading.Thread(target=work, args=(j,)) for j in range(2)]
for thread in threads:
    thread.start()
codes = []
for n in range(20):
    time.sleep(0.002 * n)
    codes.append(child(answers))
over.set()
for thread in threads:  # since Python 3.12 a program that ends cannot compile
    thread.join()
print(codes)
"""
)

WITHIN_LLVM = (
    FORK
    + """
from micrograd import forks
from micrograd.compiler.llvm import thread
forks.PATIENCE = 0.01
mg.compile(lambda x: x + 1)(1.0)

def answers():
    assert f(2.0) == 3.0
    try:
        mg.compile(lambda x: x * 3 + 1)(2.0)
    except RuntimeError as error:
        return "it was forked while another thread compiled" in str(error)

f = mg.compile(lambda x: x + 1)
f(1.0)
with thread._jobs:
    codes = [child(answers)]
codes.append(child(lambda: mg.compile(lambda x: x * 3 + 1)(2.0) == 7.0))
print(codes)
"""
)

WITHIN_A_TRACE = (
    FORK
    + """
codes = []

def traced(x):
    codes.append(child(lambda: mg.compile(lambda x: x * 3 + 1)(2.0) == 7.0))
    return x * 2

mg.compile(traced)(1.0)
print(codes, gc.isenabled())
"""
)


WHILE_A_THREAD_COMPUTES_AN_ATTRIBUTE = (
    FORK
    + """
from micrograd.lazy import cached_property
begun, go = threading.Event(), threading.Event()

class Object:
    @cached_property
    def attribute(self):
        begun.set()
        return go.wait()

def answers():
    go.set()
    return Object().attribute

thread = threading.Thread(target=lambda: Object().attribute)
thread.start()
begun.wait()
print([child(answers)])
go.set()
"""
)

WHILE_A_THREAD_IMPORTS = (
    FORK
    + """
thread = threading.Thread(target=lambda: mg.compile(lambda x: x + 1)(1.0))
thread.start()
while "micrograd.compiler.trace" not in sys.modules:
    time.sleep(0.0001)
print([child(lambda: mg.compile(lambda x: x * 3)(2.0) == 6.0)])
thread.join()
"""
)


def printed(program: str) -> str:
    environment = os.environ | {"MICROGRAD_CACHE_DIR": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.stderr == ""
    return done.stdout.strip()


def test_twenty_forks_while_other_threads_compile_and_call() -> None:
    assert printed(WHILE_THREADS_COMPILE) == str([0] * 20)


def test_a_child_that_could_not_wait_for_llvm_says_so() -> None:
    """Code compiled before the fork runs; compiling after it raises an error instead of hanging."""
    assert printed(WITHIN_LLVM) == "[0, 0]"


def test_a_function_may_fork_while_it_is_traced() -> None:
    assert printed(WITHIN_A_TRACE) == "[0] True"


def test_a_fork_while_a_thread_computes_an_attribute() -> None:
    assert printed(WHILE_A_THREAD_COMPUTES_AN_ATTRIBUTE) == "[0]"


def test_a_fork_while_a_thread_imports_the_compiler() -> None:
    """Its first use imports it; the lock of an import is not released in a child."""
    assert printed(WHILE_A_THREAD_IMPORTS) == "[0]"


def test_no_attribute_is_computed_under_the_lock_of_functools() -> None:
    package = Path(mg.__file__).parent
    users = [
        file.name
        for file in package.rglob("*.py")
        if re.search(r"functools import .*cached_property", file.read_text(encoding="utf-8"))
    ]
    assert users == ["lazy.py"]
