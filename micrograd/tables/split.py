"""hold_out, parts_of: the split into training and held-out rows, and into parts of one size."""

from dataclasses import dataclass

import numpy as np

from micrograd.files.column import Column


@dataclass(frozen=True)
class Fold:
    """The part with this number, from 0, of `count` parts of the rows."""

    number: int
    count: int


def hold_out(
    target: Column, share: float | Fold, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The training rows, and the held-out rows: a random fraction `share` of all rows, or a fold.

    If the target is text, the split is stratified: about this fraction of each class is held out,
    and each class keeps at least one training row.

    >>> species = Column("species", "text", np.array(["cat"] * 8 + ["dog"] * 4, dtype=object))
    >>> train, held_out = hold_out(species, 0.25, np.random.default_rng(0))
    >>> sorted(species.values[held_out])
    ['cat', 'cat', 'dog']
    """
    if isinstance(share, Fold):
        known = target.values.astype(str) if target.kind == "text" else np.zeros(len(target.values))
        held_out = parts_of(np.unique(known, return_inverse=True)[1], share.count, random)
        return np.flatnonzero(held_out != share.number), np.flatnonzero(held_out == share.number)
    order = random.permutation(len(target.values))
    kept = order[:1]
    if target.kind == "text":
        _, classes = np.unique(target.values.astype(str), return_inverse=True)
        order = order[np.argsort(classes[order], kind="stable")]
        kept = order[np.unique(classes[order], return_index=True)[1]]
    rest = order[~np.isin(order, kept)]
    count = min(round(share * len(order)), len(rest))
    if share and len(rest):
        count = max(count, 1)
    places = ((np.arange(count) + 0.5) * (len(rest) / max(count, 1))).astype(int)
    held_out = np.zeros(len(order), dtype=bool)
    held_out[rest[places]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def parts_of(y: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The part, from 0, of each row: random parts of one size; integers are classes, kept even.

    >>> parts = parts_of(np.array([0] * 6 + [1] * 3), 3, np.random.default_rng(0))
    >>> sorted(zip([0] * 6 + [1] * 3, parts.tolist()))[::2]
    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]
    """
    order = random.permutation(len(y))
    if y.dtype.kind in "iu":
        order = order[np.argsort(y[order], kind="stable")]
    parts = np.empty(len(y), dtype=int)
    parts[order] = np.arange(len(y)) % count
    return parts
