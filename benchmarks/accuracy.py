"""How accurate is each elementary function? Compared with mpmath, in units in the last place.

    python benchmarks/accuracy.py [points] [function ...]

Prints for each function the largest error over a number of points (by default 100,000, including
edge cases), the fraction of correctly rounded results, and the point of the largest error.
Compositions of other functions are measured as a program runs them.
"""

import platform
import sys
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compiler"))
from elementary import COMPOSED, LOOSER, compiled, native, points, ulps
from side_by_side import Below

from micrograd.compiler.llvm.vectormath import FUNCTIONS

LARGEST, LARGEST_LOOSER = Below(2, "ulp"), Below(3, "ulp")


def row(name: str, dtype: type, count: int) -> bool:
    operands = points(name, dtype, count)
    run = native(name, dtype, 8) if name in FUNCTIONS else compiled(name, dtype)
    errors = ulps(name, run(*operands), *operands)
    largest = LARGEST_LOOSER if name in LOOSER else LARGEST
    worst = errors.argmax()
    place = ", ".join(repr(float(x[worst])) for x in operands)
    rounded, met = np.mean(errors <= 0.5), largest.met(errors[worst])
    print(
        f"{name:11} {dtype.__name__} {len(errors):8,} {errors[worst]:8.3f} {rounded:9.1%}", end=""
    )
    print(f"   {largest}: {'met' if met else 'NOT MET'}   at {place}", flush=True)
    return met


def main(count: str = "100000", *names: str) -> bool:
    print(f"{platform.platform()}, {llvm.get_host_cpu_name()}, llvmlite {llvmlite.__version__}")
    print(f"{'function':11} {'format':7} {'points':>8} {'max ulp':>8} {'rounded':>9}")
    met = True
    for name in names or (*FUNCTIONS, *COMPOSED, *LOOSER):
        for dtype in (np.float64, np.float32):
            met &= row(name, dtype, int(count))
    return met


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
