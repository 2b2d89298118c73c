"""Thread pool: threads that share the examples of a call.

To wake a thread takes as long as a whole call. So a worker spins for a while before it sleeps, in
native code, without the GIL. No call waits for a sleeping worker: all threads, the caller included,
claim the segments of a call one at a time, until none is left. Each segment has sums of its own,
which are added in the order of the segments, so the bits do not depend on which thread computed
which segment.
"""

import atexit
import ctypes
import os
import platform
import threading
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from micrograd.compiler.llvm import abi
from micrograd.lazy import importing

PATIENCE = 10_000  # spins before a worker sleeps: some tenths of a millisecond
POLITE = 64  # spins between two yields of the processor

# The words that the threads share, each in a cache line of its own. The word at 0 is the state: the
# upper half counts calls, the lower half counts unclaimed segments.
FINISHED, ASLEEP, JOB, WORDS = 8, 16, 24, 32


class ThreadPool:
    """The calling thread and `threads` - 1 workers."""

    def __init__(self, threads: int):
        with importing():
            from micrograd.compiler.runtime.jit import Native

        self.free = threading.Lock()  # held by the call that uses the pool
        self._words = (ctypes.c_int64 * WORDS)()
        self._address = ctypes.addressof(self._words)
        self._native = Native(None, _module)
        self._sleepers = self._function("sleepers", ctypes.c_int64, 1)
        self._run = self._function("run", None, 2)
        self._serve = self._function("serve", None, 3)
        self._wake = threading.Semaphore(0)
        self._over = False
        workers = [
            threading.Thread(target=self._work, args=(k,), name=f"micrograd-{k}", daemon=True)
            for k in range(1, threads)
        ]
        for worker in workers:
            worker.start()
        atexit.register(self._shut_down, workers)

    def _function(self, name: str, result: Any, words: int) -> Any:
        return ctypes.CFUNCTYPE(result, *[ctypes.c_int64] * words)(self._native.address(name))

    def run(self, job: int) -> None:
        """Runs the job at this address."""
        if self._words[ASLEEP]:
            for _ in range(self._sleepers(self._address)):
                self._wake.release()
        self._run(self._address, job)

    def _work(self, k: int) -> None:
        while not self._over:
            self._serve(self._address, k, PATIENCE)
            self._wake.acquire()

    def _shut_down(self, workers: list[threading.Thread]) -> None:
        """Ends the workers before the interpreter frees their native code."""
        self._over = True
        for _ in workers:
            self._wake.release()
        for worker in workers:
            worker.join()


@cache
def _thread_pool(process: int, threads: int) -> ThreadPool:
    return ThreadPool(threads)


def thread_pool(threads: int) -> ThreadPool:
    """The pool with so many threads. It belongs to this process: a fork needs a new one."""
    return _thread_pool(os.getpid(), threads)


# The pause instruction of a spinning thread, by processor: LLVM's name for it, and its operand.
_PAUSE = {
    "x86_64": ("llvm.x86.sse2.pause", ""),
    "amd64": ("llvm.x86.sse2.pause", ""),
    "aarch64": ("llvm.aarch64.hint", "i32 1"),
    "arm64": ("llvm.aarch64.hint", "i32 1"),
}

# The words of a job that the code reads: their names in the code, and their types.
_READ = {
    abi.Job.EXAMPLES_FUNCTION: ("examples", "ptr"), abi.Job.BEFORE_FUNCTION: ("before", "ptr"),
    abi.Job.AFTER_FUNCTION: ("after", "ptr"), abi.Job.COMBINE_FUNCTION: ("combine", "ptr"),
    abi.Job.UNIFORMS: ("u", "ptr"), abi.Job.TABLE: ("table", "ptr"), abi.Job.SUMS: ("sums", "ptr"),
    abi.Job.PARAMETERS: ("w", "ptr"), abi.Job.IN_PLACE: ("d", "ptr"),
    abi.Job.EXAMPLES: ("n", "i64"), abi.Job.CHUNKS: ("chunks", "i64"),
    abi.Job.SEGMENTS: ("segments", "i64"), abi.Job.WIDTH: ("width", "i64"),
    abi.Job.IS_DOUBLE: ("double", "i64"),
}  # fmt: skip


def _module() -> tuple[str, None]:
    with importing():
        from micrograd.compiler.llvm.target import header

    pause, operand = _PAUSE.get(platform.machine().lower(), ("", ""))
    yields = os.name == "posix"
    declared = [f"declare void @{pause}({operand.split(' ')[0]})"] * bool(pause)
    declared += ["declare i32 @sched_yield()"] * yields
    names = {
        "pause": f"call void @{pause}({operand})" if pause else "",
        "yield": "%ignored = call i32 @sched_yield()" if yields else "",
        "finished": FINISHED, "asleep": ASLEEP, "job": JOB, "rows": abi.JOB_ROWS, "polite": POLITE,
        "job_seed": int(abi.Job.SEED),
        **{f"load_{name}": _load(word, name, type) for word, (name, type) in _READ.items()},
    }  # fmt: skip
    code = Path(__file__).with_suffix(".ll").read_text(encoding="utf-8")
    return "\n".join([header(), *declared, Template(code).substitute(names)]), None


def _load(word: abi.Job, name: str, type: str) -> str:
    """The instructions that load a word of the job as %name."""
    place = f"%address.{name} = getelementptr i64, ptr %job, i64 {int(word)}"
    return f"{place}\n  %{name} = load {type}, ptr %address.{name}"
