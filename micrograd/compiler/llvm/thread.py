"""LLVM runs on a thread of its own: one job at a time, on a large stack, never interrupted.

LLVM recurses as deep as a program is long, and a stack overflow would end the process. An
asynchronous exception, such as Ctrl-C, reaches the waiting thread, not the thread that works, so
that LLVM always releases its locks. For the same reason, a fork waits for the end of a job.
"""

import _thread
import atexit
import threading
from collections.abc import Callable
from functools import partial
from operator import call
from typing import Any, TypeVar
from weakref import ref

import llvmlite.binding as llvm

from micrograd import forks

T = TypeVar("T")

STACK = 512 << 20  # bytes of address space; memory is committed only as the stack grows

_jobs = threading.Lock()  # held by the thread that works
_broken = False  # the process was forked in the middle of a job

# llvmlite holds this lock during each call of LLVM, including calls from other packages.
_calls: Any = getattr(getattr(llvm.ffi.lib, "_lock", None), "_lock", None) or threading.RLock()


def on_llvm_thread(work: Callable[[], T]) -> T:
    """The result of `work`, or its exception."""
    if _broken:
        raise RuntimeError(
            "nothing can be compiled in this process: it was forked while another thread compiled. "
            'Compile before the fork, or start processes by multiprocessing.get_context("spawn")'
        )
    outcome: list[Any] = []
    while not outcome:  # a thread can die as it starts, of an exception meant for this thread
        over = threading.Lock()
        over.acquire()
        alive = _start(_do, work, outcome, over)
        while not over.acquire(timeout=0.05) and alive() is not None:
            pass
    result, error = outcome
    if error is not None:
        raise error
    return result


def _do(work: Callable[[], Any], outcome: list[Any], over: Any) -> None:
    try:
        with _jobs:
            outcome += work(), None
    except BaseException as error:
        outcome += None, error
    over.release()


def _start(run: Callable[..., None], *args: Any) -> ref[Any]:
    """Starts a thread with a large stack, or with the default one if there is no room for it.

    The stack size is a setting of the whole process, but no other thread sees the change: the three
    calls run in C, without a switch to another thread. The result is alive as long as the thread.
    """
    run = partial(run, *args)
    large = partial(threading.stack_size, STACK)
    start = partial(_thread.start_new_thread, run, ())
    back = partial(threading.stack_size, threading.stack_size())
    try:
        list(map(call, (large, start, back)))
    except RuntimeError:  # no address space
        try:
            list(map(call, (back, start)))
        except RuntimeError as error:
            raise _without_thread(error) from None
    return ref(run)


def _without_thread(error: RuntimeError) -> RuntimeError:
    if "shutdown" not in str(error):
        return error
    return RuntimeError(
        "nothing can be compiled any more: the main thread has ended, and Python starts no thread "
        "after that. Let it wait for the others, by thread.join(), or compile before"
    )


def _break() -> None:
    global _broken
    _broken = True


def _finish() -> None:
    """Waits for the current job, before the process ends."""
    with _jobs:
        pass


atexit.register(_finish)
forks.wait_for(_jobs, _break)
forks.wait_for(_calls, _break)
