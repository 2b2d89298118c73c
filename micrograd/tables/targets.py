"""The target column as a network learns it: a class, or a quantity in units of its deviation."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from micrograd.files import fields
from micrograd.files.faults import finite_numbers
from micrograd.files.table import Column, TableError, enumerated
from micrograd.names import unknown
from micrograd.tables.inputs import moments
from micrograd.training.run.metrics import accuracy, r2

TASKS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # of whole numbers: with more different ones they are quantities


@dataclass(frozen=True)
class Figure:
    """How good predictions are, beside what needs no network: `baseline`, which `trivial` names."""

    name: str
    value: float
    baseline: float
    trivial: str

    def shown(self) -> tuple[str, str]:
        """Both as text, shares of examples in per cent."""
        form = "{:.1%}" if self.name == "accuracy" else "{:.4g}"
        return form.format(self.value), form.format(self.baseline)


@dataclass(frozen=True)
class Measure:
    """A quantity; the network gives it as (y - mean) / scale."""

    kind: ClassVar[str] = "regression"
    loss: ClassVar[str] = "mse"
    outputs: ClassVar[int] = 1
    name: str
    mean: float
    scale: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and 0 < self.scale < np.inf):
            raise ValueError(f"the target {self.name!r} has no finite mean and positive scale")

    def encode(self, column: Column) -> np.ndarray:
        return (column.values - self.mean) / self.scale

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The quantity of each row, in its own unit."""
        with np.errstate(over="ignore"):
            return outputs[:, 0] * self.scale + self.mean

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Where the outputs say anything, as an array of bool."""
        return np.isfinite(self.decode(outputs))

    def figures(self, outputs: np.ndarray, column: Column) -> list[Figure]:
        """R² and the root mean square error of `outputs`; the baseline is the mean of training."""
        predicted, true = self.decode(outputs), column.values
        mean = np.full_like(true, self.mean)
        return [
            Figure("R²", r2(predicted[:, None], true), r2(mean[:, None], true), "the mean"),
            Figure("typical error", _typical(predicted - true), _typical(mean - true), "the mean"),
        ]


@dataclass(frozen=True)
class Classes:
    """One of several classes, by the names that they have in the table.

    `majority` is the most frequent one in the training part.
    """

    kind: ClassVar[str] = "classification"
    loss: ClassVar[str] = "cross_entropy"
    name: str
    classes: tuple[str, ...]
    majority: str

    def __post_init__(self) -> None:
        if self.majority not in self.classes or not 1 < len({*self.classes}) == len(self.classes):
            raise ValueError(f"the target {self.name!r} has classes that are twice there, or none")

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, column: Column) -> np.ndarray:
        places = {name: place for place, name in enumerate(self.classes)}
        texts = column.texts()
        unknown = {*texts} - {*places}
        if unknown:
            raise TableError(
                f"the target {self.name!r} has classes that are too rare to be in the sample that "
                f"training began with: {enumerated(map(repr, sorted(unknown)))}; leave these rows "
                "out, or give the rare classes one name"
            )
        return np.array([places[text] for text in texts])

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The name of each row's most probable class."""
        return np.array(self.classes, dtype=object)[outputs.argmax(axis=1)]

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Where the outputs say anything, as an array of bool."""
        return np.all(np.isfinite(outputs), axis=1)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each class, shape (rows, classes)."""
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def figures(self, outputs: np.ndarray, column: Column) -> list[Figure]:
        """The accuracy of `outputs`; the baseline is the majority class."""
        true = self.encode(column)
        majority = float(np.mean(column.texts() == self.majority))
        return [Figure("accuracy", accuracy(outputs, true), majority, "the majority class")]


def _typical(errors: np.ndarray) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(errors**2)))


Target = Measure | Classes
KINDS: dict[str, type[Measure] | type[Classes]] = {c.kind: c for c in (Measure, Classes)}


def task_of(column: Column, task: str = "auto") -> Column:
    """The target as floats (regression) or as text (classification), as `task` or the rule has it.

    What is missing stays missing. Raises TableError for a target that cannot be learned so.
    """
    if column.missing.all():
        raise TableError(f"the target {column.name!r} is missing in all {len(column.values)} rows")
    if task not in TASKS:
        raise ValueError(unknown("task", task, TASKS))
    if column.kind not in ("number", "whole", "date", "text"):
        raise TableError(f"the target {column.name!r} cannot be learned: it holds {column.kind}")
    if task == "auto":
        task = "classification" if _are_classes(column) else "regression"
    if task == "regression":
        return _quantities(column)
    return _classes(column)


def _are_classes(column: Column) -> bool:
    present = column.take(~column.missing)
    numbers = _numbers(present)
    if present.kind == "date" or numbers is None:
        return present.kind == "text"
    whole = np.all(np.isfinite(numbers) & (numbers == np.floor(numbers)))
    return bool(whole) and len(set(numbers)) <= MOST_CLASSES


def _numbers(column: Column) -> np.ndarray | None:
    """Text as numbers, None if it is no numbers."""
    try:
        return column.numbers() if column.kind == "text" else column.values
    except TableError:
        return None


def _classes(column: Column) -> Column:
    names = column.texts()
    counts = Counter(name for name in names if name is not None)
    if len(counts) < 2:
        (name,) = counts
        raise TableError(
            f"the target {column.name!r} has one class, {name!r}; two at least are needed"
        )
    if 2 * len(counts) > counts.total() > 10:
        raise TableError(
            f"the target {column.name!r} has {len(counts)} classes in {counts.total()} rows, too "
            "few of each to learn from"
        )
    return Column(column.name, "text", names)


def _quantities(column: Column) -> Column:
    numbers = finite_numbers(column)
    if np.nanmin(numbers) == np.nanmax(numbers):
        value = np.nanmin(numbers)
        raise TableError(
            f"the target {column.name!r} is always {value:g}; nothing is to be learned"
        )
    return Column(column.name, "number", numbers)


def as_learned(column: Column, target: Target) -> Column:
    """Another piece of the target's column, as floats or text, as `target` was learned of it."""
    if isinstance(target, Classes):
        return Column(column.name, "text", column.texts())
    return Column(column.name, "number", finite_numbers(column))


def learn_target(column: Column) -> Target:
    """What the training part tells of a target that `task_of` has made."""
    if column.kind == "text":
        counts = Counter(sorted(column.values, key=_in_order))
        return Classes(column.name, tuple(counts), counts.most_common(1)[0][0])
    mean, scale = moments(column.values)
    return Measure(column.name, mean, scale or 1.0)


def _in_order(name: str) -> tuple[float, str]:
    """Numbers by size, then words by letters."""
    try:
        return float(name), name
    except ValueError:
        return np.inf, name


def as_json(target: Target) -> dict[str, Any]:
    return {"kind": target.kind, **asdict(target)}


def from_json(stored: Any) -> Target:
    """Raises ValueError, which names the field, for what `as_json` does not answer."""
    return fields.read_kind(KINDS, stored, "target")
