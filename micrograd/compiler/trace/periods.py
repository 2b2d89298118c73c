"""Periods: the stretches of a graph in which the same operations repeat, and their period.

A candidate for a period is a frequent distance between nodes with equal hashes. It is verified on
all words at once. A run is a stretch of nodes, each of which has the operation and the kinds of
operands of the node one period earlier, and operands that advance by the same step.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from micrograd.compiler.trace.words import COMPUTED, OPERATION, Index, Words

Tokens = NDArray[np.uint64]

WINDOW = 1 << 16  # nodes: in a longer graph, candidates are looked for in four windows
GAPS, TRIED = 24, 12  # how many of the most frequent gaps are candidates, and are verified
SPOILT = 8  # at least one token in so many must repeat
PIECES = 16  # how many short runs of a period are kept: their distances are candidates, too


class Run(NamedTuple):
    """Nodes start ... stop - 1 repeat after `period` nodes."""

    start: int
    stop: int
    period: int

    @property
    def trips(self) -> int:
        return (self.stop - self.start) // self.period


def runs(words: Words, trips: int, nodes: int) -> list[Run]:
    """The runs of at least so many trips and nodes."""
    found: list[Run] = []
    tried: set[int] = set()
    tokens = _windows(words)
    candidates = _candidates(tokens)
    while candidates and len(tried) < TRIED:
        period = candidates.pop(0)
        if period in tried or period * trips > words.count or not _often(tokens, period, nodes):
            continue
        tried.add(period)
        some = [*_verified(words, period, (trips - 1) * period)]
        long = [run for run in some if run.trips >= trips and run.stop - run.start >= nodes]
        found += long
        candidates[:0] = _between(some)
        if len(some) < 3 and sum(run.stop - run.start for run in long) > 0.97 * words.count:
            candidates = [gap for gap in candidates if gap < period]
    return found


def _between(some: list[Run]) -> list[int]:
    """The frequent distances of short runs: an inner loop repeats with the period of the outer."""
    if len(some) < 4:
        return []
    apart = Counter(np.diff([run.start for run in some]).tolist())
    return [gap for gap, count in apart.most_common(2) if count > 2 and gap > some[0].period]


def _windows(words: Words) -> list[Tokens]:
    """The tokens of all nodes, or of some windows."""
    n = words.count
    if n <= 4 * WINDOW:
        return [_tokens(words, 0, n)]
    starts = 0, n // 3, 2 * n // 3, n - WINDOW
    return [_tokens(words, start, start + WINDOW) for start in starts]


def _candidates(windows: list[Tokens]) -> list[int]:
    """The most frequent gaps between nodes of equal tokens."""
    often = np.bincount(np.concatenate([*map(_gaps, windows)]))
    top = np.argsort(often)[::-1][:GAPS]
    return [int(gap) for gap in top if often[gap] > 2]


def _often(windows: list[Tokens], period: int, nodes: int) -> bool:
    """Whether the tokens of enough nodes repeat. A token with a distant operand need not repeat."""
    equal = [int((x[period:] == x[:-period]).sum()) for x in windows if len(x) > period]
    return sum(equal) > nodes // SPOILT


def _tokens(words: Words, start: int, stop: int) -> Tokens:
    """A hash for each node, of its operation, the kinds of its operands, and their distances."""
    head = words.head[start : stop + 1]
    part = slice(head[0], head[-1])
    kind, lengths = words.kind[part], head[1:] - head[:-1]
    begins = np.repeat(head[:-1], lengths)
    slot = np.arange(head[0], head[-1]) - begins
    far = np.where(kind == COMPUTED, begins - words.value[part], 0)
    far = np.where(kind == OPERATION, words.value[part], far)
    x = far.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x ^= (kind.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    x ^= x >> np.uint64(29)
    x *= (2 * slot + 3).astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(32)
    return np.add.reduceat(x, head[:-1] - head[0])


def _gaps(tokens: Tokens) -> Index:
    """For each node that has an equal token before it, the distance to the nearest."""
    order = np.argsort(tokens, kind="stable")
    equal = tokens[order[1:]] == tokens[order[:-1]]
    return np.diff(order)[equal]


def _verified(words: Words, period: int, long: int) -> Iterator[Run]:
    """The runs of one period that are at least three bodies long; of those shorter than `long`,
    only the first few."""
    apart = (
        words.head[period:] - words.head[:-period]
    )  # the length of a period in words, from each node
    bounds = np.concatenate([[0], np.flatnonzero(apart[1:] != apart[:-1]) + 1, [len(apart)]])
    sizes = bounds[1:] - bounds[:-1] - 1  # the last node has another length
    short = np.cumsum((sizes >= 2 * period) & (sizes < long))
    chosen = (sizes >= long) | ((sizes >= 2 * period) & (short <= PIECES))
    for k in np.flatnonzero(chosen).tolist():
        first = int(bounds[k])
        alike = _alike(words, first, first + int(sizes[k]), int(apart[first]))
        for start, stop in _stretches(alike, 2 * period):
            yield Run(first + start, first + stop + period, period)


def _alike(words: Words, start: int, stop: int, apart: int) -> NDArray[np.bool_]:
    """Whether each node is like the one `apart` words later, and its operands advance by the same
    step as before."""
    here = slice(words.head[start], words.head[stop])
    there = slice(words.head[start] + apart, words.head[stop] + apart)
    kind = words.kind[here]
    change = words.value[there] - words.value[here]
    change[(kind != COMPUTED) & (kind != OPERATION)] = 0  # leaves may differ in any way
    same = kind == words.kind[there]
    same &= (kind != OPERATION) | (change == 0)
    same[apart:] &= change[apart:] == change[:-apart]
    return np.logical_and.reduceat(same, words.head[start:stop] - words.head[start])


def _stretches(true: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """The starts and stops of the stretches of at least `least` neighbours that are true."""
    padded = np.zeros(len(true) + 2, bool)
    padded[1:-1] = true
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts >= least
    return list(zip(starts[long].tolist(), stops[long].tolist()))
