"""Terms: what a sum adds up, in columns of node numbers.

A node is known by its number in the trace, and a float by a negative number. So a property of many
nodes, such as the value numbers of a neuron's weights, is found by one index into an array.
"""

from array import array
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from micrograd.compiler.program.indices import Index
from micrograd.compiler.program.monoid import SUM, Monoid

Numbers = MutableSequence[int]  # of nodes: a list, or an array where there are many
ValueNumbers = tuple[int, ...]  # of the factors of a term
Run = tuple[ValueNumbers, int]  # neighbouring terms of the same value numbers: how many they are

CONSTANT, PARAMETER = 0, 1  # the value numbers of leaves; those of the inputs follow

# The columns that hold the factors of a term, by the count of its factors: a subtracted product has
# the constant -1 as its first factor.
COLUMNS = {1: ("single",), 2: ("left", "right"), 3: ("subtracted_left", "subtracted_right")}


def _none() -> Numbers:
    return []


def _no_runs() -> list[Run]:
    return []


@dataclass(slots=True)
class Terms:
    """The terms of a sum: products left[k] * right[k], subtracted products, single terms."""

    left: Numbers = field(default_factory=_none)
    right: Numbers = field(default_factory=_none)
    subtracted_left: Numbers = field(default_factory=_none)
    subtracted_right: Numbers = field(default_factory=_none)
    single: Numbers = field(default_factory=_none)
    combine: Monoid = SUM
    runs: list[Run] = field(default_factory=_no_runs)

    def __len__(self) -> int:
        return len(self.left) + len(self.subtracted_left) + len(self.single)

    def copy(self) -> "Terms":
        result = Terms(combine=self.combine)
        result.join(self)
        return result

    def join(self, other: "Terms") -> None:
        self.left.extend(other.left)
        self.right.extend(other.right)
        self.subtracted_left.extend(other.subtracted_left)
        self.subtracted_right.extend(other.subtracted_right)
        self.single.extend(other.single)


def runs(terms: Sequence[ValueNumbers]) -> list[Run]:
    """Neighbours with the same value numbers, counted."""
    if not terms:
        return []
    if len(set(terms)) == 1:
        return [(terms[0], len(terms))]
    return [(value_numbers, len(list(run))) for value_numbers, run in groupby(terms)]


def zeros(n: int) -> tuple[Numbers, Index]:
    """So many zeros, to be read and written one by one, and the same memory as an array."""
    numbers = array("q", bytes(8 * n))
    return numbers, np.frombuffer(numbers, np.int64)


def of_nodes(numbers: Index, entries: Index, of_floats: int) -> Index:
    """The entry of each node in an array; a float has none there."""
    result = np.full(len(numbers), of_floats)
    nodes = numbers >= 0
    result[nodes] = entries[numbers[nodes]]
    return result
