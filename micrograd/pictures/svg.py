"""A scene as SVG: one file, without a style sheet, whose text can be selected."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from math import log10

from micrograd.pictures.placement import Placed, Point
from micrograd.pictures.scene import LINE, Arrow, Box, Scene

MARGIN, TIP = 12.0, 4.0
FILLS = {"leaf": "#ddf4ff", "operation": "#f6f8fa", "root": "#fff8c5", "group": "#eef1f4"}
LINE_COLOUR, ARROW_COLOUR, TEXT_COLOUR, DIM, GRADIENT = (
    "#8c959f", "#6e7781", "#1b1f24", "#57606a", "#a40e26",
)  # fmt: skip
SANS = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
LONGEST = 500  # characters of a tooltip


def svg(scene: Scene, title: str = "A graph of scalars") -> str:
    """The scene as the text of an SVG file.

    >>> from micrograd import Value
    >>> from micrograd.pictures.scene import scene
    >>> text = svg(scene(Value(1.0, name="<x>") + 1))
    >>> "&lt;x&gt;" in text, "<x>" in text
    (True, False)
    """
    placed = scene.placed()
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN:.0f} {-MARGIN:.0f} {width:.0f} {height:.0f}" role="img" '
        f'font-family="{SANS}" font-size="12" text-anchor="middle" fill="{TEXT_COLOUR}">'
    )
    background = f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" fill="#fff"/>'
    parts = [
        head,
        f"<title>{text_of(title[:LONGEST])}</title>",
        background,
        *_body(scene, placed),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _body(scene: Scene, placed: Placed) -> Iterator[str]:
    for arrow, points in zip(scene.arrows, placed.arrows):
        yield _arrow(arrow, points)
    for box, place in zip(scene.boxes, placed.boxes):
        yield _box(box, place)
    for arrow, points in zip(scene.arrows, placed.arrows):
        if arrow.label:
            x, y = points[-1]
            yield (
                f'<text x="{x - TIP - 5:.1f}" y="{y - 3:.1f}" font-size="10.5" text-anchor="end" '
                f'fill="{DIM}" stroke="#fff" stroke-width="3" paint-order="stroke">'
                f"{text_of(arrow.label)}</text>"
            )


def text_of(text: str) -> str:
    """Text escaped for XML. Characters that XML cannot hold become �.

    >>> text_of('<b>"x"\\x00')
    '&lt;b&gt;&quot;x&quot;�'
    """
    plain = "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in text)
    return escape(plain)


def curve(points: Sequence[Point]) -> Iterator[tuple[Point, Point, Point]]:
    """The Bézier segments of an arrow through `points`: two control points and the end of each."""
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        yield (middle, y0), (middle, y1), (x1, y1)


def thickness(arrow: Arrow) -> float:
    return min(1.3 + 0.8 * log10(arrow.weight), 5.0)


def _arrow(arrow: Arrow, points: list[Point]) -> str:
    (x, y), *_ = points
    path = f"M{x:.1f},{y:.1f}" + "".join(
        "C" + " ".join(f"{a:.1f},{b:.1f}" for a, b in segment) for segment in curve(points)
    )
    x, y = points[-1]
    tip = f"M{x - 2 * TIP:.1f},{y - TIP:.1f}L{x:.1f},{y:.1f}L{x - 2 * TIP:.1f},{y + TIP:.1f}z"
    return (
        f'<path d="{path}" fill="none" stroke="{ARROW_COLOUR}" '
        f'stroke-width="{thickness(arrow):.1f}"/><path d="{tip}" fill="{ARROW_COLOUR}"/>'
    )


def _box(box: Box, place: Point) -> str:
    (x, y), (w, h) = place, box.size
    round_ = 6 if box.kind in ("leaf", "group") else 20
    top = (h - len(box.lines) * LINE) / 2 + LINE - 3.5
    styles = [' font-weight="bold"', "", f' fill="{GRADIENT}"']
    lines = "".join(
        f'<text x="{w / 2:.1f}" y="{top + k * LINE:.1f}"{style}>{text_of(line)}</text>'
        for k, (line, style) in enumerate(zip(box.lines, styles))
    )
    tooltip = f"<title>{text_of(box.name[:LONGEST])}</title>" if box.name else ""
    return (
        f'<g transform="translate({x:.1f},{y:.1f})">{tooltip}<rect width="{w:.1f}" height="{h:.1f}"'
        f' rx="{round_}" fill="{FILLS[box.kind]}" stroke="{LINE_COLOUR}"/>'
        f"{lines}</g>"
    )
