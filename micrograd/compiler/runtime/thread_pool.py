"""Crew: threads that stand by to share out the examples of a call.

A call is over in the time that it takes to wake a thread. So whoever has just worked looks out for
the next call for a while before it sleeps, in native code, where it is in nobody's way. Nobody
waits for a sleeper either: the segments of a call are claimed one at a time, by the caller too,
until none is left. Each has sums of its own, which are added in the order of the segments: so the
bits are the same, whoever computed what.
"""

import atexit
import ctypes
import os
import platform
import threading
from functools import cache
from typing import Any

PATIENCE = 10_000  # looks at the state before a thread goes to sleep: some tenths of a millisecond
POLITE = 64  # looks, after which another thread may have the processor

# What the crew shares, in words of 64 bits, each in a cache line of its own. `state` holds the
# number of the call in its upper half, and how many segments are unclaimed in the lower.
STATE, FINISHED, ASLEEP, JOB, WORDS = 0, 8, 16, 24, 32

# The words of a job: addresses, then numbers. Some differ from call to call; they lie side by side.
# Then memory for each thread's rows.
POINTERS = "examples", "before", "after", "combine", "u", "table", "sums", "w", "d"
NUMBERS = "n", "seed", "chunks", "segments", "width", "double"
AT = {name: place for place, name in enumerate((*POINTERS, *NUMBERS))}
ASKED = slice(AT["w"], AT["segments"] + 1)
ROWS = len(AT)


class Crew:
    """The caller and `threads` - 1 others."""

    def __init__(self, threads: int):
        from micrograd.compiler.runtime.jit import Native

        self.free = threading.Lock()  # held by the one call that it works for
        self._words = (ctypes.c_int64 * WORDS)()
        self._address = ctypes.addressof(self._words)
        self._native = Native(None, _module)
        self._sleepers = self._function("sleepers", ctypes.c_int64, 1)
        self._lead = self._function("lead", None, 2)
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
        self._lead(self._address, job)

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
def _crew(process: int, threads: int) -> Crew:
    return Crew(threads)


def crew(threads: int) -> Crew:
    """So many threads of this process: a forked one has none yet."""
    return _crew(os.getpid(), threads)


def _module() -> tuple[str, None]:
    from micrograd.compiler.llvm.target import header

    kind = platform.machine().lower()
    pause, operand = _PAUSE.get(kind, ("", ""))
    words = {"PAUSE": f"call void @{pause}({operand})" if pause else "", "YIELD": ""}
    lines = [f"declare void @{pause}({operand.split(' ')[0]})"] if pause else []
    if os.name == "posix":
        words["YIELD"] = "%ignored = call i32 @sched_yield()"
        lines.append("declare i32 @sched_yield()")
    code = _CODE
    for word, written in words.items():
        code = code.replace(word, written)
    return header() + "\n".join(lines) + code, None


_PAUSE: dict[str, tuple[str, str]] = {
    "x86_64": ("llvm.x86.sse2.pause", ""),
    "amd64": ("llvm.x86.sse2.pause", ""),
    "aarch64": ("llvm.aarch64.hint", "i32 1"),
    "arm64": ("llvm.aarch64.hint", "i32 1"),
}


def _loads(*names: str) -> str:
    """%name for each: a word of the job."""
    lines = []
    for name in names:
        lines.append(f"%at.{name} = getelementptr i64, ptr %job, i64 {AT[name]}")
        lines.append(f"%{name} = load {'ptr' if name in POINTERS else 'i64'}, ptr %at.{name}")
    return "\n  ".join(lines)


_CODE = f"""
; Claims what segments are left, one after the other, and computes them.
define internal void @take_part(ptr %crew, i64 %who) {{
  %finished = getelementptr i64, ptr %crew, i64 {FINISHED}
  %at.job = getelementptr i64, ptr %crew, i64 {JOB}
  %place = add i64 %who, {ROWS}
  br label %look
look:
  %state = load atomic i64, ptr %crew acquire, align 8
  %left = and i64 %state, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %out, label %claim
claim:
  %less = sub i64 %state, 1
  %tried = cmpxchg ptr %crew, i64 %state, i64 %less acq_rel acquire
  %mine = extractvalue {{ i64, i1 }} %tried, 1
  br i1 %mine, label %compute, label %look
compute:                        ; from here to `finished` the job stays as it is
  %job = load ptr, ptr %at.job
  {_loads("examples", "w", "u", "d", "table", "n", "chunks", "segments")}
  {_loads("sums", "width", "double")}
  %at.seed = getelementptr i64, ptr %job, i64 {AT["seed"]}
  %seed.double = load double, ptr %at.seed
  %seed.float = load float, ptr %at.seed
  %at.v = getelementptr i64, ptr %job, i64 %place
  %v = load ptr, ptr %at.v
  %s = sub i64 %segments, %left
  %next = add i64 %s, 1
  %from = mul i64 %chunks, %s
  %to = mul i64 %chunks, %next
  %first = udiv i64 %from, %segments
  %last = udiv i64 %to, %segments
  %skip = mul i64 %width, %s
  %own = getelementptr i8, ptr %sums, i64 %skip
  %begins = icmp eq i64 %s, 0    ; its sums are what the others are added to
  %sums.r = select i1 %begins, ptr %u, ptr %own
  %sums.d = select i1 %begins, ptr %d, ptr %own
  %is.double = icmp ne i64 %double, 0
  br i1 %is.double, label %in.double, label %in.float
in.double:
  call void %examples(ptr %w, ptr %u, ptr %sums.r, ptr %sums.d, ptr %v, ptr %table,
                      double %seed.double, i64 %n, i64 %first, i64 %last)
  br label %done
in.float:
  call void %examples(ptr %w, ptr %u, ptr %sums.r, ptr %sums.d, ptr %v, ptr %table,
                      float %seed.float, i64 %n, i64 %first, i64 %last)
  br label %done
done:
  %before = atomicrmw add ptr %finished, i64 1 acq_rel
  br label %look
out:
  ret void
}}

; How many have gone to sleep since it was asked last.
define i64 @sleepers(ptr %crew) {{
  %asleep = getelementptr i64, ptr %crew, i64 {ASLEEP}
  %count = atomicrmw xchg ptr %asleep, i64 0 seq_cst
  ret i64 %count
}}

; A whole job: what comes before the examples; then its segments are there to be claimed, and the
; caller takes part, waits for what others have claimed, and adds them up in order.
define void @lead(ptr %crew, ptr %job) {{
  {_loads("before", "after", "combine", "w", "u", "d", "table", "segments", "sums", "width")}
  call void %before(ptr %w, ptr %u, ptr %table)
  %at.job = getelementptr i64, ptr %crew, i64 {JOB}
  store ptr %job, ptr %at.job
  %finished = getelementptr i64, ptr %crew, i64 {FINISHED}
  store atomic i64 0, ptr %finished monotonic, align 8
  %old = load atomic i64, ptr %crew monotonic, align 8
  %call = lshr i64 %old, 32
  %number = add i64 %call, 1
  %upper = shl i64 %number, 32
  %state = or i64 %upper, %segments
  store atomic i64 %state, ptr %crew release, align 8
  call void @take_part(ptr %crew, i64 0)
  br label %wait
wait:
  %looks = phi i64 [ 0, %0 ], [ %more, %again ], [ 0, %yield ]
  %count = load atomic i64, ptr %finished acquire, align 8
  %all = icmp eq i64 %count, %segments
  br i1 %all, label %add, label %hold
hold:
  %more = add i64 %looks, 1
  %long = icmp ugt i64 %more, {POLITE}
  br i1 %long, label %yield, label %again
again:
  PAUSE
  br label %wait
yield:                          ; whoever is waited for may need this processor
  YIELD
  br label %wait
add:
  %s = phi i64 [ 1, %wait ], [ %next, %some ]
  %end = icmp uge i64 %s, %segments
  br i1 %end, label %out, label %some
some:
  %next = add i64 %s, 1
  %skip = mul i64 %width, %s
  %r = getelementptr i8, ptr %sums, i64 %skip
  call void %combine(ptr %u, ptr %d, ptr %r)
  br label %add
out:
  call void %after(ptr %w, ptr %u, ptr %table)
  ret void
}}

; Takes part in one job after the other, until none has come for so many looks.
define void @serve(ptr %crew, i64 %who, i64 %patience) {{
entry:
  %asleep = getelementptr i64, ptr %crew, i64 {ASLEEP}
  br label %work
work:
  call void @take_part(ptr %crew, i64 %who)
  br label %watch
watch:
  %looks = phi i64 [ 0, %work ], [ %more, %on ]
  %state = load atomic i64, ptr %crew acquire, align 8
  %left = and i64 %state, 4294967295
  %some = icmp ne i64 %left, 0
  br i1 %some, label %work, label %idle
idle:
  PAUSE
  %more = add i64 %looks, 1
  %turn = urem i64 %more, {POLITE}
  %polite = icmp eq i64 %turn, 0
  br i1 %polite, label %yield, label %on
yield:
  YIELD
  br label %on
on:
  %tired = icmp uge i64 %more, %patience
  br i1 %tired, label %sleep, label %watch
sleep:
  %others = atomicrmw add ptr %asleep, i64 1 seq_cst
  ret void
}}
"""
