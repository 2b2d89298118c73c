"""decision_boundary, fitted_curve: what a model makes of one or two inputs, beside its data."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.draw.figures import COLOURS, finished, new_figure
from micrograd.engine import numbers_of
from micrograd.errors import ShapeError
from micrograd.losses import as_scalars

Model = Callable[[list[float]], Any]


def decision_boundary(
    model: Model,
    X: Any,
    y: Any,
    path: str | Path | None = None,
    *,
    title: str = "Decision boundary",
    names: Sequence[str] = ("x₁", "x₂"),
    classes: Sequence[str] | None = None,
    resolution: int = 90,
) -> Any:
    """The classes that `model` sees in the plane, and the examples: a matplotlib Figure.

    `model` is called on one point, a list of two inputs, and gives a logit for each class, or one
    logit, whose sign decides. `X` has the shape (examples, 2), `y` is the class of each: an integer
    from 0, or -1 and 1. Where the model is unsure, the colours of its classes mix. `resolution`
    points a side are asked. Raises ShapeError for anything but two inputs, PlotError without
    matplotlib.

    >>> import micrograd as mg
    >>> model = mg.MLP(2, [4, 1], seed=0)
    >>> decision_boundary(model, [[0, 0], [1, 1]], [-1, 1], resolution=5).axes[0].get_title()
    'Decision boundary'
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2 or len(X) != len(y):
        raise ShapeError(
            f"a decision boundary needs X of shape (examples, 2) and as many y, got {X.shape} and "
            f"{y.shape}"
        )
    figure, axes = new_figure(title, *names)
    xs, ys = (_span(X[:, axis], resolution) for axis in (0, 1))
    rows = [_numbers(model([a, b])) for b in ys.tolist() for a in xs.tolist()]
    shares = _probabilities(np.array(rows)).reshape(len(ys), len(xs), -1)
    colours = _palette(shares.shape[2])
    extent = (xs[0], xs[-1], ys[0], ys[-1])
    axes.imshow(
        1 - 0.55 * (1 - shares @ colours),
        extent=extent, origin="lower", aspect="auto", interpolation="bilinear",
    )  # fmt: skip
    for k in range(shares.shape[2]):
        lead = shares[..., k] - np.delete(shares, k, axis=2).max(axis=2)
        axes.contour(xs, ys, lead, levels=[0], colors="#333333", linewidths=0.8)
    for label in sorted(set(y.tolist())):
        members, k = X[y == label], max(int(label), 0)
        shown = str(label) if classes is None else classes[k]
        axes.scatter(*members.T, s=22, color=[colours[k]], edgecolor="white", label=shown)
    axes.legend(frameon=True, framealpha=0.85)
    return finished(figure, path)


def fitted_curve(
    model: Model,
    x: Any,
    y: Any,
    path: str | Path | None = None,
    *,
    title: str = "Fitted curve",
    names: Sequence[str] = ("x", "y"),
    resolution: int = 300,
) -> Any:
    """The curve of `model`, called on a list of one input, through the points (x, y): a Figure.

    Raises ShapeError where x and y are not as many, PlotError without matplotlib.

    >>> fitted_curve(lambda inputs: [inputs[0] ** 2], [0, 1, 2], [0, 1, 4]).axes[0].get_ylabel()
    'y'
    """
    x, y = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    if len(x) != len(y):
        raise ShapeError(f"expected as many y as x, got {len(y)} and {len(x)}")
    figure, axes = new_figure(title, *names)
    line = _span(x, resolution)
    curve = [_numbers(model([point]))[0] for point in line.tolist()]
    axes.scatter(x, y, s=16, color=COLOURS[0], alpha=0.55, edgecolor="none", label="data")
    axes.plot(line, curve, color=COLOURS[1], linewidth=2.2, label="model")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return finished(figure, path)


def _span(values: np.ndarray, points: int) -> np.ndarray:
    """Points from end to end of the values, and a little beyond."""
    low, high = values.min(), values.max()
    margin = 0.08 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _numbers(outputs: Any) -> list[float]:
    """The outputs of a model, Values or numbers, a list or one, as floats."""
    return numbers_of(as_scalars(outputs))


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """A softmax over each row; one logit is that of the second of two classes."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _palette(count: int) -> np.ndarray:
    """So many colours, as red, green and blue from 0 to 1; after the last, the first again."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(COLOURS[i % len(COLOURS)]) for i in range(count)])
