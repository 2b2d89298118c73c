"""Sample: some examples of a call, on which the paths of a function are found."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.called import Shape
from micrograd.compiler.trace.columns import Examples, Rows
from micrograd.compiler.trace.questions import Example

MOST = 4096  # examples
MOST_AT_ONCE = 65_536  # if they take very many paths


def sample(n: int) -> Rows:
    """At most MOST of n examples, the first among them; the same ones for each n.

    >>> sample(3), len(sample(10**6)) <= MOST
    (array([0, 1, 2]), True)
    """
    if n <= MOST:
        return np.arange(n)
    chosen = np.random.default_rng(0).integers(1, n, MOST - 1)
    return np.unique([0, *chosen])


def examples_of(
    call: Call, shapes: list[Shape], rows: Rows, parameters: Mapping[Any, float] | None = None
) -> Examples:
    """These examples of a call; if it has none, one of ones, which stands for any."""
    inputs = []
    for x, shape in zip(call.inputs, shapes):
        size = 1 if shape is None else math.prod(shape)
        numbers = np.asarray(x, float).reshape(-1, size) if size else np.zeros((1, 0))
        if len(numbers) > 1:
            numbers = numbers[rows]
        inputs.append(numbers if len(numbers) else np.ones((1, size)))
    return Examples(inputs, parameters or {}, len(rows))


def first(call: Callable[[], Call], shapes: list[Shape]) -> Example:
    """The first example of a call."""
    return examples_of(call(), shapes, np.zeros(1, np.int64)).example(0)
