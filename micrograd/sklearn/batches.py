"""Batches: the passes of an estimator over its examples, which may be a sparse matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray


class Batches:
    """Batches of at most `size` examples, in the same memory each time.

    `arrays` hold all examples, and `rows` the indices of those in the batch. One batch of all
    examples has no `rows`. Of a sparse matrix, `arrays` hold one batch, as dense rows.
    """

    def __init__(self, inputs: Any, others: Sequence[Array], size: int, dtype: np.dtype):
        self.examples, self.size = inputs.shape[0], size
        self.count = -(-self.examples // size)
        self.order = np.arange(self.examples)
        self.sparse = None if isinstance(inputs, Array) else (inputs.tocsr(), *others)
        if self.sparse is None:
            self.arrays = [np.ascontiguousarray(a, dtype) for a in (inputs, *others)]
        else:
            self.arrays = [np.zeros((size, *a.shape[1:]), dtype) for a in self.sparse]
        indexed = self.sparse is None and self.count > 1
        self.rows = np.zeros(size, np.int64) if indexed else None

    def shuffle(self, random: np.random.RandomState) -> None:
        """Draws another order, as `sklearn.utils.shuffle` does. One batch needs none."""
        if self.count > 1:
            indices = np.arange(self.examples)
            random.shuffle(indices)
            self.order = self.order[indices]

    def load(self, batch: int) -> int:
        """Makes this batch, counted from 0, the current one; returns the number of its examples."""
        chosen = self.order[batch * self.size : (batch + 1) * self.size]
        n = len(chosen)
        if self.rows is not None:
            self.rows[:n] = chosen
        elif self.sparse is not None:
            inputs, *others = self.sparse
            self.arrays[0][:n] = inputs[chosen].toarray()
            for array, source in zip(self.arrays[1:], others):
                array[:n] = source[chosen]
        return n

    def weight(self, n: int, weights: Array | None) -> float:
        """The total weight of the current batch of n examples; without weights, n."""
        if weights is None:
            return float(n)
        if self.rows is not None:
            return float(weights[self.rows[:n]].sum())
        return float((self.arrays[2] if self.sparse is not None else weights)[:n].sum())
