"""The tree is the pipeline: folders in order, imports that point one way, a table that is true."""

import ast
import re
from pathlib import Path
from statistics import median

import pytest
from tree import MODULES, PACKAGE, ROOT, functions, imports, modules

import micrograd.compiler

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


# Files of at most 300 lines without their docstrings, and why their docstrings do not count.
KEPT = {
    "engine.py": "the engine on one page, each method with its example",
    "operation.py": "what a row is, and its dispatch: neither is understood without the other",
    "neuralnet.py": "three classes of a network, each with its examples",
    "optim.py": "six optimisers, each with its rule, its source and an example",
}


def test_functions_are_short() -> None:
    """Half of them have at most 5 lines, and none more than 40, without its docstring."""
    lengths = functions()
    assert median(n for several in lengths.values() for n in several) <= 5
    assert {name for name, several in lengths.items() if max(several) > 40} == set()


def lines_without_docstrings(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            count -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return count


def test_files_of_tests_are_short() -> None:
    """None has more than 300 lines."""
    paths = (ROOT / "tests").rglob("*.py")
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert len(lengths) > 200
    assert {name for name, lines in lengths.items() if lines > 300} == set()


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
