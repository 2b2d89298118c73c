"""FilePredictions: predictions for a file that may be larger than memory, piece by piece."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from micrograd.files.column import TableError
from micrograd.files.faults import Faults
from micrograd.files.survey import rows_of
from micrograd.files.table import Table
from micrograd.files.table_file import TableFile
from micrograd.files.written import Written
from micrograd.tables.inputs import Quantity
from micrograd.tables.table_model import TableModel, noted


class FilePredictions:
    """The predictions of `predict_table`, as CSV, piece by piece; `notes` is complete at the end.

    Raises the TableErrors of `predict_table` when it reaches the invalid piece.
    """

    def __init__(
        self, model: TableModel | str | Path, path: str | Path, probabilities: bool,
        *, decimal: str = "", encoding: str = "",
    ):  # fmt: skip
        self.model = model if isinstance(model, TableModel) else TableModel.load(model)
        written = Written(decimal, self.model.missing, encoding)
        self.file = TableFile(path, self.model.categories(), written=written)
        self.seen: dict[str, np.ndarray] = {}
        self.probabilities = probabilities
        self.missing: Counter[str] = Counter()
        self.unseen: dict[str, set[str]] = defaultdict(set)

    def __iter__(self) -> Iterator[bytes]:
        columns = [c for c in self.model.inputs.columns if isinstance(c, Quantity)]
        rows, faults = 0, {c: Faults(c.name) for c in columns}
        for piece in self.file.pieces(rows_of(len(self.file.names()))):
            if not len(piece):
                continue
            self._look(piece, rows, faults)
            predicted = self.model.predict_from(rows, piece)
            yield predicted.as_csv(self.probabilities, header=not rows).encode()
            rows += len(piece)
        if not rows:
            raise TableError(f"{self.file.path} has no rows below its header")
        self.model.inputs.check_seen(self.seen)

    def _look(self, piece: Table, start: int, faults: dict[Quantity, Faults]) -> None:
        inputs = self.model.inputs
        inputs.check(piece)
        for column, found in faults.items():
            found.look(piece[column.name], np.arange(start, start + len(piece)) + 1)
            found.check_numbers(column.way_of(piece[column.name]))
        self.missing.update(inputs.missing(piece))
        for name, counts in inputs.seen(piece).items():
            self.seen[name] = self.seen.get(name, 0) + counts
        for name, categories in inputs.unseen(piece).items():
            self.unseen[name].update(categories)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about missing values and unseen categories in the pieces so far."""
        unseen = {c.name: sorted(self.unseen[c.name]) for c in self.model.inputs.columns}
        missing = {c.name: self.missing[c.name] for c in self.model.inputs.columns}
        return (*noted(missing, unseen),)
