"""Figures without a display, and writing them to files."""

import io
from functools import partial
from pathlib import Path
from typing import Any

from micrograd.files.whole_file import write_whole

COLOURS = ("#3366cc", "#dc7d1e", "#2e9e5b", "#b8352f", "#7a52a8", "#8a6642", "#d977b0", "#6b6b6b")


class PlotError(ModuleNotFoundError):
    """matplotlib, which draws the figures, is not installed."""


def new_figure(title: str, x: str, y: str, ax: Any = None) -> tuple[Any, Any]:
    """A matplotlib Figure with one pair of axes: no window, no global state, any backend.

    If `ax` are axes already, these and their figure. Raises PlotError without matplotlib, and
    TypeError if `ax` are no axes in a figure.
    """
    figure = blank_figure(7, 4.5, layout="constrained") if ax is None else _figure_of(ax)
    axes = figure.add_subplot() if ax is None else ax
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _figure_of(ax: Any) -> Any:
    """The figure that `ax` are in; of a subfigure, the whole, which can be written to a file."""
    if not hasattr(ax, "plot") or getattr(ax, "figure", None) is None:
        raise TypeError(
            "ax must be matplotlib axes in a figure, as in `figure, ax = plt.subplots()`, got "
            f"{type(ax).__name__}; of several, take one: ax[0]"
        )
    return ax.figure.canvas.figure


def blank_figure(width: float, height: float, **options: Any) -> Any:
    """An empty matplotlib Figure of so many inches. Raises PlotError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise PlotError("pictures need matplotlib: pip install 'micrograd-native[plot]'") from None
    figure: Any = Figure(figsize=(width, height), **options)
    figure._repr_png_ = partial(_bytes, figure, "png", 100)  # a notebook shows it
    return figure


def check_drawable(path: str | Path) -> None:
    """Raises PlotError or ValueError, before the work starts, if `path` cannot be drawn."""
    figure, _ = new_figure("", "", "")
    if Path(path).suffix[1:].lower() not in ("", *figure.canvas.get_supported_filetypes()):
        raise ValueError(f"cannot draw {path}: expected the suffix .png, .svg or .pdf")


def check_resolution(resolution: int) -> None:
    if not resolution >= 2:
        raise ValueError(f"resolution must be at least 2, got {resolution!r:.60}")


def finished(figure: Any, path: str | Path | None) -> Any:
    """The figure, after writing it to `path` (PNG, SVG or PDF, by suffix) if one is given."""
    if path is not None:
        write_whole(path, _bytes(figure, Path(path).suffix[1:] or "png", 150))
    return figure


def _bytes(figure: Any, kind: str, dpi: int) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, dpi=dpi)
    return picture.getvalue()
