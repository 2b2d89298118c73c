"""How fast is control flow as written, beside `where` by hand and Numba's compiled Python?

Values, and value and gradient, of functions with `if`, `while`, `max` and `sorted`, float64, one
thread. Numba has no gradients, and no column if it is not installed.
"""

import math
import time
from statistics import median

import numpy as np

import micrograd as mg

try:
    import numba
except ImportError:
    numba = None

N = 100_000
PYTHON = """
def piecewise(x):
    if x > 1:
        return x * x
    if x < -1:
        return -3 * x
    return m.sin(x)

def largest(x, y, z):
    return max(x, y, z)

def newton(a):
    x = a
    while abs(x * x - a) > 1e-9 * a:
        x = 0.5 * (x + a / x)
    return x

def barrier(s, level):
    total = 0.0
    for _ in range(50):
        s = s * 1.01 - 0.3
        if s < level:
            return total
        total = total + s
    return total

def kepler(M, e):
    E = M
    while True:
        d = (E - e * m.sin(E) - M) / (1 - e * m.cos(E))
        E = E - d
        if abs(d) < 1e-10:
            return E

def fifth(a, b, c, d, e):
    s = sorted([a, b, c, d, e])
    return s[0] + 2 * s[1] + 3 * s[2] + 4 * s[3] + 5 * s[4]

def tree(a, b, c):
    total = 0.0
    for depth in range(2):
        for x in (a, b, c):
            if x > total:
                total = total + 0.5 * x
            else:
                total = total - 0.25 * x
    return total

def median(a, b, c, d, e, f, g):
    return sorted([a, b, c, d, e, f, g])[3]

def volatility(price, strike):
    v = 0.5
    while True:
        d = m.log(1 / strike) / v + 0.5 * v
        error = 0.5 * (1 + m.erf(0.7071067811865476 * d)) - price
        error = error - 0.5 * strike * (1 + m.erf(0.7071067811865476 * (d - v)))
        step = error / (0.3989422804014327 * m.exp(-0.5 * d * d))
        v = v - step
        if abs(step) < 1e-8:
            return v
"""


def prices(volatility, strike):
    """Black-Scholes, at a spot price of 1 and without interest."""
    d = np.log(1 / strike) / volatility + 0.5 * volatility
    normal = np.vectorize(lambda x: 0.5 * (1 + math.erf(x / 2**0.5)))
    return normal(d) - strike * normal(d - volatility)


def functions(module):
    names = {"m": module}
    exec(PYTHON, names)
    return names


WHERE = {
    "piecewise": lambda x: mg.where(x > 1, x * x, mg.where(x < -1, -3 * x, mg.sin(x))),
    "largest": lambda x, y, z: mg.where(
        z > mg.where(y > x, y, x), z, mg.where(y > x, y, x)
    ),
}  # fmt: skip
random = np.random.default_rng(0)
STRIKES = random.uniform(0.8, 1.25, N)
ARGUMENTS = {
    "piecewise": [random.normal(0.0, 2.0, N)],
    "largest": [*random.normal(size=(3, N))],
    "newton": [random.uniform(0.1, 20.0, N)],
    "barrier": [random.uniform(20.0, 40.0, N), random.uniform(5.0, 30.0, N)],
    "kepler": [random.uniform(0.0, 3.0, N), random.uniform(0.0, 0.9, N)],
    "fifth": [*random.normal(size=(5, N))],
    "tree": [*random.normal(size=(3, N))],
    "median": [*random.normal(size=(7, N))],
    "volatility": [prices(random.uniform(0.2, 0.6, N), STRIKES), STRIKES],
}


def milliseconds(function, arguments):
    """The median of some calls, in processor time."""
    function(*arguments)
    times = []
    for _ in range(9):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return 1e3 * median(times)


def in_numba(f, arguments):
    compiled = numba.njit(f)
    count = len(arguments)
    names = ", ".join(f"a{k}" for k in range(count))
    reads = ", ".join(f"a{k}[i]" for k in range(count))
    program = (
        f"def loop({names}, out):\n    for i in range(len(out)):\n        out[i] = f({reads})\n"
    )
    known = {"f": compiled}
    exec(program, known)
    return numba.njit(known["loop"]), np.empty(N)


def main() -> None:
    ours, plain = functions(mg), functions(math)
    print(f"| ms for {N:,} examples | paths | first call | value | gradient | where | Numba |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, arguments in ARGUMENTS.items():
        f = mg.vectorize(ours[name], each="number")
        start = time.process_time()
        value = f(*arguments)
        first = time.process_time() - start
        row = [milliseconds(f, arguments), milliseconds(f.value_and_grad, arguments)]
        row += [math.nan, math.nan]
        if name in WHERE:
            row[2] = milliseconds(mg.vectorize(WHERE[name], each="number"), arguments)
        if numba is not None:
            loop, out = in_numba(plain[name], arguments)
            row[3] = milliseconds(loop, [*arguments, out])
            assert np.allclose(out, value, rtol=1e-9)
        paths = str(f.explain()).split(" paths through")[0].split("\n")[-1]
        shown = ["" if x != x else f"{x:.2f}" for x in row]
        print(f"| {name} | {paths} | {first:.2f} s | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
