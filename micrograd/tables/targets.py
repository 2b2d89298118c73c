"""Targets: the encoding of the target column, as class indices or as a standardised quantity."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from micrograd.files import fields
from micrograd.files.categories import known, one_form, same
from micrograd.files.column import Column, TableError
from micrograd.files.faults import faults_of, finite_numbers, in_numbers
from micrograd.files.table import enumerated
from micrograd.names import unknown
from micrograd.tables.inputs import moments

TASKS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # integers with more distinct values are a quantity, not classes


@dataclass(frozen=True)
class Measure:
    """A quantity, standardised for the network as (y - mean) / scale."""

    kind: ClassVar[str] = "regression"
    loss: ClassVar[str] = "mse"
    losses: ClassVar[tuple[str, ...]] = "mse", "mae", "huber"
    outputs: ClassVar[int] = 1
    name: str
    mean: float
    scale: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and 0 < self.scale < np.inf):
            raise ValueError(f"the target {self.name!r} needs a finite mean and a positive scale")

    def encode(self, column: Column) -> np.ndarray:
        return (column.values - self.mean) / self.scale

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The quantity of each row, in its original unit."""
        with np.errstate(over="ignore"):
            return outputs[:, 0] * self.scale + self.mean

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Where the prediction is finite, as an array of bool."""
        return np.isfinite(self.decode(outputs))


@dataclass(frozen=True)
class Classes:
    """One of several classes, named as in the table.

    `majority` is the most frequent class in the training rows.
    """

    kind: ClassVar[str] = "classification"
    loss: ClassVar[str] = "cross_entropy"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)
    name: str
    classes: tuple[str, ...]
    majority: str

    def __post_init__(self) -> None:
        if self.majority not in self.classes or not 1 < len({*self.classes}) == len(self.classes):
            raise ValueError(f"the target {self.name!r} has repeated classes, or fewer than two")

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, column: Column) -> np.ndarray:
        places, texts = known(self.classes), column.texts()
        unknown = {text for text in {*texts} if same(text) not in places}
        if unknown:
            raise TableError(
                f"the target {self.name!r} has classes that are too rare to be in the sample of "
                f"the file: {enumerated(map(repr, sorted(unknown)))}; leave these rows out, or "
                "merge the rare classes into one"
            )
        indices = {text: places[same(text)] for text in {*texts}}
        return np.array([indices[text] for text in texts])

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The name of each row's most probable class."""
        return np.array(self.classes, dtype=object)[outputs.argmax(axis=1)]

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Where the outputs are finite, as an array of bool."""
        return np.all(np.isfinite(outputs), axis=1)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each class, of shape (rows, classes)."""
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


Target = Measure | Classes
KINDS: dict[str, type[Measure] | type[Classes]] = {c.kind: c for c in (Measure, Classes)}


def task_of(column: Column, task: str = "auto") -> Column:
    """The target as floats (regression) or text (classification), by `task` or its values.

    Missing values stay missing. Raises TableError for a target that does not suit the task.
    """
    if column.missing.all():
        raise TableError(f"the target {column.name!r} is missing in all {len(column.values)} rows")
    if task not in TASKS:
        raise ValueError(unknown("task", task, TASKS))
    if column.kind not in ("number", "whole", "date", "text"):
        raise TableError(f"the target {column.name!r} holds {column.kind}, not numbers or text")
    if task == "classification" and column.kind != "date":
        return _classes(column)
    numbers = _read(column) if column.kind == "text" else column
    if numbers.kind == "date":
        raise TableError(
            f"the target {column.name!r} holds dates, and a date is no quantity; predict a number "
            "instead, such as the days since a certain day"
        )
    if task == "regression" or not _are_classes(numbers):
        return _quantities(numbers)
    return _classes(column)


def _read(column: Column) -> Column:
    """Converts text that denotes numbers or dates. Raises TableError for words among them."""
    faults = faults_of(column)
    instead = "; --task classification takes all as classes"
    reading = faults.meaning(instead)
    return in_numbers(column, reading) if reading else column


def _are_classes(column: Column) -> bool:
    if column.kind == "text":
        return True
    numbers = column.values[~column.missing]
    whole = np.all(np.isfinite(numbers) & (numbers == np.floor(numbers)))
    different = len(set(numbers))
    return bool(whole) and different <= MOST_CLASSES and not _too_many(different, len(numbers))


def _too_many(classes: int, rows: int) -> bool:
    """Whether there are too few rows for so many classes."""
    return 2 * classes > rows > 10


def _classes(column: Column) -> Column:
    texts = column.texts()
    form: dict[str | None, str | None] = {None: None, **one_form(texts)}
    names = np.array([form[text] for text in texts], dtype=object)
    counts = Counter(name for name in names if name is not None)
    if len(counts) < 2:
        (name,) = counts
        raise TableError(
            f"the target {column.name!r} has one class, {name!r}; at least two are needed"
        )
    if _too_many(len(counts), counts.total()):
        raise TableError(
            f"the target {column.name!r} has {len(counts)} classes in {counts.total()} rows, which "
            "is too few rows per class; choose another target, or merge classes"
        )
    return Column(column.name, "text", names, gaps=column.gaps)


def _quantities(column: Column) -> Column:
    numbers = finite_numbers(column)
    if np.nanmin(numbers) == np.nanmax(numbers):
        value = np.nanmin(numbers)
        raise TableError(
            f"the target {column.name!r} is always {value:g}; choose a target that varies"
        )
    return Column(column.name, "number", numbers, column.way, column.gaps)


def as_learned(column: Column, target: Target) -> Column:
    """Another piece of the target column, as floats or text, whichever `target` encodes."""
    if isinstance(target, Classes):
        return Column(column.name, "text", column.texts())
    return Column(column.name, "number", finite_numbers(column))


def learn_target(column: Column) -> Target:
    """Fits the encoding of a target, converted by `task_of`, to the training rows."""
    if column.kind == "text":
        counts = Counter(sorted(column.values, key=_in_order))
        return Classes(column.name, tuple(counts), counts.most_common(1)[0][0])
    mean, scale = moments(column.values)
    return Measure(column.name, mean, scale or 1.0)


def _in_order(name: str) -> tuple[float, str]:
    """A sort key: numbers by size, then text in alphabetical order."""
    try:
        return float(name), name
    except ValueError:
        return np.inf, name


def as_json(target: Target) -> dict[str, Any]:
    return {"kind": target.kind, **asdict(target)}


def from_json(stored: Any) -> Target:
    """The reverse of `as_json`. Raises ValueError, with the field, for anything else."""
    return fields.read_kind(KINDS, stored, "target")
