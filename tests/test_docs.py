"""The documents: their programs run and print what they say, their commands and links exist."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import faults
import pytest

import micrograd

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NATIVE = {"pipeline.md"}  # shows machine code
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NEEDED = {"posterior.py": "mici"}  # a package that no extra installs, only the group `test`
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each block of code."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def output_of(program: str, directory: Path) -> str:
    """The output of a program in a process of its own; warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "page",
    [pytest.param(x, marks=pytest.mark.native) if x.name in NATIVE else x for x in PAGES],
    ids=lambda page: page.name,
)
def test_programs_print_what_they_say(page: Path, tmp_path: Path) -> None:
    """The blocks of a page are one program; a block of text is the output of the block above it."""
    program, shown = [], []
    for language, text in blocks(page):
        if language == "python":
            program.append(text + "print(end='\\0')\n")
            shown.append("")
        elif language == "text":
            shown[-1] = text
    if program:
        printed = output_of("".join(program), tmp_path).split("\0")[:-1]
        assert printed == shown


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_print_what_they_say(example: Path, tmp_path: Path) -> None:
    """The docstring of an example ends with its output, indented, after 'It prints:'."""
    if example.name in NEEDED:
        pytest.importorskip(NEEDED[example.name])
    program = example.read_text(encoding="utf-8")
    said = program.split('"""')[1].split("It prints:\n")[1]
    lines = [line.removeprefix("    ") for line in said.strip("\n").splitlines()]
    assert output_of(program, tmp_path).splitlines() == lines


def test_the_readme_opens_with_a_program_of_ten_lines() -> None:
    language, program = blocks(ROOT / "README.md")[0]
    assert language == "python"
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    assert blocks(ROOT / "README.md")[1][0] == "text"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = re.findall(r"`((?:micrograd|tests|docs|benchmarks|examples)/[\w/.]*)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def commands() -> list[list[str]]:
    """The words of every line for a shell, in all pages."""
    shell = [text for page in PAGES for language, text in blocks(page) if language == "sh"]
    return [shlex.split(line, comments=True) for line in "".join(shell).splitlines()]


def test_commands_exist(tmp_path: Path) -> None:
    """`make` has its targets, pip its extras; `micrograd` and examples run as in a fresh clone."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(ROOT / "micrograd/tables/data", tmp_path / "micrograd/tables/data")
    for command, *arguments in commands():
        if command == "make":
            assert all(re.search(f"^{target}:", makefile, re.MULTILINE) for target in arguments)
        elif command == ".venv/bin/micrograd" and arguments != ["demo"]:  # it takes a minute
            run = [sys.executable, "-P", "-m", "micrograd", *arguments]  # -P: not from here
            done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        else:
            assert command in ("python", ".venv/bin/python", ".venv/bin/micrograd")
            assert all((ROOT / word).exists() for word in arguments if word.endswith(".py"))
        for extra in re.findall(r"\.\[(\w+)\]", " ".join(arguments)):
            assert extra in project["optional-dependencies"]
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8").count("\n") == 151


def test_the_readme_leads_to_every_document_and_example() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    site = {"index.md", "changelog.md", "contributing.md"}  # which lead to other documents
    assert {p.name for p in (ROOT / "docs").glob("*.md")} - site <= {
        *re.findall(r"\(docs/(\S+)\)", text)
    }
    listed = (ROOT / "docs/examples.md").read_text(encoding="utf-8")
    assert [p.name for p in EXAMPLES if f"(../examples/{p.name})" not in listed] == []


def test_the_site_has_every_document() -> None:
    contents = (ROOT / "docs/index.md").read_text(encoding="utf-8").splitlines()
    pages = {p.stem for p in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages <= {*contents}


def test_there_is_one_version() -> None:
    """`micrograd.__version__`; pyproject.toml, the site and the command line read it there."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'version = { attr = "micrograd.__version__" }' in text
    assert not re.search(r'^version = "', text, re.MULTILINE)
    assert "release = micrograd.__version__" in (ROOT / "docs/conf.py").read_text(encoding="utf-8")
    headings = re.findall(
        r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert headings[0] in ("Unreleased", micrograd.__version__)


@pytest.mark.parametrize("name", faults.FAULTS)
def test_the_line_of_a_seeded_fault_is_there(name):
    file, before, _ = faults.FAULTS[name]
    source = (ROOT / "micrograd" / "compiler" / f"{file}.py").read_text(encoding="utf-8")
    assert source.count(before) == 1


def test_each_seeded_fault_was_run_and_noticed_by_a_test_that_exists() -> None:
    """Otherwise: `python tests/faults.py`, perhaps with the faults' names, runs them."""
    results = faults.stored()
    assert [*results] == [*faults.FAULTS]
    tests = "".join((ROOT / file).read_text(encoding="utf-8") for file in faults.TESTS)
    assert [x for x in results.values() if f"def {x}(" not in tests] == []


def test_the_table_of_seeded_faults_is_what_they_did() -> None:
    """Otherwise: `python tests/faults.py --page` writes it."""
    text = faults.PAGE.read_text(encoding="utf-8")
    assert faults.TABLE.search(text)
    assert faults.page(text, faults.stored()) == text
