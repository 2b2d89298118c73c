"""Straight-line code: small irregular programs are fully unrolled, one function per stretch."""

import math
from collections.abc import Iterator
from itertools import groupby
from typing import cast

import numpy as np

from micrograd.compiler.program.ir import Block
from micrograd.compiler.schedule.access import Access
from micrograd.compiler.schedule.plan import LoopNest, Member, Nest, Nests, Stretch

STRAIGHT_LINE_WORK = 6_000  # at most: more straight-line code takes long to compile
MANY_NESTS, NEST_WORK = 16, 48  # so many nests of so little work each: loops would take longer
STRETCH = 100  # work of one function: LLVM's compile time is more than linear in its length
TOGETHER = 8  # long sums at once: as many independent chains of multiply-adds


def choose_straight_line(nests: list[Nest]) -> None:
    """Marks the nests of a small irregular program as straight-line code.

    In such a program a look-up in a table costs as much as the load that follows; without loops
    there are no look-ups, and values stay in registers from one nest to the next. The same holds
    for many short nests, such as the steps of an elimination, and for what fits into one function.
    Sums over examples keep their loops, which are efficient if long.
    """
    sums = [nest for nest in nests if nest.over_examples]
    members = [nest for nest in nests if nest not in sums and not (nest.is_opaque or nest.is_tree)]
    by_tables = [nest for nest in members if nest.looks_up]
    work, count = _total_work(members), len(members)
    irregular = 2 * _total_work(by_tables) >= work
    short = count > MANY_NESTS and work <= NEST_WORK * count
    tiny = count > 1 and work <= STRETCH
    most = STRAIGHT_LINE_WORK if irregular else 2 * STRAIGHT_LINE_WORK
    if (irregular or short or tiny) and most >= work >= 8 * _total_work(sums):
        for nest in members:
            nest.straight_line = True


def _total_work(nests: list[Nest]) -> int:
    return sum(nest.work for nest in nests)


def in_order(nests: Nests) -> list[Stretch | Nest | LoopNest]:
    """The nests, with neighbours that are straight-line code as stretches."""
    result: list[Stretch | Nest | LoopNest] = []
    for straight_line, group in groupby(nests, key=lambda nest: nest.straight_line):
        some = [*group]
        result += stretches(cast(list[Nest], some)) if straight_line else some
    return result


def private(nests: Nests, outputs: set[Block]) -> set[tuple[Block, int]]:
    """The members that only one stretch reads. They stay in its registers: none is stored."""
    home: dict[tuple[Block, int], int] = {}
    shared: set[Block | tuple[Block, int]] = {*outputs}
    for k, part in enumerate(in_order(nests)):
        if not isinstance(part, list):
            shared.update(read.block for read in part.reads())
            continue
        members = [member for tile in part for member in tile]
        home.update((place, k) for member in members for place in _stored(*member))
        shared.update(x for member in members for x in _read(*member) if home.get(x, k) != k)
    return {x for x in home if x not in shared and x[0] not in shared}


def _stored(nest: Nest, member: tuple[int, ...]) -> list[tuple[Block, int]]:
    targets = [step.target for step in nest.steps if step.stored]
    return [(x.block, x.at(member)) for x in targets]


def _read(nest: Nest, member: tuple[int, ...]) -> Iterator[tuple[Block, int]]:
    for step in nest.steps:
        for terms, reads in [(1, step.operands), *step.products]:
            for x in reads:
                if isinstance(x, Access):
                    yield from ((x.block, x.at(member, t)) for t in range(terms))


def stretches(nests: list[Nest]) -> list[Stretch]:
    """The members of straight-line nests, in order, split into functions of about equal work."""
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
    """The members one by one; long sums that do not read each other form tiles."""
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
