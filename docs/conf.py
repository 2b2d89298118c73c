"""The site: `make docs` builds it with Sphinx, from these pages and the docstrings."""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import reference  # noqa: E402  (of the tests: what is public)

import micrograd  # noqa: E402
from micrograd.operation import Op  # noqa: E402

project = "MicroGrad"
version = release = micrograd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = [".venv", "site"]
highlight_language = "pycon"  # what is not said to be another: output as it is
nitpicky = True  # what is written as a name of Python must be one that is here

html_theme = "furo"
html_title = f"MicroGrad {version}"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_docstring_signature = False  # a first line that ends with a bracket is no signature
autodoc_typehints = "none"  # the text says what comes in, by its shape
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_display_short_literal_types = True

PUBLIC = {name: f"micrograd.{name}" for name in reference.names()}


PROGRAM = re.compile(r"(`[^`]+`|^ *>>> .*\n(?:.+\n?)*|^    .*\n)", re.MULTILINE)
BLOCK = re.compile(r":\n\n(?=    )")  # an indented block is code
TABLE = re.compile(r"^\|.*\|\n\|[-| :]+\|\n(?:\|.*\|(?:\n|$))+", re.MULTILINE)


def in_rst(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A docstring of plain text as reStructuredText: `names` in backticks are code, or links."""
    text = "\n".join(lines)
    if isinstance(thing, Op):  # Sphinx prints the signature, from which the text begins
        text = text.split(": ", 1)[1]
    text = BLOCK.sub("::\n\n", text)
    parts = enumerate(PROGRAM.split(text))  # each second one is code
    text = "".join([part if k % 2 else part.replace("*", r"\*") for k, part in parts])
    text = re.sub(r"`([^`]+)`(\w?)", lambda found: as_code(*found.groups(), name), text)
    lines[:] = TABLE.sub(lambda found: list_table(found[0]), text).splitlines()


def as_code(words: str, after: str, place: str) -> str:
    """A link, where it is a public name; and the letter after it, as in `Value`s."""
    called = words.removeprefix("mg.").removeprefix("micrograd.")
    linked = called in PUBLIC and PUBLIC[called] != place
    code = f":py:obj:`{words} <{PUBLIC[called]}>`" if linked else f"``{words}``"
    return code + (rf"\ {after}" if after else "")


def list_table(text: str) -> str:
    """A table of Markdown as one of reStructuredText."""
    header, _, *rows = [line.strip("| ").split(" | ") for line in text.strip().splitlines()]
    width = len(header)
    shown = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        cells = [cell.strip(" |") for cell in row] + [""] * (width - len(row))
        shown += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(cells)]
    return "\n".join([*shown, ""])


def signature(app: Any, what: str, name: str, thing: Any, options: Any, text: str, _: Any) -> Any:
    """A list that a dataclass makes anew, as it is when it is made."""
    return (text.replace("<factory>", "[]"), None) if "<factory>" in (text or "") else None


def links_back(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Sends the links from source code back to the reference, by the names that are used there."""
    if not page.startswith("_modules/"):
        return
    known = {entry.node_id for entry in app.env.domains["py"].objects.values()}

    def renamed(found: re.Match[str]) -> str:
        parts = found[1].split(".")
        ends = [".".join(parts[k:]) for k in range(len(parts))]
        named = [x for end in ends for x in known if f".{x}".endswith(f".{end}")]
        return f'#{named[0] if named else found[1]}"'

    context["body"] = re.sub(r'#(micrograd[\w.]*)"', renamed, context["body"])


def setup(app: Any) -> None:
    app.connect("html-page-context", links_back)
    app.connect("autodoc-process-docstring", in_rst)
    app.connect("autodoc-process-signature", signature)
