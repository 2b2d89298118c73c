"""Pattern: which entries of a matrix may be other than zero; the matrix with given values there."""

from typing import Any

import numpy as np

from micrograd.compiler.api.arguments import Array
from micrograd.compiler.program.ir import Index


class Pattern:
    """The row and column of each value in a matrix. Values of the same entry are added.

    >>> pattern = Pattern(np.array([0, 1, 1]), np.array([2, 0, 0]), (2, 3))
    >>> pattern.dense(np.array([5.0, 1.0, 2.0]))
    array([[0., 0., 5.],
           [3., 0., 0.]])
    >>> len(pattern)
    2
    """

    def __init__(self, rows: Index, columns: Index, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._flat, inverse = np.unique(rows * shape[1] + columns, return_inverse=True)
        once = len(self._flat) == len(inverse)
        self._order = np.argsort(inverse) if once else None  # else some entries have several values
        self._inverse = inverse
        rows = self._flat // shape[1]
        self._columns = self._flat - rows * shape[1]
        self._starts = np.searchsorted(rows, np.arange(shape[0] + 1))

    def __len__(self) -> int:
        return len(self._flat)

    def dense(self, values: Array) -> Array:
        matrix = np.zeros(self.shape)
        matrix.ravel()[self._flat] = self._summed(values)
        return matrix

    def sparse(self, values: Array, sparse: Any) -> Any:
        """The matrix as a `scipy.sparse.csr_array`; `sparse` is that module."""
        parts = self._summed(values), self._columns.copy(), self._starts.copy()
        return sparse.csr_array(parts, shape=self.shape)

    def times(self, values: Array, vector: Array) -> Array:
        """The product of the matrix and a vector."""
        terms = self._summed(values) * vector[self._columns]
        return np.bincount(self._flat // self.shape[1], terms, self.shape[0])

    def _summed(self, values: Array) -> Array:
        if self._order is not None:
            return values[self._order]
        return np.bincount(self._inverse, values, len(self))


class Filled:
    """A pattern with values: the matrix at one point."""

    def __init__(self, pattern: Pattern, values: Array) -> None:
        self.pattern, self.values = pattern, values

    def dense(self) -> Array:
        return self.pattern.dense(self.values)

    def times(self, vector: Array) -> Array:
        return self.pattern.times(self.values, vector)

    def sparse(self, sparse: Any) -> Any:
        return self.pattern.sparse(self.values, sparse)
