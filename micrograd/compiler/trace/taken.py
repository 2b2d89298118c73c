"""Taken: the indices of `take`, in compiled code. An index out of range is NaN there, and then an
IndexError, as in the engine.
"""

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.columns import Columns, Examples, Rows
from micrograd.compiler.trace.paths import Branch, Groups, Leaf, Paths, Place
from micrograd.compiler.trace.recurrence import LOOP
from micrograd.compiler.trace.symbol import MANY, Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.functions import check_indices, outside

LOSE_NAN = {ops.pow, LOOP, *ops.GUARDS}  # nan**0 is 1; the step of a loop may compare


def takes_of(graph: Trace) -> list[Symbol]:
    return [node for node in graph.nodes if node.op is ops.take]


def may_hide(graph: Trace) -> bool:
    """Whether a NaN of a `take` may be lost on all its ways to the results: in a comparison, in a
    branch that is not taken, or because no result depends on it."""
    shown = bytearray(graph.count + 1)  # the last stands for all floats
    array = np.frombuffer(shown, np.uint8)
    for x in graph.outputs:
        if isinstance(x, Symbol):
            shown[x.number] = True
    for node in reversed(graph.nodes):
        operands = _shown_by(node) if shown[node.number] else ()
        if len(operands) > MANY:  # all of them
            array[graph.numbers(node)] = True
            continue
        for x in operands:
            if isinstance(x, Symbol):
                shown[x.number] = True
    return not all(shown[node.number] for node in takes_of(graph))


def _shown_by(node: Symbol) -> tuple[object, ...]:
    """The operands whose NaN makes the node NaN."""
    op = node.op
    if op is ops.take:
        return node.operands[-1:]
    loses = op is None or not op.library or op.boolean or op.conditions or op in LOSE_NAN
    return () if loses else node.operands


def rows_outside(graph: Trace, indices: np.ndarray) -> Rows:
    """The examples of which an index is out of range. `indices` has a column for each `take`."""
    wrong = [
        outside(column, len(node.operands) - 1)
        for column, node in zip(indices.T, takes_of(graph), strict=True)
    ]
    return np.flatnonzero(np.any(wrong, axis=0))


def check(graph: Trace, indices: np.ndarray) -> None:
    """Raises IndexError if one is out of range."""
    for column, node in zip(indices.T, takes_of(graph), strict=True):
        check_indices(column, len(node.operands) - 1)


def check_on_paths(paths: Paths, examples: Examples, numbers: Rows, exact: bool) -> None:
    """The same for examples with these numbers; each on its own path, if that is known."""
    for leaf, rows in _known_groups(paths, Columns(paths.graph, examples, exact)):
        columns = Columns(paths.graph, examples.of(rows), exact)
        for node in leaf.takes:
            index = columns.of(node.operands[-1])
            check_indices(index, len(node.operands) - 1, numbers[rows])


def _known_groups(paths: Paths, columns: Columns) -> Groups:
    groups: Groups = []
    work: list[tuple[Place, Rows]] = [(paths.root, np.arange(columns.examples.n))]
    while work:
        place, rows = work.pop()
        if isinstance(place.content, Branch) and len(rows):
            holds = columns.of(place.content.condition)[rows].astype(bool)
            work += [(place.content.no, rows[~holds]), (place.content.yes, rows[holds])]
        elif isinstance(place.content, Leaf) and len(rows):
            groups.append((place.content, rows))
    return groups
