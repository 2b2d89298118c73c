"""Targets: the encoding of the target column, as class indices or as a standardised quantity."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from micrograd.files import fields
from micrograd.files.faults import faults_of, finite_numbers, in_numbers
from micrograd.files.table import Column, TableError, enumerated
from micrograd.names import unknown
from micrograd.tables.inputs import moments
from micrograd.training.run.metrics import accuracy, r2

TASKS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # integers with more distinct values are a quantity, not classes


@dataclass(frozen=True)
class Figure:
    """A metric of the predictions, beside that of the trivial predictor: `baseline`, `trivial`."""

    name: str
    value: float
    baseline: float
    trivial: str

    def shown(self) -> tuple[str, str]:
        """Both numbers as text; accuracies in per cent."""
        form = "{:.1%}" if self.name == "accuracy" else "{:.4g}"
        return form.format(self.value), form.format(self.baseline)


@dataclass(frozen=True)
class Measure:
    """A quantity, standardised for the network as (y - mean) / scale."""

    kind: ClassVar[str] = "regression"
    loss: ClassVar[str] = "mse"
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

    def figures(self, outputs: np.ndarray, column: Column) -> list[Figure]:
        """R² and the root mean square error of `outputs`; the baseline is the training mean."""
        predicted, true = self.decode(outputs), column.values
        mean = np.full_like(true, self.mean)
        return [
            Figure("R²", r2(predicted[:, None], true), r2(mean[:, None], true), "the mean"),
            Figure("typical error", _typical(predicted - true), _typical(mean - true), "the mean"),
        ]


@dataclass(frozen=True)
class Classes:
    """One of several classes, named as in the table.

    `majority` is the most frequent class in the training rows.
    """

    kind: ClassVar[str] = "classification"
    loss: ClassVar[str] = "cross_entropy"
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
        places = {name: place for place, name in enumerate(self.classes)}
        texts = column.texts()
        unknown = {*texts} - {*places}
        if unknown:
            raise TableError(
                f"the target {self.name!r} has classes that are too rare to be in the sample of "
                f"the file: {enumerated(map(repr, sorted(unknown)))}; leave these rows out, or "
                "merge the rare classes into one"
            )
        return np.array([places[text] for text in texts])

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

    def figures(self, outputs: np.ndarray, column: Column) -> list[Figure]:
        """The accuracy of `outputs`; the baseline is the majority class."""
        true = self.encode(column)
        majority = float(np.mean(column.texts() == self.majority))
        return [Figure("accuracy", accuracy(outputs, true), majority, "the majority class")]


def _typical(errors: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


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
        raise TableError(
            f"the target {column.name!r} holds {column.kind}; expected numbers, dates or text"
        )
    if task == "classification":
        return _classes(column)
    numbers = _read(column) if column.kind == "text" else column
    if task == "regression" or not _are_classes(numbers):
        return _quantities(numbers)
    return _classes(column)


def _read(column: Column) -> Column:
    """Text that denotes numbers as numbers. Raises TableError for words among them."""
    faults = faults_of(column)
    instead = "; --task classification takes all as classes"
    return in_numbers(column, faults.reading) if faults.are_numbers(instead) else column


def _are_classes(column: Column) -> bool:
    if column.kind in ("date", "text"):
        return column.kind == "text"
    numbers = column.values[~column.missing]
    whole = np.all(np.isfinite(numbers) & (numbers == np.floor(numbers)))
    return bool(whole) and len(set(numbers)) <= MOST_CLASSES


def _classes(column: Column) -> Column:
    names = column.texts()
    counts = Counter(name for name in names if name is not None)
    if len(counts) < 2:
        (name,) = counts
        raise TableError(
            f"the target {column.name!r} has one class, {name!r}; at least two are needed"
        )
    if 2 * len(counts) > counts.total() > 10:
        raise TableError(
            f"the target {column.name!r} has {len(counts)} classes in {counts.total()} rows, which "
            "is too few rows per class; choose another target, or merge classes"
        )
    return Column(column.name, "text", names)


def _quantities(column: Column) -> Column:
    numbers = finite_numbers(column)
    if np.nanmin(numbers) == np.nanmax(numbers):
        value = np.nanmin(numbers)
        raise TableError(
            f"the target {column.name!r} is always {value:g}; choose a target that varies"
        )
    return Column(column.name, "number", numbers, column.decimal)


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
