"""draw: a Value as a picture, which a notebook shows and a file keeps."""

from collections.abc import Callable, Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from micrograd.engine import Value
from micrograd.files.whole_file import write_whole
from micrograd.pictures.bitmap import bitmap
from micrograd.pictures.dot import dot_text
from micrograd.pictures.page import page
from micrograd.pictures.scene import Scene, scene
from micrograd.pictures.svg import svg
from micrograd.pictures.tree import tree

HEIGHT = 520  # pixels of the page in a notebook


class Picture:
    """A picture of a graph, as `micrograd.draw` gives it.

    In a notebook it shows itself; `str(picture)` is a tree of text; `save` writes a file. It shows
    the numbers as they were when it was first looked at.

    >>> import micrograd as mg
    >>> x = mg.Value(2.0, name="x")
    >>> picture = mg.draw(x * x)
    >>> print(picture)
    L = · : 4.0, ∂ 0.0
    ├─ x : 2.0, ∂ 0.0   × 2.0
    └─ x : 2.0, ∂ 0.0   × 2.0
    """

    def __init__(self, value: Value, lines: Mapping[Value, str] | None = None, title: str = ""):
        self.value, self.lines, self.title = value, lines or {}, title

    @cached_property
    def _scene(self) -> Scene:
        return scene(self.value)

    @cached_property
    def _page(self) -> str:
        return page(self.value, self.lines, self.title)

    @cached_property
    def _svg(self) -> str:
        return svg(self._scene, self.title or "A graph of scalars")

    def save(self, path: str | Path) -> None:
        """Writes the picture to `path`: HTML, SVG, DOT, PNG or PDF, by its suffix.

        The HTML is one page that works offline: it steps forward and backward through the graph,
        shows every path from a value to the output, and follows a leaf that is changed. No program
        is needed beside Python; PNG and PDF are drawn by matplotlib. Raises ValueError
        for another suffix, PlotError if matplotlib is missing, and OSError if writing fails.

        >>> import micrograd as mg, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mg.draw(mg.Value(2.0).exp()).save(f"{folder}/graph.svg")
        ...     os.listdir(folder)
        ['graph.svg']
        """
        content = _WRITERS[check_format(path)](self)
        write_whole(path, content if isinstance(content, bytes) else content.encode())

    def __str__(self) -> str:
        return tree(self.value)

    def _repr_svg_(self) -> str:
        return self._svg

    def _repr_html_(self) -> str:
        """The page in a frame, which can reach nothing outside of it."""
        return (
            f'<iframe srcdoc="{escape(self._page)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {HEIGHT}px; border: 1px solid #d0d7de" '
            'title="a graph of scalars"></iframe>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = {"text/html": self._repr_html_(), "image/svg+xml": self._svg}
        return {**shown, "text/plain": str(self)}


_WRITERS: dict[str, Callable[[Picture], str | bytes]] = {
    "html": lambda picture: picture._page,
    "svg": lambda picture: picture._svg,
    "dot": lambda picture: dot_text(picture._scene),
    "png": lambda picture: bitmap(picture._scene, "png"),
    "pdf": lambda picture: bitmap(picture._scene, "pdf"),
}


def check_format(path: str | Path) -> str:
    """The suffix of `path`, which names a format. Raises ValueError if none is so called.

    >>> check_format("graph.gif")
    Traceback (most recent call last):
    ValueError: cannot draw graph.gif: expected the suffix .html, .svg, .dot, .png or .pdf
    """
    suffix = Path(path).suffix[1:].lower()
    if suffix not in _WRITERS:
        *others, last = [f".{name}" for name in _WRITERS]
        expected = f"{', '.join(others)} or {last}"
        raise ValueError(f"cannot draw {path}: expected the suffix {expected}")
    return suffix


def draw(value: Value, *, lines: Mapping[Value, str] | None = None, title: str = "") -> Picture:
    """A picture of the graph below `value`: each operation with its name, data and gradient.

    Arrows carry the local derivatives. In a large graph alike scalars are one box. The picture
    shows itself in a notebook, and `save` writes it to a file. `lines`, from `record_lines`, are
    the lines of source that made the Values; `title` is written above the graph.

    Raises TypeError if `value` is not a Value.

    >>> import micrograd as mg
    >>> w, x = mg.Value(0.5, name="w"), mg.Value(2.0, name="x")
    >>> L = mg.tanh(w * x)
    >>> L.backward()
    >>> print(mg.draw(L))
    L = tanh : 0.7616, ∂ 1.0
    └─ n1 = · : 1.0, ∂ 0.42   × 0.42
       ├─ w : 0.5, ∂ 0.8399   × 2.0
       └─ x : 2.0, ∂ 0.21   × 0.5
    """
    if not isinstance(value, Value):
        raise TypeError(
            f"draw takes a Value, got {type(value).__name__} {value!r:.60}; "
            "of a model's answer, take one: (out,) = model(x)"
        )
    return Picture(value, lines, title)
