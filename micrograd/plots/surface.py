"""decision_boundary, fitted_curve: a model of one or two inputs, drawn with its data."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.engine import numbers_of
from micrograd.errors import ShapeError
from micrograd.losses import as_scalars
from micrograd.plots.figures import COLOURS, check_resolution, finished, new_figure

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
    ax: Any = None,
) -> Any:
    """A matplotlib Figure of the classes that `model` predicts in the plane, with the examples.

    `model` takes one point, a list of two inputs, and returns a logit for each class, or a single
    logit whose sign decides. `X` has the shape (examples, 2); `y` holds the class of each example:
    integers from 0, or -1 and 1. Where the model is uncertain, the colours of the classes mix. The
    model is evaluated on a grid of `resolution` × `resolution` points. `ax` are matplotlib axes to
    draw into.

    Raises ShapeError unless X and y have these shapes, and at least one example; ValueError if X is
    not finite, or for a label that names no output; and PlotError without matplotlib.

    >>> import micrograd as mg
    >>> model = mg.MLP(2, [4, 1], seed=0)
    >>> decision_boundary(model, [[0, 0], [1, 1]], [-1, 1], resolution=5).axes[0].get_title()
    'Decision boundary'
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != (len(X),) or not len(X):
        raise ShapeError(
            f"a decision boundary needs X of shape (examples, 2) and y of shape (examples,), got "
            f"{X.shape} and {y.shape}"
        )
    figure, axes = new_figure(title, *names, ax=ax)
    xs, ys = (_span(X[:, axis], resolution) for axis in (0, 1))
    rows = [_numbers(model([a, b])) for b in ys.tolist() for a in xs.tolist()]
    shares = _probabilities(np.array(rows)).reshape(len(ys), len(xs), -1)
    count = shares.shape[2]
    if classes is not None and len(classes) < count:
        raise ValueError(f"expected the names of {count} classes, got {len(classes)}")
    members = {label: _class_of(label, count) for label in sorted(set(y.tolist()))}
    colours = _palette(count)
    extent = (xs[0], xs[-1], ys[0], ys[-1])
    axes.imshow(
        1 - 0.55 * (1 - shares @ colours),
        extent=extent, origin="lower", aspect="auto", interpolation="bilinear",
    )  # fmt: skip
    for k in range(count):
        lead = shares[..., k] - np.delete(shares, k, axis=2).max(axis=2)
        axes.contour(xs, ys, lead, levels=[0], colors="#333333", linewidths=0.8)
    for label, k in members.items():
        shown = str(label) if classes is None else classes[k]
        axes.scatter(*X[y == label].T, s=22, color=[colours[k]], edgecolor="white", label=shown)
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
    ax: Any = None,
) -> Any:
    """A matplotlib Figure of the curve of `model` with the data points (x, y).

    `model` takes a list of one input. `ax` are matplotlib axes to draw into. Raises ShapeError if x
    and y differ in length or are empty, ValueError if x is not finite, and PlotError without
    matplotlib.

    >>> fitted_curve(lambda inputs: [inputs[0] ** 2], [0, 1, 2], [0, 1, 4]).axes[0].get_ylabel()
    'y'
    """
    x, y = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    if len(x) != len(y):
        raise ShapeError(f"x and y must have the same length, got {len(x)} and {len(y)}")
    if not len(x):
        raise ShapeError("expected at least one point, got none")
    figure, axes = new_figure(title, *names, ax=ax)
    line = _span(x, resolution)
    curve = [_numbers(model([point]))[0] for point in line.tolist()]
    axes.scatter(x, y, s=16, color=COLOURS[0], alpha=0.55, edgecolor="none", label="data")
    axes.plot(line, curve, color=COLOURS[1], linewidth=2.2, label="model")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return finished(figure, path)


def _span(values: np.ndarray, points: int) -> np.ndarray:
    """Equally spaced points over the range of the values and a margin."""
    check_resolution(points)
    if not np.isfinite(values).all():
        raise ValueError("the inputs must be finite, got NaN or infinity")
    low, high = values.min(), values.max()
    margin = 0.08 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _class_of(label: Any, count: int) -> int:
    """The output that a label names; of two classes, -1 is the first."""
    if label != -1 and label not in range(count):
        raise ValueError(
            f"a label must be an integer from 0 to {count - 1}, or -1 and 1, got {label!r:.60}"
        )
    return max(int(label), 0)


def _numbers(outputs: Any) -> list[float]:
    """The outputs of a model as floats; they may be Values or numbers, a list or one."""
    return numbers_of(as_scalars(outputs))


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of each row; a single logit is that of the second of two classes."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _palette(count: int) -> np.ndarray:
    """`count` colours as RGB in [0, 1]; after the last colour they repeat."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(COLOURS[i % len(COLOURS)]) for i in range(count)])
