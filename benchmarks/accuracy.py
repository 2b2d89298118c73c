"""How exact is each elementary function? Against mpmath, in units of the last place.

    python benchmarks/accuracy.py [points] [function ...]

Prints the largest error over so many points each (100,000 unless said), where it is, and how many
of the results are correctly rounded.
"""

import platform
import sys
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from elementary import native, points, ulps

from micrograd.compiler.vectormath import FUNCTIONS


def row(name: str, dtype: type, count: int) -> str:
    operands = points(name, dtype, count)
    errors = ulps(name, native(name, dtype, 8)(*operands), *operands)
    worst = errors.argmax()
    place = ", ".join(repr(float(x[worst])) for x in operands)
    exact = np.mean(errors <= 0.5)
    return f"{name:9} {dtype.__name__} {len(errors):8,} {errors[worst]:8.3f} {exact:9.1%}   {place}"


def main(count: str = "100000", *names: str) -> None:
    print(f"{platform.platform()}, {llvm.get_host_cpu_name()}, llvmlite {llvmlite.__version__}")
    print(f"{'function':9} {'format':7} {'points':>8} {'max ulp':>8} {'rounded':>9}   at")
    for name in names or FUNCTIONS:
        for dtype in (np.float64, np.float32):
            print(row(name, dtype, int(count)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
