"""How fast is control flow as written, beside `where` by hand, Numba, JAX and NumPy?

Values, and value and gradient, of functions with `if`, `while`, `max` and `sorted`, float64, one
thread, in processor time. "lanes" and "branches" are the two ways of which MicroGrad's rule chooses
one for the values. Numba, JAX and SciPy have no column if they are not installed; Numba has no
gradients, and JAX none through a `while_loop`.
"""

import importlib
import math
import sys
import time
from statistics import median
from typing import Any

import side_by_side  # noqa: F401  # sets one thread, and 64 bits in JAX: before NumPy

# isort: split
import control_flow_by_hand
import numpy as np

import micrograd as mg
from micrograd.compiler.api import own_paths
from micrograd.compiler.api.ways import ALL_LANES, NO_LANES

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

def joined(a, b, c):
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


def decision_tree(depth, name="tree"):
    """The text of a decision tree: it compares a number with a threshold at each of its nodes."""

    def node(level, low, high):
        pad = "    " * (depth - level + 1)
        if not level:
            x, y = "abc"[int(low * 7) % 3], "abc"[int(high * 5) % 3]
            return f"{pad}return {low - 0.5:.3f} * {x} + {high - 0.5:.3f} * {y}\n"
        middle = 0.5 * (low + high)
        yes, no = node(level - 1, low, middle), node(level - 1, middle, high)
        return f"{pad}if {'abc'[level % 3]} < {4 * middle - 2:.4f}:\n{yes}{pad}else:\n{no}"

    return f"def {name}(a, b, c):\n{node(depth, 0.0, 1.0)}"


def prices(volatility, strike):
    """Black-Scholes, at a spot price of 1 and without interest."""
    d = np.log(1 / strike) / volatility + 0.5 * volatility
    normal = np.vectorize(lambda x: 0.5 * (1 + math.erf(x / 2**0.5)))
    return normal(d) - strike * normal(d - volatility)


def functions(module):
    names = {"m": module}
    exec(PYTHON + "\n" + decision_tree(6), names)
    return names


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
    "joined": [*random.normal(size=(3, N))],
    "median": [*random.normal(size=(7, N))],
    "volatility": [prices(random.uniform(0.2, 0.6, N), STRIKES), STRIKES],
}


IN_LANES = {name for name in ARGUMENTS if name != "median"}  # too many paths for lanes


def found(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numba, jax, special = map(found, ("numba", "jax", "scipy.special"))


def milliseconds(function, arguments):
    """The median of some calls, in processor time."""
    function(*arguments)
    times = []
    for _ in range(15):
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
        "    return out\n"
    )
    known = {"f": compiled}
    exec(program, known)
    loop, out = numba.njit(known["loop"]), np.empty(N)
    return lambda *arrays: loop(*arrays, out)


def in_numpy(name):
    by_hand: Any = control_flow_by_hand.WHERE[name]
    if name == "volatility":
        return None if special is None else lambda *a: by_hand(np, *a, erf=special.erf)
    return lambda *a: by_hand(np, *a)


def compiled(f, way=None):
    """A function whose paths are computed in this way, or as the rule chooses."""
    rule = own_paths.choose
    own_paths.choose = rule if way is None else lambda *known: way
    try:
        g = mg.vectorize(f, each="number")
        for _ in range(2):  # the second call compiles the paths that the first has found
            g(*ARGUMENTS[f.__name__])
    finally:
        own_paths.choose = rule
    return g


def paths_of(g):
    paths = g.specializations[0].paths
    return paths.count if paths else 1


def sides(name, ours, plain):
    """The time of each way to compute the values."""
    arguments = ARGUMENTS[name]
    by_hand = control_flow_by_hand.WHERE[name]
    g = mg.vectorize(ours[name], each="number")
    start = time.process_time(), time.perf_counter()
    value = g(*arguments)
    first = time.process_time() - start[0], time.perf_counter() - start[1]
    calls: dict[str, Any] = {
        "ours": g,
        "gradient": g.value_and_grad,
        "lanes": compiled(ours[name], ALL_LANES) if name in IN_LANES else None,
        "branches": compiled(ours[name], NO_LANES),
        "where": mg.vectorize(lambda *a: by_hand(mg, *a), each="number"),
        "Numba": numba and in_numba(plain[name], arguments),
        "JAX": jax and control_flow_by_hand.in_jax(jax)[name],
        "NumPy": in_numpy(name),
    }
    times = {}
    for side, call in calls.items():
        times[side] = math.nan
        if call is not None:
            found = call(*arguments)
            wrong = np.max(np.abs(np.asarray(found[0] if side == "gradient" else found) - value))
            assert wrong < 1e-6, (name, side, wrong)
            waits = (lambda *a, f=call: f(*a).block_until_ready()) if side == "JAX" else call
            times[side] = milliseconds(waits, arguments)
    return times, first, paths_of(g)


def table():
    ours, plain = functions(mg), functions(math)
    columns = ["ours", "gradient", "lanes", "branches", "where", "Numba", "JAX", "NumPy"]
    print(
        f"ms for {N:,} examples: 'ours' by the rule, 'lanes' and 'branches' without it; the first"
    )
    print("call in seconds of the processor, and of the clock, with whatever else the machine does")
    print(f"{'':11}{'paths':>6}{'first':>7}{'(wall)':>7}" + "".join(f"{x:>9}" for x in columns))
    rows = {}
    for name in ARGUMENTS:
        times, first, paths = rows[name] = sides(name, ours, plain)
        shown = "".join(f"{'' if times[x] != times[x] else f'{times[x]:.2f}':>9}" for x in columns)
        print(f"{name:11}{paths:6}{first[0]:7.2f}{first[1]:7.2f}{shown}", flush=True)
    return rows


def bars(rows):
    """The bars of the table: each with how far it is met."""

    def worst(of):
        numbers = [(of(times), name) for name, (times, _, _) in rows.items()]
        return max((x, name) for x, name in numbers if x == x)

    yield "ours / where by hand", *worst(lambda t: t["ours"] / t["where"]), 1.3
    yield (
        "ours / the faster of lanes and branches",
        *worst(lambda t: t["ours"] / np.nanmin([t["lanes"], t["branches"]])),
        1.3,
    )
    yield "value and gradient / value", *worst(lambda t: t["gradient"] / t["ours"]), 3.0
    if numba is not None:
        yield "ours / Numba", *worst(lambda t: t["ours"] / t["Numba"]), 1.0
        ratios = [t["ours"] / t["Numba"] for t, _, _ in rows.values()]
        yield "ours / Numba, in the median", median(ratios), "", 0.5
    few = [(first[0], name) for name, (_, first, paths) in rows.items() if paths <= 51]
    yield "first call up to 51 paths, seconds of the processor", *max(few), 0.6


def main():
    rows = table()
    print()
    met = True
    for what, number, name, most in bars(rows):
        met &= number <= most
        print(
            f"{what}: at most {number:.2f} {f'({name})' if name else ''}, bar {most:g}: "
            f"{'met' if number <= most else 'NOT MET'}"
        )
    return met


if __name__ == "__main__":
    sys.exit(not main())
