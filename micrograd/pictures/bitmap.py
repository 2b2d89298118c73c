"""A scene as PNG or PDF, drawn by matplotlib with its own fonts."""

import io
from typing import Any

from micrograd.pictures.scene import LINE, Box, Scene
from micrograd.pictures.svg import (
    ARROW_COLOUR,
    DIM,
    FILLS,
    GRADIENT,
    LINE_COLOUR,
    MARGIN,
    TEXT_COLOUR,
    TIP,
    curve,
    thickness,
)
from micrograd.plots.figures import blank_figure

POINT, LARGEST = 1 / 96, 16_000  # inches per unit, and pixels of a side, at most
DOTS = 192  # per inch


def bitmap(scene: Scene, suffix: str) -> bytes:
    """The scene as the contents of a file with that suffix, "png" or "pdf".

    Raises PlotError if matplotlib is not installed.
    """
    placed = scene.placed()
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    figure = blank_figure(width * POINT, height * POINT)
    from matplotlib.patheffects import withStroke

    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-MARGIN, width - MARGIN), ylim=(height - MARGIN, -MARGIN))
    axes.axis("off")
    for arrow, points in zip(scene.arrows, placed.arrows):
        _arrow(axes, points, thickness(arrow))
    for box, (x, y) in zip(scene.boxes, placed.boxes):
        _box(axes, box, x, y)
    for arrow, points in zip(scene.arrows, placed.arrows):
        x, y = points[-1]
        halo = [withStroke(linewidth=2.5, foreground="white")]
        _text(axes, x - TIP - 5, y - 3, arrow.label, 10.5, DIM, ha="right", path_effects=halo)
    picture = io.BytesIO()
    dots = min(DOTS, LARGEST / (max(width, height) * POINT))
    figure.savefig(picture, format=suffix, dpi=dots)
    return picture.getvalue()


def _text(axes: Any, x: float, y: float, text: str, size: float, colour: str, **more: Any) -> None:
    """Plain text: `$` does not start a formula."""
    points = size * 72 * POINT
    options = {"ha": "center"} | more
    axes.text(x, y, text, fontsize=points, color=colour, parse_math=False, **options)


def _arrow(axes: Any, points: Any, width: float) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    corners = [points[0], *[point for segment in curve(points) for point in segment]]
    codes = [Path.MOVETO, *[Path.CURVE4] * (len(corners) - 1)]
    line = Path(corners, codes)
    axes.add_patch(PathPatch(line, fill=False, edgecolor=ARROW_COLOUR, linewidth=width * 0.75))
    x, y = points[-1]
    tip = [(x - 2 * TIP, y - TIP), (x, y), (x - 2 * TIP, y + TIP)]
    axes.add_patch(Polygon(tip, facecolor=ARROW_COLOUR, edgecolor="none"))


def _box(axes: Any, box: Box, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    w, h = box.size
    style = f"round,pad=0,rounding_size={6 if box.kind in ('leaf', 'group') else 20}"
    axes.add_patch(
        FancyBboxPatch(
            (x, y), w, h, boxstyle=style, facecolor=FILLS[box.kind], edgecolor=LINE_COLOUR,
            linewidth=0.75,
        )
    )  # fmt: skip
    top = y + (h - len(box.lines) * LINE) / 2 + LINE - 3.5
    styles = [(TEXT_COLOUR, "bold"), (TEXT_COLOUR, "normal"), (GRADIENT, "normal")]
    for k, (line, (colour, weight)) in enumerate(zip(box.lines, styles)):
        _text(axes, x + w / 2, top + k * LINE, line, 12, colour, weight=weight)
