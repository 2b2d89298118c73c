"""Straight: small irregular programs go without loops, in stretches of one function each."""

import math
from collections.abc import Iterator

import numpy as np

from micrograd.compiler.schedule.plan import Member, Nest, Stretch

STRAIGHT_WORK = 6_000  # of a program without loops, at most: then it is quick to compile
STRETCH = 100  # of its work in one function: longer ones take LLVM more than linear time
TOGETHER = 8  # long sums at once: so many independent chains of multiply-adds


def straighten(nests: list[Nest]) -> None:
    """Small irregular programs go without loops.

    There, to look up where a member reads takes as long as to read it; and values stay in registers
    from one nest to the next. Sums over the examples keep their loops, and want long ones.
    """
    sums = [nest for nest in nests if nest.over_examples]
    members = [nest for nest in nests if not nest.over_examples]
    by_tables = [nest for nest in members if nest.looks_up]
    work = _total_work(members)
    if work <= STRAIGHT_WORK and 2 * _total_work(by_tables) >= work >= 8 * _total_work(sums):
        for nest in members:
            nest.straight = True


def _total_work(nests: list[Nest]) -> int:
    return sum(nest.work for nest in nests)


def stretches(nests: list[Nest]) -> list[Stretch]:
    """The members of nests without loops in their order, so many together as make one function."""
    result: list[Stretch] = []
    room = 0
    for tile in _tiles(nests):
        work = sum(nest.work // math.prod(nest.axes) for nest, _ in tile)
        if work > room:
            result.append([])
            room = STRETCH
        result[-1].append(tile)
        room -= work
    return result


def _tiles(nests: list[Nest]) -> Iterator[list[Member]]:
    """The members one by one; those with long sums that do not read each other, a tile at once."""
    tile: list[Member] = []
    for nest in nests:
        stored = {step.target.block for other, _ in tile for step in other.steps if step.stored}
        apart = nest.opens_with_sum and not any(read.block in stored for read in nest.reads())
        if tile and not apart:
            yield tile
            tile = []
        for member in np.ndindex(nest.axes):
            tile.append((nest, member))
            if len(tile) == (TOGETHER if nest.opens_with_sum else 1):
                yield tile
                tile = []
    if tile:
        yield tile
