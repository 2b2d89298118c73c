"""Every row of the table at its edges: limits, IEEE 754 and C's rules; nothing raises."""

import math
from itertools import product

import numpy as np
import pytest
from operands import EPS, TINIEST
from oracle import ROWS

import micrograd as mg
from micrograd import Value, graph
from micrograd.engine import numbers_of
from micrograd.ops import TABLE, Op

inf, nan = math.inf, math.nan
EXTREMES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 710.0, 1e308, -1e308, TINIEST, inf, -inf, nan]


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
