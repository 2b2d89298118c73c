"""Functions of more paths than lanes hold: each example computes its own path alone."""

import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from branching import CASES, Case
from compiled_c import COMPILER, CompiledC
from test_paths import (
    Tree,
    captured_gradient,
    check_exact,
    close,
    columns,
    eager,
    same,
)
from test_random_branches import eager as eager_of_columns

import micrograd as mg
from micrograd import Value
from micrograd.compiler.trace import paths

RANDOM = np.random.default_rng(0)
SEVEN = [*RANDOM.integers(-9, 9, (7, 700)).astype(float)]  # with ties


def median(*numbers: Any) -> Any:
    return mg.exp(0.3 * statistics.median(numbers))


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """All functions that ask are run apart."""
    monkeypatch.setattr(paths, "IN_LANES", 0)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_apart_exact_values_and_gradients_are_those_of_the_engine(case: Case) -> None:
    check_exact(case)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_apart_gradients_of_captured_values_are_those_of_the_engine(case: Case) -> None:
    f = mg.vectorize(case.function, exact=True)
    f(*columns(case))
    if f.parameters:
        captured = [eager(case, arguments)[2] for arguments in case.arguments]
        close(captured_gradient(f, case), np.mean(captured, axis=0))


@pytest.mark.usefixtures("apart")
def test_apart_one_example_a_call_finds_paths_and_parameters_one_by_one() -> None:
    tree = Tree()
    f = mg.compile(tree)
    for x in ([1.0, 0.0], [-1.0, 4.0], [1.0, 3.0]):
        leaves = [*map(Value, x)]
        result = tree(leaves)
        result.backward()
        value, gradient = f.value_and_grad(x)
        same(value, result.data)
        same(gradient, [leaf.grad for leaf in leaves])
    assert {*f.parameters} == {*tree.parameters()}


@pytest.mark.usefixtures("apart")
def test_apart_a_shared_argument_has_the_sum_of_the_gradients() -> None:
    f = mg.vectorize(lambda x, w: w * x if x > 0 else -x, in_axes=(0, None))
    value, (by_x, by_w) = f.value_and_grad(np.array([1.0, -2.0, 3.0]), 5.0)
    same(value, [5.0, 2.0, 15.0])
    same(by_x, [5.0, -1.0, 5.0])
    same(by_w, 4.0)
    assert f(np.zeros(0), 5.0).shape == (0,)


def test_the_median_of_seven_has_many_paths() -> None:
    value, slopes = eager_of_columns(median, SEVEN)
    f = mg.vectorize(median, exact=True)
    got, gradient = f.value_and_grad(*SEVEN)
    same(got, value)
    same(np.transpose(gradient), slopes)
    close(mg.vectorize(median)(*SEVEN), value)
    assert "of the examples; each example computes its own" in str(f.explain())
    assert re.search(r"one of 2,?\d+ paths of 2,?\d+ questions", str(f.source("program")))


def test_the_second_derivative_of_a_function_of_many_paths() -> None:
    x = np.array(SEVEN).T
    row = mg.vectorize(mg.grad(lambda v: median(*v) ** 2), each="row")(x)
    middle = np.median(x, axis=1)
    np.testing.assert_allclose(row.sum(axis=1), 0.6 * np.exp(0.6 * middle), rtol=1e-12)


class Middle(mg.Module):
    def __init__(self) -> None:
        self.w = Value(1.0)

    def __call__(self, x: Any) -> Any:
        return self.w * statistics.median([*x])


@pytest.mark.parametrize("batch_size", [50, None])
def test_fit_learns_a_function_of_many_paths(batch_size: Any) -> None:
    models = Middle(), Middle()
    x = np.transpose(SEVEN)
    for model, engine in zip(models, ("native", "eager")):
        options: dict[str, Any] = {"epochs": 2, "batch_size": batch_size, "engine": engine}
        mg.fit(model, x, 0.5 * np.median(x, axis=1), loss="mse", optimizer=mg.SGD(0.01), **options)
    assert models[0].w.data == pytest.approx(models[1].w.data, rel=1e-12)
    assert models[0].w.data != 1.0


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.parametrize("gradient", [None, "arguments", "parameters"])
def test_printed_c_of_a_function_of_many_paths(tmp_path: Path, gradient: Any) -> None:
    w = Value(0.5)
    f = mg.vectorize(lambda *x: w * median(*x[:5]))
    columns = SEVEN[:5]
    value = f(*columns)
    outputs = CompiledC(str(f.source("c", gradient=gradient)), tmp_path)(f.pack(), *columns)
    if gradient == "parameters":
        mean, slope = f.gradient(f.pack(), *columns)
        close(outputs["value"][0] / 700, mean)
        close(outputs["gradient"][0] / 700, slope)
        return
    close(outputs["value"][:, 0], value)
    if gradient:
        _, slopes = f.value_and_grad(*columns)
        close([outputs[f"gradient_{k}"][:, 0] for k in range(5)], slopes)


def test_more_paths_than_can_be_traced_name_the_lines_that_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paths, "MOST_PATHS", 300)

    def f(v: Any) -> Any:
        return sum(k if x > 0 else x for k, x in enumerate(v))

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(mg.TraceError, match=rf"more than 300 paths.*test_many_paths.py:{line} \("):
        mg.vectorize(f)(RANDOM.normal(size=(2000, 10)))
