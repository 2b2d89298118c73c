"""The page: one file that reaches nothing outside, with the graph in it, built from `page/`."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import page_fixtures
import pytest
from drawn import NASTY, moons, small

import micrograd as mg
from micrograd import ops
from micrograd.pictures.rows import Table

ROOT = Path(__file__).parents[2]
SOURCE, BUILT = ROOT / "page", ROOT / "micrograd/pictures"
MODULES = Path(os.environ.get("MICROGRAD_PAGE_MODULES", SOURCE / "node_modules"))


class Tags(HTMLParser):
    """The elements of a page, with their attributes and text."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def text(self, name: str) -> str:
        (text,) = [text for _, attributes, text in self.found if attributes.get("id") == name]
        return text


def saved(value: mg.Value, folder: Path, **options: Any) -> str:
    path = folder / "graph.html"
    mg.draw(value, **options).save(path)
    return path.read_text(encoding="utf-8")


def test_a_page_is_small_and_names_no_other_file(tmp_path):
    page = saved(small(), tmp_path)
    assert len(page) < 60_000
    assert not re.search(r"""<[^>]*\b(src|href)=|@import|url\(""", page)
    addresses = set(re.findall(r"\w+://[^\s\"'`<>)]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", NASTY)
def test_any_name_is_data_in_the_page(name, tmp_path):
    x = mg.Value(1.0, name=name)
    page = saved(x * x, tmp_path, title=name)
    tags = Tags(page)
    kinds = [tag for tag, _, _ in tags.found]
    assert (
        kinds
        == ["html", "head", "meta", "meta", "meta", "title", "style", "body", "div"]
        + ["script"] * 3
    )
    head = json.loads(tags.text("head"))
    assert head["title"] == name[:500]
    assert "<" not in head["labels"]["0"] or "<" in name
    assert len(page) < 60_000


def test_the_graph_in_the_page_is_the_graph(tmp_path):
    loss = small()
    head = json.loads(Tags(saved(loss, tmp_path)).text("head"))
    assert (head["size"], head["leaves"], head["root"]) == (6, 3, 5)
    assert head["keys"] == ["mul", "add", "tanh"]
    assert sorted(head["labels"].values()) == ["L", "b", "w", "x"]


def test_the_page_shows_the_line_that_made_a_value(tmp_path):
    with mg.record_lines() as lines:
        y = mg.Value(2.0).exp()  # this line
    head = json.loads(Tags(saved(y, tmp_path, lines=lines)).text("head"))
    place, _, source = head["lines"]["1"].partition("  ")
    assert re.fullmatch(r"test_page\.py:\d+", place)
    assert source == "y = mg.Value(2.0).exp()  # this line"


def test_record_lines_and_check_finite_do_not_disturb_each_other():
    x = mg.Value(0.0)
    with mg.record_lines() as outer:
        with pytest.raises(mg.NonFiniteError), mg.check_finite():
            mg.log(x)
        y = mg.log(x)  # not checked
    z = mg.log(x)
    assert y in outer
    assert z not in outer


def test_an_operation_that_is_no_formula_has_no_program():
    @mg.op(derivative=lambda g, z, x: g * float(x), name="not_a_formula")
    def not_a_formula(x):
        return x * float(x)

    (row, *others) = Table([(ops.sin, 1)]).values()
    assert "derivative" in row
    assert others
    row = Table([(not_a_formula, 1)])["not_a_formula#0"]
    assert "meaning" not in row
    assert "derivative" not in row


def test_a_large_page_is_folded(tmp_path):
    head = json.loads(Tags(saved(moons(), tmp_path)).text("head"))
    assert "80 × dot of 4 + bias" in head["groups"]
    assert {name for name, *_ in head["arrays"]} == {
        "op", "count", "operands", "data", "grad", "group", "member",
    }  # fmt: skip


def test_a_notebook_shows_the_page_in_a_frame_that_reaches_nothing():
    shown = mg.draw(small())._repr_html_()
    ((tag, attributes, _),) = Tags(shown).found
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"
    assert (attributes["srcdoc"] or "").startswith("<!doctype html>")


def test_the_fixtures_of_the_script_are_what_python_gives():
    """But for last digits, in which platforms differ. Single operations, whose formulas may change,
    are a snapshot; the browser's own test evaluates all of them as they are now."""
    kept = json.loads(page_fixtures.FILE.read_text(encoding="utf-8"))
    made = json.loads(json.dumps(page_fixtures.fixtures()))
    assert kept["shown"] == made["shown"]
    programs = [name for name in made["graphs"] if not name.startswith("op ")]
    assert len(programs) == 8
    for name in programs:
        graph = made["graphs"][name]
        assert kept["graphs"][name]["head"]["rows"] == graph["head"]["rows"]
        assert kept["graphs"][name]["backward"] == graph["backward"]
        assert kept["graphs"][name]["forward"] == graph["forward"]
    for old, new in zip(kept["places"], made["places"], strict=True):
        assert old["boxes"] == [pytest.approx(place) for place in new["boxes"]]
        assert old["points"] == [[pytest.approx(p) for p in points] for points in new["points"]]


def test_the_built_script_is_made_from_its_source(tmp_path):
    if not shutil.which("node") or not MODULES.exists():
        pytest.skip("needs Node and `npm ci` in page/")
    folder = tmp_path / "page"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(MODULES.resolve())
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=folder, check=True)
    for name in ("page.js", "page.css", "run.js", "run.css"):
        assert (tmp_path / name).read_bytes() == (BUILT / name).read_bytes(), "run `make page`"


def test_the_built_script_ends_no_script():
    for name in ("page.js", "run.js"):
        assert "</script" not in (BUILT / name).read_text(encoding="utf-8").lower()
