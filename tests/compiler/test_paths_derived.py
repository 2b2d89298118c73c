"""Derivatives inside and outside, `fit` and `Predictor`, of functions with control flow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from branching import CASES, FEW, LINE, Case
from test_paths import close
from ways import in_numpy

import micrograd as mg
from micrograd import Value

SMOOTH = [case for case in CASES if case.function.__name__ != "own_operation"]


def of_row(case: Case) -> Callable[..., Any]:
    """The function of one row of numbers."""
    if np.ndim(case.arguments[0][0]):
        return case.function
    return lambda v: case.function(*v)


def rows(case: Case) -> Any:
    found = np.array([np.concatenate([*map(np.ravel, a)]) for a in case.arguments])
    return found[np.isfinite(found).all(axis=1)][:16]


def numbers(scalars: Any) -> list[float]:
    """Their numbers; they are Values where the function captures some."""
    return [x.data if isinstance(x, Value) else float(x) for x in scalars]


def slopes_of(case: Case) -> Callable[..., Any]:
    f = of_row(case)
    return lambda v: mg.grad(lambda u: f(u) * (1.0 + u[0]))(v)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_derivative_is_that_of_the_path(case: Case) -> None:
    f, x = slopes_of(case), rows(case)
    close(in_numpy(f, each="row")(x), [*map(numbers, map(f, x))])


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_a_second_derivative_is_that_of_the_path(case: Case) -> None:
    f, x = slopes_of(case), rows(case)

    def curvature(v: Any) -> Any:
        return mg.grad(lambda u: mg.sum([*f(u)]))(v)

    close(in_numpy(curvature, each="row")(x), [*map(numbers, map(curvature, x))])


class Scaled(mg.Module):
    """A number that is learned, times a function with control flow."""

    def __init__(self, f: Any):
        self.f, self.w = f, Value(0.7)

    def __call__(self, x: Any) -> Any:
        return self.w * self.f(mg.array([*x]))


@pytest.mark.native
@pytest.mark.parametrize("case", CASES[::5], ids=repr)
def test_fit_and_predictor_take_the_paths_of_the_engine(case: Case) -> None:
    x = rows(case)
    models = Scaled(of_row(case)), Scaled(of_row(case))
    for model, engine in zip(models, ("native", "eager")):
        options: dict[str, Any] = {"epochs": 2, "batch_size": 7, "engine": engine, "seed": 0}
        targets = np.linspace(-1.0, 1.0, len(x))
        mg.fit(model, x, targets, loss="mse", optimizer=mg.SGD(1e-3), **options)
    assert models[0].w.data == pytest.approx(models[1].w.data, rel=1e-9)
    predict = mg.Predictor(models[1])
    close(np.ravel(predict(x)), numbers([*map(models[1], x)]))


@mg.op(derivative=lambda g, z, x: g * mg.where(x > 0, 2 * x, 1.0), name="bent_of_paths")
def bent(x: Any) -> Any:
    if x > 0:
        return x * x
    return x


def test_an_operation_of_ones_own_may_ask() -> None:
    f = mg.vectorize(lambda x: bent(x) * 3 if x < 2 else -bent(x))
    x = np.array(LINE)
    value, slope = f.value_and_grad(x)
    np.testing.assert_allclose(value, np.where(x > 0, x * x, x) * np.where(x < 2, 3, -1))
    np.testing.assert_allclose(slope, np.where(x > 0, 2 * x, 1.0) * np.where(x < 2, 3, -1))
    assert len(FEW) == len(f(FEW))
