"""Trace: what it records; and wrong arguments and results."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import traced

import micrograd as mg
from micrograd import TraceError, Value


def test_a_graph_of_symbols() -> None:
    w = Value(2.0)
    graph = traced(lambda x, y: w * x[0] + mg.sin(y) * x[1], (2,), None)
    assert [node.op.name for node in graph.computed(graph.outputs) if node.op] == [
        "mul", "sin", "mul", "add",
    ]  # fmt: skip
    assert [len(leaf) for leaf in graph.inputs] == [2, 1]
    assert list(graph.parameters) == [w]
    assert graph.output_shapes == [None]


def test_arguments_come_in_their_shapes() -> None:
    shapes = []

    def f(x: Any, m: Any) -> Any:
        shapes.append((np.shape(x), m.shape))
        return m.sum() * x

    traced(f, None, (2, 3))
    assert shapes == [((), (2, 3))]


def test_numbers_of_every_kind_are_constants() -> None:
    f = mg.compile(lambda x: x * True + np.float64(0.5) * x + np.int64(2) + x * 3)
    assert f(1.0) == 6.5


def returning(answer: Any) -> Callable[..., Any]:
    return lambda x: answer


@pytest.mark.parametrize("answer", ["a string", None, 1 + 2j, b"x", object()])
def test_a_result_that_is_no_number(answer: Any) -> None:
    for result in (answer, [answer], {"a": answer}):
        with pytest.raises(
            TraceError, match=r"returns numbers; this one returned|is a `return` missing"
        ):
            mg.compile(returning(result))(1.0)


def test_a_truth_is_no_result() -> None:
    """It would be 0.0 or 1.0: the user must write that explicitly."""
    assert mg.compile(lambda x: mg.where(x > 0, 1.0, 0.0))(2.0) == 1.0


def test_a_symbol_of_another_trace() -> None:
    kept: list[Any] = []

    def first(x: Any) -> Any:
        kept.append(x)
        return x

    mg.compile(first)(1.0)
    with pytest.raises(TraceError, match="one traced function was used in another"):
        mg.compile(lambda x: x + kept[0])(1.0)
    with pytest.raises(TraceError, match="one traced function was used in another"):
        mg.compile(lambda x: [x, kept[0]])(1.0)


def test_an_error_of_the_user_is_its_own() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.compile(f)(1.0)


@pytest.mark.parametrize(
    "argument",
    ["text", None, object(), 1 + 2j, [1.0, "a"], np.array(["a"]), np.array([1j]), {1.0}],
    ids=lambda argument: type(argument).__name__,
)
@pytest.mark.parametrize("make", [mg.compile, mg.vectorize])
def test_arguments_that_are_no_numbers(argument: Any, make: Any) -> None:
    with pytest.raises(TypeError, match="takes numbers and arrays of numbers, got"):
        make(lambda x: 1.0)(argument)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"dtype": "int64"}, TypeError, "float64 or float32, got int64"),
        ({"dtype": "float16"}, TypeError, "float64 or float32, got float16"),
        ({"threads": 0}, ValueError, "at least 1, got 0"),
        ({"threads": "2"}, TypeError, "threads must be a whole number, got '2'"),
        ({"threads": 1.5}, TypeError, "threads must be a whole number, got 1.5"),
    ],
)
def test_options(options: Any, error: Any, said: str) -> None:
    for make in (mg.compile, mg.vectorize):
        with pytest.raises(error, match=said):
            make(lambda x: x, **options)


@pytest.mark.parametrize("thing", [None, 3.0, "f", mg.Value(1.0)])
def test_only_functions_compile(thing: Any) -> None:
    with pytest.raises(TypeError, match="expected a function"):
        mg.compile(thing)


def test_examples_that_are_not_equally_many() -> None:
    with pytest.raises(mg.ShapeError, match=r"\(3,\), \(4, 2\)"):
        mg.vectorize(lambda x, y: x + y[0])(np.ones(3), np.ones((4, 2)))


def test_the_gradient_is_that_of_one_number() -> None:
    for make in (mg.compile, mg.vectorize):
        with pytest.raises(TypeError, match="returns 2 numbers"):
            make(lambda x: [x, x]).value_and_grad(1.0)
        with pytest.raises(TypeError, match="returns 2 numbers"):
            make(lambda x: [x, x]).backward(1.0)


def test_a_trace_prints_its_graph() -> None:
    weight = Value(2.0, name="weight")
    f = mg.compile(lambda x: mg.tanh(weight * x[0] + 1) * x[1])
    f(np.ones(2))
    assert f.source("trace").splitlines() == [
        "trace of 1 inputs and 1 parameters",
        "  n1 = mul(weight, x0[0])",
        "  n2 = add(n1, 1)",
        "  n3 = tanh(n2)",
        "  n4 = mul(n3, x0[1])",
        "  value = n4",
    ]
