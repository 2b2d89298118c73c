"""What is the peak of one core of this machine: multiply-adds, reads and writes per second?

Hand-written programs with the processor's widest vectors, on registers and on memory of the sizes
of its caches. The limits in docs/performance.md are operations and bytes divided by these peaks.
"""

import ctypes
import sys
import time

import side_by_side
from side_by_side import by_hand

# isort: split
import numpy as np

SIZES = {
    "16 KB, first cache": 2**14,
    "512 KB, second cache": 2**19,
    "8 MB, third cache": 2**23,
    "512 MB, memory": 2**29,
}
ROUNDS, ROUND = 9, 0.05  # seconds


def best(call, work: float) -> float:
    """The most work per nanosecond in some rounds; `call` takes the number of repetitions."""
    times, repeats = [], 1
    while not times or min(times) < ROUND / 2:
        repeats *= 2 if times else 1
        times = [_seconds(call, repeats)]
    times += [_seconds(call, repeats) for _ in range(ROUNDS)]
    return work * repeats / min(times) * 1e-9


def _seconds(call, repeats: int) -> float:
    start = time.process_time()
    call(ctypes.c_long(repeats))
    return time.process_time() - start


def main() -> None:
    side_by_side.header("g++", how="one core; the best of ten rounds of processor time")
    library = by_hand("limits")
    print(f"{'multiply-adds on registers, two operations each':54}  {'Gflop/s':>9}")
    for name in ("float64", "float32"):
        flops = library.flops(np.dtype(name).itemsize)
        speed = best(lambda n, name=name: getattr(library, name)(n), flops)
        print(f"  {name:52}  {speed:9.1f}", flush=True)
    print(f"\n{'bytes':44}  {'GB/s read':>9}  {'written':>9}")
    for name, size in SIZES.items():
        speeds = (through(function, size) for function in (library.read, library.write))
        print(f"  {name:42}  " + "  ".join(f"{speed:9.1f}" for speed in speeds), flush=True)


def through(function, size: int) -> float:
    """Gigabytes per second."""
    data = np.ones(size // 8 + 8)  # written once, so that its pages are mapped
    start, bytes_ = ctypes.c_void_p(data.ctypes.data + -data.ctypes.data % 64), ctypes.c_long(size)
    return best(lambda n: function(start, bytes_, n), size)


if __name__ == "__main__":
    sys.exit(main())
