"""Every row of the table, against mpmath and finite differences."""

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from operands import (
    BESIDE,
    CANCELLING,
    EPS,
    FLAT,
    POINTS,
    TERMS,
    TINIEST,
    close,
    differentiable,
    operands_of,
    slopes,
    smooth,
)
from oracle import ROWS, derivatives, rounded

import micrograd as mg
from micrograd import Value, graph, ops
from micrograd.engine import numbers_of
from micrograd.ops import TABLE, Op

inf, nan = math.inf, math.nan


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
