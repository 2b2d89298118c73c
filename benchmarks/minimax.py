"""Computes the coefficients of the elementary functions.

    python benchmarks/minimax.py > micrograd/compiler/llvm/vectormath/coefficients.py

Each table is the minimax polynomial of its length, found by the Remez exchange algorithm (Muller,
"Elementary Functions", 3rd ed., section 3.4) in 60 digits, then rounded. The weighted error is the
relative error of the function that the polynomial is a part of. Tables with a row for each of
sixteen intervals come last.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from mpmath import cos, cosh, erf, erfc, exp, expm1, log, lu_solve, matrix, mp, mpf, pi

from mpmath import asin, atan, sin, sinh, sqrt, tanh  # isort: skip

mp.dps = 60
Function = Callable[[Any], Any]


@dataclass
class Fit:
    """A polynomial P(z), the function that it approximates, and the weight of its error."""

    formula: str  # in which it is used
    target: Function  # P's exact value
    weight: Function  # the function's relative error, for an error 1 of P
    interval: tuple[Any, Any]
    terms: tuple[int, int]  # for float64 and float32; 0 if it is not used there
    narrow: tuple[Any, Any] | None = None  # the interval for float32, where it differs


def odd(f: Function) -> tuple[Function, Function]:
    """Of f(x) = x + x³ P(x²): P and its weight, as functions of z = x²."""
    return lambda z: (f(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3, lambda z: sqrt(z) ** 3 / f(sqrt(z))


def atanh2(z: Any) -> Any:
    """log((1 + s) / (1 - s)) of z = s²: twice the inverse hyperbolic tangent."""
    return log((1 + sqrt(z)) / (1 - sqrt(z)))


def scaled_erfc(center: int) -> tuple[Function, Function]:
    """(1 + 2x) exp(x²) erfc(x) - 5/4 of t = (x - center) / (x + center), and its weight."""

    def scaled(t: Any) -> Any:
        x = center * (1 + t) / (1 - t)
        return (1 + 2 * x) * exp(x * x) * erfc(x)

    return lambda t: scaled(t) - mpf(5) / 4, lambda t: 1 / scaled(t)


def beside_one(r: Any) -> Any:
    """How near log m may come to zero where m = (1 + r) i / 20, and i / 20 is the nearest to m."""
    r = abs(r)
    return max(log(1 + r), log(40 * r / (1 + r)))


ZERO, HALF_LN2 = mpf("1e-12"), log(2) / 2  # at zero itself a target is 0 / 0
LOG_LIMIT = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
SLACK = mpf("1.0003")  # a reduced argument may lie just outside of its interval

# fmt: off
FITS = {
    "EXP": Fit("e^r = 1 + r + r² P(r)",
               lambda r: (expm1(r) - r) / r**2, lambda r: HALF_LN2 * r / expm1(r),
               (-HALF_LN2 * SLACK, HALF_LN2 * SLACK**2), (11, 6)),
    "EXP_SHORT": Fit("e^r = 1 + r + r² P(r), for powers in float32",
               lambda r: (expm1(r) - r) / r**2, lambda r: HALF_LN2 * r / expm1(r),
               (-HALF_LN2 * SLACK, HALF_LN2 * SLACK**2), (7, 0)),
    "EXP_STEP": Fit("e^r = 1 + r + r² P(r), |r| <= ln 2 / 32",
               lambda r: (expm1(r) - r) / r**2, lambda r: (HALF_LN2 / 16) ** 2 / exp(r),
               (-HALF_LN2 / 16 * SLACK, HALF_LN2 / 16 * SLACK**2), (5, 2)),
    "EXPM1_STEP": Fit("e^r = 1 + r + r² P(r), |r| <= ln 2 / 32, for e^r - 1",
               lambda r: (expm1(r) - r) / r**2, lambda r: HALF_LN2 / 16 * r / expm1(r),
               (-HALF_LN2 / 16 * SLACK, HALF_LN2 / 16 * SLACK**2), (6, 3)),
    "SINH": Fit("sinh r = r + r³ P(r²)", *odd(sinh), (ZERO, (HALF_LN2 * SLACK) ** 2), (5, 3)),
    "COSH": Fit("cosh r = 1 + r² P(r²)",
                lambda z: (cosh(sqrt(z)) - 1) / z, lambda z: z / cosh(sqrt(z)),
                (ZERO, (HALF_LN2 * SLACK) ** 2), (6, 3)),
    "LOG": Fit("log(1 + r) = r + r² P(r), of m = (1 + r) i / 20",
               lambda r: (log(1 + r) - r) / r**2, lambda r: r**2 / beside_one(r),
               (-mpf(1) / 30 * SLACK, mpf(1) / 30 * SLACK**2), (8, 4),
               (mpf("-0.0355"), mpf("0.0357"))),
    "LOG_SHORT": Fit("log(1 + f) = 2s + s³ P(s²), for powers in float32",
               lambda z: (atanh2(z) - 2 * sqrt(z)) / sqrt(z)**3, lambda z: sqrt(z)**3 / atanh2(z),
               (ZERO, LOG_LIMIT * SLACK), (4, 0)),
    "LOG_TAIL": Fit("log(1 + f) = 2s + 2/3 s³ + s⁵ P(s²), s = f / (2 + f)",
               lambda z: (atanh2(z) - 2 * sqrt(z) - 2 * sqrt(z)**3 / 3) / sqrt(z)**5,
               lambda z: sqrt(z)**5 / atanh2(z), (ZERO, LOG_LIMIT * SLACK), (7, 0)),
    "SIN": Fit("sin r = r + r³ P(r²), |r| <= π/2",
               *odd(sin), (ZERO, (pi / 2 * SLACK) ** 2), (8, 5)),
    "SIN_SHORT": Fit("sin r = r + r³ P(r²), |r| <= π/4",
                     *odd(sin), (ZERO, (pi / 4 * SLACK) ** 2), (6, 3)),
    "COS_SHORT": Fit("cos r = 1 - r²/2 + r⁴ P(r²), |r| <= π/4",
                     lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2 / cos(sqrt(z)),
                     (ZERO, (pi / 4 * SLACK) ** 2), (6, 3)),
    "ASIN": Fit("asin x = x + x³ P(x²), |x| <= 1/2", *odd(asin), (ZERO, mpf(1) / 4), (13, 5)),
    "ATAN": Fit("atan x = x + x³ P(x²), |x| <= 1/3",
                *odd(atan), (ZERO, mpf(1) / 9 * SLACK), (10, 4)),
    "ERF": Fit("erf x = x + x P(x²), |x| <= 0.65",
               lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)),
               (ZERO, mpf("0.65")**2), (11, 6)),
    "ERFC": Fit("erfc x = exp(-x²) (5/4 + P(t)) / (1 + 2x), t = (x - 3) / (x + 3), x >= 0.65",
                *scaled_erfc(3), (mpf("-2.35") / mpf("3.65"), mpf("24.3") / mpf("30.3")), (22, 11),
                (mpf("-2.35") / mpf("3.65"), mpf("7.2") / mpf("13.2"))),
}
# fmt: on


def chebyshev_points(a: Any, b: Any, number: int) -> list[Any]:
    return [(a + b) / 2 - (b - a) / 2 * cos(pi * k / (number - 1)) for k in range(number)]


def through(nodes: list[Any], fit: Fit) -> list[Any]:
    """The polynomial whose weighted error has one magnitude and alternating signs at all nodes."""
    n = len(nodes) - 1
    rows = [[x**j for j in range(n)] + [(-1) ** i / fit.weight(x)] for i, x in enumerate(nodes)]
    solution = lu_solve(matrix(rows), matrix([fit.target(x) for x in nodes]))
    return [solution[j] for j in range(n)]


def extremes(xs: list[Any], errors: list[Any]) -> list[Any]:
    """The points of largest error between two sign changes."""
    runs: list[tuple[Any, Any]] = []
    for x, error in zip(xs, errors):
        if runs and (error > 0) == (runs[-1][1] > 0):
            runs[-1] = max(runs[-1], (x, error), key=lambda pair: abs(pair[1]))
        else:
            runs.append((x, error))
    return [x for x, _ in runs]


def exchange(fit: Fit, interval: tuple[Any, Any], terms: int) -> list[Any]:
    """The best coefficients, lowest first."""
    nodes, xs = chebyshev_points(*interval, terms + 1), chebyshev_points(*interval, 600)
    best, least = [], mp.inf
    for _ in range(6):
        c = through(nodes, fit)
        errors = weighted_errors(c, fit, xs)
        largest = max(map(abs, errors))
        if largest < least:
            best, least = c, largest
        nodes = extremes(xs, errors)[: terms + 1]
        if len(nodes) <= terms:
            break
    return best


def weighted_errors(c: list[Any], fit: Fit, xs: list[Any]) -> list[Any]:
    return [fit.weight(x) * (sum(a * x**i for i, a in enumerate(c)) - fit.target(x)) for x in xs]


def rounded(fit: Fit, interval: tuple[Any, Any], terms: int, number: Any) -> tuple[list[Any], Any]:
    """The coefficients in their format, and the largest error with them.

    Near an end at zero the first coefficient dominates: it is rounded before the others are fitted.
    """

    def others(x: Any) -> Any:
        return (fit.target(x) - c[0]) / x

    c = [mpf(float(number(x))) for x in exchange(fit, interval, terms)]
    if interval[0] > 0:
        rest = replace(fit, target=others, weight=lambda x: fit.weight(x) * x)
        c[1:] = [mpf(float(number(x))) for x in exchange(rest, interval, terms - 1)]
    return c, max(map(abs, weighted_errors(c, fit, chebyshev_points(*interval, 600))))


def table(name: str, fit: Fit, interval: tuple[Any, Any], terms: int, number: Any) -> str:
    coefficients, error = rounded(fit, interval, terms, number)
    words = [f"{number(x)!s}," for x in coefficients]
    lines = ["    " + " ".join(words[i : i + 4]) for i in range(0, len(words), 4)]
    return "\n".join([f"{name} = (  # 2^{float(log(error, 2)):.1f}", *lines, ")"])


Rows = tuple[list[tuple[Any, ...]], Any]  # a table, and its largest error


def powers(number: Any) -> Rows:
    exact = [mpf(2) ** (mpf(i) / 16) for i in range(16)]
    rows = [(number(float(x)), number(float(x / mpf(float(number(float(x)))) - 1))) for x in exact]
    errors = [float(a) * (1 + mpf(float(b))) / x - 1 for (a, b), x in zip(rows, exact)]
    return rows, max(map(abs, errors))


def logarithms(number: Any) -> Rows:
    rows: dict[int, tuple[Any, ...]] = {}
    errors = []
    for i in range(15, 31):
        rows[i % 16], error = center(i, number)
        errors.append(error)
    return [rows[i] for i in range(16)], max(errors)


def center(i: int, number: Any) -> tuple[tuple[Any, ...], Any]:
    """Of c, the nearest to i / 20 whose logarithm has so few digits that k ln 2 can be added."""
    step, near = (2.0**-42, 2.0**-62) if number is np.float64 else (2.0**-16, 2.0**-31)
    beside = 0 if i == 20 else 2.0**-18  # next to i / 20 itself the roundings are all alike
    middle = round((log(mpf(i) / 20) + beside) / step)
    for away in count():
        logarithm = (middle + (away + 1) // 2 * (-1) ** away) * mpf(step)
        inverse = number(float(exp(-logarithm)))
        error = abs(log(mpf(float(inverse))) + logarithm)
        if error <= near:
            return (inverse, number(float(logarithm))), error
    raise AssertionError


def pieces(
    f: Function, starts: tuple[Any, Any], terms: tuple[int, int], end: float = 0.0
) -> Callable[[Any], Rows]:
    """Of f(x), x >= 0: x + start, of whose digits the first three after the leading one are kept,
    says in which piece x lies. The row is given by these and the last bit of the exponent. The last
    piece may reach farther, to `end`."""

    def rows(number: Any) -> Rows:
        single = number is np.float32
        start, rows, errors = starts[single], {}, []
        w = start
        while len(rows) < 16:
            fraction, exponent = np.frexp(w)
            width = 2.0 ** (exponent - 4)
            i = (int(fraction * 16) + 8 * exponent) % 16 ^ 8
            reach = end - (w - start) if end and len(rows) == 15 else width
            rows[i], error = piece(f, mpf(w - start), mpf(reach), terms[single], number)
            errors.append(error)
            w += width
        return [rows[i] for i in range(16)], max(errors)

    return rows


def piece(f: Function, a: Any, width: Any, terms: int, number: Any) -> tuple[Any, Any]:
    """Coefficients of f(a + t), 0 <= t <= width; their error, but for that of the first."""
    target, weight = (lambda t: f(a + t)), (lambda t: 1 / f(a + t))
    if a == 0:
        target, weight = (lambda t: f(t) / t - 1), (lambda t: t / f(t))
    fit = Fit("", target, weight, (ZERO, width), (terms, 0))
    exact = exchange(fit, fit.interval, terms + (a > 0))
    row = [number(float(x)) for x in exact]
    known = [mpf(float(x)) for x in row]
    known[0] = exact[0]
    error = max(map(abs, weighted_errors(known, fit, chebyshev_points(*fit.interval, 100))))
    return (*([number(0)] if a == 0 else []), *row), error


# fmt: off
TABLES = {
    "POWERS": ("2^(i / 16), and its relative rounding error", powers),
    "CENTERS": ("1 / c and log c for a number c near i / 20, in row i mod 16", logarithms),
    "ERF_PIECES": ("erf (a + t) = P(t), t = x - a, of the piece that begins at a",
                   pieces(erf, (2.0, 1.375), (12, 5))),
    "TANH_PIECES": ("tanh (a + t) = P(t), t = x - a, of the piece that begins at a",
                    pieces(tanh, (0.0, 2.0), (0, 6), 9.02)),
}
# fmt: on


def rows_of(name: str, rows: list[tuple[Any, ...]], error: Any) -> str:
    lines = ["    (" + ", ".join(f"{x!s}" for x in row) + ")," for row in rows]
    return "\n".join([f"{name} = (  # 2^{float(log(error, 2)):.1f}", *lines, ")"])


def main() -> None:
    print('"""Coefficients of minimax polynomials: made by `benchmarks/minimax.py`, not by hand.')
    print("\nP belongs to the formula above it; beside it is its largest relative error.")
    print('A table whose name ends in 64 is for float64, in 32 for float32.\n"""')
    print("\n# fmt: off\n# ruff: noqa: E501")
    for name, fit in FITS.items():
        print(f"\n# {fit.formula}")
        intervals = fit.interval, fit.narrow or fit.interval
        for number, terms, interval in zip((np.float64, np.float32), fit.terms, intervals):
            if terms:
                print(table(f"{name}_{number(0).nbytes * 8}", fit, interval, terms, number))
    for name, (formula, rows) in TABLES.items():
        print(f"\n# {formula}")
        for number in (np.float64, np.float32)[name == "TANH_PIECES" :]:
            print(rows_of(f"{name}_{number(0).nbytes * 8}", *rows(number)))


if __name__ == "__main__":
    main()
