"""Policy: what may be changed about a graph on its way to a program.

`Flatten` makes the fast program: it merges sums, reorders terms and writes small powers as
products. `AsWritten` keeps each operation and its order, so that the bits are those of the eager
engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from micrograd import ops
from micrograd.compiler.program.guards import ALL, VALUES, as_written, none_if_safe
from micrograd.compiler.program.ir import Index
from micrograd.compiler.program.terms import CONSTANT, Numbers, Run, Terms, runs
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Guards, Trace
from micrograd.ops import Op

TERM, WHOLE = 1, 2  # joins as one term of a sum, or as all its terms

Truths = NDArray[np.bool_]
Numbering = Callable[[Numbers], list[int]]  # the value number of each node


class Policy(Protocol):
    @property
    def shares(self) -> bool:
        """Whether equal operations on equal operands are computed once."""
        ...

    @property
    def sums(self) -> frozenset[Op]:
        """The operations that become sums of terms."""
        ...

    @property
    def maxima(self) -> frozenset[Op]:
        """The operations that, applied to nested maxima, become one maximum of all numbers."""
        ...

    def guards(self, trace: Trace, *outputs: list[Node]) -> Guards:
        """Which operands of guards are needed."""
        ...

    def operation(self, node: Symbol) -> tuple[Op, tuple[Node, ...]]:
        """The operation that stands for a node, and its operands."""
        ...

    def joins(self, uses: Index, every_copy_once: Truths) -> bytes:
        """How each node may join the sums that use it: WHOLE, as a TERM, or 0 for not at all."""
        ...

    def is_term(self, x: float) -> bool:
        """Whether a number counts in a sum."""
        ...

    def arrange(self, terms: Terms, numbering: Numbering) -> None:
        """Orders the terms, and finds their runs."""
        ...

    def in_memory_order(self, indices: list[Index]) -> list[Index]:
        """The factors of a run of terms, shape (members, terms), in the order they are added."""
        ...


@dataclass(frozen=True)
class Flatten:
    """The policy of fast programs. `guarded` keeps all guards, whether they look needed or not."""

    guarded: bool = False
    shares = True
    sums = frozenset({ops.sum, ops.dot, ops.add, ops.sub})
    maxima = frozenset({ops.stop_gradient})

    def guards(self, trace: Trace, *outputs: list[Node]) -> Guards:
        return ALL if self.guarded else none_if_safe(trace, *outputs)

    def operation(self, node: Symbol) -> tuple[Op, tuple[Node, ...]]:
        """Powers with small exponents as products."""
        op, operands = as_written(node)
        if op is ops.pow and isinstance(operands[1], float):
            if operands[1] == 1.0:
                return ops.identity, operands[:1]
            if operands[1] == 2.0:
                return ops.mul, (operands[0], operands[0])
            if operands[1] == -1.0:
                return ops.div, (1.0, operands[0])
        return op, operands

    def joins(self, uses: Index, every_copy_once: Truths) -> bytes:
        """A product that was written anew for each use stays a term of each sum: that costs no more
        than to read a shared number, and keeps the products of matrices whole."""
        return np.where(uses == 1, WHOLE, TERM * every_copy_once).astype(np.uint8).tobytes()

    def is_term(self, x: float) -> bool:
        return x != 0

    def arrange(self, terms: Terms, numbering: Numbering) -> None:
        """Brings terms of the same value numbers together. In products, the factor of the lower
        value number is at the left: parameters come before what they weigh."""
        products: list[Run] = []
        if terms.left:
            terms.left, terms.right, products = _in_order(terms.left, terms.right, numbering)
        if terms.subtracted_left:
            terms.subtracted_left, terms.subtracted_right, subtracted = _in_order(
                terms.subtracted_left, terms.subtracted_right, numbering
            )
            products += [((CONSTANT, *factors), n) for factors, n in subtracted]
        singles = numbering(terms.single)
        if len(set(singles)) > 1:
            order = sorted(range(len(singles)), key=singles.__getitem__)
            terms.single = [terms.single[k] for k in order]
            singles.sort()
        terms.runs = [*products, *runs([(x,) for x in singles])]

    def in_memory_order(self, indices: list[Index]) -> list[Index]:
        order = np.argsort(indices[0][0], kind="stable")
        if (order[1:] < order[:-1]).any():
            indices = [index[:, order] for index in indices]
        return indices


@dataclass(frozen=True)
class AsWritten:
    """The policy of exact programs: only explicit `sum` and `dot` nodes become one reduction."""

    shares = False
    sums = frozenset({ops.sum, ops.dot})
    maxima: frozenset[Op] = frozenset()

    def guards(self, trace: Trace, *outputs: list[Node]) -> Guards:
        return VALUES

    def operation(self, node: Symbol) -> tuple[Op, tuple[Node, ...]]:
        return as_written(node)

    def joins(self, uses: Index, every_copy_once: Truths) -> bytes:
        return bytes(len(uses))

    def is_term(self, x: float) -> bool:
        return True

    def arrange(self, terms: Terms, numbering: Numbering) -> None:
        """A single term, such as the bias of a `dot`, comes first, as in the engine."""
        singles = [(x,) for x in numbering(terms.single)]
        products = list(zip(numbering(terms.left), numbering(terms.right)))
        terms.runs = [*runs(singles), *runs(products)]

    def in_memory_order(self, indices: list[Index]) -> list[Index]:
        return indices


def _in_order(
    left: Numbers, right: Numbers, numbering: Numbering
) -> tuple[Numbers, Numbers, list[Run]]:
    """Both factors of some products, sorted by their value numbers, and their runs."""
    a, b = numbering(left), numbering(right)
    n = len(a)
    if a.count(a[0]) == n == b.count(b[0]):  # as in a neuron
        if a[0] > b[0]:
            return right, left, [((b[0], a[0]), n)]
        return left, right, [((a[0], b[0]), n)]
    pairs = list(zip(a, b))
    for k, (x, y) in enumerate(pairs):
        if x > y:
            pairs[k] = y, x
            left[k], right[k] = right[k], left[k]
    if len(set(pairs)) > 1:
        order = sorted(range(n), key=pairs.__getitem__)
        pairs = [pairs[k] for k in order]
        left, right = [left[k] for k in order], [right[k] for k in order]
    return left, right, runs(pairs)
