"""The tree is the pipeline: folders in order, imports that point one way, a table that is true."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

import micrograd.compiler

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "micrograd"
STAGES = ["trace", "program", "schedule", "llvm", "c", "runtime", "api"]
ROOMS = ["files", "compiler", "plots", "pictures", "training", "tables", "tutorial"]


def modules(folder: Path) -> dict[str, Path]:
    """Every module below a folder, by its dotted name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules(PACKAGE)


def imports(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports: in functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else node.module


# An import against the order, and its reason.
EXCEPTIONS = {
    ("micrograd.operation", "micrograd.formula"): (
        "asked in a function, once the table is complete: a row says what it is in its own terms"
    ),
    ("micrograd.compiler.llvm.level", "micrograd.compiler.llvm.target"): (
        "asked in a function, once llvmlite is known to be there: target cannot be imported without"
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_the_compiler_imports_only_from_stages_before_it(stage: str) -> None:
    later = STAGES[STAGES.index(stage) + 1 :]
    wrong = [
        (name, other)
        for name, path in modules(PACKAGE / "compiler" / stage).items()
        for other in imports(path)
        if other.split(".")[1:2] == ["compiler"] and other.split(".")[2] in later
        if (name, other) not in EXCEPTIONS
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    later = ROOMS[ROOMS.index(room) + 1 :]
    wrong = [
        (name, other)
        for name, path in modules(PACKAGE / room).items()
        for other in imports(path)
        if other.count(".") and other.split(".")[1] in later
        if (name, other) not in EXCEPTIONS
    ]
    assert wrong == []


def test_no_import_circle() -> None:
    """Imports within functions and for types included."""
    edges = {
        name: {x for x in imports(path) if x != name and (name, x) not in EXCEPTIONS}
        for name, path in MODULES.items()
        if name not in ("micrograd", "micrograd.__main__")
    }
    while free := [name for name, others in edges.items() if not others & edges.keys()]:
        for name in free:
            del edges[name]
    assert edges == {}


def test_every_exception_is_still_needed() -> None:
    assert [(a, b) for a, b in EXCEPTIONS if b not in imports(MODULES[a])] == []


def test_the_table_of_the_compiler_is_its_tree() -> None:
    table = (micrograd.compiler.__doc__ or "").split("\n\n")[1].splitlines()[1:]
    folders = [p.name for p in (PACKAGE / "compiler").iterdir() if (p / "__init__.py").exists()]
    assert [line.split()[0] for line in table] == STAGES
    assert sorted(folders) == sorted(STAGES)


def test_every_file_is_named_in_the_readers_map() -> None:
    """Those of `vectormath/` in its own `__init__`."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    named = {Path(name).name for name in re.findall(r"[\w/]+\.py", text)}
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in MODULES.values()
        if not path.name.startswith("__") and path.parent.name != "vectormath"
        if path.name not in named
    ]
    assert missing == []


# Names that two files share, and why.
SHARED = {
    "errors.py": "each room that has errors of its own",
    "functions.py": "of scalars, and of arrays of them",
    "interrupt.py": "Ctrl-C in a command, and in a run",
    "module.py": "LLVM's word, and the field's for a part of a network",
    "source.py": "what is shown to the user, and C99",
}


def test_no_two_files_have_one_name_without_need() -> None:
    names = [p.name for p in MODULES.values() if not p.name.startswith("__")]
    assert {name for name in names if names.count(name) > 1} <= SHARED.keys()


# Functions of more than 40 lines, and why.
LONG = {
    "order_of_values": "the innermost loop of backward(), written out to be fast",
}
# Files of more than 300 lines without docstrings, to be split; each has one thought too many.
LARGE = {}


def without_docstring(function: ast.FunctionDef) -> int:
    """The lines of a function's body."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions() -> dict[str, list[int]]:
    """The lengths of all functions of the package, by their names."""
    lengths: dict[str, list[int]] = {}
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                lengths.setdefault(node.name, []).append(without_docstring(node))
    return lengths


def test_functions_are_short() -> None:
    """Half of them have at most 5 lines, and none more than 40, without its docstring."""
    lengths = functions()
    assert median(n for several in lengths.values() for n in several) <= 5
    assert {name for name, several in lengths.items() if max(several) > 40} == LONG.keys()


def lines_without_docstrings(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            count -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return count


def test_files_are_short() -> None:
    """None has more than 300 lines, without docstrings."""
    large = {
        path.relative_to(PACKAGE).as_posix(): n
        for path in MODULES.values()
        if (n := lines_without_docstrings(path)) > 300
    }
    assert large.keys() == LARGE.keys()
