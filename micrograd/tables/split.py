"""hold_out: the split into training rows and held-out rows."""

import numpy as np

from micrograd.files.column import Column


def hold_out(
    target: Column, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The training rows, and the held-out rows: a random fraction `share` of all rows.

    If the target is text, the split is stratified: about this fraction of each class is held out,
    and each class keeps at least one training row.

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
