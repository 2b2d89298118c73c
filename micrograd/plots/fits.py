"""fit_curve and fit_curves: data, the curve that was fitted, its band, and the residuals."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from micrograd.plots.figures import COLOURS, blank_figure, finished

Array = np.ndarray[Any, Any]


def fit_curve(fit: Any, path: str | Path | None = None, x: str = "x", y: str = "y") -> Any:
    """A matplotlib Figure of a `Fit`: data, curve and band above, residuals below."""
    figure = blank_figure(7, 5.5, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _draw(above, fit)
    above.set(title=_title(fit), ylabel=y)
    at, _ = points(fit)
    below.axhline(0.0, color=COLOURS[-1], linewidth=1)
    below.plot(at, fit.residuals, "o", color=COLOURS[0], markersize=3)
    below.set(xlabel=x, ylabel="residual")
    return finished(figure, path)


def fit_curves(
    fits: Sequence[Any], path: str | Path | None = None, titles: Sequence[str] = ()
) -> Any:
    """A matplotlib Figure of several fits, each with its data, in a grid."""
    columns = min(max(len(fits), 1), 4)
    rows = -(-max(len(fits), 1) // columns)
    figure = blank_figure(3.2 * columns, 2.6 * rows, layout="constrained")
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes, fit, title in zip_longest(grid, fits, titles):
        if fit is None:
            axes.set_visible(False)
            continue
        _draw(axes, fit)
        axes.set_title("\n".join(filter(None, (title, _title(fit)))), fontsize=8)
    return finished(figure, path)


def points(fit: Any) -> tuple[Array, Array]:
    """The measured points; x is their first input."""
    data, k = fit.all.data, fit.k
    x = data.inputs[0][k if len(data.inputs[0]) > 1 else 0]
    return x, np.where(np.isnan(fit.residuals), np.nan, data.y[k])


def _draw(axes: Any, fit: Any) -> None:
    x, y = points(fit)
    axes.plot(x, y, "o", color=COLOURS[0], markersize=3)
    if fit.all.data.several:  # the other inputs are known at the points only
        axes.plot(x, fit.predict(), "x", color=COLOURS[1], markersize=4)
    else:
        logarithmic = 0.0 < x.min() < np.median(x) < 0.1 * x.max()  # such as doses
        fine = (np.geomspace if logarithmic else np.linspace)(x.min(), x.max(), 200)
        axes.set_xscale("log" if logarithmic else "linear")
        curve, band = fit.predict(fine), fit.band(fine)
        axes.plot(fine, curve, color=COLOURS[1], linewidth=1.8)
        if np.isfinite(band).all():
            low, high = curve - 2 * band, curve + 2 * band
            axes.fill_between(fine, low, high, color=COLOURS[1], alpha=0.2, linewidth=0)
    axes.spines[["top", "right"]].set_visible(False)


def _title(fit: Any) -> str:
    numbers = ", ".join(f"{name} = {x:.3g}" for name, x in fit.parameters.items())
    return numbers if fit.converged else f"{numbers}\n{fit.message.split(':')[0]}"
