"""Scores: how well a table's target is predicted, beside what simple models achieve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd.files.column import Column
from micrograd.tables.targets import Classes, Measure, Target
from micrograd.training.run.metrics import accuracy, r2

MOST_CLASSES = 12  # in the table of predictions by class

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Figure:
    """A metric of the predictions, beside that of simple models: `others`, by their names."""

    name: str
    value: float
    others: Mapping[str, float]

    @property
    def baseline(self) -> float:
        """The metric of the simplest of the other models."""
        return [*self.others.values()][-1]

    def shown(self) -> list[str]:
        """All numbers as text: accuracies in per cent, errors with four digits, or as a whole."""
        return [self._text(x) for x in (self.value, *self.others.values())]

    def _text(self, x: float) -> str:
        if np.isnan(x):
            return "-"
        if self.name.endswith("accuracy"):
            return f"{x:.1%}"
        if self.name.endswith("error"):
            return f"{x:,.0f}" if 1e4 <= x < 1e15 else f"{x:.4g}"
        return f"{x:.4f}"


@dataclass(frozen=True)
class Scores:
    """The figures of a model on some `rows`; `confusion` counts rows by true and predicted class.

    It is None for regression.
    """

    rows: str
    figures: tuple[Figure, ...]
    classes: tuple[str, ...] = ()
    confusion: Array | None = None

    @classmethod
    def of(
        cls, rows: str, target: Target, column: Column, outputs: Array, others: Mapping[str, Array]
    ) -> "Scores":
        """The scores of a network's `outputs` and of those of other models, by name."""
        true, kind = target.encode(column), QUALITIES[target.kind]
        ours = kind(target, outputs, true)
        theirs = {name: kind(target, simple, true) for name, simple in others.items()}
        figures = tuple(
            Figure(name, value, {other: found[name] for other, found in theirs.items()})
            for name, value in ours.items()
        )
        if not isinstance(target, Classes):
            return cls(rows, figures)
        size = len(target.classes)
        confusion = np.bincount(true * size + outputs.argmax(axis=1), minlength=size * size)
        return cls(rows, figures, target.classes, confusion.reshape(size, size))

    def recall(self) -> dict[str, float]:
        """For each class, the fraction of its rows that are predicted right; NaN without rows."""
        if self.confusion is None:
            return {}
        with np.errstate(invalid="ignore"):
            found = np.diag(self.confusion) / self.confusion.sum(axis=1)
        return dict(zip(self.classes, found.tolist()))

    def missed(self) -> list[str]:
        """The classes of which no row is predicted right."""
        return [name for name, recall in self.recall().items() if recall == 0]

    def __str__(self) -> str:
        names = ["this model", *self.figures[0].others]
        lines = [[self.rows, *names], *([f.name, *f.shown()] for f in self.figures)]
        return "\n".join([*_aligned(lines), *self._by_class()])

    def _by_class(self) -> list[str]:
        """Recall by class, and the predictions, unless there are very many classes."""
        if self.confusion is None:
            return []
        few = len(self.classes) <= MOST_CLASSES
        shown = self.confusion.tolist() if few else [[]] * len(self.classes)
        rows = [
            [name, "-" if np.isnan(recall) else f"{recall:.1%}", *map(str, counts)]
            for (name, recall), counts in zip(self.recall().items(), shown)
        ]
        head = ["true class", "recall", *(f"as {name}" for name in self.classes if few)]
        return ["", *_aligned([head, *rows])]


def _aligned(rows: list[list[str]]) -> list[str]:
    """The first column to the left, of at least 24 characters, the others to the right."""
    first, *widths = [max(map(len, column)) for column in zip(*rows)]
    cells = [[row[0].ljust(max(first, 24)), *map(str.rjust, row[1:], widths)] for row in rows]
    return ["  ".join(row) for row in cells]


def _of_numbers(target: Any, outputs: Array, true: Array) -> dict[str, float]:
    errors = np.abs(outputs[:, 0] - true)
    return {
        "R²": r2(outputs[:, :1], true[:, None]),
        "typical error": target.scale * float(np.sqrt(np.mean(errors**2))),
        "mean absolute error": target.scale * float(np.mean(errors)),
    }


def _of_classes(target: Any, outputs: Array, true: Array) -> dict[str, float]:
    probabilities = target.probabilities(outputs)
    right, present = outputs.argmax(axis=1) == true, np.unique(true)
    likely = probabilities[np.arange(len(true)), true]
    scored = present if len(target.classes) > 2 else present[present == 1]
    areas = [_area(probabilities[:, k], true == k) for k in scored]
    return {
        "accuracy": accuracy(outputs, true),
        "balanced accuracy": float(np.mean([right[true == k].mean() for k in present])),
        "log loss": float(-np.log(np.maximum(likely, np.finfo(float).tiny)).mean()),
        "AUC": float(np.mean(areas)) if areas else np.nan,
    }


def _area(scores: Array, positive: Array) -> float:
    """The area under the ROC curve: how often a positive scores higher than a negative."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # ties share their mean rank
    p, n = int(positive.sum()), int((~positive).sum())
    return (ranks[positive].sum() - p * (p + 1) / 2) / (p * n) if p and n else np.nan


QUALITIES = {Measure.kind: _of_numbers, Classes.kind: _of_classes}
