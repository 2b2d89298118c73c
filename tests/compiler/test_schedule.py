"""Schedule: the loops of programs, quoted; and that tiles and tables give the same numbers."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import differentiated, rolled
from planned import by_minors, plain, plan, w
from ways import in_numpy

import micrograd as mg
from micrograd import Value
from micrograd.compiler.program.ir import Block, Gather
from micrograd.compiler.schedule.access import access
from micrograd.compiler.schedule.plan import verify
from micrograd.compiler.schedule.schedule import schedule


def test_elementwise_work_follows_its_sum_in_the_same_loop() -> None:
    """Values that only this loop reads stay in registers."""

    def f(x: Any) -> list[Any]:
        return [mg.exp(mg.dot(w[8 * i : 8 * i + 8], x)) * 2 for i in range(4)]

    text = plan(f, (8,))
    assert text.split("\n", 1)[1] == textwrap.dedent("""\
        examples:
          for i < 4:
            r0 = sum t < 8 of w[8i + t] * x0[t]
            r1 = exp(r0)
            %3[i] = r2 = mul(r1, c[0])""")


def test_a_comparison_is_rematerialised_for_its_consumer() -> None:
    """`relu`'s derivative compares again: that costs no more than to load a stored truth value."""
    program = differentiated(
        lambda x: mg.exp(mg.sum(mg.relu(mg.dot(w[8 * i : 8 * i + 8], x)) for i in range(4))),
        (8,),
        per_example=True,
    )
    text = str(schedule(program, 8))
    assert "%2[i] = r1 = relu(r0)" in text
    assert "r0 = less_equal(%2[i], c[0])" in text
    assert "= r0 = less_equal" not in text


def test_a_comparison_may_be_for_other_members() -> None:
    def f(x: Any) -> Any:
        truths = [v < 0.0 for v in x]
        return mg.sum(mg.where(truth, v, 2.0 * v) for truth, v in zip(truths[::-1], x))

    X = np.random.default_rng(0).normal(size=(9, 5))
    value, slope = mg.vectorize(f).value_and_grad(X)
    factor = np.where(X[:, ::-1] < 0, 1.0, 2.0)
    np.testing.assert_allclose(value, (factor * X).sum(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(slope, factor)


def test_long_work_is_cut_into_shorter_loops() -> None:
    """So that the processor can overlap several iterations."""
    assert "%3[0] = r0 = erf(%2[0])" in plan(lambda x: mg.erf(mg.exp(mg.sin(x))), None)


def test_what_does_not_vary_is_computed_before() -> None:
    text = plan(lambda x: x * mg.exp(w[3]), None)
    before, examples = text.split("examples:\n")
    assert "exp" in before
    assert "exp" not in examples


def test_what_depends_on_a_sum_over_examples_is_computed_after() -> None:
    program = differentiated(lambda x: x * mg.exp(w[3]), None, per_example=False)
    text = str(schedule(program, 8))
    assert "mul(" in text.split("after:\n")[1]


def test_the_phase_of_a_block_is_that_of_its_last_member() -> None:
    """One of three gradients is a sum over examples, between two that are zero."""
    p = [Value(-0.5), Value(-0.25), Value(2.0)]

    def f(x: Any) -> Any:
        return mg.take([mg.abs(v) for v in p], 1) * x

    step = mg.vectorize(f)
    step.backward(np.array([1.0, 2.0]))
    assert [v.grad for v in p] == [0.0, -1.5, 0.0]
    plan = schedule(differentiated(f, None, per_example=False), 8)
    verify(plan)
    plan.before, plan.after = plan.after, plan.before
    with pytest.raises(AssertionError, match="not stored yet"):
        verify(plan)


@pytest.mark.parametrize("seed", range(6))
def test_an_access_is_its_index_array(seed: int) -> None:
    """Affine accesses are found, in any number of axes; all others become tables."""
    random = np.random.default_rng(seed)
    axes, terms = (2, 3, 4)[: seed % 3 + 1], seed % 2 * 3 + 1
    strides = random.integers(-9, 9, len(axes))
    term = random.integers(-2, 3)
    places = np.indices(axes).reshape(len(axes), -1)
    index = 200 + (strides @ places)[:, None] + term * np.arange(terms)
    found = access(Gather(Block("%1", 400, True), index), axes)
    assert found.table is None
    rebuilt = (
        found.base + (np.array(found.strides) @ places)[:, None] + found.term * np.arange(terms)
    )
    np.testing.assert_array_equal(rebuilt, index)
    index[-1, -1] += 1
    if len(index) > 2:
        assert access(Gather(Block("%1", 400, True), index), axes).table is not None


def test_dead_rows_are_reused() -> None:
    def f(x: Any) -> Any:
        for k in range(9):
            x = [
                mg.exp(mg.dot(w[:5], [x[(7 * i + j + k) % 16] for j in range(5)]))
                for i in range(16)
            ]
        return mg.sum(x)

    assert "33 rows of them" in plan(f, (16,))


# Sizes around the tiles, and index arrays that are tables: native against NumPy.


def product(rows: int, columns: int) -> Callable[..., Any]:
    weights = np.array([Value(((7 * k) % 11 - 5) / 8) for k in range(rows * columns)])
    return lambda x: mg.sum(mg.tanh(z) for z in weights.reshape(rows, columns) @ x)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 8, 13])
def test_matrix_products_of_every_size(rows: int, columns: int) -> None:
    agree(product(rows, columns), np.random.default_rng(0).normal(size=(11, columns)))


def shuffled(x: Any) -> Any:
    order = np.random.default_rng(4).permutation(40)
    picked = [x[k] for k in order]
    return mg.sum(mg.exp(mg.dot(w[7 * i : 7 * i + 7], picked[5 * i : 5 * i + 7])) for i in range(6))


def convolution(x: Any) -> Any:
    return mg.sum(mg.tanh(mg.dot(w[:5], x[k : k + 5])) for k in range(30))


def two_sums(x: Any) -> Any:
    return mg.sum(
        mg.tanh(mg.dot(w[6 * i : 6 * i + 6], x[:6]) + mg.dot(w[20:29], x[i : i + 9]))
        for i in range(9)
    )


def long_chain(x: Any) -> Any:
    """More steps than a nest holds."""
    z = x[0]
    for k in range(200):
        z = mg.tanh(z * w[k % 60] + x[k % 40])
    return z


def scalar_recursion(x: Any) -> Any:
    a, b = x[0], x[1]
    for k in range(2, 40):
        a, b = b, mg.sin(a) * x[k] + 0.5 * b
    return a * b


@pytest.mark.parametrize(
    "function",
    [shuffled, convolution, two_sums, long_chain, scalar_recursion, by_minors(3), by_minors(6)],
)
def test_other_patterns(function: Callable[..., Any]) -> None:
    agree(function, np.random.default_rng(0).normal(size=(19, 40)))


def agree(function: Callable[..., Any], x: Any) -> None:
    reference = in_numpy(function)
    value, gradient = reference.value_and_grad(x)
    mean, slope = reference.gradient(reference.pack(), x)
    f = mg.vectorize(function)
    one = mg.compile(function)
    rows = [one.value_and_grad(row) for row in x[:2]]
    for v, g in (f.value_and_grad(x), [np.array(column) for column in zip(*rows)]):
        np.testing.assert_allclose(v, value[: len(v)], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(g, gradient[: len(g)], rtol=1e-11, atol=1e-12)
    m, s = f.gradient(f.pack(), x)
    assert m == pytest.approx(mean, rel=1e-12)
    np.testing.assert_allclose(s, slope, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16, 17])
def test_one_number_for_all_members_is_not_the_first_of_many(n: int) -> None:
    """Although both are read at the same index, if the members fill one vector."""
    x = np.arange(2.0, n + 2)
    np.testing.assert_array_equal(mg.compile(lambda x: [x[i] * x[0] for i in range(n)])(x), x * 2)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda plan: plan.examples[0].steps.reverse(), "not computed yet"),
        (lambda plan: plan.offset.clear(), "has no memory"),
        (lambda plan: plan.offset.update(dict.fromkeys(plan.offset, 0)), "are reused"),
        (lambda plan: plan.examples[0].steps[-1].target.__setattr__("base", 9), "beyond its block"),
    ],
)
def test_a_spoiled_plan_is_refused(spoil: Callable[[Any], None], complaint: str) -> None:
    good = schedule(rolled(lambda x: mg.tanh(mg.dot(w[:5], x)), (5,)), 4)
    verify(good)
    spoil(good)
    with pytest.raises(AssertionError, match=complaint):
        verify(good)


def test_a_plan_that_reads_before_it_stores_is_refused() -> None:
    def f(x: Any) -> Any:
        hidden = [mg.tanh(mg.dot(w[8 * i : 8 * i + 8], x)) for i in range(3)]
        return mg.dot(w[:3], hidden)

    good = schedule(rolled(f, (8,)), 4)
    good.examples.reverse()
    with pytest.raises(AssertionError, match="not stored yet"):
        verify(good)


def test_outer_products_per_example_are_computed_as_they_are_delivered() -> None:
    def f(W: Any, x: Any) -> Any:
        return mg.sum(mg.tanh(mg.dot(row, x)) for row in W)

    program = differentiated(f, (16, 8), (8,), per_example=True)
    good = schedule(program, 8)
    (nest,) = [nest for nest in plain(good) if nest.output is not None]
    assert nest.output == 1
    assert nest.axes == (16, 8)
    assert nest.steps[0].target.block not in good.offset
    kept = schedule(program, 8, native=False)
    assert nest.steps[0].target.block in kept.offset
