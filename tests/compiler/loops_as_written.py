"""Loops in Python on numbers and on Values, and their comparison with compiled loops."""

from collections.abc import Callable
from typing import Any

import numpy as np
from programs_as_written import named
from ways import OneInNumPy

from micrograd import Value

W, U = Value(0.4), Value(0.7)


def written(name: str, steps: int) -> tuple[Callable[..., Any], list[Any]]:
    """A program, and arguments for it."""
    function, shapes = named(name, steps)
    random = np.random.default_rng(1)
    return function, [random.uniform(0.1, 0.9, size=shape) for shape in shapes]


def in_one(f: Any) -> OneInNumPy:
    return OneInNumPy(f, "float64", 1, False)


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def numbers(x: Any) -> Any:
    return np.array([*map(number, np.ravel(np.asarray(x, object)))])


def by_value(f: Any, arguments: list[Any]) -> tuple[float, list[Any]]:
    """The value and the gradient by the arguments, of the loop in Python."""
    values: list[Any] = [
        np.vectorize(Value, otypes=[object])(x) if np.ndim(x) else Value(float(x))
        for x in arguments
    ]
    result = f(*values)
    result.backward()
    return result.data, [np.array([v.grad for v in np.ravel(x)]) for x in values]


def by_parameters(f: Any, g: Any, arguments: list[Any]) -> tuple[list[float], list[float]]:
    """The gradients that backward() of a compiled function leaves, and those of the engine."""
    g.backward(*arguments)
    ours = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    result = f(*arguments)
    if isinstance(result, Value):
        result.backward()
    expected = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    return ours, expected


def assert_close(ours: Any, expected: Any, tolerance: float = 1e-10) -> None:
    ours, expected = np.ravel(ours), np.ravel(expected)
    size = np.max(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * size)
