"""How fast is each elementary function? Nanoseconds per number, against NumPy, on one thread.

    python benchmarks/vectormath.py [function ...]

Both process 16,384 numbers in the cache, including the call from Python; the best of 9 runs.
"""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compiler"))
from elementary import native

from micrograd.compiler.llvm.vectormath import FUNCTIONS
from micrograd.machine import on_arrays

COUNT, BINARY = 16384, ("pow", "atan2")
ABSENT = ("erf", "erfc")  # NumPy's function


def nanoseconds(call: Callable[[], object]) -> float:
    """Nanoseconds per number, in the best of 9 runs of some milliseconds."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        for _ in range(100):
            call()
        times.append(time.perf_counter() - start)
    return min(times) / 100 / COUNT * 1e9


def row(name: str, dtype: type) -> str:
    random = np.random.default_rng(0)
    operands = [random.uniform(0.1, 0.9, COUNT).astype(dtype) for _ in range(1 + (name in BINARY))]
    result = np.empty(COUNT, dtype)
    lanes = 64 // result.itemsize
    function = native(name, dtype, lanes)
    places = [x.ctypes.data for x in (*operands, result)]
    ours = nanoseconds(lambda: function.code(COUNT // lanes, *places))
    if name in ABSENT:
        return f"{name:9} {dtype.__name__} {ours:8.3f}"
    numpy_function = on_arrays(name)
    theirs = nanoseconds(lambda: numpy_function(*operands, out=result))
    return f"{name:9} {dtype.__name__} {ours:8.3f} {theirs:8.3f} {theirs / ours:6.2f}"


def main(*names: str) -> None:
    print(f"{platform.platform()}, {llvm.get_host_cpu_name()}")
    print(f"llvmlite {llvmlite.__version__}, NumPy {np.__version__}; ns a number")
    print(f"{'function':9} {'format':7} {'ours':>8} {'NumPy':>8} {'ratio':>6}")
    for name in names or FUNCTIONS:
        for dtype in (np.float64, np.float32):
            print(row(name, dtype), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
