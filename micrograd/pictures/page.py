"""A graph as one page of HTML that works offline: its script evaluates the graph.

The page contains the graph as arrays: leaves first, then computed values in topological order. An
operand is stored as the distance to an earlier value, or as a constant. The script is built from
`page/src`; a test checks that the built script is up to date.
"""

import base64
import gzip
import json
import sys
from array import array
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from micrograd.compiler.llvm.vectormath.coefficients import ERF_64, ERFC_64
from micrograd.engine import Value
from micrograd.pictures.fold import fold
from micrograd.pictures.rows import Table, number
from micrograd.pictures.svg import (
    ARROW_COLOUR,
    DIM,
    FILLS,
    GRADIENT,
    LINE_COLOUR,
    TEXT_COLOUR,
    text_of,
)
from micrograd.working import Numbered, local_derivatives, numbered

LONGEST = 500  # characters of a name
TYPES = {"d": "f8", "i": "i4", "H": "u2"}  # of an array, here and in the page
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<script type="application/json" id="head">{head}</script>
<script type="text/plain" id="numbers">{numbers}</script>
<script>{script}</script>
</body>
</html>
"""  # noqa: E501


def page(root: Value, lines: Mapping[Value, str] | None = None, title: str = "") -> str:
    """The page of the graph below `root`; `lines` are the lines of source that made the Values."""
    head, numbers = contents(numbered(root), lines or {}, title)
    folder = files("micrograd.pictures")
    parts = {
        "title": "MicroGrad: a graph",
        "style": (folder / "page.css").read_text(encoding="utf-8"),
        "script": (folder / "page.js").read_text(encoding="utf-8"),
        "head": json.dumps(head, separators=(",", ":")).replace("<", "\\u003c"),
        "numbers": base64.b64encode(gzip.compress(numbers, 6, mtime=0)).decode(),
    }
    return PAGE.format(**parts)


DARK = (  # each colour of a picture, and what it is on a dark page
    ("#fff", "#0d1117"), (TEXT_COLOUR, "#e6edf3"), (DIM, "#9ea7b3"), (GRADIENT, "#ffa198"),
    (LINE_COLOUR, "#6e7681"), (ARROW_COLOUR, "#8b949e"), (FILLS["leaf"], "#0c2d4d"),
    (FILLS["operation"], "#161b22"), (FILLS["root"], "#3b2e00"), (FILLS["group"], "#1c2128"),
)  # fmt: skip
STILL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; font: 15px/1.45 system-ui, sans-serif; background: #fff; color: #1b1f24; }}
h1 {{ font-size: 17px; margin: 12px; }}
pre {{ margin: 12px; line-height: 1.3; font-size: 13px; }}
main {{ overflow: auto; }}
@media (prefers-color-scheme: dark) {{
body {{ background: #0d1117; color: #e6edf3; }}
{dark}
}}
</style>
</head>
<body><main tabindex="0"><h1>{title}</h1>{picture}<pre>{text}</pre></main></body>
</html>
"""


def page_of_picture(picture: str, text: str, title: str) -> str:
    """A page with a picture in SVG that does not change, and text below it."""
    dark = [f'[fill="{a}"] {{ fill: {b}; }} [stroke="{a}"] {{ stroke: {b}; }}' for a, b in DARK]
    parts = {"picture": picture, "text": text_of(text), "title": text_of(title[:LONGEST])}
    return STILL.format(**parts, dark="\n".join(dark))


def contents(
    graph: Numbered, lines: Mapping[Value, str], title: str
) -> tuple[dict[str, Any], bytes]:
    """The graph as the page needs it: names and rows of operations, and the bytes of its arrays."""
    values = [*graph.leaves, *graph.computed]
    place = {v: k for k, v in enumerate(values)}
    used = dict.fromkeys([(v.op, len(v.operands)) for v in graph.computed if v.op])
    rows = Table(used)
    keys, constants, arrays = _operations(graph, place, rows)
    head: dict[str, Any] = {
        "title": title[:LONGEST],
        "size": len(values),
        "leaves": len(graph.leaves),
        "root": place[graph.root],
        "keys": keys,
        "rows": rows,
        "constants": [*map(number, constants)],
        "labels": {place[v]: graph.names[v] for v in values if v.name or v is graph.root},
        "names": {place[v]: str(v.name)[:LONGEST] for v in values if len(str(v.name)) > 24},
        "lines": {place[v]: lines[v] for v in graph.computed if v in lines},
    }
    if "erf" in rows or "erfc" in rows:
        head["coefficients"] = {"erf": ERF_64, "erfc": ERFC_64}
    arrays["data"] = array("d", [v.data for v in values])
    arrays["grad"] = array("d", [v.grad for v in values])
    if not rows.complete:  # the page cannot compute these, so that they are constant
        arrays["slopes"] = array("d", [d for v in graph.computed for d in local_derivatives(v)])
    folding = fold(graph)
    if folding is not None:
        head["groups"] = folding.titles
        arrays["group"] = array("i", [folding.group[v] for v in values])
        arrays["member"] = array("i", [folding.member[v] for v in values])
    head["arrays"], numbers = _packed(arrays)
    return head, numbers


def _operations(
    graph: Numbered, place: dict[Value, int], rows: Table
) -> tuple[list[str], list[float], dict[str, "array[Any]"]]:
    """The keys of the operations, the constants, and for each computed value its key, the number of
    its operands, and the operands: the distance to an earlier value, or -1 - k for constant k."""
    keys: dict[str, int] = {}
    constants: dict[str, int] = {}
    numbers: list[float] = []
    arrays = {"op": array("H"), "count": array("i"), "operands": array("i")}
    for k, v in enumerate(graph.computed, len(graph.leaves)):
        assert v.op is not None
        operands = v.operands
        arrays["op"].append(keys.setdefault(rows.key(v.op, len(operands)), len(keys)))
        arrays["count"].append(len(operands))
        for x in operands:
            if isinstance(x, Value):
                arrays["operands"].append(k - place[x])
                continue
            known = constants.setdefault(float(x).hex(), len(numbers))
            if known == len(numbers):
                numbers.append(float(x))
            arrays["operands"].append(-1 - known)
    return [*keys], numbers, arrays


def _packed(arrays: dict[str, "array[Any]"]) -> tuple[list[tuple[str, str, int, int]], bytes]:
    """The start of each array, and the bytes of all: each array starts at a multiple of 8."""
    places: list[tuple[str, str, int, int]] = []
    packed = bytearray()
    for name, numbers in arrays.items():
        packed += bytes(-len(packed) % 8)
        places.append((name, TYPES[numbers.typecode], len(packed), len(numbers)))
        if sys.byteorder == "big":
            numbers.byteswap()
        packed += numbers.tobytes()
    return places, bytes(packed)
