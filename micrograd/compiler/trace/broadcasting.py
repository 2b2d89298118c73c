"""Broadcasting: whether `vectorize` gives a function single numbers, or rows of its arguments.

A function of numbers gives, on arrays, what its formula gives for the numbers in each place. So it
is traced twice, on numbers and on small arrays, and the two graphs are compared. Where they differ
and neither reading can be excluded, that is an error: nothing is guessed.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd.compiler.trace.called import Shape, trace
from micrograd.compiler.trace.errors import TraceError
from micrograd.compiler.trace.questions import Example, Questions
from micrograd.compiler.trace.symbol import Node
from micrograd.compiler.trace.trace import Trace
from micrograd.errors import ArgumentError, NumPyError, ShapeError
from micrograd.structure import Structure

Place = tuple[int | None, ...]  # in the array of all results; None: the same along this axis
MOST = 4  # axes; more of them say nothing new

CHOOSE = (
    'choose by micrograd.vectorize(f, each="number"), for a function of single numbers, which '
    'broadcasts; or each="row", for one of rows, which lie along the first axis of each argument'
)


def formula(
    function: Callable[..., Any],
    structure: Structure,
    axes: list[int],
    example: Callable[[], Example] | None = None,
) -> Trace | Exception:
    """The function's trace on numbers, if it is one of numbers; if it is one of rows, the error
    that says why it is not one of numbers.

    `axes` says how many an example has, for each leaf of the arguments: none, if it is a number;
    `example` gives one, to answer questions, such as `if x > 0`.
    Raises ArgumentError where it may be either.
    """
    numbers = example and Questions(example)
    try:
        of_numbers = trace(function, structure, [None] * len(axes), True, numbers)
    except Exception as error:
        return error
    if any(of_numbers.output_shapes):
        return TraceError("it returns arrays")
    if not _depends_on_arguments(of_numbers):
        return TraceError("it does not depend on its arguments")
    small: list[Shape] = [(2,) * min(n, MOST) or None for n in axes]
    try:
        of_arrays = trace(
            function, structure, small, questions=example and _repeated(example, small)
        )
    except (TraceError, NumPyError) as error:  # on arrays of floats it might work
        raise ambiguous("rows cannot be traced, which numbers can", error) from error
    except (TypeError, AttributeError, ShapeError):  # a method of numbers, a network, a derivative
        return of_numbers
    except Exception as error:  # of these shapes, perhaps
        if numbers and numbers.asked and "truth value of an array" in str(error):  # `if x > 0`
            return of_numbers
        raise ambiguous("rows cannot be traced, which numbers can", error) from error
    if not _in_each_place(of_numbers, of_arrays, small):
        raise ambiguous("rows give another result than their numbers one by one")
    return of_numbers


def _repeated(example: Callable[[], Example], shapes: list[Shape]) -> Questions:
    """The questions of arrays that hold one example everywhere."""

    def arrays() -> Example:
        one = example()
        repeated = [[*x] * math.prod(shape or ()) for x, shape in zip(one.inputs, shapes)]
        return Example(repeated, one.parameters)

    return Questions(arrays)


def _depends_on_arguments(graph: Trace) -> bool:
    given = {symbol for symbols in graph.inputs for symbol in symbols}
    asked: list[Node] = []
    if graph.questions is not None:
        asked += [question.condition for question in graph.questions.asked]
    read = (x for node in graph.computed(graph.outputs, asked) for x in node.operands)
    return not given.isdisjoint([*graph.outputs, *read])


def ambiguous(how: str, error: Exception | None = None) -> ArgumentError:
    because = "" if error is None else f" ({type(error).__name__}: {error!s:.200})"
    return ArgumentError(
        f"the function may be one of numbers or of rows: {how}{because}. Instead, {CHOOSE}"
    )


def _in_each_place(of_numbers: Trace, of_arrays: Trace, shapes: list[Shape]) -> bool:
    """Whether the arrays hold, in each place, the formula's result for the numbers there."""
    axes = max((len(shape) for shape in shapes if shape), default=0)
    results = [shape or () for shape in of_arrays.output_shapes]
    if of_numbers.output_structure != of_arrays.output_structure or not _make_up(results, axes):
        return False
    names: dict[Any, int] = {}  # of formulas; the same formula has the same name in both graphs
    expected = _described(of_numbers, [None] * len(shapes), 0, names)
    found = _described(of_arrays, shapes, axes, names)
    if expected is None or found is None:
        return False
    numbers = [name for (name, _), shape in zip(expected, results) for _ in _places(shape, axes)]
    places = [place for shape in results for place in _places(shape, axes)]
    return all(
        name == number and _joined(at, place) == place
        for (name, at), number, place in zip(found, numbers, places, strict=True)
    )


def _make_up(results: list[tuple[int, ...]], axes: int) -> bool:
    """Whether results of these shapes broadcast, and reach along all axes."""
    whole = all(shape == (2,) * len(shape) for shape in results)
    return whole and max(map(len, results), default=0) == axes


def _places(shape: Shape, axes: int) -> Iterator[Place]:
    """The places of the elements of an array that is broadcast to `axes` axes."""
    for index in np.ndindex(*(shape or ())):
        yield (*[None] * (axes - len(index)), *index)


def _described(
    graph: Trace, shapes: list[Shape], axes: int, names: dict[Any, int]
) -> list[tuple[int, Place]] | None:
    """The name of each output's formula, and its place; None where it mixes several places."""

    def named(*formula: Any) -> int:
        return names.setdefault(formula, len(names))

    everywhere: Place = (None,) * axes
    known: dict[Any, tuple[int, Place]] = {}
    for argument, (symbols, shape) in enumerate(zip(graph.inputs, shapes)):
        for symbol, place in zip(symbols, _places(shape, axes)):
            known[symbol] = named("input", argument), place
    for value, symbol in graph.met.items():
        known[symbol] = named("parameter", id(value)), everywhere

    def describe(x: Any) -> tuple[int, Place]:
        return (named("constant", x.hex()), everywhere) if x.__class__ is float else known[x]

    for node in graph.computed(graph.outputs):
        operands = [*map(describe, node.operands)]
        place: Place | None = everywhere
        for _, other in operands:
            place = place and _joined(place, other)
        if place is None:
            return None
        known[node] = named(node.op, *[name for name, _ in operands]), place
    return [*map(describe, graph.outputs)]


def _joined(place: Place, other: Place) -> Place | None:
    """The place that both places broadcast to; None if there is none."""
    if place == other:
        return place
    if any(i is not None and j is not None and i != j for i, j in zip(place, other)):
        return None
    return tuple([j if i is None else i for i, j in zip(place, other)])
