"""Every row of the table, against mpmath, finite differences, and the usual conventions."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from oracle import ROWS, derivatives, rounded

import micrograd as mg
from micrograd import Value, graph, machine, ops
from micrograd.engine import numbers_of
from micrograd.ops import TABLE, Op

inf, nan = math.inf, math.nan
EPS = 2.0**-52
TINIEST = 5e-324

# Points without kinks, except of `floor`: ordinary, large, tiny, and next to ends of domains.
ORDINARY = [0.1, 0.3, 0.5, 0.9, 1.1, 1.5, 1.9, 2.25, 2.75, 3.5, 7.9, 8.1, 20.5, 50.5]
BESIDE = [1 - 2**-30, 1 + 2**-30, 2 - 2**-30, 2 + 2**-30]
LARGE = [171.5, 700.25, 1e5 + 0.5, 1e10 + 0.25, 1e100, 1e300]
TINY = [1e-5, 1e-10, 1e-100, 1e-300, 1e-310, TINIEST]
POINTS = [sign * x for x in ORDINARY + BESIDE + LARGE + TINY for sign in (1, -1)]
OF_TWO = [0.3, -0.3, 1.5, -1.5, 2.0, -2.0, 3.0, -40.5, 1e5 + 0.5, 1e155, -1e155, 1e-5, -1e-160]
EXTREMES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 710.0, 1e308, -1e308, TINIEST, inf, -inf, nan]

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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_value_and_slope_are_those_of_mpmath(row: Op) -> None:
    """As precise as if the operand had been off by some units in its last place: x f'(x) is what
    one relative error of x does to f(x), x f''(x) what it does to the slope."""
    for operands in operands_of(row):
        z, got = row(*operands), slopes(row, operands)
        for k in differentiable(row, operands):
            f, slope, curvature = derivatives(row, operands, k)
            x = abs(mp.mpf(operands[k])) + TINIEST / EPS
            if not smooth(row, operands) or mp.isnan(f):
                assert close(z, f, abs(f)), (operands, z)
                continue
            if mp.isnan(slope):  # along the exponent of a negative number
                assert close(z, f, abs(f)), (operands, z, rounded(f))
                continue
            assert close(z, f, abs(f) + x * abs(slope)), (operands, z, rounded(f))
            if math.isfinite(z):
                slope = 0 if row.name in FLAT else slope
                scale = abs(slope) + x * abs(curvature) + (row.name in CANCELLING)
                scale *= TERMS.get(row.name, 1.0)
                if row.name == "pow":  # y - 1 is rounded, and that error grows by ln x
                    scale *= 1 + abs(math.log(abs(operands[0])))
                assert close(got[k], slope, scale), (operands, k, got[k], rounded(slope))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_second_derivatives_are_those_of_mpmath(row: Op) -> None:
    for operands in operands_of(row):
        if not all(1e-6 < abs(x) < 1e6 for x in operands) or len(set(operands)) < len(operands):
            continue  # further out the rules of the rules over- and underflow; and no ties
        for k in differentiable(row, operands):
            f, slope, curvature = derivatives(row, operands, k)
            if mp.isnan(f) or not smooth(row, operands) or row.name in FLAT:
                continue
            values = [Value(x) for x in operands]
            (first,) = graph.gradients(row(*values), [values[k]])
            seconds = graph.gradients(first, [values[k]]) if isinstance(first, Value) else [0.0]
            (second,) = numbers_of(seconds)
            x = abs(operands[k])
            scale = 4 * (abs(curvature) + abs(slope) / x + abs(f) / x**2)  # some steps more
            scale = scale * TERMS.get(row.name, 1.0) + (row.name in CANCELLING)
            assert close(second, curvature, scale), (operands, k, second, rounded(curvature))


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name not in FLAT], ids=lambda row: row.name
)
def test_slope_is_that_of_finite_differences(row: Op) -> None:
    """A step of ∛eps leaves the slope right to about eps^(2/3), 4e-11, times higher derivatives."""
    step = EPS ** (1 / 3)
    checked: set[int] = set()
    for operands in operands_of(row):
        if any(abs(x) in BESIDE or not 0.2 < abs(x) < 5 for x in operands):
            continue
        for k in differentiable(row, operands):
            below, above = ([*operands] for _ in range(2))
            below[k] -= step
            above[k] += step
            difference = (row(*above) - row(*below)) / (2 * step)
            if smooth(row, operands, 1e-3) and math.isfinite(difference):  # both are in the domain
                assert slopes(row, operands)[k] == pytest.approx(difference, rel=1e-6, abs=1e-8)
                checked.add(k)
    assert checked >= {*range(row.name == "where", row.arity or 3)}, "an operand was not checked"


# Edge cases of the table: limits if they exist, and otherwise C's rules.

EDGES: list[tuple[str, tuple[float, ...], float]] = [
    ("exp", (1000.0,), inf), ("exp", (-inf,), 0.0), ("exp", (inf,), inf), ("expm1", (-inf,), -1.0),
    ("expm1", (-0.0,), -0.0), ("expm1", (1000.0,), inf), ("log", (0.0,), -inf),
    ("log", (-0.0,), -inf), ("log", (-1.0,), nan), ("log", (inf,), inf), ("log1p", (-1.0,), -inf),
    ("log1p", (-0.0,), -0.0), ("log1p", (-2.0,), nan), ("log1p", (inf,), inf),
    ("sqrt", (-1.0,), nan), ("sqrt", (-0.0,), -0.0), ("sqrt", (inf,), inf), ("sin", (inf,), nan),
    ("cos", (-inf,), nan), ("tan", (inf,), nan), ("asin", (1.0,), math.pi / 2),
    ("asin", (1.5,), nan), ("acos", (-1.0,), math.pi), ("acos", (1.0,), 0.0), ("acos", (2.0,), nan),
    ("atan", (inf,), math.pi / 2), ("atan2", (0.0, 0.0), 0.0), ("atan2", (0.0, -0.0), math.pi),
    ("atan2", (-0.0, -1.0), -math.pi), ("atan2", (inf, inf), math.pi / 4),
    ("atan2", (1.0, -inf), math.pi), ("sinh", (1000.0,), inf), ("sinh", (-1000.0,), -inf),
    ("cosh", (-1000.0,), inf), ("tanh", (-inf,), -1.0), ("erf", (inf,), 1.0), ("erfc", (inf,), 0.0),
    ("erfc", (-inf,), 2.0), ("lgamma", (0.0,), inf), ("lgamma", (-0.0,), inf),
    ("lgamma", (-3.0,), inf), ("lgamma", (1.0,), 0.0), ("lgamma", (2.0,), 0.0),
    ("lgamma", (inf,), inf), ("lgamma", (-inf,), inf), ("lgamma", (1e308,), inf),
    ("lgamma", (-1e308,), inf), ("lgamma", (-1e305,), inf), ("lgamma", (-1e16,), inf),
    ("div", (1.0, 0.0), inf), ("div", (1.0, -0.0), -inf), ("div", (-1.0, 0.0), -inf),
    ("div", (0.0, 0.0), nan), ("div", (inf, inf), nan), ("div", (1.0, inf), 0.0),
    ("pow", (0.0, 0.0), 1.0), ("pow", (nan, 0.0), 1.0), ("pow", (1.0, nan), 1.0),
    ("pow", (0.0, -1.0), inf), ("pow", (-0.0, -1.0), -inf), ("pow", (-0.0, -2.0), inf),
    ("pow", (-8.0, 1 / 3), nan), ("pow", (-8.0, 3.0), -512.0), ("pow", (-10.0, 309.0), -inf),
    ("pow", (10.0, 400.0), inf), ("pow", (0.5, inf), 0.0), ("pow", (-inf, 3.0), -inf),
    ("floor", (-0.5,), -1.0), ("floor", (-0.0,), -0.0), ("floor", (inf,), inf),
    ("abs", (-0.0,), 0.0), ("abs", (-inf,), inf), ("mul", (inf, 0.0), nan),
    ("sub", (inf, inf), nan),
    ("sigmoid", (-inf,), 0.0), ("sigmoid", (inf,), 1.0), ("sigmoid", (-1000.0,), 0.0),
    ("softplus", (-inf,), 0.0), ("softplus", (1000.0,), 1000.0), ("softplus", (inf,), inf),
    ("relu", (-inf,), 0.0), ("relu", (inf,), inf), ("leaky_relu", (-inf, 0.01), -inf),
    ("elu", (-inf, 1.0), -1.0), ("elu", (inf, 1.0), inf), ("silu", (-inf,), 0.0),
    ("silu", (inf,), inf), ("gelu", (-inf,), 0.0), ("gelu", (inf,), inf), ("sign", (0.0,), 0.0),
    ("sign", (-inf,), -1.0), ("maximum", (nan, 1.0), nan), ("maximum", (1.0, nan), nan),
    ("maximum", (-inf, 1.0), 1.0), ("minimum", (nan, -inf), nan), ("minimum", (-inf, nan), nan),
    ("log2", (8.0,), 3.0), ("log2", (2.0**-1074,), -1074.0), ("log2", (0.0,), -inf),
    ("log2", (inf,), inf), ("log2", (-1.0,), nan), ("log10", (1000.0,), 3.0),
    ("log10", (0.1,), -1.0), ("log10", (1e-300,), -300.0), ("log10", (-0.0,), -inf),
    ("log10", (inf,), inf), ("exp2", (10.0,), 1024.0), ("exp2", (-1074.0,), TINIEST),
    ("exp2", (1024.0,), inf), ("exp2", (-inf,), 0.0), ("cbrt", (27.0,), 3.0),
    ("cbrt", (-64.0,), -4.0), ("cbrt", (-0.0,), -0.0), ("cbrt", (-inf,), -inf),
    ("logaddexp", (inf, inf), inf), ("logaddexp", (-inf, -inf), -inf),
    ("logaddexp", (inf, -inf), inf), ("logaddexp", (-inf, 2.0), 2.0),
    ("logaddexp", (1e308, 1e308), 1e308), ("log_sigmoid", (-inf,), -inf),
    ("log_sigmoid", (inf,), 0.0), ("log_sigmoid", (-1e308,), -1e308), ("xlogy", (0.0, 0.0), 0.0),
    ("xlogy", (0.0, inf), 0.0), ("xlogy", (0.0, nan), nan), ("xlogy", (2.0, 0.0), -inf),
    ("asinh", (-0.0,), -0.0), ("asinh", (-inf,), -inf), ("asinh", (1e308,), math.asinh(1e308)),
    ("acosh", (1.0,), 0.0), ("acosh", (0.5,), nan), ("acosh", (-1e300,), nan),
    ("acosh", (-3.0,), nan), ("acosh", (inf,), inf), ("atanh", (1.0,), inf),
    ("atanh", (-1.0,), -inf), ("atanh", (1.5,), nan), ("atanh", (-0.0,), -0.0),
    ("sinc", (0.0,), 1.0), ("sinc", (3.0,), 0.0), ("sinc", (-inf,), 0.0),
    ("clip", (5.0, 0.0, 1.0), 1.0), ("clip", (0.5, 3.0, 1.0), 1.0), ("clip", (-inf, 0.0, inf), 0.0),
    ("clip", (0.5, nan, 1.0), nan), ("ceil", (-0.5,), -0.0), ("ceil", (1.5,), 2.0),
    ("ceil", (inf,), inf), ("round", (2.5,), 2.0), ("round", (3.5,), 4.0), ("round", (-0.4,), -0.0),
    ("round", (-inf,), -inf), ("round", (0.49999999999999994,), 0.0),
    ("mod", (5.0, 3.0), 2.0), ("mod", (-5.0, 3.0), 1.0), ("mod", (5.0, -3.0), -1.0),
    ("mod", (1.0, 0.1), 1.0 % 0.1), ("mod", (1.0, 0.0), nan), ("mod", (inf, 2.0), nan),
    ("mod", (-1.0, inf), inf), ("mod", (1.0, inf), 1.0), ("mod", (1e300, 3.0), 1e300 % 3.0),
    ("mod", (6.0, -3.0), -0.0), ("fmod", (-5.0, 3.0), -2.0), ("fmod", (5.0, -3.0), 2.0),
    ("fmod", (1.0, inf), 1.0), ("fmod", (1.0, 0.0), nan), ("floor_divide", (1.0, 0.1), 9.0),
    ("floor_divide", (-1.0, 3.0), -1.0), ("floor_divide", (-1.0, inf), -1.0),
    ("floor_divide", (1.0, inf), 0.0), ("floor_divide", (1.0, 0.0), inf),
    ("floor_divide", (inf, 2.0), nan), ("floor_divide", (2.0**53 + 2, 1.0), 2.0**53 + 2),
    ("erfcx", (0.0,), 1.0), ("erfcx", (inf,), 0.0), ("erfcx", (-inf,), inf),
    ("erfcx", (-30.0,), inf),
    ("log_erfc", (inf,), -inf), ("log_erfc", (-inf,), math.log(2)), ("log_erfc", (0.0,), 0.0),
    ("erfinv", (0.0,), 0.0), ("erfinv", (1.0,), inf), ("erfinv", (-1.0,), -inf),
    ("erfinv", (1.5,), nan), ("erfinv", (-0.0,), -0.0), ("ndtr", (-inf,), 0.0),
    ("ndtr", (inf,), 1.0),
    ("ndtr", (0.0,), 0.5), ("log_ndtr", (-inf,), -inf), ("log_ndtr", (inf,), 0.0),
    ("log_ndtr", (-40.0,), -804.6084420137538),
    ("beta", (0.0, 1.0), inf), ("beta", (0.0, 0.0), inf), ("beta", (inf, 1.0), 0.0),
    ("beta", (-1.5, 0.5), 0.0), ("beta", (nan, 1.0), nan),
    ("gammainc", (1.0, 0.0), 0.0), ("gammainc", (0.0, 1.0), 1.0), ("gammainc", (0.0, 0.0), nan),
    ("gammainc", (inf, 1.0), 0.0), ("gammainc", (1.0, inf), 1.0), ("gammainc", (inf, inf), nan),
    ("gammainc", (-1.0, 1.0), nan), ("gammainc", (1.0, -1.0), nan), ("gammainc", (0.0, inf), 1.0),
    ("where", (1.0, 2.0, nan), 2.0), ("where", (0.0, nan, 3.0), 3.0),
    ("take", (nan, 7.0, 1.0), 7.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands", "want"), EDGES)
def test_edges(name: str, operands: tuple[float, ...], want: float) -> None:
    row = TABLE[name]
    assert row(*operands) == pytest.approx(want, nan_ok=True, abs=0)
    assert row(*map(Value, operands)).data == pytest.approx(want, nan_ok=True, abs=0)


GRADIENTS: list[tuple[str, tuple[float, ...], tuple[float, ...]]] = [
    # kinks
    ("relu", (0.0,), (0.0,)), ("relu", (-0.0,), (0.0,)), ("abs", (0.0,), (0.0,)),
    ("abs", (-0.0,), (0.0,)), ("sign", (0.0,), (0.0,)), ("floor", (2.0,), (0.0,)),
    ("leaky_relu", (0.0, 0.01), (0.01, 0.0)), ("elu", (0.0, 1.0), (1.0, 0.0)),
    ("elu", (0.0, 3.0), (3.0, 0.0)), ("elu", (1000.0, 1.0), (1.0, 0.0)),
    ("maximum", (2.0, 2.0), (0.5, 0.5)), ("minimum", (2.0, 2.0), (0.5, 0.5)),
    ("maximum", (3.0, 2.0), (1.0, 0.0)), ("minimum", (3.0, 2.0), (0.0, 1.0)),
    ("maximum", (inf, inf), (0.5, 0.5)), ("maximum", (-0.0, 0.0), (0.5, 0.5)),
    # the ends of domains
    ("sqrt", (0.0,), (inf,)), ("log", (0.0,), (inf,)), ("log1p", (-1.0,), (inf,)),
    ("asin", (1.0,), (inf,)), ("asin", (-1.0,), (inf,)), ("acos", (1.0,), (-inf,)),
    ("atan2", (0.0, 0.0), (0.0, 0.0)), ("atan2", (1.0, 0.0), (0.0, -1.0)),
    ("atan2", (0.0, -1.0), (-1.0, 0.0)), ("atan2", (1.0, inf), (0.0, 0.0)),
    ("atan2", (1e-200, 1e-200), (5e199, -5e199)), ("atan2", (1e200, 1e200), (5e-201, -5e-201)),
    # powers, as in PyTorch and JAX
    ("pow", (0.0, 0.0), (0.0, 0.0)), ("pow", (0.0, 1.0), (1.0, 0.0)),
    ("pow", (0.0, 2.0), (0.0, 0.0)), ("pow", (0.0, 0.5), (inf, 0.0)),
    ("pow", (3.0, 0.0), (0.0, math.log(3))),
    ("pow", (-2.0, 3.0), (12.0, nan)), ("pow", (0.0, -1.0), (-inf, -inf)),
    ("div", (1.0, 0.0), (inf, -inf)), ("div", (0.0, TINIEST), (inf, 0.0)),
    ("div", (3.0, inf), (0.0, 0.0)), ("lgamma", (1.0,), (-0.5772156649015329,)),
    # infinity
    ("tanh", (inf,), (0.0,)), ("sigmoid", (-inf,), (0.0,)), ("softplus", (inf,), (1.0,)),
    ("softplus", (-inf,), (0.0,)), ("silu", (inf,), (1.0,)), ("silu", (-inf,), (0.0,)),
    ("gelu", (inf,), (1.0,)), ("gelu", (-inf,), (0.0,)), ("erf", (inf,), (0.0,)),
    ("erfc", (-inf,), (0.0,)), ("erf", (1e200,), (0.0,)), ("atan", (-inf,), (0.0,)),
    ("exp", (-inf,), (0.0,)), ("exp", (1000.0,), (inf,)), ("expm1", (-inf,), (0.0,)),
    ("relu", (inf,), (1.0,)), ("log", (inf,), (0.0,)), ("sqrt", (inf,), (0.0,)),
    ("clip", (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)), ("clip", (2.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    ("clip", (0.5, 0.0, 1.0), (1.0, 0.0, 0.0)), ("round", (2.5,), (0.0,)), ("ceil", (2.0,), (0.0,)),
    ("mod", (7.0, 2.0), (1.0, -3.0)), ("mod", (-7.0, 2.0), (1.0, 4.0)),
    ("mod", (1.0, inf), (1.0, 0.0)),
    ("fmod", (-7.0, 2.0), (1.0, 3.0)), ("floor_divide", (7.0, 2.0), (0.0, 0.0)),
    ("cbrt", (0.0,), (inf,)), ("cbrt", (inf,), (0.0,)), ("log2", (0.0,), (inf,)),
    ("acosh", (1.0,), (inf,)), ("atanh", (1.0,), (inf,)), ("asinh", (1e200,), (1e-200,)),
    ("asinh", (inf,), (0.0,)), ("acosh", (1e200,), (1e-200,)), ("sinc", (0.0,), (0.0,)),
    ("sinc", (1.0,), (-1.0,)), ("sinc", (inf,), (0.0,)), ("logaddexp", (inf, inf), (0.5, 0.5)),
    ("logaddexp", (-inf, -inf), (0.5, 0.5)), ("logaddexp", (-inf, 1.0), (0.0, 1.0)),
    ("log_sigmoid", (-inf,), (1.0,)), ("log_sigmoid", (inf,), (0.0,)),
    ("xlogy", (0.0, 0.0), (-inf, 0.0)), ("xlogy", (0.0, 2.0), (math.log(2), 0.0)),
    ("erfcx", (inf,), (0.0,)), ("erfcx", (1e200,), (0.0,)), ("erfinv", (1.0,), (inf,)),
    ("log_erfc", (-inf,), (0.0,)), ("ndtr", (inf,), (0.0,)), ("log_ndtr", (inf,), (0.0,)),
    ("log_ndtr", (-1e10,), (1e10,)),
    ("gammainc", (1.0, 0.0), (0.0, 1.0)), ("gammainc", (2.0, 0.0), (0.0, 0.0)),
    ("gammainc", (0.5, 0.0), (0.0, inf)), ("gammainc", (1.0, inf), (0.0, 0.0)),
    # what is not chosen
    ("where", (1.0, 2.0, nan), (0.0, 1.0, 0.0)), ("where", (0.0, nan, 2.0), (0.0, 0.0, 1.0)),
    ("take", (nan, 2.0, 1.0), (0.0, 1.0, 0.0)), ("stop_gradient", (2.0,), (0.0,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands", "want"), GRADIENTS)
def test_gradients_at_the_edges(
    name: str, operands: tuple[float, ...], want: tuple[float, ...]
) -> None:
    """The gradients of `backward()` on floats, and of `graph.gradients` on Values."""
    values = [Value(x) for x in operands]
    result = TABLE[name](*values)
    result.backward()
    assert [v.grad for v in values] == pytest.approx(want, rel=1e-13, nan_ok=True, abs=0)
    assert numbers_of(graph.gradients(result, values)) == pytest.approx(
        want, rel=1e-13, nan_ok=True, abs=0
    )


BENDS = [("asin", 1.0, inf), ("asin", -1.0, -inf), ("acos", 1.0, -inf), ("acos", -1.0, inf)]


@pytest.mark.parametrize(("name", "x", "want"), BENDS)
def test_second_derivatives_at_the_ends_of_domains_are_their_limits(
    name: str, x: float, want: float
) -> None:
    f = TABLE[name]
    assert mg.grad(mg.grad(f))(x) == want
    assert mg.compile(mg.grad(mg.grad(f)))(x) == want
    assert mg.compile(mg.grad(f)).value_and_grad(x)[1] == want
    third = mg.grad(mg.grad(mg.grad(f)))(x)
    assert third == (inf if name == "asin" else -inf)


SMOOTH: list[tuple[str, float, Callable[[mp.mpf], mp.mpf]]] = [
    ("erfcx", -1.5, lambda x: mp.exp(x * x) * mp.erfc(x)),
    ("erfcx", 0.75, lambda x: mp.exp(x * x) * mp.erfc(x)),
    ("erfcx", 30.0, lambda x: mp.exp(x * x) * mp.erfc(x)),
    ("log_erfc", -2.0, lambda x: mp.log(mp.erfc(x))),
    ("log_erfc", 9.0, lambda x: mp.log(mp.erfc(x))),
    ("log_ndtr", -40.0, lambda x: mp.log(mp.ncdf(x))),
    ("log_ndtr", 8.0, lambda x: mp.log(mp.ncdf(x))),
    ("erfinv", 0.96875, lambda x: mp.erfinv(x)),
    ("sinc", 0.0, mp.sincpi), ("sinc", 0.25, mp.sincpi), ("sinc", 1.0, mp.sincpi),
    ("asinh", -2.0, mp.asinh), ("acosh", 1.5, mp.acosh), ("atanh", 0.5, mp.atanh),
    ("cbrt", -8.0, lambda x: -mp.cbrt(-x)), ("log10", 1000.0, mp.log10),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "oracle"), SMOOTH)
def test_derivatives_to_the_fourth_are_those_of_mpmath(
    name: str, x: float, oracle: Callable[[mp.mpf], mp.mpf]
) -> None:
    f: Callable[..., Any] = TABLE[name]
    with mp.workdps(60):
        for want in [*mp.diffs(oracle, x, 4)][1:]:
            f = mg.grad(f)
            assert f(x) == pytest.approx(float(want), rel=1e-9, abs=1e-12)


def test_masked_branches_make_no_nan() -> None:
    """`0 * inf` does not arise from an infinity in the branch that is not taken."""
    x = Value(0.0)
    for safe in (
        mg.where(x > 0, mg.log(x), x),
        mg.where(x > 0, mg.sqrt(x), 3 * x),
        mg.take([mg.log(x), x], 1),
        mg.relu(x) * 1.0 + mg.where(True, x, 1 / x),
    ):
        x.grad = 0.0
        safe.backward()
        assert math.isfinite(x.grad)
        assert all(math.isfinite(g) for g in numbers_of(graph.gradients(safe, [x])))


def extremes_of(row: Op) -> list[tuple[float, ...]]:
    if row.name == "take":
        return [(x, y, k) for x, y in product(EXTREMES, EXTREMES) for k in (0.0, 1.0)]
    if (row.arity or 3) < 3:
        return [*product(EXTREMES, repeat=row.arity or 1)]
    return [(x, y, z) for x, y, z in product([*EXTREMES[::2], nan], EXTREMES, EXTREMES[1::3])]


@pytest.mark.parametrize("row", [*TABLE.values()], ids=lambda row: row.name)
def test_nothing_raises_and_everything_is_a_float(row: Op) -> None:
    for operands in extremes_of(row):
        number = row(*operands)
        assert type(number) is (bool if row.boolean else float), operands
        values = [Value(x) for x in operands]
        result = row(*values)
        assert repr(getattr(result, "data", result)) == repr(number), operands
        if not row.boolean:
            result.backward()
            assert {type(v.grad) for v in values} == {float}, operands
            graph.gradients(result, values)
            graph.gradients(row(*operands[:-1], values[-1]), values[-1:])  # constants before it


@pytest.mark.parametrize("row", [*TABLE.values()], ids=lambda row: row.name)
def test_arrays_are_treated_as_their_elements(row: Op) -> None:
    tuples = extremes_of(row)[::3]
    arrays = [np.array(column) for column in zip(*tuples)]
    want = [row(*operands) for operands in tuples]
    if row.boolean:
        assert row(*arrays).tolist() == want
    else:  # NumPy's own functions may differ in the last places
        np.testing.assert_allclose(row(*arrays), want, rtol=8 * EPS, atol=8 * TINIEST)


MAY_HIDE_NAN = {"pow", "where", "take"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nan_goes_in_and_comes_out(row: Op) -> None:
    n = row.arity or 3
    for k in range(n):
        operands = [0.5] * n
        operands[k] = nan
        if row.name not in MAY_HIDE_NAN and (row.name, k) not in {("leaky_relu", 1), ("elu", 1)}:
            assert math.isnan(row(*operands))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_are_complete(row: Op) -> None:
    assert callable(row.meaning)
    assert callable(row.derivative)
    assert row.doc
    assert len(row.doc) < 80
    assert repr(row) == f"<op {row.name}>"
    assert getattr(mg, row.name)
    assert len(slopes(row, operands_of(row)[0])) == len(operands_of(row)[0])


def test_an_incomplete_row_does_not_exist() -> None:
    with pytest.raises(TypeError, match="needs a meaning and a derivative"):
        Op("half", 1, lambda x: x / 2, None, "half of x")
    with pytest.raises(ValueError, match="called 'tanh' already"):
        mg.op(derivative=lambda g, z, x: g, name="tanh")(lambda x: x)


def test_wrong_numbers_of_operands() -> None:
    with pytest.raises(TypeError, match="tanh takes 1 operand, got 2"):
        mg.tanh(1.0, 2.0)
    with pytest.raises(TypeError, match="add takes 2 operands, got 1"):
        mg.add(1.0)
    assert mg.leaky_relu(-2.0) == -0.02
    assert mg.elu(-inf) == -1.0
    assert mg.leaky_relu(Value(-2.0), 0.5).data == -1.0


@pytest.mark.parametrize("index", [-1, 2, 0.5, nan, inf])
def test_take_wants_an_index_in_range(index: float) -> None:
    with pytest.raises(IndexError, match="take expects an integer from 0 to 1, got"):
        mg.take([1.0, Value(2.0)], index)


@pytest.mark.parametrize("k", range(-40, 60))
def test_lgamma_keeps_its_digits_beside_its_zeros(k: int) -> None:
    for zero in (1.0, 2.0):
        x = zero + k / 200
        assert math.isclose(mg.lgamma(x), mp.loggamma(x), rel_tol=4 * EPS)


def test_digamma() -> None:
    for x in POINTS:
        if not x.is_integer() and abs(x) < 1e6:
            want = rounded(mp.digamma(x))
            assert mg.digamma(x) == pytest.approx(want, rel=1e-13, abs=1e-14), x
    assert all(
        math.isnan(mg.digamma(x)) or math.isinf(mg.digamma(x)) for x in (0.0, -1.0, inf, nan)
    )
    assert mg.digamma(np.array([1.0, 2.0]))[0] == pytest.approx(-0.5772156649015329)


@pytest.mark.parametrize("row", [row for row in ops.TABLE.values() if row.on_floats])
def test_the_short_way_on_floats_is_the_meaning(row: ops.Op) -> None:
    for x in (-math.inf, -1.5, -0.0, 0.0, 5e-324, 2.0, math.inf):
        assert str(row.on_floats(x)) == str(row.meaning(x))  # type: ignore[misc]
    assert math.isnan(row.on_floats(math.nan))  # type: ignore[misc]
