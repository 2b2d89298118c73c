"""Called: traces a Python function by one call on symbols; its results are the outputs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from micrograd.arrays.array import wrapped
from micrograd.compiler.trace import loop_gradients
from micrograd.compiler.trace.errors import TraceError, not_rolled
from micrograd.compiler.trace.questions import Questions
from micrograd.compiler.trace.recurrence import Loops
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.compiler.trace.words import words_of
from micrograd.compiler.trace.written_loops import roll_written_loops
from micrograd.structure import Structure, flatten

Shape = tuple[int, ...] | None  # of an array; None: a number


def trace(
    function: Callable[..., Any],
    structure: Structure,
    shapes: list[Shape],
    numbers_only: bool = False,
    questions: Questions | None = None,
    nodes: list[Symbol] | None = None,
    loops: Loops = "",
) -> Trace:
    """Calls `function` once, on symbols arranged by `structure`, each leaf an array or a number.

    Raises TraceError if the function would turn an input into a constant, or returns anything but
    numbers and structures of them; with `numbers_only`, also if it puts a number into an array.
    Without `questions` it also raises if Python needs the truth of a condition, or an integer. The
    nodes are appended to `nodes`, if that is passed. `loops` says which loops may be one node each;
    NotRolled is raised if some `micrograd.scan` among them must be unrolled. A loop of Python is
    one only in a function that asks no question.
    """
    result = Trace(numbers_only, questions, loops)
    result.nodes = [] if nodes is None else nodes
    if loops:
        result.gradients = partial(loop_gradients.gradients, result)
    leaves: list[Any] = []
    for argument, shape in enumerate(shapes):
        size = 1 if shape is None else int(np.prod(shape))
        symbols = [Symbol(result, None, (), (argument, place)) for place in range(size)]
        result.inputs.append(symbols)
        if shape is None:
            leaves.append(symbols[0])
        else:
            array = np.empty(size, dtype=object)
            array[:] = symbols
            leaves.append(wrapped(array.reshape(shape)))
    args, kwargs = structure.build(iter(leaves))
    answer = result.run(function, *args, **kwargs)
    if result.has_failed:  # and the function has caught it
        raise not_rolled(result)
    returned, result.output_structure = flatten(answer)
    for leaf in returned:
        _add_output(result, leaf)
    words = words_of(result)
    result.order_parameters(words=words)
    if loops and (questions is None or not questions.asked):
        roll_written_loops(result, words)
    return result


def _add_output(result: Trace, leaf: Any) -> None:
    shape = leaf.shape if isinstance(leaf, np.ndarray | np.generic) else None
    scalars = [leaf] if shape is None else leaf.ravel().tolist()
    try:
        result.outputs += [result.symbol(x) for x in scalars]
    except TraceError:
        raise
    except TypeError as error:
        raise TraceError(
            f"a traced function returns numbers; this one returned {leaf!r:.60}"
        ) from error
    result.output_shapes.append(shape or None)  # an array without axes is a number
