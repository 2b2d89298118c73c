"""The stages of the compiler, in order, as functions for the tests."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd import Value
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.ir import Program
from micrograd.compiler.program.roll import roll
from micrograd.compiler.program.verify import verify
from micrograd.compiler.trace.called import Shape, trace
from micrograd.compiler.trace.trace import Trace
from micrograd.engine import numbers_of
from micrograd.structure import flatten


def traced(function: Callable[..., Any], *shapes: Shape) -> Trace:
    """The graph of a function, for arguments of these shapes; None is the shape of a number."""
    _, structure = flatten((tuple(range(len(shapes))), {}))
    return trace(function, structure, list(shapes))


def rolled(function: Callable[..., Any], *shapes: Shape) -> Program:
    program = roll(traced(function, *shapes))
    verify(program)
    return program


def differentiated(function: Callable[..., Any], *shapes: Shape, per_example: bool) -> Program:
    """With the gradients of the inputs for each example, or else of the parameters, over all."""
    program = rolled(function, *shapes)
    add_adjoint(program, per_example)
    verify(program)
    return program


def evaluated(function: Callable[..., Any], *examples: NDArray[Any]) -> NDArray[Any]:
    """The rolled program on arrays of examples, which are their first axis: (n, results)."""
    result = traced(function, *[x.shape[1:] or None for x in examples])
    program = roll(result)
    verify(program)
    theta = np.array([p.data for p in result.parameters])
    flat = [x.reshape(len(x), -1) for x in examples]
    answer = evaluate(program, flat, theta)["value"]
    return np.broadcast_to(answer, (len(examples[0]), answer.shape[-1]))


def eager(function: Callable[..., Any], *examples: NDArray[Any]) -> NDArray[Any]:
    """The same by Values, example by example."""
    rows = []
    for row in zip(*examples):
        leaves, _ = flatten(function(*[_values(x) for x in row]))
        rows.append(numbers_of(x for leaf in leaves for x in np.ravel(np.asarray(leaf, object))))
    return np.array(rows)


def _values(x: Any) -> Any:
    return np.vectorize(Value, otypes=[object])(x) if np.ndim(x) else Value(x)
