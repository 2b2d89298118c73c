"""The tutorial as one page of HTML: its programs are run, and their output and pictures shown."""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from micrograd.tutorial.lessons import NAMES, Cell, cells, lesson

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MicroGrad: a tutorial</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 17px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; margin: 0; }}
main {{ max-width: 60rem; margin: auto; padding: 0 16px 64px; overflow-wrap: anywhere; }}
h1 {{ margin-top: 2.4em; line-height: 1.2; }}
pre, code {{ font: 14px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }}
pre {{ padding: 10px 14px; overflow-x: auto; border-radius: 6px; background: #8882; }}
pre.output {{ background: none; border-left: 3px solid #888; border-radius: 0; }}
</style>
</head>
<body><main>
{body}
</main></body>
</html>
"""


def site() -> str:
    """The page of all lessons. Runs their programs, which takes some seconds."""
    return PAGE.format(body="\n".join(part for name in NAMES for part in _lesson(name)))


def _lesson(name: str) -> Iterator[str]:
    known: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(lesson(name)):
        yield from _run(cell, known) if cell.program else [html(cell.text)]


def _run(cell: Cell, known: dict[str, Any]) -> Iterator[str]:
    """The program of a cell, what it prints, and what its last line shows."""
    yield f"<pre>{escape(cell.text)}</pre>"
    program = ast.parse(cell.text)
    last = program.body.pop() if isinstance(program.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(program, "tutorial", "exec"), known)
        shown: Any = None
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), "tutorial", "eval"), known)
    if printed.getvalue():
        yield f'<pre class="output">{escape(printed.getvalue())}</pre>'
    if hasattr(shown, "_repr_html_"):
        yield shown._repr_html_()


def html(text: str) -> str:
    """Markdown as HTML: headings, paragraphs, and within them `code`, **bold** and *italics*.

    >>> html("# A\\n\\nb `c < d` **e `*` f**")
    '<h1>A</h1>\\n<p>b <code>c &lt; d</code> <strong>e <code>*</code> f</strong></p>'
    """
    return "\n".join(map(_block, re.split(r"\n\s*\n", text.strip())))


def _block(text: str) -> str:
    heading = re.fullmatch(r"(#+) (.*)", text)
    if heading:
        tag = f"h{len(heading[1])}"
        return f"<{tag}>{_inline(heading[2])}</{tag}>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    text, *others = re.split(r"`([^`]*)`", text)
    codes = others[::2]
    text = _emphasised(escape("\0".join([text, *others[1::2]])))
    return re.sub("\0", lambda _: f"<code>{escape(codes.pop(0))}</code>", text)


def _emphasised(text: str) -> str:
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text, flags=re.DOTALL)
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text, flags=re.DOTALL)
