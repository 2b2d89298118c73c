"""Functions of many operands, against SciPy, and near overflow."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import special

import micrograd as mg
from micrograd import Value

inf, nan = math.inf, math.nan
VECTORS = [
    [1.0], [1.0, 2.0, 3.0], [-1.5, 0.0, 2.5, 2.5], [1000.0, 1001.0, 999.0], [-1000.0, -1001.0],
    [1e308, 1.0], [0.0, -inf], [1e-300, 2e-300],
]  # fmt: skip


@pytest.mark.parametrize("x", VECTORS)
def test_values(x: list[float]) -> None:
    assert mg.logsumexp(x) == pytest.approx(special.logsumexp(x), rel=1e-15)
    assert mg.softmax(x) == pytest.approx(special.softmax(x), rel=1e-12)
    assert mg.log_softmax(x) == pytest.approx(special.log_softmax(x), rel=1e-12, abs=1e-15)
    assert mg.sum(x) == pytest.approx(math.fsum(x), rel=1e-15)
    assert mg.mean(x) == pytest.approx(np.mean(x), rel=1e-15)


@pytest.mark.parametrize("x", VECTORS[:5])
def test_gradients(x: list[float]) -> None:
    values = [*map(Value, x)]
    mg.logsumexp(values).backward()
    assert [v.grad for v in values] == pytest.approx(special.softmax(x), rel=1e-12)

    values = [*map(Value, x)]
    p, k = special.softmax(x), len(x) - 1
    mg.softmax(values)[k].backward()
    want = [p[k] * ((i == k) - p[i]) for i in range(len(x))]
    assert [v.grad for v in values] == pytest.approx(want, rel=1e-12, abs=1e-16)

    values = [*map(Value, x)]
    mg.log_softmax(values)[0].backward()
    want = [(i == 0) - p[i] for i in range(len(x))]
    assert [v.grad for v in values] == pytest.approx(want, rel=1e-12, abs=1e-15)


LENGTHS = [[3.0, 4.0], [3e200, 4e200], [3e-200, 4e-200], [3e307, -4e307], [3e-307, 4e-307],
           [3e16, 4e16], [3e-16, 4e-16]]  # fmt: skip
NORMS = {
    "eager": lambda f: f,
    "compiled": mg.compile,
    "exact": lambda f: mg.compile(f, exact=True),
    "vectorized": lambda f: lambda x: mg.vectorize(f)(np.array([[1.0, 1.0], x]))[1],
}


@pytest.mark.parametrize("way", NORMS)
@pytest.mark.parametrize("x", LENGTHS)
def test_a_norm_neither_overflows_nor_underflows(x: list[float], way: str) -> None:
    """Nor do its derivatives, x / |x| and (1 - x x' / |x|²) / |x|."""
    run, length = NORMS[way], math.hypot(*x)
    unit = np.array(x) / length
    assert run(mg.norm)(x) == pytest.approx(length, rel=1e-15)
    assert np.asarray(run(mg.grad(mg.norm))(x)) == pytest.approx(unit, rel=1e-14, abs=0)
    bend = (np.eye(2) - np.outer(unit, unit)) / length
    assert run(mg.hessian(mg.norm))(x) == pytest.approx(bend, rel=1e-13, abs=1e-15 / length)


@pytest.mark.parametrize("way", NORMS)
def test_a_zero_gradient_ends_at_a_norm_too(way: str) -> None:
    """Not even an infinite one gets 0 * (inf / inf): the derivative at 0 is that of the factor."""

    def f(v: Any) -> Any:
        return mg.norm([1.0 / v[0], 2.0 / v[0]]) * v[0] + v[1]

    assert np.asarray(NORMS[way](mg.grad(f))([0.0, 0.0])).tolist() == [math.inf, 1.0]


def test_a_norm_in_32_bits() -> None:
    for x in ([3e20, 4e20], [3e-20, 4e-20], [3e37, 4e37], [3e-38, 4e-38], [3.0, 4.0]):
        value, slope = mg.vectorize(mg.norm, dtype="float32").value_and_grad(np.array([x]))
        assert value == pytest.approx(math.hypot(*x), rel=1e-6)
        assert slope[0] == pytest.approx([0.6, 0.8], rel=1e-6)


def test_norm() -> None:
    x = [Value(3.0), Value(4.0)]
    length = mg.norm(x)
    length.backward()
    assert (length.data, x[0].grad, x[1].grad) == pytest.approx((5.0, 0.6, 0.8), rel=1e-15)
    origin = [Value(0.0), Value(0.0)]
    mg.norm(origin).backward()
    assert [v.grad for v in origin] == [0.0, 0.0]


def test_infinite_logits() -> None:
    assert mg.logsumexp([inf, 1.0]) == inf
    assert mg.logsumexp([-inf, -inf]) == -inf
    assert math.isnan(mg.logsumexp([nan, 1.0]))


def test_take() -> None:
    x = [Value(1.0), Value(2.0)]
    y = mg.take(x, Value(1.0)) * 3.0
    y.backward()
    assert (y.data, x[0].grad, x[1].grad) == (6.0, 0.0, 3.0)
    rows = mg.take([[1.0, 2.0], [3.0, x[0]]], 1)
    assert [float(z) for z in rows] == [3.0, 1.0]
    with pytest.raises(IndexError, match="integer from 0 to 1"):
        mg.take([1.0, 2.0], 2)


@pytest.mark.parametrize("function", [mg.mean, mg.softmax, mg.log_softmax, mg.logsumexp])
def test_nothing_has_no_mean(function: Any) -> None:
    with pytest.raises(ValueError, match=f"{function.__name__} of an empty sequence"):
        function([])
    assert mg.sum([]) == 0.0
    assert mg.norm([]) == 0.0


@pytest.mark.parametrize("values", [1.0, "123", {"a": 1.0}, None, Value(1.0)])
def test_a_sequence_is_wanted(values: Any) -> None:
    for function in (mg.sum, mg.mean, mg.norm, mg.softmax, mg.logsumexp):
        with pytest.raises(TypeError, match=f"{function.__name__} expects a sequence of numbers"):
            function(values)


def test_every_kind_of_sequence() -> None:
    x = [Value(1.0), Value(2.0)]
    for values in (x, tuple(x), (v for v in x), np.array(x), np.array([x])):
        assert mg.sum(values).data == 3.0
        assert mg.sum(values if not hasattr(values, "send") else x).op is mg.ops.sum


def test_softmax_of_nothing_but_minus_infinity_is_no_exception() -> None:
    assert all(math.isnan(p) for p in mg.softmax([-math.inf, -math.inf]))
