"""The printed C compiles without warnings, and gives the results of the program in NumPy."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_library import Array, Library, needs_compiler

import micrograd as mg
from micrograd import Value, ops
from micrograd.compiler.c.expression import Expression, Printer
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.roll import roll
from micrograd.compiler.trace.called import trace
from micrograd.structure import flatten

model = mg.MLP(3, [6, 4, 1], activation="tanh", seed=1)
softmax_model = mg.MLP(4, [7, 3], seed=2)
table = [[Value(0.1 * i - 0.2 * j) for j in range(3)] for i in range(5)]
ragged = [Value(0.3 * k - 1) for k in range(12)]


def hinge(x: Any, y: Any) -> Any:
    weights = mg.sum(p * p for p in model.parameters())
    return mg.relu(1 - y * model(x)[0]) + 1e-3 * weights


def cross_entropy(x: Any, k: Any) -> Any:
    return mg.losses.cross_entropy(softmax_model(x), k)


def embedding(token: Any, x: Any) -> Any:
    return mg.tanh(mg.dot(mg.take(table, token), x))


def of_different_lengths(x: Any) -> Any:
    rows = [mg.dot(ragged[: k + 1], x[: k + 1]) for k in range(len(x))]
    return mg.logsumexp([mg.sin(row) * row for row in rows])


def scattered(x: Any) -> Any:
    order = [7, 2, 9, 0, 4, 4, 11, 3]
    return mg.sum(
        x[i] * x[j] ** 3 * ragged[k] for (i, j), k in zip(itertools.pairwise(order), order)
    )


def of_conditions(x: Any, y: Any) -> Any:
    between = (x > -1) & (x <= y) | (x == 3)
    return mg.where(between, x * y, mg.where(y <= 0, mg.abs(x), mg.floor(y))) + 2.0 * (x < y)


def of_composed(x: Any, y: Any) -> Any:
    smooth = mg.gelu(x) + mg.silu(y) * mg.softplus(x) - mg.elu(x * y) / (1 + mg.sigmoid(y))
    return smooth + mg.lgamma(y + 3.5) * mg.leaky_relu(x) + mg.sign(x) * mg.minimum(x, y)


def of_parameters(x: Any) -> Any:
    return mg.norm(ragged) * x


def of_parameters_alone(x: Any) -> Any:
    return mg.norm(ragged)


def of_weights(x: Any, W: Any) -> Any:
    return mg.sum(mg.exp(W[0, 0]) * mg.tanh(mg.dot(row, x)) for row in W) * ragged[1]


def _numbers(n: int, *shape: int) -> Array:
    return np.random.default_rng(n).normal(size=(n, *shape))


# A function of one example, and more examples than fit into the lanes at once.
PROGRAMS: dict[str, tuple[Callable[..., Any], list[Array]]] = {
    "hinge": (hinge, [_numbers(230, 3), np.sign(_numbers(230))]),
    "cross_entropy": (cross_entropy, [_numbers(33, 4), np.arange(33.0) % 3]),
    "embedding": (embedding, [np.arange(21.0) % 5, _numbers(21, 3)]),
    "of_different_lengths": (of_different_lengths, [_numbers(40, 9)]),
    "scattered": (scattered, [_numbers(17, 12)]),
    "of_conditions": (of_conditions, [_numbers(50), _numbers(50)[::-1].copy()]),
    "of_composed": (of_composed, [_numbers(50), _numbers(50)[::-1].copy()]),
    "of_parameters": (of_parameters, [_numbers(11)]),
    "of_parameters_alone": (of_parameters_alone, [_numbers(11)]),
}
GRADIENTS = {"value": None, "of inputs": True, "of parameters": False}  # add_adjoint's per_example


def programmed(
    f: Callable[..., Any], shapes: list[Any], per_example: bool | None, shared: Any = ()
) -> Any:
    """The program, and the values of its parameters."""
    _, structure = flatten((tuple(range(len(shapes))), {}))
    result = trace(f, structure, shapes)
    program = roll(result, shared=shared)
    if per_example is not None:
        add_adjoint(program, per_example)
    return program, np.array([p.data for p in result.parameters])


@needs_compiler
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_many_examples(name: str, gradient: str, tmp_path: Path) -> None:
    f, arrays = PROGRAMS[name]
    program, w = programmed(f, [x.shape[1:] or None for x in arrays], GRADIENTS[gradient])
    n = len(arrays[0])
    inputs = [x.reshape(n, -1) for x in arrays]
    expected = evaluate(program, inputs, w, np.full(n, 1 / n))
    answers = Library(program, 8, "float64", tmp_path)(n, inputs, w, 1 / n)
    for key, answer in expected.items():
        assert answers[key] == pytest.approx(answer, rel=1e-11, abs=1e-13, nan_ok=True), key


@needs_compiler
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_an_input_that_all_examples_share(gradient: str, tmp_path: Path) -> None:
    program, w = programmed(of_weights, [(4,), (3, 4)], GRADIENTS[gradient], shared=(1,))
    x, weights = _numbers(11, 4), _numbers(1, 3, 4)
    inputs = [x, weights.reshape(1, -1)]
    wide = [x, np.repeat(inputs[1], 11, axis=0)]
    expected = evaluate(program, wide, w, np.full(11, 1 / 11))
    answers = Library(program, 8, "float64", tmp_path)(11, inputs, w, 1 / 11)
    for key, answer in expected.items():
        assert answers[key] == pytest.approx(answer, rel=1e-11, abs=1e-13), key


@needs_compiler
@pytest.mark.parametrize("name", PROGRAMS)
def test_one_example(name: str, tmp_path: Path) -> None:
    f, arrays = PROGRAMS[name]
    program, w = programmed(f, [x.shape[1:] or None for x in arrays], True)
    library = Library(program, 1, "float64", tmp_path)
    inputs = [x[:1].reshape(1, -1) for x in arrays]
    answers = library(1, inputs, w, 1.0)
    for key, answer in evaluate(program, inputs, w).items():
        assert answers[key] == pytest.approx(answer, rel=1e-11, abs=1e-13), key


@needs_compiler
def test_float32(tmp_path: Path) -> None:
    f, arrays = PROGRAMS["of_composed"]
    program, w = programmed(f, [None, None], True)
    inputs = [x.reshape(-1, 1) for x in arrays]
    library = Library(program, 16, "float32", tmp_path)
    assert "double" not in library.text
    for key, answer in library(len(inputs[0]), inputs, w, 1.0).items():
        assert answer == pytest.approx(evaluate(program, inputs, w)[key], rel=2e-3, abs=2e-4)


@needs_compiler
def test_no_examples(tmp_path: Path) -> None:
    program, w = programmed(hinge, [(3,), None], False)
    answers = Library(program, 8, "float64", tmp_path)(
        0, [np.zeros((0, 3)), np.zeros((0, 1))], w, 1.0
    )
    assert answers["value"].item() == 0
    assert not answers["gradient"].any()


# Each operation of the table, on numbers that reach all of its cases.
POINTS = np.array([-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, 30.0, np.inf, -np.inf, np.nan])
FIXED = [op for op in ops.TABLE.values() if op.arity is not None]


@needs_compiler
def test_every_operation_of_the_table(tmp_path: Path) -> None:
    def all_of_them(*x: Any) -> list[Any]:
        return [op(*x[: op.arity]) + 0.0 for op in FIXED]

    grid = np.array([*itertools.product(POINTS, POINTS, [2.0])])
    program, w = programmed(all_of_them, [None] * 3, None)
    inputs = [column.reshape(-1, 1).copy() for column in grid.T]
    (answer,) = Library(program, 8, "float64", tmp_path)(len(grid), inputs, w, 1.0).values()
    (expected,) = evaluate(program, inputs, w).values()
    for k, op in enumerate(FIXED):
        assert answer[:, k] == pytest.approx(expected[:, k], rel=1e-11, abs=1e-12, nan_ok=True), op


# The text.


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda x, y: x * (y + 1), "x * (y + 1.0)"),
        (lambda x, y: x - (y - 1) - -2.0, "x - (y - 1.0) - -2.0"),
        (lambda x, y: x / (y / x) * y, "x / (y / x) * y"),
        (lambda x, y: -(x + y) ** -0.5, "-pow(x + y, -0.5)"),
        (lambda x, y: mg.where(x < y, 1, mg.where(x == 1, y, x)), "x < y ? 1.0 : x == 1.0 ? y : x"),
        (lambda x, y: mg.where(x < y, x, y) + 1, "(x < y ? x : y) + 1.0"),
        (lambda x, y: ops.logical_and(x < y, ops.logical_not(y < 0)), "(x < y) && !(y < 0.0)"),
        (lambda x, y: (x < y) / (y < x), "(double)(x < y) / (double)(y < x)"),
        (lambda x, y: mg.abs(mg.atan2(x, float("inf"))), "fabs(atan2(x, INFINITY))"),
        (lambda x, y: ops.take(x, y, x + 1), "x + 1.0 == 0 ? x : x + 1.0 == 1 ? y : NAN"),
        (lambda x, y: mg.relu(x - y), "mg_relu(x - y)"),
    ],
)  # fmt: skip
def test_expressions(formula: Callable[..., Any], text: str) -> None:
    x, y = Expression.named("x"), Expression.named("y")
    assert Printer(double=True).text(formula(x, y)) == text


def test_a_composed_operation_is_a_function() -> None:
    printer = Printer(double=False)
    assert printer.text(mg.sigmoid(Expression.named("x"))) == "mg_sigmoid(x)"
    assert printer.functions["mg_sigmoid"] == (
        "static float mg_sigmoid(float x)\n"
        "{\n"
        "    const float t0 = expf(-fabsf(x));\n"
        "    return (0.0f <= x ? 1.0f : t0) / (1.0f + t0);\n"
        "}"
    )


def test_an_operand_that_is_not_used() -> None:
    @mg.op(derivative=lambda g, z, x, e: (g, 0.0))
    def first(x: Any, e: Any) -> Any:
        return mg.exp(x)

    printer = Printer(double=True)
    printer.text(first(Expression.named("a"), 1.0))
    assert "(void)e;" in printer.functions["mg_first"]


@pytest.mark.native
def test_a_derivative_that_asks_if_cannot_be_compiled() -> None:
    @mg.op(derivative=lambda g, z, x: g)
    def positive_part(x: Any) -> Any:
        return x if x > 0 else 0.0

    @mg.op(derivative=lambda g, z, x: g if z > 0 else 0.0)
    def positive(x: Any) -> Any:
        return mg.where(x > 0, x, 0.0)

    assert mg.compile(positive_part).value_and_grad(-3.0) == (0.0, 1.0)  # as its row has it
    with pytest.raises(mg.TraceError, match=r"with `if`.*write micrograd\.where"):
        mg.compile(positive).value_and_grad(-3.0)
    with pytest.raises(mg.TraceError, match=r"with `if`.*write micrograd\.where"):
        Printer(double=True).text(positive_part(Expression.named("x")))


def test_source() -> None:
    slope, offset = Value(2.0, name="slope"), Value(1.0)

    def line(x: Any) -> Any:
        return mg.tanh(slope * x + offset)

    f = mg.compile(line)
    f(1.0)
    assert f.source("c") == (
        "/* line, written by MicroGrad.\n"
        " *\n"
        " *     const double *w   in: 2 numbers, the parameters\n"
        " *                           w[0]: slope\n"
        " *                           w[1]: parameters[1]\n"
        " *     const double *x0  in: 1 number\n"
        " *     double *value     out: 1 number\n"
        " *     double *memory    3 numbers to compute in\n"
        " *\n"
        " * cc -std=c99 -O2 -ffp-contract=off -c line.c; link with -lm.\n"
        " */\n"
        "\n"
        "#include <math.h>\n"
        "\n"
        "void line(\n"
        "    const double *w,\n"
        "    const double *x0,\n"
        "    double *value,\n"
        "    double *memory)\n"
        "{\n"
        "    double *const b2 = memory + 2;\n"
        "    {\n"
        "        const double r0 = w[0] * x0[0] + w[1];\n"
        "        b2[0] = tanh(r0);\n"
        "    }\n"
        "    value[0] = b2[0];\n"
        "}\n"
    )
