"""A scene in DOT, the language of Graphviz."""

from collections.abc import Iterator

from micrograd.pictures.scene import Scene
from micrograd.pictures.svg import FILLS


def dot_text(scene: Scene) -> str:
    """The scene as the text of a DOT file.

    >>> from micrograd import Value
    >>> from micrograd.pictures.scene import scene
    >>> print(dot_text(scene(Value(1.0, name='"x"').exp())))
    digraph {
      rankdir=LR
      node [shape=box style="rounded,filled" fontname="sans-serif"]
      n0 [label="\\"x\\"\\n1.0\\n∂ 0.0" fillcolor="#ddf4ff"]
      n1 [label="L = exp\\n2.7183\\n∂ 0.0" fillcolor="#fff8c5"]
      n0 -> n1 [label="×2.718"]
    }
    <BLANKLINE>
    """
    return "\n".join(["digraph {", *[f"  {line}" for line in _lines(scene)], "}", ""])


def _lines(scene: Scene) -> Iterator[str]:
    yield "rankdir=LR"
    yield 'node [shape=box style="rounded,filled" fontname="sans-serif"]'
    for k, box in enumerate(scene.boxes):
        text = "\\n".join(map(_escaped, box.lines))
        yield f'n{k} [label="{text}" fillcolor="{FILLS[box.kind]}"]'
    for arrow in scene.arrows:
        label = f' [label="{_escaped(arrow.label)}"]' if arrow.label else ""
        yield f"n{arrow.start} -> n{arrow.end}{label}"


def _escaped(text: str) -> str:
    """The content of a quoted string, without escapes of Graphviz or HTML entities."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
