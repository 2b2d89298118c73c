"""Loops, and the integer arithmetic of their indices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import ir

I1, I8, I32, I64 = map(ir.IntType, (1, 8, 32, 64))
ZERO = I64(0)

integer = cache(I64)  # constants, cached because most indices are known at compile time


class Loops:
    """Emits loops with the builder `b`."""

    def __init__(self, b: ir.IRBuilder):
        self.b = b

    @contextmanager
    def loop(
        self, stop: ir.Value, start: ir.Value | None = None, step: int = 1
    ) -> Iterator[ir.Value]:
        """for (i = start; i < stop; i += step)"""
        b, start = self.b, I64(0) if start is None else start
        if isinstance(stop, ir.Constant) and stop.constant == 1 and start == I64(0):
            yield I64(0)
            return
        before = b.block
        head, inside, after = (b.append_basic_block(x) for x in ("head", "body", "after"))
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(start, before)
        b.cbranch(b.icmp_signed("<", i, stop), inside, after)
        b.position_at_end(inside)
        yield i
        i.add_incoming(b.add(i, I64(step), flags=("nsw",)), b.block)
        b.branch(head)
        b.position_at_end(after)

    def axes(self, extents: tuple[int, ...], action: Callable[[list[ir.Value]], None]) -> None:
        """Nested loops, the last extent innermost."""

        def nested(indices: list[ir.Value]) -> None:
            if len(indices) == len(extents):
                action(indices)
            else:
                with self.loop(I64(extents[len(indices)])) as i:
                    nested([*indices, i])

        nested([])

    def tiled(
        self, extent: int, tile: int, action: Callable[[ir.Value, int], None], start: int = 0
    ) -> None:
        """action(start, count) for each tile of an axis; the last one may be smaller."""
        whole = start + (extent - start) // tile * tile
        if whole > start:
            single = whole == start + tile
            with once(start) if single else self.loop(I64(whole), I64(start), tile) as i:
                action(i, tile)
        if extent > whole:
            action(I64(whole), extent - whole)

    def accumulate(
        self,
        totals: list[ir.Value],
        count: ir.Value,
        step: Callable[[list[Any], ir.Value], list[Any]],
        start: ir.Value = ZERO,
        stride: int = 1,
    ) -> list[ir.Value]:
        """A loop with loop-carried registers: for (t = start; t < count; t += stride)"""
        if isinstance(count, ir.Constant) and isinstance(start, ir.Constant):
            if start.constant >= count.constant:
                return totals
            if start.constant + stride >= count.constant:
                return step(totals, start)
        b, before = self.b, self.b.block
        head, inside, after = (b.append_basic_block(x) for x in ("sum", "term", "summed"))
        b.branch(head)
        b.position_at_end(head)
        t = b.phi(I64)
        t.add_incoming(start, before)
        carried = [b.phi(total.type) for total in totals]
        for phi, total in zip(carried, totals):
            phi.add_incoming(total, before)
        b.cbranch(b.icmp_signed("<", t, count), inside, after)
        b.position_at_end(inside)
        for phi, total in zip(carried, step(carried, t)):
            phi.add_incoming(total, b.block)
        t.add_incoming(b.add(t, I64(stride), flags=("nsw",)), b.block)
        b.branch(head)
        b.position_at_end(after)
        return carried


def plus(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """x + y of integers, with constants folded."""
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return integer(x.constant + y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 0 else b.add(x, y)


def times(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """x * y of integers, with constants folded."""
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return integer(x.constant * y.constant)
    if isinstance(x, ir.Constant):
        x, y = y, x
    return x if isinstance(y, ir.Constant) and y.constant == 1 else b.mul(x, y)


@contextmanager
def once(place: int = 0) -> Iterator[ir.Value]:
    """A loop of one iteration, unrolled."""
    yield I64(place)
