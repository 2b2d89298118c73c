"""Lifetimes: rows that nothing reads any longer are used again, and less memory stays in the cache.

Time is counted in nests of loops. What is stored in a nest may not lie where the same nest still
reads, for its loops are not over yet.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple


class Lifetime(NamedTuple):
    """So many rows, from the nest that stores the first of them to the last one that reads one."""

    size: int
    first: int
    last: int


def packed(lifetimes: Iterable[Lifetime]) -> tuple[list[int], int]:
    """Where the rows of each begin, those that live at once apart; and how many there are in all.

    They come in the order of their first nests.

    >>> packed([Lifetime(4, 0, 1), Lifetime(2, 1, 3), Lifetime(3, 2, 3)])
    ([0, 4, 0], 6)
    """
    free = [(0, 1 << 60)]  # begin and end of gaps, in order
    ends: list[tuple[int, int, int]] = []  # when rows become free, and which
    begins: list[int] = []
    rows = 0
    for size, first, last in lifetimes:
        while ends and ends[0][0] < first:
            _, begin, end = heappop(ends)
            free = _joined(free, begin, end)
        k = next(k for k, (begin, end) in enumerate(free) if end - begin >= size)
        begin, end = free[k]
        free[k : k + 1] = [(begin + size, end)] if begin + size < end else []
        heappush(ends, (last, begin, begin + size))
        begins.append(begin)
        rows = max(rows, begin + size)
    return begins, rows


def _joined(gaps: list[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    """The gaps with one more, which joins those that it touches."""
    before = [gap for gap in gaps if gap[1] < begin]
    after = [gap for gap in gaps if gap[0] > end]
    touched = gaps[len(before) : len(gaps) - len(after)]
    begin = min([begin, *(gap[0] for gap in touched)])
    end = max([end, *(gap[1] for gap in touched)])
    return [*before, (begin, end), *after]
