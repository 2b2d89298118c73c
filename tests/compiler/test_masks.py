"""A branch that is not taken makes no NaN: in derivatives of any order, in every way to run.

The oracle has no branches: each program comes with the formula of the branch that is taken, and
mpmath differentiates that.
"""

import ctypes
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from ways import in_numpy

import micrograd as mg
from micrograd import Value

Function = Callable[[Any], Any]
ORDERS = (1, 2, 3)


def clip(x: Any, low: float, high: float) -> Any:
    return mg.minimum(mg.maximum(x, low), high)


def student(nu: Any) -> Any:
    """The logarithm of a density of Student's t."""
    normed = mg.lgamma((nu + 1) / 2) - mg.lgamma(nu / 2) - 0.5 * mg.log(nu * math.pi)
    return normed - (nu + 1) / 2 * mg.log1p(0.09 / nu)


def students(nu: Any) -> Any:
    normed = mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(nu * math.pi) / 2
    return normed - (nu + 1) / 2 * mp.log(1 + mp.mpf(0.09) / nu)


def cosine_of_angle(x: Any) -> Any:
    """Terms of a rotation by the length t of (x, 2x), by their series if t is small."""
    square = 5 * x * x
    small = square < 1e-8
    t = mg.sqrt(square)
    return mg.where(small, 1 - square / 8, mg.cos(t / 2)) + x * mg.where(
        small, 0.5 - square / 48, mg.sin(t / 2) / t
    )


# The program, the point, and what the branch that is taken there computes.
PROGRAMS: dict[str, tuple[Function, float, Function]] = {
    # where at the root
    "root below 0": (lambda x: mg.where(x > 0, mg.sqrt(x), 3 * x), -1.0, lambda x: 3 * x),
    "root of 0": (lambda x: mg.where(x > 0, mg.sqrt(x), x * x * x), 0.0, lambda x: x**3),
    "reciprocal of 0": (lambda x: mg.where(x == 0, x, mg.sin(x) / x), 0.0, lambda x: x),
    "overflow": (lambda x: mg.where(x > 10, x * x, mg.exp(x)), 1000.0, lambda x: x * x),
    "a power": (lambda x: mg.where(x > 0, x**1.5, mg.sin(x)), 0.0, mp.sin),
    "series of expm1(x) / x": (
        lambda x: mg.where(abs(x) > 1e-4, mg.expm1(x) / x, 1 + x / 2 + x * x / 6 + x * x * x / 24),
        0.0,
        lambda x: 1 + x / 2 + x**2 / 6 + x**3 / 24,
    ),
    # where in the middle
    "exp of where": (lambda x: mg.exp(mg.where(x > 0, mg.log(x), x)), 0.0, mp.exp),
    "exp of where, below": (lambda x: mg.exp(mg.where(x > 0, mg.log(x), x)), -2.0, mp.exp),
    "where times where": (
        lambda x: mg.where(x > 0, mg.log(x), x * x) * mg.where(x < 0, mg.sqrt(-x), 2 + mg.sin(x)),
        0.0,
        lambda x: x**2 * (2 + mp.sin(x)),
    ),
    "one branch, used twice": (
        lambda x: mg.sum(mg.where(x > k, z**k, x) for k, z in enumerate([mg.log(x)] * 3)) * x,
        0.0,
        lambda x: 3 * x * x,
    ),
    "taken and not taken": (
        lambda x: (lambda z: mg.where(x > 0, z, x) + mg.where(x > 1, 0.0, z))(mg.exp(3 * x)),
        -0.5,
        lambda x: x + mp.exp(3 * x),
    ),
    "squared, and times x": (
        lambda x: x * mg.where(x > 0, mg.sqrt(x), x + 2) ** 2, 0.0, lambda x: x * (x + 2) ** 2,
    ),
    "quaternion": (cosine_of_angle, 0.0, lambda x: 1 - 5 * x * x / 8 + x * (0.5 - 5 * x * x / 48)),
    # where below
    "two steps": (lambda x: mg.where(x > 0, mg.log(mg.sqrt(x) * 3), x * x), 0.0, lambda x: x * x),
    "where below a root": (
        lambda x: mg.where(x > 0, mg.sqrt(mg.where(x > 1, mg.log(x), x)), mg.cos(x)), 0.0, mp.cos,
    ),
    "nested": (
        lambda x: mg.where(x > 0, mg.where(x > 1, mg.log(x - 1), mg.sqrt(1 - x)), x**4),
        0.5,
        lambda x: mp.sqrt(1 - x),
    ),
    "nested, at its end": (
        lambda x: mg.where(x >= 0, mg.where(x < 1, mg.exp(x), mg.log(x - 1)), mg.sqrt(x)),
        0.0,
        mp.exp,
    ),
    # other rows that choose
    "maximum": (lambda x: mg.maximum(mg.log(x), x - 1) * x, 0.0, lambda x: (x - 1) * x),
    "minimum": (lambda x: mg.minimum(1 / (x * x), 2 + mg.exp(x)), 0.0, lambda x: 2 + mp.exp(x)),
    "relu": (lambda x: mg.relu(-1 - mg.sqrt(x)) + mg.sin(x), 0.0, mp.sin),
    "leaky_relu": (lambda x: mg.leaky_relu(-1 - x * mg.where(x > 0, mg.log(x), x)), 0.0,
                   lambda x: mp.mpf(0.01) * (-1 - x * x)),
    "elu": (lambda x: mg.elu(x) * x, 1000.0, lambda x: x * x),
    "abs": (lambda x: abs(mg.where(x > 0, mg.log(x), x - 2)) ** 3, 0.0, lambda x: (2 - x) ** 3),
    "take": (lambda x: mg.exp(mg.take([mg.log(x), x, mg.sqrt(x)], 1)), 0.0, mp.exp),
    "clip": (lambda x: clip(1 / x, -2.0, 3.0) * x * x, 0.0, lambda x: 3 * x * x),
    "sign": (lambda x: mg.sign(mg.sqrt(x)) + mg.exp(2 * x), 0.0, lambda x: mp.exp(2 * x)),
    "softplus": (
        lambda x: mg.softplus(mg.where(x > 0, mg.log(x), x)), -1.0, lambda x: mp.log(1 + mp.exp(x)),
    ),
    # rows whose formulas choose
    "lgamma": (mg.lgamma, 4.0, mp.loggamma),
    "lgamma near 2": (mg.lgamma, 2.25, mp.loggamma),
    "lgamma below 0": (mg.lgamma, -1.5, lambda x: mp.re(mp.loggamma(x))),
    "erfcx far out": (mg.erfcx, 30.0, lambda x: mp.exp(x * x) * mp.erfc(x)),
    "log_ndtr": (mg.log_ndtr, -40.0, lambda x: mp.log(mp.ncdf(x))),
    "sinc at 0": (mg.sinc, 0.0, mp.sincpi),
    "logaddexp at a tie": (
        lambda x: mg.logaddexp(x, 3.0 - x), 1.5, lambda x: mp.log(mp.exp(x) + mp.exp(3 - x)),
    ),
    "xlogy": (lambda x: mg.xlogy(x, x + 2.0), 0.0, lambda x: x * mp.log(x + 2)),
    "mod": (lambda x: (x * x) % 1.0, 1.25, lambda x: x * x - 1),
    "hypot squared": (lambda x: mg.hypot(x, 2 * x) ** 2, 0.0, lambda x: 5 * x * x),
    "Student's t": (student, 4.0, students),
    "atan2": (
        lambda x: mg.atan2(x, mg.where(x > 0, mg.log(x), 2.0)), 0.0, lambda x: mp.atan(x / 2),
    ),
    "the exponent": (lambda x: mg.where(x > 0, x**x, mg.sin(x)), 0.0, mp.sin),
    # a norm is smooth where it is squared
    "norm squared": (lambda x: mg.norm([x, 2 * x]) ** 2, 0.0, lambda x: 5 * x * x),
    "norm times itself": (
        lambda x: (lambda n: n * n)(mg.norm([x, 2 * x])), 0.0, lambda x: 5 * x * x,
    ),
    "norm times the same norm, called again": (
        lambda x: mg.norm([x, 2 * x]) * mg.norm([x, 2 * x]), 0.0, lambda x: 5 * x * x,
    ),
    "norms of two names for one vector": (
        lambda x: mg.norm([x - 1, 2 * (x - 1)]) * mg.exp(x) * mg.norm([x - 1, 2 * (x - 1)]), 1.0,
        lambda x: 5 * (x - 1) ** 2 * mp.exp(x),
    ),
    "two norms, one of them masked": (
        lambda x: mg.norm([x, x]) * mg.where(x > 0, mg.log(x), mg.norm([x, x])), 0.0,
        lambda x: 2 * x * x,
    ),
    "cosine of a norm": (
        lambda x: mg.cos(mg.norm([x, 2 * x])), 0.0, lambda x: mp.cos(mp.sqrt(5) * x),
    ),
    "masked norm": (lambda x: mg.where(x > 0, mg.log(mg.norm([x, x])), mg.exp(x)), 0.0, mp.exp),
}  # fmt: skip


def derivative(f: Function, order: int) -> Function:
    return derivative(mg.grad(f), order - 1) if order else f


NAMES = [*PROGRAMS]
POINTS = [x for _, x, _ in PROGRAMS.values()]


def derivatives(order: int) -> Callable[..., list[Any]]:
    """All programs, each at its own point, in one function: one compilation is enough."""
    functions = [derivative(f, order) for f, _, _ in PROGRAMS.values()]
    return lambda *points: [f(x) for f, x in zip(functions, points)]


def backward(order: int) -> list[float]:
    points = [*map(Value, POINTS)]
    for z in derivatives(order - 1)(*points):
        if isinstance(z, Value):  # else it is a constant
            z.backward()
    return [x.grad for x in points]


def with_a_weight(order: int) -> list[float]:
    """`grad` of a function that also depends on a Value: its derivatives are Values, too."""
    w = Value(1.0)
    slope = mg.grad(lambda *x: mg.sum(w * z for z in derivatives(order - 1)(*x)))
    return [getattr(z, "data", z) for z in slope(*POINTS)]


def value_and_grad(order: int) -> list[float]:
    return mg.compile(lambda *x: mg.sum(derivatives(order - 1)(*x))).value_and_grad(*POINTS)[1]


def many(vectorize: Any) -> Callable[[int], list[float]]:
    """With other examples beside it, whose results are ignored."""

    def second(order: int) -> list[float]:
        columns = [np.array([0.75, x, 0.75]) for x in POINTS]
        return [z[1] for z in vectorize(derivatives(order))(*columns)]

    return second


WAYS: dict[str, Callable[[int], list[float]]] = {
    "eager": lambda order: derivatives(order)(*POINTS),
    "backward": backward,
    "with a weight": with_a_weight,
    "compile": lambda order: mg.compile(derivatives(order))(*POINTS),
    "value_and_grad": value_and_grad,
    "vectorize": many(mg.vectorize),
    "NumPy": many(in_numpy),
    "exact": lambda order: mg.compile(derivatives(order), exact=True)(*POINTS),
}


def wanted(order: int) -> Any:
    """Third derivatives of long formulas lose some digits."""
    with mp.workdps(60):
        slopes = {
            name: float(mp.re(mp.diff(branch, mp.mpf(x), order)))
            for name, (_, x, branch) in PROGRAMS.items()
        }
    return pytest.approx(slopes, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_branch_that_is_not_taken_makes_no_nan(way: str, order: int) -> None:
    assert dict(zip(NAMES, WAYS[way](order))) == wanted(order)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("order", [1, 2])
def test_nor_in_printed_c(order: int, tmp_path: Path) -> None:
    compiled = mg.compile(derivatives(order))
    compiled(*[0.75] * len(POINTS))
    text = compiled.source("c")
    (tmp_path / "f.c").write_text(text)
    flags = ["-std=c99", "-ffp-contract=off", "-shared", "-fPIC"]
    library = str(tmp_path / "f.so")
    subprocess.run(["cc", *flags, str(tmp_path / "f.c"), "-o", library, "-lm"], check=True)
    found, called = (re.search(p, text) for p in (r"\*memory +([\d,]+) number", r"void (\w+)\("))
    assert found is not None
    assert called is not None
    function = ctypes.CDLL(library)[called[1]]
    answer, memory = np.zeros(len(POINTS)), np.zeros(int(found[1].replace(",", "")))
    arrays = [*[np.array([x]) for x in POINTS], answer, memory]
    function(*[a.ctypes.data_as(ctypes.c_void_p) for a in arrays])
    assert dict(zip(NAMES, answer.tolist())) == wanted(order)


@pytest.mark.parametrize("order", ORDERS)
def test_exact_derivatives_are_those_of_the_engine(order: int) -> None:
    compiled = mg.compile(derivatives(order), exact=True)
    for x in (0.75, -0.3, 1.7, -1.2):
        points = [x] * len(POINTS)
        np.testing.assert_array_equal(compiled(*points), derivatives(order)(*points))


@pytest.mark.parametrize("exact", [False, True])
def test_a_comparison_hides_no_gradient_that_is_masked(exact: bool) -> None:
    """Without guards the slope would be NaN, 2 + 0 * inf, and no result would show that."""

    def branches(x: Any) -> Any:
        return mg.where(x > 0, mg.log(x), 2 * x)

    def compared(x: Any) -> Any:
        return mg.where(mg.grad(branches)(x) > 1, 5.0, 7.0)

    x = np.array([0.0, 0.5, 4.0])
    assert mg.vectorize(compared, exact=exact)(x).tolist() == [5.0, 5.0, 7.0]
    assert mg.vectorize(mg.grad(branches), exact=exact)(x).tolist() == [2.0, 2.0, 0.25]


@pytest.mark.parametrize(
    "make",
    [
        in_numpy,
        pytest.param(mg.vectorize, marks=pytest.mark.native),
        lambda f, **how: mg.vectorize(f, exact=True, **how),
    ],
)
def test_a_derivative_that_compares_hides_no_gradient_that_is_masked(make: Any) -> None:
    """Without guards the slope would be NaN, 0 * inf, and `minimum` would pass its gradient on."""
    w, start = Value(0.5), Value(0.9)

    def slope(y: Any) -> Any:
        return mg.grad(lambda v: mg.where(v == y, mg.acosh(v), -v) * v)(start)

    def f(x: Any, y: Any) -> Any:
        return mg.minimum(w + x, slope(y))

    g = make(f)
    x, y = np.array([0.25, -9.0]), np.array([2.0, 3.0])
    value, (dx, dy) = g.value_and_grad(x, y)
    assert [*value, *dx, *dy] == [-1.8, -8.5, 0.0, 1.0, 0.0, 0.0]
    g.backward(x, y)
    assert (w.grad, start.grad) == (0.5, -1.0)
    g.backward(x[:1], y[:1])
    assert (w.grad, start.grad) == (0.0, -2.0)
    shared = make(f, in_axes=(None, 0))
    assert shared.value_and_grad(0.25, np.array([2.0, 3.0]))[1][0] == 0.0
