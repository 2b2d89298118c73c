"""Body: the operations and operands that all trips of a loop have in common.

An operand of the body is computed in the same trip, in an earlier trip, or outside the loop. The
words of a run form a matrix with a row for each trip. The last row is taken as the body; the first
trips may differ from it.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.trace.periods import Run
from micrograd.compiler.trace.recurrence import (
    Carried,
    Names,
    Operand,
    Read,
    Recurrence,
    Same,
    Slope,
    Source,
)
from micrograd.compiler.trace.words import COMPUTED, CONSTANT, OPERATION, Words
from micrograd.lazy import cached_property
from micrograd.ops import Op

Edge = tuple[int, int, int]  # a node, an operand, and how many trips earlier that is computed
Initial = dict[tuple[int, int], int | float | Slope]

BEFORE = 8  # bodies before a run that are searched for the first trips of the loop
CUTS, SHORT = 32, 12  # how many starts of the body are tried, each on so many trips


class Body:
    """The body of a run."""

    def __init__(self, words: Words, run: Run):
        self.words, self.run = words, run
        start, period, trips = run.start, run.period, run.trips
        last = start + (trips - 1) * period
        self.head = words.head[last : last + period + 1] - words.head[last]
        self.begin, self.width = int(words.head[start]), int(self.head[-1])
        whole = slice(self.begin, self.begin + trips * self.width)
        self.kind = words.kind[whole].reshape(trips, self.width)
        self.value = words.value[whole].reshape(trips, self.width)
        lengths = np.diff(self.head)
        self.reader = np.repeat(np.arange(period), lengths)  # the node of each word
        self.slot = np.arange(self.width) - np.repeat(self.head[:-1], lengths)
        before, last = self.relative[-2:]
        self.ago, place = -(last // self.width), last % self.width
        self.source = np.searchsorted(self.head, place)  # the node that a word reads
        computed = (self.kind[-2:] == COMPUTED).all(axis=0) & (before == last)
        known = self.head[self.source] == place
        self.inner = (
            computed & known & (self.ago < trips)
        )  # computed by the loop: in this trip or an earlier one

    @cached_property
    def relative(self) -> NDArray[np.int64]:
        """The values, relative to the first word of the trip."""
        return self.value - self._begins

    @property
    def _begins(self) -> NDArray[np.int64]:
        return self.begin + self.width * np.arange(self.run.trips)[:, None]

    @cached_property
    def operations(self) -> list[Op]:
        start = self.run.start + (self.run.trips - 1) * self.run.period
        nodes = self.words.nodes[start : start + self.run.period]
        return [node.op for node in nodes if node.op is not None]

    @cached_property
    def edges(self) -> list[Edge]:
        at = np.flatnonzero(self.inner)
        columns = self.reader[at], self.source[at], self.ago[at]
        return list(zip(*[column.tolist() for column in columns]))

    # Where the loop begins.

    @cached_property
    def first(self) -> int:
        """The first trip of the loop: it and all later trips equal the last one, except in operands
        that come from before the loop. Numbers computed outside are read at even steps."""
        operation = self.kind[-1] == OPERATION
        differs = self.kind != self.kind[-1]
        differs |= self.inner & (self.relative != self.relative[-1])
        differs |= operation & (self.value != self.value[-1])
        outside = (self.kind[-1] == COMPUTED) & ~self.inner
        steps = self.value[1:] - self.value[:-1]
        differs[:-1] |= outside & (steps != steps[-1])
        excused = np.where(
            self.inner, self.ago, 0
        )  # trips in which the operand comes from before the loop
        trip, word = np.nonzero(differs)
        bound = np.max(trip + 1 - excused[word], initial=0)
        other = (self.kind == COMPUTED) & (differs | ~self.inner)
        latest = np.max(self.value, where=other, initial=-1)
        return int(max(bound, (latest - self.begin) // self.width + 1))

    def best(self) -> "Body":
        """The body that starts where the fewest numbers are carried from trip to trip. Of several
        such starts, the one with the most trips, and then the latest."""
        run, options = self.run, self._cuts()
        runs = [_extended(self.words, run._replace(start=run.start + k)) for k in options]
        return Body(self.words, max(runs, key=self._rank))

    def _rank(self, run: Run) -> tuple[int, int]:
        start = run.start
        if run.trips > BEFORE + SHORT:
            start += Body(self.words, _shorter(run)).first * run.period
        else:
            start += Body(self.words, run).first * run.period
        return (run.stop - start) // run.period, start

    def _cuts(self) -> list[int]:
        """The starts of the body at which the fewest of its numbers are live."""
        period = self.run.period
        longest = [0] * period  # the distance from each node to its last reader
        for reader, node, ago in self.edges:
            longest[node] = max(longest[node], reader - node + ago * period)
        across = np.zeros(2 * period + 2, np.int64)
        for node, length in enumerate(longest):
            across[node + 1] += 1
            across[node + 1 + length % period] -= 1
        folded = np.cumsum(across)
        alive = folded[:period] + folded[period : 2 * period]
        return np.flatnonzero(alive == alive.min())[:CUTS].tolist()

    # The recurrence.

    def recurrence(self) -> Recurrence | None:
        """The loop; None if the trips disagree about what they carry."""
        for first in range(self.first, self.first + 3):
            trips = self.run.trips - first
            if trips < 2 or (self.ago[self.inner] >= trips).any():
                return None
            initial = self._initial(first)
            if initial is not None:
                return self._recurrence(first, trips, initial)
        return None

    def _recurrence(self, first: int, trips: int, initial: Initial) -> Recurrence:
        operands = [
            [self._operand(word, first) for word in range(begin + 1, end)]
            for begin, end in pairwise(self.head.tolist())
        ]
        return Recurrence(trips, self.operations, operands, initial, self._names(first, trips))

    def _operand(self, word: int, first: int) -> Operand:
        node, ago = int(self.source[word]), int(self.ago[word])
        if self.inner[word]:
            return Carried(node, ago) if ago else Same(node)
        return Read(self._read(word, first))

    def _read(self, word: int, first: int) -> Source:
        sources = self._sources(slice(first, None), word)
        raw = sources.view(np.int64)
        return sources if (raw != raw[0]).any() else sources[0].item()

    def _sources(self, trips: slice, word: int) -> NDArray[np.int64] | NDArray[np.float64]:
        """The sources of an operand in some trips, in all of which it has the same kind."""
        kind, values = self.kind[trips, word][0], self.value[trips, word]
        if kind != CONSTANT:
            return self.words.of_nodes(values) if kind == COMPUTED else values
        start, period = self.run.start + int(self.reader[word]), self.run.period
        nodes = self.words.nodes[start : start + period * self.run.trips : period][trips]
        slot = int(self.slot[word]) - 1
        return np.array([node.operands[slot] for node in nodes], np.float64)

    def _initial(self, first: int) -> Initial | None:
        """The initial state, by node and trips ago; None if two operands disagree about it."""
        found: Initial = {}
        for word in np.flatnonzero(self.inner & (self.ago > 0)).tolist():
            node, ago = int(self.source[word]), int(self.ago[word])
            for t in range(ago):
                source = self._sources(slice(first + t, first + t + 1), word)[0].item()
                if repr(found.setdefault((node, ago - t), source)) != repr(source):
                    return None
        return found

    def _names(self, first: int, trips: int) -> Names:
        start, period = self.run.start + first * self.run.period, self.run.period
        numbers = self.words.numbers[start : start + trips * period]
        return numbers, np.tile(np.arange(period), trips), np.repeat(np.arange(trips), period)


def _extended(words: Words, run: Run) -> Run:
    """The run, extended to the left by bodies of equal length."""
    start, head = run.start, words.head
    width = head[start + run.period] - head[start]
    for _ in range(BEFORE):
        if start < run.period or head[start] - head[start - run.period] != width:
            break
        start -= run.period
    return run._replace(start=start)


def _shorter(run: Run) -> Run:
    return run._replace(stop=run.start + (BEFORE + SHORT) * run.period)
