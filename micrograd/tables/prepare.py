"""prepare: everything before training on a table, fitted to its training rows only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.files.categories import alike
from micrograd.files.column import Column
from micrograd.files.dates import DAY
from micrograd.files.faults import understood
from micrograd.files.numerals import is_plain
from micrograd.files.readings import ORDERS, read
from micrograd.files.survey import Survey, rows_of
from micrograd.files.table import Table, enumerated
from micrograd.files.table_file import TableFile
from micrograd.files.written import INFERRED, Written
from micrograd.neuralnet import MLP
from micrograd.tables.identifiers import row_numbers
from micrograd.tables.inputs import Category, Inputs, Quantity
from micrograd.tables.members import Members
from micrograd.tables.split import Fold, hold_out
from micrograd.tables.targets import Classes, Target, as_learned, learn_target, task_of
from micrograd.training.data.pieces import InMemory, Pieces


@dataclass(frozen=True)
class Prepared:
    """A table ready for training: its `training` and `held_out` rows, inputs and target.

    `rows_held_out` are the row numbers, from 0, of the held-out rows. `read_as` has an example for
    each column of numbers that were written in another way than 1234.5. If there are too many rows
    to hold all in memory, `pieces` are the training rows, `training` perhaps a sample of them, and
    `choosing` the rows that choose the epoch.
    """

    training: Table
    held_out: Table
    rows_held_out: np.ndarray
    inputs: Inputs
    target: Target
    missing: dict[str, int]
    without_target: int
    read_as: tuple[str, ...] = ()
    pieces: Pieces | None = None
    choosing: Table | None = None
    network: MLP | None = None

    @property
    def rows(self) -> int:
        """The number of training rows."""
        return len(self.training if self.pieces is None else self.pieces)

    def part(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """The inputs and targets of some rows, as arguments of `fit`."""
        target = as_learned(table[self.target.name], self.target)
        return self.inputs.encode(table), self.target.encode(target)

    def sampled(self) -> Table:
        """The training rows, or as many of them as fit into a piece."""
        return self._some(self.training)

    def judges(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The inputs and targets of the rows that choose the epoch, or of as many as fit."""
        return None if self.choosing is None else self.part(self._some(self.choosing))

    def _some(self, table: Table) -> Table:
        count = min(len(table), rows_of(self.inputs.width))
        return table.take(np.linspace(0, len(table) - 1, count).astype(int))

    def in_pieces(self, pieces: Pieces) -> "Prepared":
        """With these training rows; half of the rows held out choose the epoch instead."""
        rows = np.arange(len(self.held_out))
        held_out, choosing = self.held_out.take(rows[::2]), self.held_out.take(rows[1::2])
        return replace(
            self, pieces=pieces, held_out=held_out, choosing=choosing if len(choosing) else None,
            rows_held_out=self.rows_held_out[::2],
        )  # fmt: skip

    def __str__(self) -> str:
        rows = self._described()
        for label, kind in (("numbers", Quantity), ("categories", Category)):
            rows[label] = enumerated(str(c) for c in self.inputs.columns if isinstance(c, kind))
        reasons = dict.fromkeys(self.inputs.ignored.values())
        rows["left out"] = "; ".join(
            f"{enumerated(n or repr(n) for n, why in self.inputs.ignored.items() if why == reason)}"
            f" ({reason})"
            for reason in reasons
        )
        if any("identifier" in why or "numbers the rows" in why for why in reasons):
            rows["left out"] += "; --keep brings a column back"
        rows["read as"] = enumerated(self.read_as)
        rows["look alike"] = enumerated(self._alike())
        rows["skipped"] = enumerated(map(repr, filter(None, self.training.above)), 3)
        if self.missing:
            where = enumerated(f"{name} {count:,}" for name, count in self.missing.items())
            total = sum(self.missing.values())
            rows["missing"] = f"{total:,} values, filled in and flagged: {where}"
        return "\n".join(f"{label:<11}{text}" for label, text in rows.items() if text)

    def _alike(self) -> Iterator[str]:
        """Classes, and categories, that differ only in case or blanks."""
        named = {c.name: c.categories for c in self.inputs.columns if isinstance(c, Category)}
        if isinstance(self.target, Classes):
            named[self.target.name] = self.target.classes
        for name, categories in named.items():
            for group in alike(categories):
                yield f"{name}: {' and '.join(map(repr, group))}"

    def _described(self) -> dict[str, str]:
        held_out = f", {len(self.held_out):,} of them held out" if len(self.held_out) else ""
        choosing = 0 if self.choosing is None else len(self.choosing)
        held_out += f", {choosing:,} to choose the epoch" * bool(choosing)
        dropped = f"; {self.without_target:,} without a target are dropped{self._gaps()}"
        rows = f"{self.rows + len(self.held_out) + choosing:,}{held_out}"
        known = len(self.training)
        pieces = f"; read in pieces, {known:,} of them sampled for types" * (known < self.rows)
        return {
            "task": f"{self.target.kind} of {self._target()}",
            "rows": rows + dropped * bool(self.without_target) + pieces,
            "network": self._network(),
        }

    def _network(self) -> str:
        network = self.network
        if network is None:
            return ""
        parameters = len(network.parameters())
        if not isinstance(network, Members):
            return f"{'-'.join(map(str, [network.nin, *network.sizes]))}, {parameters:,} parameters"
        one = "-".join(map(str, network.one))
        return f"the mean of {network.count} networks {one}, {parameters:,} parameters"

    def _gaps(self) -> str:
        """The words that were read as a missing target, and the way to keep them."""
        words = self.training[self.target.name].gaps
        if not words:
            return ""
        if not isinstance(self.target, Classes):
            return f" (read as missing: {', '.join(words)})"
        return f" (read as missing: {', '.join(words)}; --missing '' keeps them as classes)"

    def _target(self) -> str:
        if not isinstance(self.target, Classes):
            return self.target.name
        classes = self.target.classes
        return f"{self.target.name}, {len(classes)} classes: {enumerated(classes)}"


def prepare(
    table: Table,
    target: str,
    validation: float | Fold,
    seed: int,
    task: str,
    drop: Sequence[str],
    categorical: Sequence[str],
    keep: Sequence[str] = (),
    numbers: np.ndarray | None = None,
) -> Prepared:
    """Everything before training; encodings are fitted to the training rows only.

    `numbers` are the row numbers, if the table is a sample.
    """
    if not isinstance(validation, Fold) and not 0 <= validation < 1:
        raise ValueError(f"validation must be in [0, 1), got {validation}")
    column = task_of(table[target], task)
    features = understood(_without(table, (target, *drop), [*categorical, *keep]), categorical)
    counted = row_numbers(features, np.arange(len(table)) if numbers is None else numbers)
    ignore = {name: why for name, why in counted.items() if name not in (*categorical, *keep)}
    if len(ignore) == len(features.columns):
        ignore = {}  # there is nothing else to learn from
    labelled = ~column.missing
    column, features = column.take(labelled), features.take(labelled)
    training, held_out = hold_out(column, validation, np.random.default_rng(seed))
    inputs = Inputs.learn(features.take(training), categorical, keep, ignore)
    learned = learn_target(column.take(training))
    whole = Table({**features.columns, target: column}, table.above)
    return Prepared(
        whole.take(training),
        whole.take(held_out),
        np.flatnonzero(labelled)[held_out],
        inputs,
        learned,
        inputs.missing(features),
        int((~labelled).sum()),
        (*_read_as(table, whole),),
    )


def _read_as(table: Table, meant: Table) -> Iterator[str]:
    """An example for each column in which numbers were written in another way than 1234.5."""
    for name, column in meant.columns.items():
        if table[name].kind != "text" or column.kind == "text":
            continue
        unusual = {text for text in table[name].values if text and not is_plain(text)}
        example = max(sorted(unusual), key=len, default="")
        if found := read(example, column.way or "."):
            yield f"{name} {example!r} is {_shown(found.value, column.way)}"


def _shown(value: float, way: str) -> str:
    return str(np.datetime64(round(value * DAY), "us"))[:16] if way in ORDERS else f"{value:.15g}"


def prepare_pieces(path: Path, target: str, *how: Any, written: Written = INFERRED) -> Prepared:
    """The same for a large file: encodings are fitted to a sample, but all rows are trained on.

    Raises TableError for an invalid value in any row.
    """
    *_, seed, _task, _drop, categorical, _keep = how
    file = TableFile(path, (target, *categorical), written=written)
    survey = Survey.of(file, target, seed=seed)
    assert survey.sample is not None
    survey.file.ways = survey.ways
    prepared = prepare(survey.sample, target, *how, numbers=survey.sampled)
    _check_all_rows(survey, prepared, categorical)
    pieces = Pieces(
        survey.file, target, prepared.part, prepared.inputs.width, rows=survey.rows,
        labelled=survey.labelled, without=survey.sampled[prepared.rows_held_out],
    )  # fmt: skip
    return replace(prepared.in_pieces(pieces), without_target=survey.without_target)


def _check_all_rows(survey: Survey, prepared: Prepared, categorical: Sequence[str]) -> None:
    """Checks all rows as `prepare` checked the sample."""
    learned = [*prepared.inputs.ignored, *(column.name for column in prepared.inputs.columns)]
    for name in learned:
        survey.faults[name].check(survey.kinds[name], name in categorical)
    if not isinstance(prepared.target, Classes):
        survey.faults[survey.target].check_numbers(survey.ways.get(survey.target, ""))
        survey.faults[survey.target].check_no_gaps()
    else:
        prepared.target.encode(as_learned(survey.targets, prepared.target))


def in_parts(prepared: Prepared, seed: int) -> Pieces:
    """The training rows in random order, to be encoded one piece at a time."""
    count = len(prepared.training)
    table = prepared.training.take(np.random.default_rng(seed).permutation(count))
    return Pieces(
        InMemory(table), prepared.target.name, prepared.part, prepared.inputs.width, rows=count,
        labelled=[count], without=np.zeros(0, int),
    )  # fmt: skip


def _without(table: Table, drop: Sequence[str], categorical: Sequence[str]) -> Table:
    """The table without the columns in `drop`; all named columns must exist."""
    columns: dict[str, Column] = dict(table.columns)
    for name in (*categorical, *drop):
        table[name]
    return Table({name: column for name, column in columns.items() if name not in drop})
