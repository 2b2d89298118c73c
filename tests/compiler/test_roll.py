"""Roll: the matrix products that are found in scalar code, quoted, and their values."""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import eager, evaluated, rolled

import micrograd as mg
from micrograd import MLP, Value

random = np.random.default_rng(0)
model = MLP(2, [3, 4, 1], activation="tanh", seed=0)


def parameters(*shape: int) -> Any:
    """An array of Values."""
    return np.vectorize(Value, otypes=[object])(random.normal(size=shape))


# The same network, written in five ways.


def by_layers(x: Any) -> Any:
    return model(x)[0]


def by_pluses(x: Any) -> Any:
    """Plain + and * and Python's sum."""
    for layer in model.layers:
        sums = [sum(w * s for w, s in zip(n.weights, x)) + n.bias for n in layer.neurons]
        x = [mg.tanh(s) for s in sums] if layer is not model.layers[-1] else sums
    return x[0]


def by_karpathy(x: Any) -> Any:
    """Like a neuron of karpathy/micrograd: the sum starts with the bias."""
    for layer in model.layers:
        sums = [sum((w * s for w, s in zip(n.weights, x)), n.bias) for n in layer.neurons]
        x = [mg.tanh(s) for s in sums] if layer is not model.layers[-1] else sums
    return x[0]


def by_loops(x: Any) -> Any:
    """An accumulator, with swapped factors."""
    for layer in model.layers:
        sums = []
        for neuron in layer.neurons:
            total = 0.0
            for k in range(len(x)):
                total += x[k] * neuron.weights[k]
            sums.append(neuron.bias + total)
        x = [s.tanh() for s in sums] if layer is not model.layers[-1] else sums
    return x[0]


W1, b1, W2, b2 = parameters(3, 2), parameters(3), parameters(4, 3), parameters(4)


def by_arrays(x: Any) -> Any:
    """Arrays of Values through NumPy."""
    return np.tanh(W2 @ np.tanh(W1 @ x + b1) + b2)


NETWORK = """\
    program of x0[n, 2], w[30]
      %1[n, 3] = sum of w[2i + t] * x0[t] (t < 2) + w[i + 22]
      %2[n, 3] = tanh(%1[i])
      %3[n, 4] = sum of w[3i + t + 6] * %2[t] (t < 3) + w[i + 25]
      %4[n, 4] = tanh(%3[i])
      %5[n, 1] = sum of w[t + 18] * %4[t] (t < 4) + w[29]
      value = %5[0]"""


@pytest.mark.parametrize("written", [by_layers, by_pluses, by_karpathy, by_loops])
def test_a_network_is_its_matrix_products_however_it_is_written(
    written: Callable[..., Any],
) -> None:
    assert str(rolled(written, (2,))) == textwrap.dedent(NETWORK)


def test_arrays_of_values_are_matrix_products() -> None:
    assert str(rolled(by_arrays, (2,))) == textwrap.dedent("""\
        program of x0[n, 2], w[25]
          %1[n, 3] = sum of w[2i + t] * x0[t] (t < 2) + w[i + 18]
          %2[n, 3] = tanh(%1[i])
          %3[n, 4] = sum of w[3i + t + 6] * %2[t] (t < 3) + w[i + 21]
          %4[n, 4] = tanh(%3[i])
          value = %4[i]""")


def test_a_whole_batch_in_one_graph() -> None:
    """Like the loss of karpathy/micrograd's demo: all points at once, and a regularisation."""
    points, labels = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [-1.0, -2.0]], [1, -1, 1, 1]
    small = MLP(2, [3, 1], activation="tanh", seed=0)

    def loss() -> Any:
        inputs = [list(map(Value, row)) for row in points]
        scores = [small(x)[0] for x in inputs]
        losses = [(1 + -yi * score).relu() for yi, score in zip(labels, scores)]
        penalty = 1e-4 * sum(p * p for p in small.parameters())
        return sum(losses) * (1.0 / len(losses)) + penalty

    program = rolled(loss)
    assert [len(i) for i in program.computations] == [1, 12, 12, 4, 4, 4, 1, 1]
    assert "%2[12] = sum of c[" in str(program)  # the hidden layer: 4 points times 3 neurons
    np.testing.assert_allclose(evaluated(lambda _: loss(), np.zeros((1, 1))), loss().data)


def linear(weights: Any, x: Any) -> list[Any]:
    return [sum(w * s for w, s in zip(row, x)) for row in weights]


Wq, Wk, Wv, Wo = (parameters(2, 2) for _ in range(4))


def attention(positions: Any, softmax: Callable[..., Any]) -> list[Any]:
    """One causal head: position t looks at the positions up to t."""
    keys: list[Any] = []
    values: list[Any] = []
    results = []
    for x in positions:
        q = linear(Wq, x)
        keys.append(linear(Wk, x))
        values.append(linear(Wv, x))
        scores = [sum(a * b for a, b in zip(q, k)) * 0.5 for k in keys]
        weights = softmax(scores)
        mixed = [sum(w * v[j] for w, v in zip(weights, values)) for j in range(2)]
        results.append(linear(Wo, mixed))
    return results


def plain_softmax(scores: list[Any]) -> list[Any]:
    powers = [mg.exp(s) for s in scores]
    total = sum(powers)
    return [p / total for p in powers]


def test_attention() -> None:
    """q, k and v are one product; sums of 1, 2 and 3 terms are runs of one block."""
    program = rolled(lambda x: attention(x, plain_softmax), (3, 2))
    assert str(program) == textwrap.dedent("""\
        program of x0[n, 6], w[16]
          %1[n, 18] = sum of w[(2i of i % 6) + t] * x0[2 i // 6 + t] (t < 2)
          %2[n, 6] = sum of %1[table of 6 x 2] * %1[table of 6 x 2] (t < 2)
          %3[n, 6] = mul(%2[i], 0.5)
          %4[n, 6] = exp(%3[i])
          %5[n, 0:1] = sum of %4[0]
          %5[n, 1:2] = sum of %4[t + 1] (t < 2)
          %5[n, 2:3] = sum of %4[t + 3] (t < 3)
          %6[n, 6] = div(%4[i], %5[table of 6])
          %7[n, 0:2] = sum of %1[i + 4] * %6[0]
          %7[n, 2:4] = sum of %1[i + 6t + 4] * %6[t + 1] (t < 2)
          %7[n, 4:6] = sum of %1[i + 6t + 4] * %6[t + 3] (t < 3)
          %8[n, 6] = sum of w[(2i of i % 2) + t + 12] * %7[2 i // 2 + t] (t < 2)
          value = %8[i]""")


def test_softmaxes_of_different_lengths_are_one_block() -> None:
    program = rolled(lambda x: attention(x, mg.softmax), (3, 2))
    assert sum("exp" in repr(i) for i in program.instructions) == 1


# One rule at a time.


def test_additions_used_once_join_their_user_and_others_do_not() -> None:
    def f(x: Any) -> Any:
        inner = x[0] + x[1]
        shared = x[2] + x[3] + 1
        return (inner + x[2]) * shared + shared

    assert str(rolled(f, (4,))) == textwrap.dedent("""\
        program of x0[n, 4]
          %1[n, 1] = sum of 1 + x0[t + 2] (t < 2)
          %2[n, 1] = sum of x0[t] (t < 3)
          %3[n, 1] = sum of %1[0] * %2[0] + %1[0]
          value = %3[0]""")


def test_a_difference_is_a_sum_with_a_factor() -> None:
    """A subtracted product is a term, like an added one."""
    assert str(rolled(lambda x, y: x - y * 3 - 2, None, None)) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1] = sum of -1 * 2 + -1 * 3 * x1[0] + x0[0]
          value = %1[0]""")


def test_a_product_that_is_read_twice_is_no_term() -> None:
    def f(x: Any, y: Any) -> list[Any]:
        z = x * y
        return [x - z, y - z]

    assert str(rolled(f, None, None)) == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1] = mul(x0[0], x1[0])
          %2[n, 1] = sum of -1 * %1[0] + x0[0]
          %3[n, 1] = sum of -1 * %1[0] + x1[0]
          value = %2[0], %3[0]""")


def test_factors_have_one_order_whichever_comes_first() -> None:
    w = [Value(1.0) for _ in range(4)]
    f = rolled(lambda x: [w[0] * x + x * w[1], x * w[2] + w[3] * x], None)
    assert "%1[n, 2] = sum of w[2i + t] * x0[0] (t < 2)" in str(f)


def test_products_keep_the_order_of_their_operands_where_it_matters() -> None:
    text = str(rolled(lambda x, y: [x / y, y / x], None, None))
    assert "div(x0[0], x1[0])" in text
    assert "div(x1[0], x0[0])" in text


def test_sums_of_different_lengths_are_runs_of_one_block() -> None:
    f = rolled(lambda x: [mg.sum(x[:k]) for k in (3, 1, 2, 3)], (3,))
    assert str(f) == textwrap.dedent("""\
        program of x0[n, 3]
          %1[n, 0:1] = sum of x0[0]
          %1[n, 1:2] = sum of x0[t] (t < 2)
          %1[n, 2:3] = sum of x0[t] (t < 3)
          value = %1[table of 4]""")
    np.testing.assert_array_equal(
        evaluated(lambda x: [mg.sum(x[:k]) for k in (3, 1, 2, 3)], np.array([[1.0, 10.0, 100.0]])),
        [[111.0, 1.0, 11.0, 111.0]],
    )


def test_powers_that_are_products() -> None:
    text = str(rolled(lambda x: [x**2, x**-1, x**3, x**0.5], None))
    assert "mul(x0[0], x0[0])" in text
    assert "div(1, x0[0])" in text
    assert "pow(x0[0], 3)" in text
    assert "pow(x0[0], 0.5)" in text


def test_what_no_result_needs_is_no_instruction() -> None:
    def f(x: Any) -> Any:
        mg.exp(x)
        return x + 1

    assert len(rolled(f, None).instructions) == 1


def test_what_depends_on_parameters_only_is_uniform() -> None:
    w = Value(2.0)
    program = rolled(lambda x: mg.exp(w) * x, None)
    assert [i.out.varying for i in program.computations] == [False, True]


def test_results_may_be_inputs_parameters_and_constants() -> None:
    w = Value(2.0)
    program = rolled(lambda x: [x[1], w, 3.0, x[0]], (2,))
    assert str(program) == textwrap.dedent("""\
        program of x0[n, 2], w[1]
          value = x0[1], w[0], 3, x0[0]""")


def test_conditions_are_blocks_of_their_own() -> None:
    text = str(rolled(lambda x, y: mg.where((x < y) & (x > 0), x, y), None, None))
    assert text == textwrap.dedent("""\
        program of x0[n, 1], x1[n, 1]
          %1[n, 1]: truth = less(x0[0], x1[0])
          %2[n, 1]: truth = less(0, x0[0])
          %3[n, 1]: truth = logical_and(%1[0], %2[0])
          %4[n, 1] = where(%3[0], x0[0], x1[0])
          value = %4[0]""")


def test_a_long_chain_rolls_without_recursion_and_in_linear_time() -> None:
    def f(x: Any) -> Any:
        total = x
        for _ in range(50_000):
            total = total + x
        return total

    program = rolled(f, None)
    assert str(program).splitlines()[1] == "  %1[n, 1] = sum of x0[0] (t < 50001)"


X = random.normal(size=(5, 2))
PROGRAMS: dict[str, tuple[Callable[..., Any], Any]] = {
    "layers": (by_layers, X),
    "pluses": (by_pluses, X),
    "loops": (by_loops, X),
    "arrays": (by_arrays, X),
    "attention": (lambda x: attention(x, mg.softmax), random.normal(size=(3, 3, 2))),
    "conditions": (lambda x: mg.where(x[0] < x[1], x[0], mg.maximum(x[1], 0.5)), X),
    "powers": (lambda x: [x[0] ** 2, x[1] ** -1, abs(x[0]) ** 0.5, 2 ** x[1]], X),
    "mixed sums": (lambda x: [x[0] - (x[1] - 2 * x[0]) + 3, mg.sum([]), 1 - x[0]], X),
    "dot with bias": (lambda x: mg.dot([2.0, x[0]], x, x[1]), X),
    "take": (lambda x: mg.take([x[0], x[1], 7.0], mg.floor(abs(mg.tanh(x[0])) * 2.5)), X),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_evaluation_agrees_with_values(name: str) -> None:
    function, x = PROGRAMS[name]
    np.testing.assert_allclose(evaluated(function, x), eager(function, x), rtol=1e-13, atol=1e-15)
