"""Notes: what the instructions add to gradients, and the sums that these become.

What an instruction adds to the gradients of the scalars that it gathered is noted as index arrays:
target, and the factors of a product. When all users of a block are done, its notes are sorted by
target; targets with equally many notes of each source are a run, and each run is a `Sum`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from micrograd.compiler.program.ir import Block, Gather, Index, Product, Program, Sum


@dataclass(slots=True)
class Note:
    """target[k] gains the product over `factors` of factor[k], for every k."""

    target: Index
    factors: list[Gather]


class Notes:
    """The notes of a program, by the block whose gradient they add to."""

    def __init__(self, program: Program):
        self.program = program
        self._of: dict[Block, list[Note]] = {}

    def __contains__(self, block: Block) -> bool:
        return block in self._of

    def add(self, target: Gather, factors: list[Gather]) -> None:
        """What `target` gathers gains the product over `factors`, element by element."""
        self._of.setdefault(target.block, []).append(Note(target.index, factors))

    def collect(self, block: Block, varying: bool) -> Gather:
        """The gradient of each member of `block`, of which all users are done."""
        notes = self._of.pop(block, [])
        if len(notes) == 1 and (alias := _alias(block, notes[0], varying)):
            return alias
        counts = np.array(
            [np.bincount(note.target, minlength=block.size) for note in notes], np.int64
        ).reshape(len(notes), block.size)
        orders = [_order(note.target) for note in notes]
        starts = np.cumsum(counts, axis=1) - counts
        out = self.program.new_block(block.size, varying)
        place = np.empty(block.size, np.int64)
        start = 0
        for members in _neighbours(_alike(counts)):
            place[members] = np.arange(start, start + len(members))
            products = [
                _product(note, order[first[members][:, None] + np.arange(int(count[members[0]]))])
                for note, order, first, count in zip(notes, orders, starts, counts)
                if count[members[0]]
            ]
            self._append_sum(out, start, len(members), products)
            start += len(members)
        return Gather(out, place)

    def _append_sum(self, out: Block, start: int, size: int, products: list[Product]) -> None:
        """A run of a gradient: of something uniform, what varies is summed over the examples."""
        append = self.program.instructions.append
        varying = [p for p in products if any(factor.block.varying for factor in p)]
        if out.varying or not varying:
            append(Sum(out, start, products, members=size))
        elif len(varying) == len(products):
            append(Sum(out, start, varying, over_examples=True))
        else:
            total = self.program.new_block(size, False)
            append(Sum(total, 0, varying, over_examples=True))
            uniform = [p for p in products if p not in varying]
            append(Sum(out, start, [*uniform, (Gather(total, np.arange(size)[:, None]),)]))


def _order(target: Index) -> Index:
    """The places by target; most notes are in order already."""
    if (target[1:] >= target[:-1]).all():
        return np.arange(len(target))
    return np.argsort(target, kind="stable")


def _product(note: Note, rows: Index) -> Product:
    return tuple(Gather(factor.block, factor.index[rows]) for factor in note.factors)


def _alias(block: Block, note: Note, varying: bool) -> Gather | None:
    """The gradient itself, where it is one number for each member that exists already."""
    if len(note.factors) != 1 or len(note.target) != block.size:
        return None
    (source,) = note.factors
    once = (np.bincount(note.target, minlength=block.size) == 1).all()
    if not once or source.block.varying > varying:
        return None
    places = np.empty(block.size, np.int64)
    places[note.target] = source.index
    return Gather(source.block, places)


def _neighbours(groups: list[Index]) -> list[Index]:
    """The groups in the order of their members, cut into neighbours where that makes few pieces."""
    cuts = [np.flatnonzero(np.diff(members) != 1) + 1 for members in groups]
    if sum(map(len, cuts)) > 4 + len(groups):
        return groups
    pieces = [piece for members, cut in zip(groups, cuts) for piece in np.split(members, cut)]
    return sorted(pieces, key=lambda members: int(members[0]))


def _alike(counts: Index) -> list[Index]:
    """The members that take equally many terms from each note, together; who has the first member
    comes first."""
    n = counts.shape[1]
    ends = np.flatnonzero((counts[:, 1:] != counts[:, :-1]).any(axis=0)) + 1
    runs: dict[bytes, list[Index]] = {}
    for start, stop in pairwise([0, *ends.tolist(), n]):
        runs.setdefault(counts[:, start].tobytes(), []).append(np.arange(start, stop))
    return [np.concatenate(members) for members in runs.values()]
