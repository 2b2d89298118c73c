"""Adjoint: the programs of gradients, quoted."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import differentiated, rolled, traced

import micrograd as mg
from micrograd import Value
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.verify import verify

w = [Value(0.5 + 0.25 * k) for k in range(6)]


def layer(x: Any) -> Any:
    return mg.sum(mg.tanh(mg.dot(w[2 * i : 2 * i + 2], x)) for i in range(3))


def test_the_gradient_of_the_weights_is_an_outer_product_summed_over_the_examples() -> None:
    assert str(differentiated(layer, (2,), per_example=False)) == textwrap.dedent("""\
        program of x0[n, 2], w[6]
          %1[n, 3] = sum of w[2i + t] * x0[t] (t < 2)
          %2[n, 3] = tanh(%1[i])
          %3[n, 1] = sum of %2[t] (t < 3)
          %4[n, 3] = mul(%2[i], %2[i])
          %5[n, 3] = sub(1, %4[i])
          %6[n, 3] = mul(seed[0], %5[i])
          %7[6] = sum over all examples of %6[i // 2] * x0[(i of i % 2)]
          %8[1] = sum over all examples of seed[0] * %3[0]
          value = %8[0]
          gradient = %7[i]""")


def test_the_gradient_of_the_inputs_is_the_product_with_the_transpose() -> None:
    program = differentiated(layer, (2,), per_example=True)
    assert str(program).splitlines()[-3:] == [
        "  %7[n, 2] = sum of %6[t] * w[i + 2t] (t < 3)",
        "  value = %3[0]",
        "  gradient 0 = %7[i]",
    ]


def test_the_gradient_of_a_subtracted_term_is_subtracted() -> None:
    program = differentiated(lambda x, y: x - y * mg.exp(x), None, None, per_example=True)
    assert str(program) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1] = exp(x0[0])
          %2[n, 1] = sum of -1 * x1[0] * %1[0] + x0[0]
          %3[n, 1] = sum of -1 * seed[0] * x1[0]
          %4[n, 1] = mul(%3[0], %1[0])
          %5[n, 1] = sum of seed[0] + %4[0]
          %6[n, 1] = sum of -1 * seed[0] * %1[0]
          value = %2[0]
          gradient 0 = %5[0]
          gradient 1 = %6[0]""")


def test_sums_over_the_examples_have_two_factors() -> None:
    """A sum of this form may be a matrix product."""
    program = differentiated(
        lambda x: mg.sum(mg.exp(x[k] - w[k] * x[k + 1]) for k in range(2)), (3,), per_example=False
    )
    assert "%6[2] = sum over all examples of %5[i] * x0[i + 1]" in str(program)


def test_terms_of_one_target_are_one_sum() -> None:
    program = differentiated(lambda x, y: x * y + mg.sin(x), None, None, per_example=True)
    assert str(program) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1] = sin(x0[0])
          %2[n, 1] = sum of x0[0] * x1[0] + %1[0]
          %3[n, 1] = cos(x0[0])
          %4[n, 1] = mul(seed[0], %3[0])
          %5[n, 1] = sum of seed[0] * x1[0] + %4[0]
          %6[n, 1] = sum of seed[0] * x0[0]
          value = %2[0]
          gradient 0 = %5[0]
          gradient 1 = %6[0]""")


def test_targets_with_different_counts_are_runs() -> None:
    def f(x: Any) -> Any:
        return mg.sum(mg.sum(x[:k]) ** 2 for k in (1, 2, 3))

    assert str(differentiated(f, (3,), per_example=True)) == textwrap.dedent("""\
        program of x0[n, 3]
          %1[n, 0:1] = sum of x0[0]
          %1[n, 1:2] = sum of x0[t] (t < 2)
          %1[n, 2:3] = sum of x0[t] (t < 3)
          %2[n, 1] = sum of %1[t] * %1[t] (t < 3)
          %3[n, 3] = sum of seed[0] * %1[i] + seed[0] * %1[i]
          %4[n, 0:1] = sum of %3[2] + %3[1] + %3[0]
          %4[n, 1:2] = sum of %3[2] + %3[1]
          %4[n, 2:3] = sum of %3[2]
          value = %2[0]
          gradient 0 = %4[i]""")


def test_what_is_uniform_is_differentiated_once() -> None:
    """The sum over the examples comes first; the derivative of exp(w) is taken after it."""
    program = differentiated(lambda x: mg.exp(w[0]) * x + w[1], None, per_example=False)
    assert str(program) == textwrap.dedent("""\
        program of x0[n, 1], w[2]
          %1[1] = exp(w[0])
          %2[n, 1] = sum of x0[0] * %1[0] + w[1]
          %3[1] = sum over all examples of seed[0] * x0[0]
          %4[1] = mul(%3[0], %1[0])
          %5[0:1] = sum of %4[0]
          %5[1:2] = sum over all examples of seed[0]
          %6[1] = sum over all examples of seed[0] * %2[0]
          value = %6[0]
          gradient = %5[i]""")


def test_a_masked_branch_gets_a_gradient_of_zero() -> None:
    text = str(differentiated(lambda x: mg.where(x > 0, mg.log(x), x), None, per_example=True))
    assert "where(%1[0], seed[0], 0)" in text
    assert "where(%1[0], 0, seed[0])" in text


weight = Value(3.0)
MASKED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: mg.where(x > 0, mg.log(x), 2 * x), "gradient 0"),  # 0 * 1 / 0
    (lambda x: mg.where(x > 0, 1 / x * weight, 2 * x), "gradient 0"),
    (lambda x: mg.where(x > 0, 1 / x * weight, 2 * x), "gradient"),  # of the weight: 0 * inf
    (lambda x: mg.where(x > 0, mg.dot([1 / x, x], [weight, weight]), 2 * x), "gradient"),
]


@pytest.mark.parametrize(("function", "name"), MASKED)
def test_a_guarded_program_passes_no_gradient_of_zero_on(
    function: Callable[[Any], Any], name: str
) -> None:
    """Not even to what is infinite; without guards, that would be a NaN."""
    found: dict[bool, float] = {}
    for guarded in (True, False):
        program = rolled(function, None)
        add_adjoint(program, name == "gradient 0", guarded=guarded)
        verify(program)
        answers = evaluate(program, [np.zeros((1, 1))], np.full(program.parameters.size, 3.0))
        found[guarded] = answers[name].item()
    assert found[True] == (2.0 if name == "gradient 0" else 0.0)
    assert np.isnan(found[False])


def test_what_the_value_does_not_depend_on_is_zero() -> None:
    program = differentiated(lambda x, y: x[1], (3,), (2,), per_example=True)
    assert str(program).splitlines()[-2:] == [
        "  gradient 0 = %1[i]",
        "  gradient 1 = %2[i]",
    ]
    answers = evaluate(program, [np.ones((4, 3)), np.ones((4, 2))], np.zeros(0))
    np.testing.assert_array_equal(np.atleast_2d(answers["gradient 0"])[0], [0.0, 1.0, 0.0])
    assert not answers["gradient 1"].any()


def test_a_gradient_that_stops_on_its_way_is_not_computed() -> None:
    program = differentiated(lambda x: mg.sign(w[0]) * x + w[1], None, per_example=False)
    assert str(program).count("sum over all examples") == 2  # the value's, and that of w[1]
    f = mg.vectorize(lambda x: mg.sign(w[0]) * x + mg.floor(w[1]))
    assert f.backward(np.ones(3)) == 1.0
    assert (w[0].grad, w[1].grad) == (0.0, 0.0)


def test_the_seed_weighs_the_examples() -> None:
    program = differentiated(lambda x: w[0] * x, None, per_example=False)
    x, weights = np.array([[1.0], [10.0], [100.0]]), np.array([1.0, 0.0, 0.5])
    answers = evaluate(program, [x], np.array([2.0]), weights)
    assert answers["value"].tolist() == [102.0]
    assert answers["gradient"].tolist() == [51.0]


GRADIENTS: dict[str, Callable[..., Any]] = {
    "layer": layer,
    "a factor twice": lambda x: x[0] * x[0] * x[1],
    "an input twice, the other never": lambda x: mg.exp(x[0]) + w[0] * mg.exp(x[0]),
    "a sum twice": lambda x: (x[0] + x[1]) * (x[0] - x[1]) + (x[0] + x[1]),
    "one number for many": lambda x: mg.sum(mg.exp(v * x[0]) for v in x) * w[2],
    "many for one": lambda x: mg.dot([mg.sin(x[0])] * 5, [x[1], x[0], x[1], 2.0, w[0]]),
    "runs": lambda x: mg.sum(mg.exp(mg.sum([*x][:k]) + w[k]) for k in (1, 2, 1)),
    "quotients": lambda x: x[0] / (2 + x[1] * x[1]) / (1 + x[0] * x[0]) + w[1] / w[2],
    "a parameter that both varies and does not": lambda x: w[0] * x[0] * w[0] + w[0] * w[1],
    "weights shared": lambda x: mg.tanh(mg.dot(w[:2], x)) * mg.tanh(mg.dot(w[1:3], x[::-1])),
    "largest": lambda x: mg.logsumexp([x[0], 2 * x[1], w[1]]) + mg.softmax([*x, x[0] * x[1]])[0],
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_those_of_values(name: str) -> None:
    f = GRADIENTS[name]
    X = np.random.default_rng(2).normal(size=(4, 2))
    parameters = [*traced(f, (2,)).parameters]
    theta = np.array([p.data for p in parameters])
    for p in parameters:
        p.grad = 0.0
    rows, values = [], []
    for x in X:
        inputs = np.array([Value(v) for v in x])
        z = f(inputs)
        z.backward()
        rows.append([v.grad for v in inputs])
        values.append(z.data)
    each = evaluate(differentiated(f, (2,), per_example=True), [X], theta)
    np.testing.assert_allclose(each["gradient 0"], rows, rtol=1e-12, atol=1e-13)
    total = evaluate(differentiated(f, (2,), per_example=False), [X], theta)
    np.testing.assert_allclose(total["value"], sum(values), rtol=1e-12)
    slopes = [p.grad for p in parameters]
    np.testing.assert_allclose(total["gradient"], slopes, rtol=1e-12, atol=1e-13)
    for p in parameters:
        p.grad = 0.0
