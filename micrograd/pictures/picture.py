"""draw: a Value or a compiled function as a picture, for notebooks and files."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, overload

from micrograd.annotations import Tree
from micrograd.engine import Value
from micrograd.files.whole_file import write_whole
from micrograd.lazy import cached_property
from micrograd.names import names_keywords
from micrograd.pictures.dot import dot_text
from micrograd.pictures.page import page, page_of_picture
from micrograd.pictures.scene import Scene, scene
from micrograd.pictures.svg import svg
from micrograd.pictures.tree import tree

HEIGHT = 520  # pixels of the page in a notebook


class Picture:
    """A picture, the result of `micrograd.draw`.

    A notebook displays it, `str(picture)` is text, and `save` writes a file. It shows the numbers
    that the Values had when it was first displayed or saved.

    `svg` and `page` are the texts of such files; `scene` is their content, boxes and arrows.

    >>> import micrograd as mg
    >>> x = mg.Value(2.0, name="x")
    >>> picture = mg.draw(x * x)
    >>> print(picture)
    L = · : 4.0, ∂ 0.0
    ├─ x : 2.0, ∂ 0.0   × 2.0
    └─ x : 2.0, ∂ 0.0   × 2.0
    >>> picture
    <picture of L = · : 4.0, ∂ 0.0; print it, or save it: .save('picture.html')>
    >>> picture.svg[:4], picture.page[:15], len(picture.scene.boxes)
    ('<svg', '<!doctype html>', 2)
    """

    def __init__(
        self, title: str, text: Callable[[], str], scene: Callable[[], Scene],
        page: Callable[["Picture"], str],
    ):  # fmt: skip
        self.title = title
        self._text, self._make_scene, self._make_page = text, scene, page

    def save(self, path: str | Path) -> None:
        """Writes the picture to `path`: HTML, SVG, DOT, PNG or PDF, by its suffix.

        The HTML of a Value is one page that works offline: it steps forward and backward through
        the graph, shows every path from a value to the output, and recomputes the graph when a
        leaf is changed. PNG and PDF need matplotlib. Raises ValueError for another suffix,
        PlotError if matplotlib is missing, and OSError if writing fails.

        >>> import micrograd as mg, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mg.draw(mg.Value(2.0).exp()).save(f"{folder}/graph.svg")
        ...     os.listdir(folder)
        ['graph.svg']
        """
        content = _WRITERS[check_format(path)](self)
        write_whole(path, content if isinstance(content, bytes) else content.encode())

    @cached_property
    def scene(self) -> Scene:
        """The content of the picture: boxes and arrows."""
        return self._make_scene()

    @cached_property
    def page(self) -> str:
        """The page of HTML."""
        return self._make_page(self)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG."""
        return svg(self.scene, self.title or "A graph of scalars")

    def __str__(self) -> str:
        return self._text()

    def __repr__(self) -> str:
        """What it shows, in one line, and how to see it outside of a notebook."""
        first, *_ = str(self).splitlines()
        return f"<picture of {first}; print it, or save it: .save('picture.html')>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """The page in a frame without access to the notebook."""
        return (
            f'<iframe srcdoc="{escape(self.page)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {HEIGHT}px; border: 1px solid #d0d7de" '
            'title="a graph of scalars"></iframe>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = {"text/html": self._repr_html_(), "image/svg+xml": self.svg}
        return {**shown, "text/plain": str(self)}


def _of_value(value: Value, lines: Mapping[Value, str], title: str) -> Picture:
    return Picture(
        title,
        text=lambda: tree(value),
        scene=lambda: scene(value),
        page=lambda picture: page(value, lines, picture.title),
    )


def _of_function(function: Any, arguments: Any, gradient: Any, title: str) -> Picture:
    from micrograd.pictures.stages_picture import scene_of_stages  # the compiler needs NumPy

    stages = function.stages(*arguments, gradient=gradient)
    report = function.explain(*arguments, gradient=gradient)
    return Picture(
        title or stages.title,
        text=lambda: str(report),
        scene=lambda: scene_of_stages(stages),
        page=lambda picture: page_of_picture(picture.svg, report, picture.title),
    )


def _drawn(picture: Picture, suffix: str) -> bytes:
    from micrograd.pictures.bitmap import bitmap  # matplotlib is optional

    return bitmap(picture.scene, suffix)


_WRITERS: dict[str, Callable[[Picture], str | bytes]] = {
    "html": lambda picture: picture.page,
    "svg": lambda picture: picture.svg,
    "dot": lambda picture: dot_text(picture.scene),
    "png": lambda picture: _drawn(picture, "png"),
    "pdf": lambda picture: _drawn(picture, "pdf"),
}


def check_format(path: str | Path) -> str:
    """The suffix of `path`. Raises ValueError if it is not that of a format.

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


@overload
def draw(
    what: Value, /, *, lines: Mapping[Value, str] | None = ..., title: str = ...
) -> Picture: ...
@overload
def draw(
    what: object, /, *arguments: Tree, gradient: str | None = ..., title: str = ...
) -> Picture: ...
@names_keywords()
def draw(
    what: object, /, *arguments: Tree,
    lines: Mapping[Value, str] | None = None, gradient: str | None = None, title: str = "",
) -> Picture:  # fmt: skip
    """A picture of the graph below a Value, or of the stages of a compiled function.

    For a Value it shows each operation with its name, data and gradient, and the local derivatives
    beside the arrows; in a large graph, scalars of one kind are one box. `lines`, from
    `record_lines`, adds the line of source that made each Value. For a function from `compile` or
    `vectorize` it shows which scalars became which block, array operation and loops; `arguments`
    and `gradient` choose one of its programs, as in `Compiled.source`. A notebook displays the
    picture, and `save` writes it to a file; `title` is written above it.

    Raises TypeError if `what` is neither, or for an argument that only the other kind takes.

    >>> import micrograd as mg
    >>> w, x = mg.Value(0.5, name="w"), mg.Value(2.0, name="x")
    >>> L = mg.tanh(w * x)
    >>> L.backward()
    >>> print(mg.draw(L))
    L = tanh : 0.7616, ∂ 1.0
    └─ n1 = · : 1.0, ∂ 0.42   × 0.42
       ├─ w : 0.5, ∂ 0.8399   × 2.0
       └─ x : 2.0, ∂ 0.21   × 0.5
    >>> f = mg.vectorize(lambda x: mg.tanh(w * x))
    >>> print(str(mg.draw(f, [1.0, 2.0])).splitlines()[0])
    <lambda>(x): 2 operations on scalars became 2 blocks
    """
    if not isinstance(title, str):
        raise TypeError(f"title must be text, got {type(title).__name__} {title!r:.60}")
    if isinstance(what, Value):
        if arguments or gradient is not None:
            raise TypeError("a Value is drawn without arguments and gradient=: it has its numbers")
        return _of_value(what, lines or {}, title)
    if hasattr(what, "stages"):
        if lines is not None:
            raise TypeError("lines= belongs to the picture of a Value, not of a compiled function")
        return _of_function(what, arguments, gradient, title)
    raise TypeError(
        f"draw takes a Value, or a compiled function and its arguments, got {type(what).__name__} "
        f"{what!r:.60}; a model returns a list: draw one element, (out,) = model(x)"
    )
