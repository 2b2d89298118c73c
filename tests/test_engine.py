"""Value: its arithmetic, its data, its gradients."""

import gc
import itertools
import math
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, ops
from micrograd.ops import TABLE

inf, nan = math.inf, math.nan


def test_the_program_of_the_micrograd_readme() -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


# Data


@pytest.mark.parametrize(
    "data",
    [
        2.0, 2, True, np.float64(2), np.float32(2), np.int64(2), np.bool_(True),
        Fraction(4, 2), Decimal(2),
    ],
)  # fmt: skip
def test_real_numbers_become_floats(data: Any) -> None:
    value = Value(data)
    assert type(value.data) is float
    assert value.data == float(data)
    assert type((value + data).data) is float
    assert type((data * value).data) is float
    assert type(mg.tanh(data)) is float


@pytest.mark.parametrize(
    "data",
    [
        "1", b"1", None, 1j, [1.0], (1.0,), {}, object(), np.array([1.0, 2.0]), np.array(1.0),
        np.complex128(1),
    ],
)  # fmt: skip
def test_anything_else_is_a_type_error_that_says_so(data: Any) -> None:
    with pytest.raises(TypeError, match="the data of a Value: expected one real number, got"):
        Value(data)
    if not isinstance(data, np.ndarray):
        with pytest.raises(TypeError, match="expected one real number, got"):
            mg.add(Value(1.0), data)
        with pytest.raises(TypeError, match="expected one real number, got"):
            mg.tanh(data)


def test_an_integer_beyond_the_floats_is_infinite() -> None:
    assert Value(10**400).data == inf
    assert (Value(1.0) - 10**400).data == -inf


# Arithmetic


def test_operators_on_either_side() -> None:
    x = Value(3.0)
    assert [(x + 2).data, (2 + x).data, (x - 2).data, (2 - x).data] == [5.0, 5.0, 1.0, -1.0]
    assert [(x * 2).data, (2 * x).data, (x / 2).data, (2 / x).data] == [6.0, 6.0, 1.5, 2 / 3]
    assert [(x**2).data, (2**x).data, (-x).data, (+x).data, abs(-x).data] == [9, 8, -3, 3, 3]


def test_both_sides_of_a_power_have_a_gradient() -> None:
    x, y = Value(2.0), Value(3.0)
    (x**y).backward()
    assert x.grad == 12.0
    assert y.grad == pytest.approx(8 * math.log(2))
    (2**y).backward()
    assert y.grad == pytest.approx(16 * math.log(2))


def test_comparisons_are_truths_about_data() -> None:
    x, y = Value(1.0), Value(2.0)
    assert (x < y, x <= y, x > y, x >= y, x == y, x != y) == (True, True, False, False, False, True)
    assert (x < 2, x <= 1, x < 0, x <= 1, x == 1, x != 1) == (True, True, False, True, True, False)
    assert x != "1"
    assert x is not None
    with pytest.raises(TypeError):
        assert x < "1"


def test_a_value_is_itself_as_a_key() -> None:
    x, twin = Value(1.0), Value(1.0)
    assert x == twin
    assert len({x, twin}) == 2
    assert {x: "x"}[x] == "x"


def test_conversions() -> None:
    x = Value(2.5)
    assert (float(x), int(x), bool(x), bool(Value(0.0))) == (2.5, 2, True, False)
    assert math.sqrt(Value(4.0)) == 2.0
    assert f"{float(x):.1f}" == "2.5"


def test_repr_and_names() -> None:
    x = Value(2, name="x")
    assert repr(x) == "Value(data=2.0, grad=0.0, name='x')"
    assert repr(-x) == "Value(data=-2.0, grad=0.0)"
    assert (-x).name is None


def test_operands_are_in_order_with_duplicates() -> None:
    a, b = Value(2.0), Value(3.0)
    assert (a * a).operands == (a, a)
    assert [id(x) for x in (b - a).operands] == [id(b), id(a)]
    assert (2 * a).operands[0] == 2.0
    assert (a - b).op is ops.sub
    assert (a.op, a.operands) == (None, ())


def test_nothing_else_can_be_attached_to_a_value() -> None:
    with pytest.raises(AttributeError):
        Value(1.0).gard = 2.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if hasattr(Value, name)])
def test_methods_are_the_functions(name: str) -> None:
    x = Value(1.0 if name == "acosh" else 0.5)  # which is defined there
    others = [0.25] * ((TABLE[name].arity or 1) - 1)
    method = getattr(x, name)(*others)
    function = getattr(mg, name)(x, *others)
    assert (method.data, method.op) == (function.data, function.op) == (function.data, TABLE[name])


# IEEE 754: no Python exceptions


def test_overflow_division_and_domains() -> None:
    zero, big = Value(0.0), Value(1e308)
    assert (1 / zero).data == inf
    assert (-1 / zero).data == (1 / Value(-0.0)).data == -inf
    assert math.isnan((zero / zero).data)
    assert (big * 10).data == (big + big).data == (big**2).data == inf
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)
    assert (zero**-1).data == inf
    assert mg.exp(Value(1000.0)).data == Value(1000.0).exp().data == inf
    assert mg.log(zero).data == -inf
    assert math.isnan(mg.log(Value(-1.0)).data)


@pytest.mark.parametrize(
    "formula",
    [
        mg.sqrt, mg.log, mg.lgamma, lambda x: 1 / x, lambda x: x / 0, lambda x: x**-2,
        lambda x: x**0.5, lambda x: mg.exp(1 / x), lambda x: 0 / x, lambda x: mg.tan(1 / x),
        lambda x: mg.asin(1 + x), lambda x: mg.atan2(x, x), lambda x: 2 ** (1 / x),
        lambda x: mg.norm([x, x]), lambda x: mg.logsumexp([1 / x, x]), lambda x: mg.sinh(1 / x),
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", [0.0, -0.0, 1e-320, inf, -inf, nan, -1.0])
def test_gradients_never_raise(formula: Any, data: float) -> None:
    x = Value(data)
    y = formula(x)
    y.backward()
    assert type(y.data) is type(x.grad) is float


# backward


def test_gradients_accumulate_in_leaves_only() -> None:
    x = Value(3.0)
    y = x * x
    z = y * 2
    z.backward()
    assert (x.grad, y.grad, z.grad) == (12.0, 2.0, 1.0)
    z.backward()
    assert (x.grad, y.grad, z.grad) == (24.0, 2.0, 1.0)
    y.backward()
    assert (x.grad, y.grad) == (30.0, 1.0)


def test_a_leaf_is_its_own_gradient() -> None:
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_shared_operands_and_diamonds() -> None:
    a = Value(3.0)
    b = a * a
    c = b + b * a
    c.backward()
    assert a.grad == 2 * 3 + 3 * 9
    assert b.grad == 1 + 3


def test_constants_have_no_gradient() -> None:
    x = Value(2.0)
    y = x * 3.0 + mg.sum([1.0, x]) + mg.dot([1.0, 2.0], [x, x], 5.0)
    y.backward()
    assert x.grad == 3 + 1 + 3


def test_a_masked_branch_makes_no_nan() -> None:
    x = Value(0.0)
    mg.where(x > 0, mg.log(x), x * 2).backward()
    assert x.grad == 2.0


def test_deep_graphs_do_not_recurse() -> None:
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad == 20_001.0
    del y  # nor does taking it apart


def test_no_reference_cycles() -> None:
    """Unreferenced graphs are freed at once, without the garbage collector."""
    x = Value(1.0)
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is Value for thing in gc.get_objects())
        y = mg.tanh(x * x + mg.dot([x, x], [x, 2.0], x))
        y.backward()
        assert sum(type(thing) is Value for thing in gc.get_objects()) > before
        del y
        assert sum(type(thing) is Value for thing in gc.get_objects()) == before
    finally:
        gc.enable()


# dot


def test_dot_is_one_node() -> None:
    w, x, b = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)], Value(1.0)
    y = mg.dot(w, x, b)
    assert (y.data, y.op, y.operands) == (32.0, ops.dot, (*w, *x, b))
    y.backward()
    assert [v.grad for v in (*w, *x, b)] == [5.0, 7.0, 2.0, 3.0, 1.0]


def test_the_terms_of_a_dot_may_be_numbers() -> None:
    """A weight, its input, or both."""
    w, x = Value(2.0), Value(3.0)
    for terms in itertools.permutations([(w, 5.0), (7.0, x), (11.0, 13.0)]):
        w.grad = x.grad = 0.0
        weights, inputs = zip(*terms)
        y = mg.dot(weights, inputs)
        y.backward()
        assert (y.data, w.grad, x.grad) == (174.0, 5.0, 7.0)
        more = partial(lambda w, x, v: mg.dot([*w, v], [*x, 1.0]), weights, inputs)
        assert mg.grad(more)(1.0) == 1.0


@pytest.mark.parametrize("inputs", [[1.0], [1.0, 2.0, 3.0]])
def test_dot_of_unequal_lengths(inputs: list[float]) -> None:
    for kind in (float, Value):
        with pytest.raises(ValueError):
            mg.dot([Value(1.0), Value(2.0)], [kind(x) for x in inputs])
    with pytest.raises(ValueError):
        mg.dot([Value(1.0)] * 3, [Value(2.0), 3.0])


def test_dot_of_any_numbers() -> None:
    assert mg.dot([1.0, 2.0], [3.0, 4.0]) == 11.0
    assert mg.dot([], [], 3.0) == 3.0
    assert mg.dot((w for w in [1, 2]), [Value(3), 4], bias=1).data == 12.0
    assert mg.dot(np.array([1.0, 2.0]), [Value(3.0), Value(4.0)]).data == 11.0


def test_a_value_is_formatted_and_rounded_as_its_number() -> None:
    v = Value(2.71828)
    assert f"{v:.3f} {v}" == "2.718 Value(data=2.71828, grad=0.0)"
    assert round(v, 1) == 2.7
