"""Groups: the derivatives of all rows with one formula, by one call of native code."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd import graph
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.function import vectorize
from micrograd.compiler.program.ir import Block, Index
from micrograd.fitting.row_formulas import Reading, RowFormula
from micrograd.point import array_of
from micrograd.scalar import Scalar


class Group:
    """The rows of one formula: which numbers they read, and their derivatives.

    `places[row, leaf]` is the index of the unknown that the row reads at this leaf. `entries` holds
    the leaves, (leaf,) or (leaf, leaf), whose derivative is not zero everywhere.
    """

    def __init__(
        self, formula: RowFormula, unknowns: Block, starts: dict[Block, int], constants: Block,
        numbers: Sequence[float], order: int,
    ) -> None:  # fmt: skip
        self.rows = formula.rows
        leaves = formula.leaves
        active = [k for k, x in enumerate(leaves) if x.block is unknowns]
        fixed = {
            k: numbers[x.index[0]]
            for k, x in enumerate(leaves)
            if x.block is constants and len({*[numbers[i].hex() for i in np.unique(x.index)]}) == 1
        }
        data = [k for k in range(len(leaves)) if k not in fixed and k not in active]
        self.places = _columns([leaves[k] for k in active], starts, len(self.rows))
        self.data = _columns([leaves[k] for k in data], starts, len(self.rows))
        self.entries: list[tuple[int, ...]] = []

        def derivatives(*given: Any) -> Any:
            """The value, and the derivatives that are not zero everywhere."""
            columns = [x for array in given for x in array]
            read = dict(zip([*active, *data], columns)) | fixed
            value = formula([read[k] for k in range(len(leaves))])
            found = nonzero(value, columns[: len(active)], order)
            self.entries = [*found]
            return array_of([value, *found.values()], (1 + len(found),))

        self._derivatives = vectorize(derivatives, each="row")

    def __call__(self, numbers: Array) -> Array:
        """The value of each row, then its derivatives in the order of `entries`."""
        places = [x for x in (self.places, self.data) if x.shape[1]]
        given = [numbers[x] for x in places] or [
            np.zeros((len(self.rows), 1))
        ]  # if it reads nothing
        return self._derivatives(*given)


def nonzero(value: Any, unknowns: Sequence[Any], order: int) -> dict[tuple[int, ...], Any]:
    """The derivatives of this order that are not zero everywhere, by indices of unknowns."""
    found: dict[tuple[int, ...], Any] = {(): value}
    for remaining in reversed(range(order)):
        found = {
            (*by, k): z
            for by, y in found.items()
            if isinstance(y, Scalar)
            for k, z in enumerate(graph.gradients(y, [*unknowns], remaining > 0))
            if isinstance(z, Scalar) or z != 0.0
        }
    return found


def _columns(leaves: list[Reading], starts: dict[Block, int], rows: int) -> Index:
    """The indices that each row reads, a column for each leaf."""
    columns = [starts[x.block] + x.index for x in leaves]
    return np.array(columns, np.int64).reshape(len(columns), rows).T.copy()
