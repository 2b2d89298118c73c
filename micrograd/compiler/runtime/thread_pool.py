"""Thread pool: threads that share out the examples of a call.

A call takes no longer than to wake a thread. So a thread that has just worked looks out for the
next call for a while before it sleeps, in native code, without the GIL. No call waits for a thread
that sleeps: the segments of a call are claimed one at a time, by the caller too, until none is
left. Each segment has sums of its own, which are added in the order of the segments: so the bits
are the same, whichever thread computed which segment.
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

PATIENCE = 10_000  # looks at the state before a thread goes to sleep: some tenths of a millisecond
POLITE = 64  # looks, after which another thread may have the processor

# The words that the threads share, each in a cache line of its own. The word at 0 is the state: the
# number of the call in its upper half, and how many segments are unclaimed in the lower.
FINISHED, ASLEEP, JOB, WORDS = 8, 16, 24, 32


class ThreadPool:
    """The caller and `threads` - 1 others."""

    def __init__(self, threads: int):
        from micrograd.compiler.runtime.jit import Native

        self.free = threading.Lock()  # held by the call that the pool works for
        self._words = (ctypes.c_int64 * WORDS)()
        self._address = ctypes.addressof(self._words)
        self._native = Native(None, _module)
        self._sleepers = self._function("sleepers", ctypes.c_int64, 1)
        self._run = self._function("run", None, 2)
        self._serve = self._function("serve", None, 3)
        self._wake = threading.Semaphore(0)
        self._over = False
        others = [
            threading.Thread(target=self._stand_by, args=(k,), name=f"micrograd-{k}", daemon=True)
            for k in range(1, threads)
        ]
        for other in others:
            other.start()
        atexit.register(self._dismiss, others)

    def _function(self, name: str, result: Any, words: int) -> Any:
        return ctypes.CFUNCTYPE(result, *[ctypes.c_int64] * words)(self._native.address(name))

    def run(self, job: int) -> None:
        """Does the job at this address."""
        if self._words[ASLEEP]:
            for _ in range(self._sleepers(self._address)):
                self._wake.release()
        self._run(self._address, job)

    def _stand_by(self, k: int) -> None:
        while not self._over:
            self._serve(self._address, k, PATIENCE)
            self._wake.acquire()

    def _dismiss(self, others: list[threading.Thread]) -> None:
        """Before the interpreter ends, and the native code with it."""
        self._over = True
        for _ in others:
            self._wake.release()
        for other in others:
            other.join()


@cache
def _thread_pool(process: int, threads: int) -> ThreadPool:
    return ThreadPool(threads)


def thread_pool(threads: int) -> ThreadPool:
    """The pool of so many threads of this process: a forked process has none yet."""
    return _thread_pool(os.getpid(), threads)


# The instruction that a waiting thread gives, by processor: LLVM's name of it, and its operand.
_PAUSE = {
    "x86_64": ("llvm.x86.sse2.pause", ""),
    "amd64": ("llvm.x86.sse2.pause", ""),
    "aarch64": ("llvm.aarch64.hint", "i32 1"),
    "arm64": ("llvm.aarch64.hint", "i32 1"),
}

# The words of a job that the code reads: the name there, and its type.
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
    """%name = a word of the job."""
    place = f"%address.{name} = getelementptr i64, ptr %job, i64 {int(word)}"
    return f"{place}\n  %{name} = load {type}, ptr %address.{name}"
