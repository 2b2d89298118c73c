"""The reference: every public name is described, shown at work, and found in its pages."""

import inspect
import re
import runpy
import sys
from typing import Any, Never

import pytest
import reference
from reference import CLASSES, ROOT, methods, objects, raised

from micrograd.operation import TABLE, Op

OBJECTS = objects()
INTERNAL = {
    "for_each",
    "interpreter",
    "shared",
    "truth",
}  # the engine and the compiler call them, no user
METHODS = {
    f"{kind.__name__}.{name}": (kind, function)
    for kind in CLASSES
    for name, function in methods(kind)
    if name not in TABLE and name not in INTERNAL
}
SHOWN_BY_ITS_BASE = {"CompiledOne", "Vectorized"}  # Compiled has the example


def text(thing: Any) -> str:
    return thing.__doc__ or ""


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_first_line_and_an_example(name: str) -> None:
    said = text(OBJECTS[name])
    first = said.split("\n")[0]
    assert 8 < len(first) <= 100
    if name in SHOWN_BY_ITS_BASE or getattr(OBJECTS[name], "boolean", False):
        return
    assert ">>> " in said


@pytest.mark.parametrize("name", [name for name, thing in OBJECTS.items() if callable(thing)])
def test_a_signature_names_its_parameters(name: str) -> None:
    """What only passes its arguments on says which these are; `Never` are those it refuses."""
    thing = OBJECTS[name]
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    parameters = inspect.signature(thing).parameters.values()
    more = [p for p in parameters if p.kind is p.VAR_KEYWORD]
    assert [p.name for p in more if p.annotation is not Never] == []


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_described_and_shown_in_its_docstring_or_in_that_of_its_class(
    name: str,
) -> None:
    kind, function = METHODS[name]
    assert text(function).split("\n")[0]
    called = function.__name__
    program = "\n".join(
        line
        for thing in [function, *kind.__mro__]
        for line in text(thing).splitlines()
        if line.strip().startswith((">>> ", "... "))
    )
    assert program if called == "__call__" else re.search(rf"\b{called}\b", program)


@pytest.mark.parametrize("name", OBJECTS)
def test_what_a_public_name_raises_is_said(name: str) -> None:
    """What its own text raises; a class, what its construction does."""
    thing = OBJECTS[name]
    if isinstance(thing, Op):
        return
    made = (
        [vars(thing).get(x) for x in ("__init__", "__post_init__")]
        if inspect.isclass(thing)
        else [thing]
    )
    errors = {
        error for function in made if inspect.isfunction(function) for error in raised(function)
    }
    assert [error for error in errors if error not in text(thing)] == []
    assert not errors or "Raises" in text(thing)


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_raises_is_said(name: str) -> None:
    kind, function = METHODS[name]
    errors = raised(function) - {"NotImplementedError"}
    said = text(function) + text(kind)
    assert [error for error in errors if error not in said] == []


def test_an_indented_block_of_a_docstring_is_code_in_the_site(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    conf = runpy.run_path(str(ROOT / "docs/conf.py"))
    blocks = 0
    for name, thing in OBJECTS.items():
        lines = inspect.cleandoc(text(thing)).splitlines()
        conf["in_rst"](None, "", f"micrograd.{name}", thing, None, lines)
        begins = [a for a, b, c in zip(lines, lines[1:], lines[2:]) if not b and c[:4] == " " * 4]
        blocks += len(begins)
        assert [line for line in begins if line.endswith(":") and not line.endswith("::")] == []
    assert blocks > 20


REFERENCE = ROOT / "docs/reference"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")}
PRINTED = re.compile(r"^\.\. auto\w+:: micrograd\.(\S+)$", re.MULTILINE)


def test_every_public_name_is_in_one_page_of_the_reference() -> None:
    shown = [name for text in PAGES.values() for name in PRINTED.findall(text)]
    assert len(shown) == len({*shown})
    public = {*reference.names(), *(f"losses.{name}" for name in reference.loss_names())}
    assert public - {"losses"} <= {*shown}
    beside = {
        f"{kind.__module__}.{kind.__name__}" for kind in [*CLASSES, *reference.error_classes()]
    }
    assert {f"micrograd.{name}" for name in {*shown} - public} <= beside


def test_the_contents_of_the_reference_name_what_its_pages_hold() -> None:
    for page in PAGES.keys() - {"index"}:
        (line,) = [x for x in PAGES["index"].splitlines() if f"({page}.md)" in x]
        shown = [name.split(".")[-1] for name in PRINTED.findall(PAGES[page])]
        assert re.findall(r"`(\w+)`", line) == shown
