"""Operands for each row of the table: ordinary, large and tiny numbers, and ends of domains."""

import math
from fractions import Fraction
from itertools import product

import mpmath as mp
from oracle import rounded

from micrograd import machine
from micrograd.ops import Op

EPS = 2.0**-52
TINIEST = 5e-324

# Points without kinks, except of `floor`: ordinary, large, tiny, and next to ends of domains.
ORDINARY = [0.1, 0.3, 0.5, 0.9, 1.1, 1.5, 1.9, 2.25, 2.75, 3.5, 7.9, 8.1, 20.5, 50.5]
BESIDE = [1 - 2**-30, 1 + 2**-30, 2 - 2**-30, 2 + 2**-30]
LARGE = [171.5, 700.25, 1e5 + 0.5, 1e10 + 0.25, 1e100, 1e300]
TINY = [1e-5, 1e-10, 1e-100, 1e-300, 1e-310, TINIEST]
POINTS = [sign * x for x in ORDINARY + BESIDE + LARGE + TINY for sign in (1, -1)]
OF_TWO = [0.3, -0.3, 1.5, -1.5, 2.0, -2.0, 3.0, -40.5, 1e5 + 0.5, 1e155, -1e155, 1e-5, -1e-160]

POSITIVE = [1e-5, 0.3, 1.5, 2.0, 7.9, 8.1, 40.5, 1e5 + 0.5]

# Rows of any number of operands, and those whose operands are not all alike.
OPERANDS = {
    "beta": [(a, b) for a in POSITIVE for b in POSITIVE]
    + [(-1.5, 0.75), (-0.3, -2.6), (2.5, -7.3)],
    "gammainc": [(a, x) for a in (0.5, 1.0, 2.5, 7.9, 8.1, 20.5) for x in (0.7, 3.1, 8.3, 45.0)],
    "where": [(1.0, 2.5, -3.5), (0.0, 2.5, -3.5)],
    "take": [(2.5, -3.5, 4.5, 1.0)],
    "dot": [(2.5, -3.5, 1.25, 4.5, 0.75), (1e10, 1e-10, 1e-5, 3.0, -1e-5), (0.5,)],
    "norm": [(2.5, -3.5, 4.75), (3e200, 4e200), (3e-200, -4e-200), (0.5,), (-1e10, 1e-5)],
    "clip": [(x, low, 2.25) for x in OF_TWO for low in (-0.5, 1.75)] + [(3.5, 5.0, -5.0)],
    "sum": [(2.5, -3.5, 4.75), (1e10, 1e-10, -3.0, 0.1), (0.5,)],
}
FLAT = {"stop_gradient"}  # gradients that are not slopes, on purpose

# A derivative like 1 - z² is accurate only relative to 1, in exchange for speed, as in PyTorch.
CANCELLING = {"tanh", "sigmoid", "silu", "gelu"}
# Derivatives that are sums of several terms of about equal size: so many times the error.
TERMS = {"gammainc": 2.0, "beta": 1.5}


def operands_of(row: Op) -> list[tuple[float, ...]]:
    if row.name in OPERANDS:
        return OPERANDS[row.name]
    if row.arity == 1:
        return [(x,) for x in POINTS]
    if row.arity == 2:
        return [*product(OF_TWO, OF_TWO)]
    return [tuple(OF_TWO[: row.arity or 3])]


JUMPS = {  # at the points where these are integers
    "floor": lambda x: x, "ceil": lambda x: x, "round": lambda x: x + Fraction(1, 2),
    "mod": lambda x, y: x / y, "fmod": lambda x, y: x / y, "floor_divide": lambda x, y: x / y,
}  # fmt: skip


def smooth(row: Op, operands: tuple[float, ...], around: float = 0.0) -> bool:
    """Whether central differences approximate the slope: there is no jump within `around`."""
    if row.name not in JUMPS:
        return True
    place = JUMPS[row.name](*map(Fraction, operands))
    return abs(place) < 1e30 and abs(place - round(place)) > around


def differentiable(row: Op, operands: tuple[float, ...]) -> range:
    """The indices of the operands that have a slope."""
    return range(row.name == "where", len(operands) - (row.name == "take"))


def slopes(row: Op, operands: tuple[float, ...]) -> list[float]:
    """The gradient of the row, on floats."""
    assert row.derivative is not None
    return [*machine.run(row.derivative, [1.0, row(*operands), *operands])]


def close(got: float, want: object, scale: object) -> bool:
    """Whether `got` is `want`, up to 8 units in the last place of `scale`."""
    expected = rounded(want)
    if math.isnan(expected) or math.isinf(expected) or not math.isfinite(got):
        return got == expected or (got != got and expected != expected)
    return bool(abs(mp.mpf(got) - want) <= 8 * EPS * scale + 2 * TINIEST)  # type: ignore[operator]
