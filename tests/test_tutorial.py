"""The tutorial: its programs print what they say, as documents, as notebooks and as a page."""

import contextlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from micrograd.tutorial import lessons, notebooks, site

ROOT = Path(__file__).parent.parent
PROGRAMS = [
    pytest.param(name, marks=pytest.mark.native) if name == "3-compiler" else name
    for name in lessons.NAMES
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_a_lesson_print_what_they_say(name: str) -> None:
    known: dict[str, Any] = {}
    for cell in lessons.cells(lessons.lesson(name)):
        if cell.program:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(cell.text, known)
            assert printed.getvalue() == cell.output


@pytest.mark.parametrize("name", lessons.NAMES)
def test_the_notebook_of_a_lesson_is_the_lesson(name: str) -> None:
    kept = (ROOT / f"docs/tutorial/{name}.ipynb").read_text(encoding="utf-8")
    how = "run python -m micrograd.tutorial.notebooks docs/tutorial"
    assert kept == notebooks.notebook(name), how


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_notebook_runs_in_a_kernel(name: str) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.reads(notebooks.notebook(name), as_version=4)
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = [
        output["data"] for cell in book.cells if cell.cell_type == "code"
        for output in cell.outputs if output.output_type == "execute_result"
    ]  # fmt: skip
    assert any("text/html" in data for data in shown)


@pytest.mark.native
def test_the_page_has_every_lesson_with_its_pictures() -> None:
    page = site.site()
    tags = [tag for tag, _ in _tags(page)]
    assert tags.count("h1") == 3
    programs = [cell for name in lessons.NAMES for cell in lessons.cells(lessons.lesson(name))]
    drawn = [cell for cell in programs if re.search(r"^mg\.draw\(", cell.text, re.MULTILINE)]
    assert tags.count("iframe") == len(drawn) > 6
    assert not re.search(r"""<[^>]*\b(src|href)=["']""", page.partition("<main>")[0])


def _tags(page: str) -> list[tuple[str, Any]]:
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            found.append((tag, attrs))

    Parser().feed(page)
    return found


def test_a_cell_without_a_text_block_prints_nothing() -> None:
    (cell,) = lessons.cells("```python\nx = 1\n```\n")
    assert cell == lessons.Cell("x = 1\n", program=True, output="")


def test_every_document_includes_the_lessons() -> None:
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    assert re.findall(r"tutorial/(\S+)\.md", page) == [*lessons.NAMES]
    assert all(json.loads(notebooks.notebook(name))["cells"] for name in lessons.NAMES)
