"""The tree is the pipeline: folders in order, imports that point one way, a table that is true."""

import ast
import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
import reference

import micrograd.compiler
from micrograd.operation import Op

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "micrograd"
STAGES = ["trace", "program", "schedule", "llvm", "c", "runtime", "api"]
TRAINING = ["data", "steps", "run"]
ROOMS = [
    "files",
    "compiler",
    "plots",
    "fitting",
    "pictures",
    "training",
    "tables",
    "sklearn",
    "tutorial",
    "commands",
]


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


@pytest.mark.parametrize("part", TRAINING)
def test_data_know_no_step_and_a_step_knows_no_run(part: str) -> None:
    later = TRAINING[TRAINING.index(part) + 1 :]
    wrong = [
        (name, other)
        for name, path in modules(PACKAGE / "training" / part).items()
        for other in imports(path)
        if other.split(".")[1:2] == ["training"] and other.split(".")[2] in later
    ]
    assert wrong == []


def test_fit_meets_each_stage_once_and_in_order() -> None:
    """Settings, start, data, objective, step, run, loop: each assigned from those before it."""
    tree = ast.parse((PACKAGE / "training" / "fit.py").read_text(encoding="utf-8"))
    (fit,) = [x for x in tree.body if isinstance(x, ast.FunctionDef) and x.name == "fit"]
    assigned = [
        x.targets[0].id
        for x in fit.body
        if isinstance(x, ast.Assign) and isinstance(x.targets[0], ast.Name)
    ]
    stages = ["settings", "start", "data", "objective", "step", "run"]
    assert [name for name in assigned if name in stages] == stages


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
# Files of at most 300 lines without their docstrings, and why their docstrings do not count.
KEPT = {
    "engine.py": "the engine on one page, each method with its example",
    "operation.py": "what a row is, and its dispatch: neither is understood without the other",
    "neuralnet.py": "three classes of a network, each with its examples",
    "optim.py": "six optimisers, each with its rule, its source and an example",
}


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
    """None has more than 300 lines; of those in KEPT, docstrings do not count."""
    lengths = {
        path.relative_to(PACKAGE).as_posix(): (
            len(path.read_text(encoding="utf-8").splitlines()),
            lines_without_docstrings(path),
        )
        for path in MODULES.values()
    }
    assert {name for name, (lines, _) in lengths.items() if lines > 300} == KEPT.keys()
    assert [name for name in KEPT if lengths[name][1] > 300] == []


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
