"""Shuffle: a random permutation of many examples, in a fraction of the time of an epoch.

The "inside-out" form of Durstenfeld, "Algorithm 235: random permutation", 1964 (Knuth, "The art of
computer programming", volume 2, section 3.4.2): `i` goes to a random position in 0..i, and the
element there moves to position i. A position is a random number in [0, 1), times i + 1, rounded
down; this favours no position by more than one part in 2⁵³ / n.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from micrograd.lazy import importing

BLOCK = 16_384  # random numbers drawn at once; they fit in the cache

Insert = Callable[[np.ndarray, np.ndarray, int], None]


def random_order(n: int, random: np.random.Generator) -> np.ndarray:
    """A random permutation of range(n), as int32, which needs half the cache of int64.

    Raises ValueError if n is too large for int32.

    >>> random_order(5, np.random.default_rng(0))
    array([3, 0, 1, 2, 4], dtype=int32)
    """
    if n > np.iinfo(np.int32).max:
        raise ValueError(f"{n} examples are too many to shuffle in memory; train on a file of them")
    order, insert = np.empty(n, np.int32), _insert()
    for start in range(0, n, BLOCK):
        insert(order, random.random(min(BLOCK, n - start)), start)
    return order


@cache
def _insert() -> Insert:
    """The function that inserts one number per draw, from `start` on; native code if available."""
    try:
        with importing():
            from micrograd.compiler.llvm.target import header
            from micrograd.compiler.runtime.jit import Native
    except ImportError:
        return insert_in_python
    native = Native(None, lambda: (header() + _CODE, None))
    words = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    run = ctypes.CFUNCTYPE(None, *words)(native.address("insert"))

    def insert(order: np.ndarray, draws: np.ndarray, start: int, held: Any = native) -> None:
        run(order.ctypes.data, draws.ctypes.data, start, start + len(draws))

    return insert


def insert_in_python(order: np.ndarray, draws: np.ndarray, start: int) -> None:
    """The same in Python, for installations without llvmlite."""
    end = start + len(draws)
    places = (draws * np.arange(start + 1.0, end + 1.0)).astype(np.int64)
    listed = order[:end].tolist()
    for i, place in enumerate(places.tolist(), start):
        listed[i] = listed[place]
        listed[place] = i
    order[:end] = listed


_CODE = """
define void @insert(ptr %order, ptr %draws, i64 %start, i64 %end) {
entry:
  br label %next
next:
  %i = phi i64 [ %start, %entry ], [ %many, %next ]
  %k = sub i64 %i, %start
  %at.draw = getelementptr double, ptr %draws, i64 %k
  %draw = load double, ptr %at.draw
  %many = add i64 %i, 1
  %places = sitofp i64 %many to double
  %scaled = fmul double %draw, %places
  %place = fptosi double %scaled to i64
  %at.place = getelementptr i32, ptr %order, i64 %place
  %at.end = getelementptr i32, ptr %order, i64 %i
  %number = trunc i64 %i to i32
  %moved = load i32, ptr %at.place
  store i32 %moved, ptr %at.end
  store i32 %number, ptr %at.place
  %over = icmp eq i64 %many, %end
  br i1 %over, label %out, label %next
out:
  ret void
}
"""
