"""The reference: every public name is described, shown at work, and found in its pages."""

import inspect
import re
from typing import Any

import pytest
from reference import CLASSES, methods, objects, raised

from micrograd.operation import TABLE, Op

OBJECTS = objects()
METHODS = {
    f"{kind.__name__}.{name}": (kind, function)
    for kind in CLASSES
    for name, function in methods(kind)
    if name not in TABLE and name != "interpreter"  # rows of the table, and what the engine calls
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
