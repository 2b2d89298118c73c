"""Liveness: dead rows are reused, so that the rows of a chunk take less of the cache.

Time is counted in nests. A nest may not store into a row that it still reads: its loops interleave
reads and writes.
"""

from bisect import bisect_left
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple


class Lifetime(NamedTuple):
    """`size` rows, live from the nest that first stores them to the last that reads them."""

    size: int
    first: int
    last: int


def allocated(lifetimes: Iterable[Lifetime]) -> tuple[list[int], int]:
    """The first row of each lifetime, and the total number of rows: a first-fit allocation.

    Lifetimes that overlap get disjoint rows. They must be sorted by `first`.

    >>> allocated([Lifetime(4, 0, 1), Lifetime(2, 1, 3), Lifetime(3, 2, 3)])
    ([0, 4, 0], 6)
    """
    free = [(0, 1 << 60)]  # begin and end of gaps, in order
    ends: list[tuple[int, int, int]] = []  # a heap: the last nest that reads, begin and end
    begins: list[int] = []
    rows = 0
    for size, first, last in lifetimes:
        while ends and ends[0][0] < first:
            _, begin, end = heappop(ends)
            _join(free, begin, end)
        k = next(k for k, (begin, end) in enumerate(free) if end - begin >= size)
        begin, end = free[k]
        free[k : k + 1] = [(begin + size, end)] if begin + size < end else []
        heappush(ends, (last, begin, begin + size))
        begins.append(begin)
        rows = max(rows, begin + size)
    return begins, rows


def _join(gaps: list[tuple[int, int]], begin: int, end: int) -> None:
    """Adds a gap, merged with those that it touches."""
    start = stop = bisect_left(gaps, (begin, end))
    if start and gaps[start - 1][1] == begin:
        start -= 1
        begin = gaps[start][0]
    if stop < len(gaps) and gaps[stop][0] == end:
        end = gaps[stop][1]
        stop += 1
    gaps[start:stop] = [(begin, end)]
