"""Access: the index a gather reads, as an affine function of the loop indices or as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from micrograd.compiler.program.ir import Block, Gather, Index

Buffer = TypeVar("Buffer")


@dataclass(eq=False)
class Access:
    """The index read: base + the sum of loop index times stride, or an entry of a table."""

    block: Block
    axes: tuple[int, ...]  # the extents of the nest's loops
    base: int
    strides: tuple[int, ...]  # one per axis
    term: int = 0  # the stride of the terms of a sum
    table: Index | None = None  # shape (members, terms)
    step: int = 0  # in a loop: from trip to trip

    def at(self, member: Sequence[int], t: int = 0) -> int:
        """The index that a member, given by its loop indices, reads at term t."""
        if self.table is None:
            steps = sum(i * stride for i, stride in zip(member, self.strides))
            return self.base + steps + t * self.term
        row = 0
        for i, n in zip(member, self.axes):
            row = row * n + i
        return int(self.table[row, t])

    def __repr__(self) -> str:
        if self.table is not None:
            return f"{self.block}[table{f' + {self.step}s' * bool(self.step)}]"
        letters = "ijklmnop"
        parts = [f"{s}{x}" if s != 1 else x for s, x in zip(self.strides, letters) if s]
        parts += [f"{self.term}t" if self.term != 1 else "t"] * bool(self.term)
        parts += [f"{self.step}s"] * bool(self.step)
        parts += [str(self.base)] * bool(self.base or not parts)
        return f"{self.block}[{' + '.join(parts)}]"


def access(gather: Gather, axes: tuple[int, ...]) -> Access:
    """The access of a gather: affine if strides reproduce its index exactly, else a table."""
    if gather.index.size == 1:
        base, none = gather.index.item(), (0,) * len(axes)
        return Access(gather.block, axes, base, none, step=gather.step)
    index = columns_of(gather)
    base = int(index[0, 0])
    places = index.reshape(*axes, index.shape[1])
    strides: list[int] = []
    expected: Index | int = base
    for k, n in enumerate((*axes, index.shape[1])):
        at = [0] * (len(axes) + 1)
        at[k] = min(n - 1, 1)
        stride = int(places[tuple(at)]) - base
        strides.append(stride)
        expected = expected + _along(stride * np.arange(n), k, len(axes) + 1)
    if (places == expected).all():
        along = (tuple(strides[:-1]), strides[-1])
        return Access(gather.block, axes, base, *along, step=gather.step)
    return Access(gather.block, axes, 0, (0,) * len(axes), 0, index, gather.step)


def copies(
    gathers: list[Gather], home: Callable[[Block], tuple[Buffer, int]]
) -> list[tuple[Buffer, Access, Access]]:
    """The copies that make up an output: each buffer, what to read there, and where to write.

    `home` returns the buffer of a block and its offset there. Gathers from one buffer become one
    copy, so that there are as many loops as buffers, however many gathers there are.
    """
    parts: dict[Buffer, list[tuple[Block, Index, Index]]] = {}
    start = 0
    for gather in gathers:
        memory, first = home(gather.block)
        places = np.arange(start, start + len(gather))
        parts.setdefault(memory, []).append((gather.block, first + gather.index, places))
        start += len(gather)
    found: list[tuple[Buffer, Access, Access]] = []
    for memory, some in parts.items():
        blocks, *columns = zip(*some)
        indices = map(np.concatenate, columns)
        source, target = (access(Gather(blocks[0], i), (len(i),)) for i in indices)
        found.append((memory, source, target))
    return found


def _along(places: Index, axis: int, axes: int) -> Index:
    return places.reshape([-1 if k == axis else 1 for k in range(axes)])


def columns_of(gather: Gather) -> Index:
    return gather.index if gather.index.ndim == 2 else gather.index[:, None]


def axes_of(n: int, columns: list[Index]) -> tuple[int, ...]:
    """Loop extents, outermost first, in which every column is affine, if there are such extents.

    The innermost extent is the length of the first run of equal steps; then the starts of the runs
    are factored in the same way.
    """
    axes: list[int] = []
    while n > 1:
        run = n
        for column in columns:
            steps = np.diff(column[:run])
            changes = np.flatnonzero(steps != steps[0]) if len(steps) else steps
            if len(changes):
                run = int(changes[0]) + 1
        if run == n or n % run:
            axes.append(n)
            break
        rows = [column.reshape(-1, run) for column in columns]
        if any((np.diff(r, axis=1) != np.diff(r[:1], axis=1)).any() for r in rows):
            axes.append(n)  # some columns need a table
            break
        axes.append(run)
        columns = [r[:, 0] for r in rows]
        n //= run
    return tuple(reversed(axes)) or (1,)
