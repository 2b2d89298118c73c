"""Inputs: the encoding of columns: standardised numbers, one-hot categories, flags for gaps.

All encodings are fitted to the training rows and stored with the model.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from micrograd.files import fields
from micrograd.files.categories import known, one_form, same
from micrograd.files.column import Column, TableError
from micrograd.files.faults import finite_numbers
from micrograd.files.readings import ORDERS, WAYS
from micrograd.files.table import Table, enumerated
from micrograd.tables.identifiers import Ignored, check_identifier

MOST_CATEGORIES = 50  # with an input each; rarer categories share one input


@dataclass(frozen=True)
class Quantity:
    """A column of numbers or dates, encoded as (x - mean) / scale; gaps get `fill`, the median.

    >>> x = Column("x", "number", np.array([1.0, 2.0, 3.0, np.nan]))
    >>> Quantity.learn(x).encode(x).round(2).tolist()
    [[-1.22, 0.0], [0.0, 0.0], [1.22, 0.0], [0.0, 1.0]]
    """

    kind: ClassVar[str] = "quantity"
    name: str
    fill: float
    mean: float
    scale: float
    flagged: bool  # whether a second input marks missing values
    way: str = "."  # how to read text: the decimal mark, or the order of dates

    def __post_init__(self) -> None:
        if not (np.isfinite([self.fill, self.mean]).all() and 0 < self.scale < np.inf):
            raise ValueError(f"column {self.name!r} needs a finite mean and a positive scale")
        if self.way not in WAYS:
            raise ValueError(f"column {self.name!r} should be read in one of the ways {WAYS}")

    @classmethod
    def learn(cls, column: Column) -> "Quantity":
        """Raises Ignored for a column without information, and TableError for infinite values."""
        numbers = finite_numbers(column)
        present = numbers[~np.isnan(numbers)]
        if not len(present):
            raise Ignored("it has no values")
        mean, scale = moments(present)
        if present.min() == present.max() or not scale:
            raise Ignored(_constant(float(present[0])))
        way = column.way or "."
        if column.kind == "date" and way not in ORDERS:
            way = ORDERS[0]
        fill, flagged = float(np.median(present)), len(present) < len(numbers)
        return cls(column.name, fill, mean, scale, flagged, way)

    @property
    def width(self) -> int:
        return 1 + self.flagged

    def encode(self, column: Column) -> np.ndarray:
        """The inputs, of shape (rows, width). Raises TableError for text or infinity."""
        missing = column.missing
        inputs = self.standardised(self.numbers(column))
        return np.column_stack([inputs, missing] if self.flagged else [inputs])

    def numbers(self, column: Column) -> np.ndarray:
        """The number in each row; missing values are filled in."""
        wanted, other = ("dates", "numbers") if self.way in ORDERS else ("numbers", "dates")
        if column.kind not in ("text", "empty") and (column.kind == "date") != (wanted == "dates"):
            raise TableError(
                f"column {self.name!r} should hold {wanted}, as in training, but holds {other}"
            )
        numbers = finite_numbers(column, self.way)
        return np.where(np.isnan(numbers), self.fill, numbers)

    def way_of(self, column: Column) -> str:
        """How to read another column of text: as its file says, but dates as in training."""
        return self.way if self.way in ORDERS else column.way or self.way

    def standardised(self, x: Any) -> Any:
        """A number, or an array of numbers, standardised."""
        with np.errstate(over="ignore"):
            return (x - self.mean) / self.scale

    def unseen(self, column: Column) -> list[str]:
        """Always empty: any number is valid."""
        return []

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Category:
    """A column of categories: one input each, one for all rare ones; gaps get `fill`.

    >>> colour = Column("colour", "text", np.array(["red", "blue", "red", None], dtype=object))
    >>> Category.learn(colour).encode(colour).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]]
    """

    kind: ClassVar[str] = "category"
    name: str
    categories: tuple[str, ...]  # most frequent first
    rare: tuple[str, ...]
    fill: str
    flagged: bool

    def __post_init__(self) -> None:
        known = (*self.categories, *self.rare)
        if self.fill not in self.categories or len({*known}) < len(known):
            raise ValueError(f"column {self.name!r} has repeated or no categories")

    @classmethod
    def learn(cls, column: Column) -> "Category":
        """Raises Ignored for a column without information."""
        texts = column.texts()
        names = one_form(texts)
        counts = Counter(names[text] for text in texts if text is not None)
        if not counts:
            raise Ignored("it has no values")
        if len(counts) == 1:
            raise Ignored("it is constant")
        ranked = sorted(counts, key=lambda text: (-counts[text], text))
        common, rare = ranked[:MOST_CATEGORIES], ranked[MOST_CATEGORIES:]
        flagged = counts.total() < len(column.values)
        return cls(column.name, tuple(common), tuple(rare), ranked[0], flagged)

    @property
    def width(self) -> int:
        return len(self.categories) + bool(self.rare) + self.flagged

    def encode(self, column: Column) -> np.ndarray:
        """The inputs, of shape (rows, width). Categories not seen in training count as missing."""
        rows, texts = len(column.values), column.texts()
        places = self._places(texts)
        found = np.fromiter((places[text] for text in texts), int, rows)
        inputs = np.zeros((rows, self.width))
        fill = self.categories.index(self.fill)
        inputs[np.arange(rows), np.where(found < 0, fill, found)] = 1.0
        if self.flagged:
            inputs[found < 0, -1] = 1.0
        return inputs

    def _places(self, texts: np.ndarray) -> dict[str | None, int]:
        """The place of each distinct text among the inputs; -1 where missing or not seen."""
        seen, rare = known((*self.categories, *self.rare)), len(self.categories)
        return {t: -1 if t is None else min(seen.get(same(t), -1), rare) for t in {*texts}}

    def seen(self, column: Column) -> tuple[int, int]:
        """The number of rows with a category seen in training, and with any category."""
        texts = column.texts()
        places = self._places(texts)
        return sum(places[text] >= 0 for text in texts), sum(text is not None for text in texts)

    def unseen(self, column: Column) -> list[str]:
        """The categories not seen in training."""
        places = self._places(column.texts())
        return sorted(text for text, place in places.items() if text is not None and place < 0)

    def __str__(self) -> str:
        return f"{self.name} ({len(self.categories) + len(self.rare)})"


Input = Quantity | Category
KINDS: dict[str, type[Quantity] | type[Category]] = {c.kind: c for c in (Quantity, Category)}


@dataclass(frozen=True)
class _Stored:
    """`Inputs` in JSON."""

    columns: list[Any]
    ignored: dict[str, str]


@dataclass(frozen=True)
class Inputs:
    """The inputs of a network: encoded columns, and the reasons why others are ignored."""

    columns: tuple[Input, ...]
    ignored: dict[str, str]

    @classmethod
    def learn(
        cls, table: Table, categorical: Collection[str] = (), keep: Collection[str] = (),
        ignore: Mapping[str, str] = {},
    ) -> "Inputs":  # fmt: skip
        """Chooses the encoding of each column by its kind and its values.

        Identifiers are left out unless they are in `keep`, and columns in `ignore`, which gives the
        reason, in any case. Raises TableError if no column is left.
        """
        columns, ignored = [], {}
        for column in table.columns.values():
            try:
                if column.name in ignore:
                    raise Ignored(ignore[column.name])
                columns.append(_learn(column, column.name in categorical, column.name in keep))
            except Ignored as reason:
                ignored[column.name] = str(reason)
        if not columns:
            why = "; ".join(f"{name!r}: {reason}" for name, reason in [*ignored.items()][:5])
            raise TableError(f"no column is left to learn from{': ' if why else ''}{why}")
        return cls(tuple(columns), ignored)

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns)

    def encode(self, table: Table) -> np.ndarray:
        """The inputs, of shape (rows, width). Raises TableError for an absent column."""
        self.check(table)
        inputs, end = np.empty((len(table), self.width)), 0
        for column in self.columns:
            first, end = end, end + column.width
            inputs[:, first:end] = column.encode(table[column.name])
        return inputs

    def check(self, table: Table) -> None:
        """Raises TableError for an absent column."""
        absent = [column.name for column in self.columns if column.name not in table.columns]
        if len(absent) > 1:
            raise TableError(f"the table lacks the columns {', '.join(map(repr, absent))}")
        for name in absent:
            table[name]

    def strangest(self, table: Table, row: int) -> tuple[Quantity, float] | None:
        """The numeric column that is farthest from its training mean in `row`, and its value."""
        found = [
            (c, float(c.numbers(table[c.name])[row]))
            for c in self.columns
            if isinstance(c, Quantity)
        ]
        return max(found, key=lambda pair: abs(pair[0].standardised(pair[1])), default=None)

    def missing(self, table: Table) -> dict[str, int]:
        """The number of missing values, by column, for columns with any."""
        counts = {c.name: int(table[c.name].missing.sum()) for c in self.columns}
        return {name: count for name, count in counts.items() if count}

    def unseen(self, table: Table) -> dict[str, list[str]]:
        """The categories not seen in training, by column."""
        found = {c.name: c.unseen(table[c.name]) for c in self.columns}
        return {name: categories for name, categories in found.items() if categories}

    def seen(self, table: Table) -> dict[str, np.ndarray]:
        """For each column of categories, the rows with one seen in training, and with any."""
        categories = [c for c in self.columns if isinstance(c, Category)]
        return {c.name: np.array(c.seen(table[c.name])) for c in categories}

    def check_seen(self, seen: Mapping[str, np.ndarray]) -> None:
        """Raises TableError for a column in which no category, of two rows or more, was seen."""
        for column in self.columns:
            known, rows = seen.get(column.name, (1, 1))
            if isinstance(column, Category) and not known and rows > 1:
                raise TableError(
                    f"column {column.name!r} has no category that training saw, in {rows} rows; "
                    f"training saw {enumerated(map(repr, column.categories), 5)}"
                )

    def as_json(self) -> dict[str, Any]:
        columns = [{"kind": column.kind, **asdict(column)} for column in self.columns]
        return {"columns": columns, "ignored": self.ignored}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Inputs":
        """The reverse of `as_json`. Raises ValueError, with the field, for anything else."""
        known = fields.read(_Stored, stored, "inputs")
        columns = [fields.read_kind(KINDS, c, f"columns[{i}]") for i, c in enumerate(known.columns)]
        return cls((*columns,), known.ignored)


def _learn(column: Column, categorical: bool, keep: bool) -> Input:
    if column.kind not in ("number", "whole", "date", "text", "empty"):
        raise Ignored(f"it holds {column.kind}")
    if column.missing.all():
        raise Ignored("it has no values")
    if column.kind in ("text", "whole") and not categorical and not keep:
        check_identifier(column)
    return (Category if categorical or column.kind == "text" else Quantity).learn(column)


def _constant(value: float) -> str:
    if abs(value) < 1 << 53:
        return "it is constant"
    return f"its values do not differ, or only in digits that a float of 64 bits lacks ({value:g})"


def moments(numbers: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, scaled so that no square overflows or underflows."""
    size = float(np.abs(numbers).max()) or 1.0
    return size * float((numbers / size).mean()), size * float((numbers / size).std())
