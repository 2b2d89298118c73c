"""Plane: the outputs of a model of two inputs on a grid, as shades or as classes."""

from typing import Any, NamedTuple

import numpy as np

from micrograd.losses import huber, mae, mse

POINTS = 400  # examples that are shown
SIDE = 48  # points of a side of the grid
COLOURS = 6  # of classes, in the page
LABELS = ({-1.0, 1.0}, {0.0, 1.0})  # targets of two classes
DISTANCES = (mse, mae, huber)  # losses whose outputs are numbers like the targets


class Plane(NamedTuple):
    """A grid in the plane of two inputs, and the examples there.

    For a model of one or two outputs, a point has a shade from 0 to 1: the probability of the
    second class if the outputs are logits, and otherwise the position of the output between the
    smallest and the largest target. For a model of more outputs it has a class, the index of the
    largest output.
    """

    X: Any
    y: Any
    are_logits: bool  # whether a single output is a logit

    @property
    def extent(self) -> list[float]:
        """The lowest and the highest inputs, with a margin."""
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        margin = 0.1 * np.where(high > low, high - low, 1.0)
        return [*(low - margin).tolist(), *(high + margin).tolist()]

    def grid(self) -> list[list[float]]:
        """The points, row by row from below."""
        left, low, right, high = self.extent
        xs, ys = [np.linspace(a, b, SIDE).tolist() for a, b in ((left, right), (low, high))]
        return [[x, y] for y in ys for x in xs]

    def points(self, outputs: int) -> list[list[float]]:
        """Some examples: their inputs, and their shade or class, for a model of so many outputs."""
        y = self.y[:POINTS]
        shown = y if outputs > 2 else y > 0 if outputs == 2 or self.are_logits else self._shade(y)
        rows = np.column_stack([self.X[:POINTS], shown]).tolist()
        return [[float(f"{v:.4g}") for v in row] for row in rows]

    def seen(self, outputs: Any) -> Any:
        """The shade, 0 to 255, or the colour of the class of each point of the grid."""
        if outputs.shape[1] > 2:
            return outputs.argmax(axis=1) % COLOURS
        if outputs.shape[1] == 1 and not self.are_logits:
            shade = self._shade(outputs[:, 0])
        else:
            logit = outputs[:, -1] - (outputs[:, 0] if outputs.shape[1] == 2 else 0)
            shade = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        return np.rint(255 * np.nan_to_num(shade, nan=0.5)).astype(int)

    def _shade(self, numbers: Any) -> Any:
        low, high = self.y.min(), self.y.max()
        return np.clip((numbers - low) / (high - low or 1.0), 0, 1)


def plane(inputs: Any, targets: Any, loss: Any) -> Plane | None:
    """The plane of a model's examples; None unless they have two inputs and one target.

    >>> plane([[0.0, 0.0], [1.0, 2.0]], [3.0, 5.0], mse).points(outputs=1)
    [[0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]
    >>> plane([[0.0], [1.0]], [3.0, 5.0], mse)
    """
    X, y = np.asarray(inputs), np.asarray(targets)
    if X.ndim != 2 or X.shape[1] != 2 or y.ndim != 1:
        return None
    return Plane(X, y, {*y.tolist()} in LABELS and loss not in DISTANCES)
