"""Apart: the examples that take paths unknown to the machine code are sorted by path, and each path
is computed in NumPy, with the bits of the eager engine.

So a path that few examples take costs no compilation. Once such calls have taken as long as a
compilation would, the paths that were found meanwhile become machine code.
"""

from typing import Any

import numpy as np

from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.trace.columns import Columns, Examples, Rows
from micrograd.compiler.trace.paths import Groups, Leaf, Paths

Arrays = list[Any]


def cost(groups: int, examples: int) -> float:
    """About how many seconds it takes to compute so many paths of so many examples."""
    return 1e-4 * groups + 2e-6 * examples


def price(paths: Paths) -> float:
    """About how many seconds it takes to compile the paths."""
    return 0.05 + 2e-4 * paths.count


def answers(
    it: Specialization, groups: Groups, examples: Examples, answer: Answer, seed: float
) -> Arrays:
    """The value of each example, and if `answer` is "arguments", its gradient by the arguments. If
    it is "parameters": the sums of values and gradients over the examples, times `seed`."""
    assert it.paths is not None
    value = np.zeros((examples.n, sum(map(_size, it.trace.output_shapes))))
    by_argument = [np.zeros((examples.n, size)) for size in it.sizes]
    by_parameter = dict.fromkeys(it.parameters, 0.0)
    for leaf, rows in _by_results(groups):
        columns = Columns(it.paths.graph, examples.of(rows), exact=True)
        for k, x in enumerate(leaf.outputs):
            value[rows, k] = columns.of(x)
        slopes = {} if answer == "value" else it.paths.slopes(leaf)
        for source, slope in slopes.items():
            if isinstance(source, tuple) != (answer == "arguments"):
                continue
            if isinstance(source, tuple):
                argument, place = source
                by_argument[argument][rows, place] = columns.of(slope)
            else:
                by_parameter[source] += seed * columns.of(slope).sum().item()
    if answer == "arguments":
        return [value, *by_argument]
    if answer == "parameters":
        return [seed * value.sum().item(), np.array([*by_parameter.values()])]
    return [value]


def _by_results(groups: Groups) -> Groups:
    """Merges paths with the same results: `median` of seven numbers has only seven results."""
    found: dict[Any, tuple[Leaf, list[Rows]]] = {}
    for leaf, rows in groups:
        key = tuple([x.hex() if isinstance(x, float) else id(x) for x in leaf.outputs])
        found.setdefault(key, (leaf, []))[1].append(rows)
    return [(leaf, np.concatenate(rows)) for leaf, rows in found.values()]


def _size(shape: tuple[int, ...] | None) -> int:
    return int(np.prod(shape)) if shape else 1
