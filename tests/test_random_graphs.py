"""Random programs: against HIPS autograd where they are smooth; and none of them raises."""

import math
from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy
import autograd.scipy.special
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value, graph
from micrograd.engine import numbers_of
from micrograd.ops import TABLE

INPUTS = 3

hips: Any = autograd  # its names are made at run time, where no type checker sees them
anp, special = hips.numpy, hips.scipy.special

# The smooth rows, as HIPS autograd knows them. Each is defined on all numbers: what needs a
# positive number is given 1 + x².
SMOOTH: dict[str, tuple[int, Callable[..., Any], Callable[..., Any]]] = {
    "add": (2, lambda x, y: x + y, lambda x, y: x + y),
    "sub": (2, lambda x, y: x - y, lambda x, y: x - y),
    "mul": (2, lambda x, y: x * y, lambda x, y: x * y),
    "div": (2, lambda x, y: x / (1 + y * y), lambda x, y: x / (1 + y * y)),
    # Theirs bends wrongly where the exponent is 0: x ** (y - 1) is written x there.
    "pow": (
        2,
        lambda x, y: (1 + x * x) ** mg.sin(y),
        lambda x, y: anp.exp(anp.sin(y) * anp.log(1 + x * x)),
    ),
    "square": (1, lambda x: x**2, lambda x: x**2),
    "neg": (1, lambda x: -x, lambda x: -x),
    "exp": (1, lambda x: mg.exp(-x * x), lambda x: anp.exp(-x * x)),
    "expm1": (1, lambda x: mg.expm1(mg.sin(x)), lambda x: anp.expm1(anp.sin(x))),
    "log": (1, lambda x: mg.log(1 + x * x), lambda x: anp.log(1 + x * x)),
    "log1p": (1, lambda x: mg.log1p(x * x), lambda x: anp.log1p(x * x)),
    "sqrt": (1, lambda x: mg.sqrt(1 + x * x), lambda x: anp.sqrt(1 + x * x)),
    "sin": (1, mg.sin, anp.sin),
    "cos": (1, mg.cos, anp.cos),
    "tan": (1, lambda x: mg.tan(mg.sin(x)), lambda x: anp.tan(anp.sin(x))),
    "asin": (1, lambda x: mg.asin(0.9 * mg.sin(x)), lambda x: anp.arcsin(0.9 * anp.sin(x))),
    "acos": (1, lambda x: mg.acos(0.9 * mg.sin(x)), lambda x: anp.arccos(0.9 * anp.sin(x))),
    "atan": (1, mg.atan, anp.arctan),
    "atan2": (2, lambda y, x: mg.atan2(y, 1 + x * x), lambda y, x: anp.arctan2(y, 1 + x * x)),
    "sinh": (1, lambda x: mg.sinh(mg.sin(x)), lambda x: anp.sinh(anp.sin(x))),
    "cosh": (1, lambda x: mg.cosh(mg.sin(x)), lambda x: anp.cosh(anp.sin(x))),
    "tanh": (1, mg.tanh, anp.tanh),
    "sigmoid": (1, mg.sigmoid, special.expit),
    "softplus": (1, mg.softplus, lambda x: anp.logaddexp(0.0, x)),
    "silu": (1, mg.silu, lambda x: x * special.expit(x)),
    "gelu": (1, mg.gelu, lambda x: x * special.erfc(-x / math.sqrt(2)) / 2),
    "erf": (1, mg.erf, special.erf),
    "erfc": (1, mg.erfc, special.erfc),
    "lgamma": (1, lambda x: mg.lgamma(1 + x * x), lambda x: special.gammaln(1 + x * x)),
    "sum": (3, lambda *x: mg.sum(x), lambda x, y, z: x + y + z),
    "dot": (3, lambda a, b, c: mg.dot([a, b], [b, 2.0], c), lambda a, b, c: a * b + 2 * b + c),
    "logsumexp": (2, lambda *x: mg.logsumexp(x), lambda x, y: anp.logaddexp(x, y)),
}

Step = tuple[str, list[int]]


@st.composite
def programs(draw: Any, names: list[str], arity: Callable[[str], int]) -> list[Step]:
    """Steps of operations, each on results of earlier steps."""
    steps: list[Step] = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=12)):
        there = st.integers(0, INPUTS + len(steps) - 1)
        steps.append((name, [draw(there) for _ in range(arity(name))]))
    return steps


def run(steps: list[Step], meaning: Callable[[str], Callable[..., Any]], inputs: list[Any]) -> Any:
    """The result of the last step plus a fraction of each input, so that it depends on all."""
    results = [*inputs]
    for name, operands in steps:
        results.append(meaning(name)(*[results[k] for k in operands]))
    return results[-1] + 0.125 * (
        inputs[0] * inputs[0] + inputs[1] * inputs[1] + inputs[2] * inputs[2]
    )


smooth = programs([*SMOOTH], lambda name: SMOOTH[name][0])
points = st.lists(
    st.floats(-3, 3, allow_subnormal=False), min_size=INPUTS, max_size=INPUTS, unique=True
)


@settings(max_examples=150)
@given(smooth, points)
def test_values_and_gradients_are_those_of_autograd(steps: list[Step], x: list[float]) -> None:
    def theirs(inputs: Any) -> Any:
        return run(steps, lambda name: SMOOTH[name][2], inputs)

    values = [*map(Value, x)]
    ours = run(steps, lambda name: SMOOTH[name][1], values)
    want, gradient = hips.value_and_grad(theirs)(anp.array(x))
    assume(math.isfinite(want) and max(map(abs, [want, *gradient])) < 1e6)  # else digits are lost
    ours.backward()
    assert ours.data == pytest.approx(want, rel=1e-9, abs=1e-9)
    assert [v.grad for v in values] == pytest.approx([*gradient], rel=1e-7, abs=1e-7)
    again = numbers_of(graph.gradients(ours, values))
    assert again == pytest.approx([v.grad for v in values], rel=1e-12, abs=1e-12)


@settings(max_examples=40)
@given(smooth.filter(lambda steps: not any(name == "lgamma" for name, _ in steps)), points)
def test_second_derivatives_are_those_of_autograd(steps: list[Step], x: list[float]) -> None:
    def theirs(inputs: Any) -> Any:
        return run(steps, lambda name: SMOOTH[name][2], inputs)

    values = [*map(Value, x)]
    gradient = graph.gradients(run(steps, lambda name: SMOOTH[name][1], values), values)
    ours = [
        numbers_of(graph.gradients(g, values)) if isinstance(g, Value) else [0.0] * INPUTS
        for g in gradient
    ]
    want = hips.hessian(theirs)(anp.array(x))
    assume(bool(anp.all(anp.isfinite(want))) and anp.max(anp.abs(want)) < 1e6)
    assert sum(ours, []) == pytest.approx([*want.ravel()], rel=1e-6, abs=1e-6)  # noqa: RUF017


def arity(name: str) -> int:
    return TABLE[name].arity or 3


ANYTHING = [name for name, row in TABLE.items() if not row.boolean and name != "take"]


@settings(max_examples=300)
@given(programs(ANYTHING, arity), st.lists(st.floats(), min_size=INPUTS, max_size=INPUTS))
def test_no_program_raises(steps: list[Step], x: list[float]) -> None:
    values = [*map(Value, x)]
    result = run(steps, TABLE.__getitem__, values)
    result.backward()
    assert type(result.data) is float
    assert {type(v.grad) for v in values} == {float}
    assert repr(run(steps, TABLE.__getitem__, x)) == repr(result.data)  # the same on floats
    assert len(graph.gradients(result, values)) == INPUTS
