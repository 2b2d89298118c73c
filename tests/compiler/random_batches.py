"""Batches: random programs as one function, and the comparison of its results."""

from collections.abc import Callable
from typing import Any

import numpy as np
from random_cases import Case, same, within, within_total
from random_programs import ALL_X, ALL_Y, EXAMPLES, M, W, matrix_of, run

import micrograd as mg
from micrograd import Value

Function = Callable[..., Any]


# The functions of a batch of programs.


def values_of(batch: list[Case]) -> Function:
    """All numbers of all programs, which share their inputs and weights."""
    weights = matrix_of(Value, W)

    def values(x: Any, y: Any) -> Any:
        return [run(one.lines, x, y, weights) for one in batch]

    return values


def sum_of(batch: list[Case]) -> tuple[Function, list[Any]]:
    """The sum of the last numbers of all programs, each of inputs and weights of its own: so its
    gradient is that of each program. Returns the weights too."""
    weights = [matrix_of(Value, W) for _ in batch]

    def sum(x: Any, y: Any) -> Any:
        each = enumerate(zip(batch, weights))
        return mg.sum([one.last(x[M * k : M * k + M], y[k], w) for k, (one, w) in each])

    return sum, weights


def repeated(batch: list[Case], x: Any = ALL_X, y: Any = ALL_Y) -> tuple[Any, Any]:
    """The inputs, for each program."""
    return np.tile(x, len(batch)), np.tile(y[:, None], len(batch))


def slopes_of(batch: list[Case]) -> Function:
    """The sum of the derivatives of all programs, each of one number."""

    def slopes(t: Any) -> Any:
        return mg.sum([mg.grad(one.along)(t[k]) for k, one in enumerate(batch)])

    return slopes


def seconds_of(batch: list[Case]) -> Function:
    """First and second derivatives of all programs, as one function of one number."""

    def seconds(t: Any) -> Any:
        return [[mg.grad(f)(t), mg.grad(mg.grad(f))(t)] for f in [one.along for one in batch]]

    return seconds


# The comparisons.


def compare_values(batch: list[Case], answers: Any, exact: bool) -> None:
    for one, answer in zip(batch, answers, strict=True):
        rows = np.transpose(answer)
        same(rows, one.values) if exact else within(rows, one.bounds)


def compare_gradients(batch: list[Case], gradient: Any, exact: bool) -> None:
    """The gradient by the inputs."""
    dx, dy = gradient
    for k, one in enumerate(batch):
        rows = np.concatenate([dx[:, M * k : M * k + M], dy[:, k : k + 1]], axis=1)
        compare_columns(one, rows, exact, columns=slice(1, M + 2))


def compare_columns(
    one: Case, answers: Any, exact: bool, rows: slice = slice(None), columns: slice = slice(None)
) -> None:
    """A part of the value and its gradient: by the inputs, then by the weights."""
    if exact:
        same(answers, [row[columns] for row in one.gradients[rows]])
    else:
        within(answers, one.bounds_of_gradients.part(rows, columns))


def compare_mean(one: Case, gradient: Any) -> None:
    """The gradient of the mean over the ordinary examples, by the weights."""
    bounds = one.bounds_of_gradients.part(slice(EXAMPLES), slice(M + 2, None))
    within_total(np.array(gradient) * EXAMPLES, bounds)
