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
        """Notes that the gradients of what `target` reads gain the product of `factors`."""
        self._of.setdefault(target.block, []).append(Note(target.index, factors))

    def collect(self, block: Block, varying: bool) -> Gather:
        """The gradient of each member of `block`, of which all users are done."""
        notes = self._of.pop(block, [])
        if len(notes) == 1 and (alias := _alias(block, notes[0], varying)):
            return alias
        terms = _Terms(notes, block.size)
        out = self.program.new_block(block.size, varying)
        place = np.empty(block.size, np.int64)
        start = 0
        for members in _neighbours(terms.alike()):
            place[members] = np.arange(start, start + len(members))
            self._append_sum(out, start, len(members), terms.products(members))
            start += len(members)
        return Gather(out, place)

    def _append_sum(self, out: Block, start: int, size: int, products: list[Product]) -> None:
        """Appends a run of a gradient; in that of a uniform block, varying products are summed over
        the examples."""
        append = self.program.instructions.append
        varying, uniform = [
            [p for p in products if any(factor.block.varying for factor in p) == varies]
            for varies in (True, False)
        ]
        if out.varying or not varying:
            append(Sum(out, start, products, members=size))
        elif not uniform:
            append(Sum(out, start, varying, over_examples=True))
        else:
            total = self.program.new_block(size, False)
            append(Sum(total, 0, varying, over_examples=True))
            append(Sum(out, start, [*uniform, (Gather(total, np.arange(size)[:, None]),)]))


class _Terms:
    """The terms of a gradient, sorted by member and, of each member, by note.

    A run is what one member takes from one note. Runs are listed, not counted for each pair of note
    and member: a block of T members that is read in T places has T notes.
    """

    def __init__(self, notes: list[Note], size: int):
        self.notes = notes
        lengths = [len(note.target) for note in notes]
        target = np.concatenate([np.empty(0, np.int64), *[note.target for note in notes]])
        note = np.repeat(np.arange(len(notes)), lengths)
        offset = np.cumsum(lengths, dtype=np.int64) - lengths  # of a note among all
        order = _order(target)
        target, note = target[order], note[order]
        self.rows = order - offset[note] if len(notes) else order  # of each term in its note
        begins = (np.diff(target, prepend=-1) != 0) | (np.diff(note, prepend=-1) != 0)
        self.start = np.flatnonzero(begins)  # of each run among the terms
        self.count = np.diff(self.start, append=len(target))
        self.note = note[self.start]
        self.runs = np.bincount(target[self.start], minlength=size)  # of each member
        self.first = np.cumsum(self.runs) - self.runs  # run of each member

    def alike(self) -> list[Index]:
        """Groups of members that take equally many terms from each note, ordered by their first
        members."""
        together: dict[bytes, list[Index]] = {}
        for start, stop in pairwise([0, *self._ends().tolist(), len(self.runs)]):
            runs = slice(self.first[start], self.first[start] + self.runs[start])
            key = self.note[runs].tobytes() + self.count[runs].tobytes()
            together.setdefault(key, []).append(np.arange(start, stop))
        return [np.concatenate(members) for members in together.values()]

    def _ends(self) -> Index:
        """The members that differ from the one before."""
        same = self.runs[1:] == self.runs[:-1]
        member = np.repeat(np.arange(len(self.runs)), self.runs)
        later = np.flatnonzero(same[member - 1] & (member > 0)) if len(same) else member[:0]
        before = later - self.runs[member[later]]
        differ = self.note[later] != self.note[before]
        differ |= self.count[later] != self.count[before]
        same[member[later[differ]] - 1] = False
        return np.flatnonzero(~same) + 1

    def products(self, members: Index) -> list[Product]:
        """The products of members that are alike, a product for each note."""
        return [self._product(self.first[members] + k) for k in range(int(self.runs[members[0]]))]

    def _product(self, runs: Index) -> Product:
        note = self.notes[int(self.note[runs[0]])]
        terms = self.start[runs][:, None] + np.arange(int(self.count[runs[0]]))
        rows = self.rows[terms]
        return tuple(Gather(factor.block, factor.index[rows]) for factor in note.factors)


def _order(target: Index) -> Index:
    """The places by target; most notes are in order already."""
    if (target[1:] >= target[:-1]).all():
        return np.arange(len(target))
    return np.argsort(target, kind="stable")


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
