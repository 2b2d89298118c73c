"""The special functions: test points, reference values, and the unit of their errors.

Their operands count: ndtr(-30) changes by 900 units of its last place if -30 changes by one. So an
error is measured in what an error of an epsilon in each operand, and in the result, comes to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from elementary import Array, mp

BOUND = 8.0  # such units, as docs/design.md has it

EXACT: dict[str, Callable[..., Any]] = {
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "log_erfc": lambda x: mp.log1p(-mp.erf(x)) if x < 0.5 else mp.log(mp.erfc(x)),
    "erfinv": mp.erfinv,
    "ndtr": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "log_ndtr": lambda x: (
        mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2) if x > 0 else mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)
    ),
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 99 else mp.loggamma(x),
    "digamma": mp.digamma,
    "beta": mp.beta,
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
}
METHODS = {
    "logaddexp": "the larger operand, and log1p of an exponential",
    "erfcx": "the trapezoid rule for an integral, less the residue of a pole",
    "log_erfc": "log of erfcx at the right, log1p of erf at the left",
    "erfinv": "quotients of polynomials (Wichura, AS 241)",
    "ndtr": "erfc",
    "log_ndtr": "log_erfc at the left, log1p of erfc at the right",
    "lgamma": "Taylor at 1 and 2, Stirling from 8 on, shifts, reflection",
    "digamma": "the asymptotic series from 8 on, shifts, reflection",
    "beta": "Stirling's series of what does not cancel (Algorithm 708)",
    "gammainc": "a power series, or a continued fraction",
}


def points(name: str, dtype: Any, count: int, seed: int = 0) -> tuple[Array, ...]:
    """About `count` operands in both tails, near zeros, and where the formula changes."""
    random = np.random.default_rng(seed)
    double, part = np.dtype(dtype) == np.float64, -(-count // 3)

    def even(low: float, high: float) -> Array:
        return random.uniform(low, high, part)

    def wide(low: float, high: float) -> Array:
        return 2 ** random.uniform(np.log2(low), np.log2(high), part)

    near_zero = wide(1e-12, 1) * random.choice([-1, 1], part)
    left = -37.0 if double else -12.5
    ones = 1.5 + random.choice([-0.5, 0.5], part) + near_zero
    places: dict[str, list[list[Array]]] = {
        "logaddexp": [
            [even(-9, 9), even(-2, 0), near_zero],
            [even(-9, 9), even(-2, 0), even(-40, 1)],
        ],
        "erfcx": [[even(-26 if double else -9, 9), near_zero, wide(0.4, 1e6)]],
        "log_erfc": [[even(-6, 40), near_zero, wide(0.1, 1e6)]],
        "erfinv": [[even(-1, 1), near_zero, 1 - abs(near_zero)]],
        "ndtr": [[even(left, 9), near_zero, even(-3, 3)]],
        "log_ndtr": [[even(-99, 9), near_zero, -wide(0.1, 1e6)]],
        "lgamma": [[even(-9, 9), wide(1e-9, 1e9), ones]],
        "digamma": [[even(-9, 9), wide(1e-9, 1e9), even(0, 3)]],
        "beta": [
            [wide(1e-3, 1e3), even(0, 20), wide(0.1, 10)],
            [wide(0.1, 10), even(0, 20), even(0, 9)],
        ],
        "gammainc": [
            [wide(0.1, 60), even(0, 9), even(0, 40)],
            [wide(0.1, 60), even(0, 20), even(0, 40)],
        ],
    }
    columns = [np.concatenate(parts).astype(dtype) for parts in places[name]]
    good = ~np.any([abs(x) == (1.0 if name == "erfinv" else np.inf) for x in columns], axis=0)
    return tuple(x[good] for x in columns)


def errors(name: str, results: Array, *operands: Array) -> tuple[Array, Array]:
    """The error of each result, in units of its last place; and in units of this file."""
    pairs = [_errors(EXACT[name], *row) for row in zip(results, *operands)]
    in_result, in_operands = zip(*pairs)
    return np.array(in_result), np.array(in_operands)


def _errors(exact: Callable[..., Any], result: Any, *operands: Any) -> tuple[float, float]:
    kind = np.finfo(type(result))
    x = [mp.mpf(float(y)) for y in operands]
    value = exact(*x)
    if not np.isfinite(result):
        return np.inf, np.inf
    exponent = max(mp.frexp(value)[1] - 1, kind.minexp) if value else kind.minexp
    last, error = mp.mpf(2) ** (exponent - kind.nmant), abs(value - mp.mpf(float(result)))
    epsilon = mp.mpf(float(kind.eps))
    change = max(epsilon * abs(value), last)
    for k, y in enumerate(x):
        moved = [*x[:k], y * (1 - epsilon), *x[k + 1 :]]
        change += abs(exact(*moved) - value)
    return float(error / last), float(error / change)
