"""Asynchronous exceptions, such as Ctrl-C, at any moment of a compilation, and their effects."""

import ctypes
import gc
import linecache
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import micrograd as mg
from micrograd.compiler.runtime import building
from micrograd.watch import watching

# Files of functions that hold something for the length of a call.
HOLD_STATE = (
    "building.py", "compiled.py", "native_kernel.py", "specializer.py", "thread.py", "tracer.py",
)  # fmt: skip


class Interrupt(BaseException):
    pass


class Storm:
    """Raises Interrupt at the k-th line, or instruction, in files whose names end in `files`.

    The end of a `with` block is left out: no exception but a tracer's can come in between there.
    """

    def __init__(self, *files: str, instructions: bool = False):
        self.files, self.instructions = files, instructions

    def strikes(self, act: Callable[[], Any], k: int) -> bool:
        """Whether there was a k-th moment in `act`."""
        self.left, self.blocks = k, set[tuple[Any, int]]()
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            act()
        except Interrupt:
            return True
        finally:
            sys.settrace(before)
        return self.left <= 0  # closing a generator may swallow the exception

    def _call(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(self.files):
            return None
        frame.f_trace_opcodes = self.instructions
        return self._step(frame, event, argument)

    def _step(self, frame: Any, event: str, argument: Any) -> Any:
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and line.lstrip().startswith("with "):
            if (frame, frame.f_lineno) in self.blocks:
                return self._step
            self.blocks.add((frame, frame.f_lineno))
        self.left -= 1
        if self.left == 0:
            raise Interrupt
        return self._step


def free(lock: Any) -> bool:
    """Whether another thread can acquire it."""
    taken: list[bool] = []

    def take() -> None:
        taken.append(lock.acquire(blocking=False))
        if taken[0]:
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return taken[0]


def raise_in(thread: threading.Thread) -> None:
    """Raises Interrupt in a thread as Python raises KeyboardInterrupt in the main one."""
    number = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(Interrupt))


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def paused() -> None:
    with building.collector_paused():
        with building.collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()


def test_the_collector_runs_after_an_exception_at_any_instruction() -> None:
    """Even while the traceback keeps the frames alive."""
    storm, k, kept = Storm("building.py", "test_interrupted.py", instructions=True), 1, []

    def act() -> None:
        try:
            paused()
        except Interrupt as error:
            kept.append(error)
            raise

    while storm.strikes(act, k):
        assert gc.isenabled(), k
        k += 1
    assert k > 30  # instructions, whose number depends on the version of Python
    assert kept


def test_the_collector_stays_off_where_the_user_has_turned_it_off() -> None:
    gc.disable()
    paused()
    assert not gc.isenabled()


def test_what_was_made_in_a_pause_counts_as_old_for_the_collector() -> None:
    with building.collector_paused():
        made: list[object] = [[]]
    assert any(x is made for x in gc.get_objects(generation=2))


def test_what_the_user_has_frozen_stays_frozen_after_a_pause() -> None:
    gc.freeze()
    try:
        paused()
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()


def test_a_compilation_that_is_interrupted_at_any_line_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # some close a generator
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path))
    w = mg.Value(3.0)
    mg.compile(lambda x: x * w).value_and_grad(2.0)  # now its code is in the disk cache

    storm, k = Storm(*HOLD_STATE), 1
    size = threading.stack_size()
    f = mg.compile(lambda x: x * w)
    while storm.strikes(lambda: f.value_and_grad(2.0), k):  # noqa: B023
        assert gc.isenabled(), k
        assert free(building.one_builder()), k
        assert threading.stack_size() == size
        assert watching() is None, k
        k += 1
        if k % 2:  # otherwise reuse what the interrupted compilation has left
            f = mg.compile(lambda x: x * w)
    assert k > 50
    assert f.value_and_grad(2.0) == (6.0, 3.0)


def test_hundreds_of_exceptions_as_python_delivers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each raised between any two instructions of a thread that compiles again and again."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # some reach a destructor
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # the others end the thread
    expected = f"{mg.compile(lambda x: x * 3).value_and_grad(2.0)}"
    wrong: list[str] = []

    def compile_again_and_again(running: threading.Event) -> None:
        while True:
            result = f"{mg.compile(lambda x: x * 3).value_and_grad(2.0)}"
            if result != expected or not gc.isenabled():
                wrong.append(result)
            running.set()

    moments = random.Random(3)
    for _ in range(300):
        running = threading.Event()
        victim = threading.Thread(target=compile_again_and_again, args=(running,), daemon=True)
        victim.start()
        assert running.wait(60)
        time.sleep(moments.uniform(0, 0.003))
        while victim.is_alive():  # once is enough, unless a destructor has swallowed it
            raise_in(victim)
            victim.join(0.1)
    assert not wrong
    assert gc.isenabled()
    assert free(building.one_builder())
    with ThreadPoolExecutor(1) as other:
        assert other.submit(mg.compile(lambda x: x * 5), 2.0).result(60) == 10.0
