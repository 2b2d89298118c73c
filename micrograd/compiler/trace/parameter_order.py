"""The order of the parameters of a trace: the weights of a layer are adjacent, however its sums
were written.
"""

import numpy as np

from micrograd import ops
from micrograd.compiler.trace.words import PARAMETER, Index, Words


def in_order(words: Words, numbers: Index, before: Index) -> Index:
    """The places of the parameters met: first those `before`, then weights, in the order in which
    they weigh, then all others as they were met. `numbers` has those of their symbols, and
    `before` places among them."""
    n = len(numbers)
    weights = _weights(words, numbers) if n else np.empty(0, np.int64)
    return _without_repeats(np.concatenate([before, weights, np.arange(n)]), n)


def _weights(words: Words, numbers: Index) -> Index:
    """The places of the parameters that are one factor of a product, not both."""
    starts, op = words.head[:-1], words.value[words.head[:-1]]
    products = np.where(op == id(ops.mul), 1, 0)
    dots = np.diff(words.head)[op == id(ops.dot)]  # each an operation, n weights, n inputs, a bias
    products[op == id(ops.dot)] = (dots - 1) // 2
    ends = np.cumsum(products)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - products, products)
    left = np.repeat(starts + 1, products) + within
    right = left + np.repeat(products, products)
    a, b = (_places(words, at, numbers) for at in (left, right))
    return np.maximum(a, b)[(a < 0) != (b < 0)]


def _places(words: Words, at: Index, numbers: Index) -> Index:
    """The places of operands among the parameters; -1 for anything else."""
    value = words.value[at]
    found = np.searchsorted(numbers, value).clip(max=len(numbers) - 1)
    return np.where(words.kind[at] == PARAMETER, found, -1)


def _without_repeats(places: Index, n: int) -> Index:
    """Each of the places 0 ... n - 1, all of which are there, where it comes first."""
    first = np.empty(n, np.int64)
    first[places[::-1]] = np.arange(len(places))[::-1]  # the last one written stays
    return np.argsort(first, kind="stable")
