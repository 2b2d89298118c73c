"""The types of public signatures: no `Any` without its reason."""

import ast
import functools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import reference
from tree import MODULES, PACKAGE

import micrograd.compiler
from micrograd.operation import Op

# The types of public signatures: `Any` only by a name of `annotations.py`, which gives its reason.

ANNOTATIONS = PACKAGE / "annotations.py"


def mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(x, ast.Name) and x.id in names for x in ast.walk(node))


def aliases(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """The names that a file gives to types, or to anything else."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


@functools.cache
def names_of_any(path: Path) -> set[str]:
    """`Any`, and aliases that contain it: a file's own, and those that it imports from others."""
    if path == ANNOTATIONS:
        return set()
    names = {"Any"} | {name for name, value in aliases(path) if mentions(value, {"Any"})}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module in MODULES.keys() - {"micrograd"}:
            imported = {x.name for x in node.names}
            names |= imported & (names_of_any(MODULES[node.module]) - {"Any"})
    return names


def public_functions() -> Iterator[tuple[Path, str, ast.FunctionDef]]:
    """The functions of the package's names; of classes, the methods, also those of their bases."""
    objects: list[object] = [getattr(micrograd, name) for name in dir(micrograd)]
    objects += [*vars(micrograd.losses).values(), Op, *reference.CLASSES]
    kinds = {base for x in objects if isinstance(x, type) for base in x.__mro__}
    wanted = {
        (x.__module__, x.__qualname__)
        for x in {*kinds, *(x for x in objects if callable(x) and hasattr(x, "__qualname__"))}
        if x.__module__ in MODULES and not x.__qualname__.startswith("_")
    }
    for module, name in sorted(wanted):
        for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                yield from ((MODULES[module], *found) for found in methods(node))


def methods(node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    if isinstance(node, ast.FunctionDef):
        yield node.name, node
        return
    for x in node.body:
        named = isinstance(x, ast.FunctionDef) and not x.name.startswith("_")
        if isinstance(x, ast.FunctionDef) and (named or x.name in ("__init__", "__call__")):
            yield f"{node.name}.{x.name}", x


def types_of(function: ast.FunctionDef) -> list[ast.expr]:
    """The annotations of a function's parameters and of its result."""
    arguments = [x for x in ast.walk(function.args) if isinstance(x, ast.arg)]
    return [x for x in (*(a.annotation for a in arguments), function.returns) if x is not None]


def test_no_public_signature_has_any_without_a_reason() -> None:
    functions = [*public_functions()]
    assert len(functions) > 100
    assert [
        name
        for path, name, f in functions
        if any(mentions(x, names_of_any(path)) for x in types_of(f))
    ] == []


def test_each_name_of_any_has_its_reason_and_is_needed() -> None:
    """A docstring below it; the count of those that use it is not zero."""
    body = ast.parse(ANNOTATIONS.read_text(encoding="utf-8")).body
    names = [name for name, value in aliases(ANNOTATIONS) if mentions(value, {"Any"})]
    reasons = [
        node.targets[0].id
        for node, reason in pairwise(body)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(reason, ast.Expr) and isinstance(reason.value, ast.Constant)
    ]
    assert [name for name in names if name not in reasons] == []
    used = [x for _, _, f in public_functions() for x in types_of(f)]
    assert [name for name in names if not any(mentions(x, {name}) for x in used)] == []


@pytest.mark.parametrize("room", ["program", "schedule"])
def test_the_ir_and_the_plan_have_no_any(room: str) -> None:
    trees = {
        path.name: ast.parse(path.read_text(encoding="utf-8"))
        for path in (PACKAGE / "compiler" / room).glob("*.py")
    }
    assert [name for name, tree in trees.items() if mentions(tree, {"Any"})] == []
