"""How accurate is each function of numbers, as a compiled program runs it? Compared with mpmath.

    python benchmarks/accuracy.py [points] [function ...]

Prints for each function the largest error over a number of points (by default 100,000, including
edge cases; a hundredth of them for special functions), in units in the last place, the fraction of
correctly rounded results, and the point of the largest error.

Special functions have a second error: a part of what an error of an epsilon in each operand, and in
the result, comes to. That bounds it, as ndtr(-30) changes by 900 units if its operand does by one.
"""

import platform
import sys
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compiler"))
import special_functions as special
from elementary import COMPOSED, LOOSER, compiled, points, ulps
from side_by_side import Below

from micrograd.compiler.llvm.vectormath import FUNCTIONS

LARGEST, LARGEST_LOOSER = Below(2, "ulp"), Below(3, "ulp")
OF_OPERANDS = Below(special.BOUND, "epsilons")


def row(name: str, dtype: type, count: int) -> bool:
    known = name in special.EXACT
    operands = special.points(name, dtype, count // 100) if known else points(name, dtype, count)
    results = compiled(name, dtype)(*operands)
    if known:
        errors, judged = special.errors(name, results, *operands)
        bar = OF_OPERANDS
    else:
        errors = judged = ulps(name, results, *operands)
        bar = LARGEST_LOOSER if name in LOOSER else LARGEST
    worst = judged.argmax()
    place = ", ".join(repr(float(x[worst])) for x in operands)
    rounded, met = np.mean(errors <= 0.5), bar.met(judged[worst])
    print(f"{name:11} {dtype.__name__} {len(errors):8,} {errors.max():8.3f} {rounded:9.1%}", end="")
    print(f"{judged[worst]:9.3f}" if known else " " * 9, end="")
    print(f"   {bar}: {'met' if met else 'NOT MET'}   at {place}", flush=True)
    return met


def main(count: str = "100000", *names: str) -> bool:
    print(f"{platform.platform()}, {llvm.get_host_cpu_name()}, llvmlite {llvmlite.__version__}")
    print("function    format    points  max ulp   rounded epsilons")
    met = True
    for name in names or (*FUNCTIONS, *COMPOSED, *LOOSER, *special.EXACT):
        for dtype in (np.float64, np.float32):
            met &= row(name, dtype, int(count))
    print()
    for name, method in special.METHODS.items():
        print(f"{name:11} {method}")
    return met


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
