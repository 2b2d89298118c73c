"""hold_out: which rows to train on, and which to judge by."""

import numpy as np

from micrograd.files.table import Column


def hold_out(
    target: Column, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on, and a share of all rows that is held out, drawn at random.

    Where the target is text, each class has about this share of its rows held out, and one row at
    least to train on.

    >>> species = Column("species", "text", np.array(["cat"] * 8 + ["dog"] * 4, dtype=object))
    >>> train, held_out = hold_out(species, 0.25, np.random.default_rng(0))
    >>> sorted(species.values[held_out])
    ['cat', 'cat', 'dog']
    """
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
