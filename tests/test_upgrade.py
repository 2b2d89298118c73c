"""If the package is replaced under running processes, their cache entries match their version."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd

pytest.importorskip("llvmlite")

ROW, FAULT, OF_SAME_SIZE = "(g * cos(x),)", "(2.0 * g * cos(x),)", "(1.0 * g * cos(x),)"
TWICE, RIGHT = "(0.0, 2.0)", "(0.0, 1.0)"

PROGRAM = """
import sys, micrograd as mg
{loaded}
print("ready", flush=True)
sys.stdin.readline()
print(mg.compile(lambda x: mg.sin(x)).value_and_grad(0.0))
"""

# The progress of a process when the package is replaced.
LOADED = {
    "the engine": "",
    "the compiler": "mg.compile",
    "a kernel": "mg.compile(lambda x: x + 1)(2.0)",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with a fault."""
    copy = tmp_path / "micrograd"
    source = Path(micrograd.__file__).parent
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    table = (source / "ops.py").read_text()
    assert table.count(ROW) == 1
    (copy / "ops.py").write_text(table.replace(ROW, FAULT))
    return copy


def started(package: Path, loaded: str = "") -> "subprocess.Popen[str]":
    environment = os.environ | {
        "PYTHONPATH": f"{package.parent}",
        "MICROGRAD_CACHE_DIR": f"{package.parent}",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(loaded=loaded)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, cwd=package.parent,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    return process


def printed(process: "subprocess.Popen[str]") -> tuple[str, str]:
    output, errors = process.communicate("\n", timeout=60)
    return output.strip(), errors


def replaced(path: Path) -> None:
    """As an installer does it: another file under the same name."""
    new = path.with_suffix(".new")
    new.write_text(path.read_text().replace(FAULT, ROW))
    os.replace(new, path)


@pytest.mark.parametrize("loaded", LOADED.values(), ids=LOADED.keys())
def test_an_upgrade_under_a_running_process_leaves_the_cache_right(
    package: Path, loaded: str
) -> None:
    old = started(package, loaded)
    replaced(package / "ops.py")
    answer, warning = printed(old)
    assert answer == TWICE
    assert printed(started(package)) == (RIGHT, "")
    assert "the files of micrograd have changed since it was imported" in warning


def test_what_is_found_in_the_cache_is_of_the_same_version(package: Path) -> None:
    """As long as the package is not replaced, code is cached."""
    entries = package.parent / "micrograd-compiled"
    assert printed(started(package)) == (TWICE, "")
    assert printed(started(package)) == (TWICE, "")
    first = {*entries.iterdir()}
    assert len(first) == 2  # the program, and the extension
    replaced(package / "ops.py")
    assert printed(started(package)) == (RIGHT, "")
    assert len([*entries.iterdir()]) == 4
    assert first < {*entries.iterdir()}


def test_bytecode_of_an_earlier_file_of_the_same_second_and_size(package: Path) -> None:
    """Python runs it in place of the file that is there."""
    ops, second = package / "ops.py", 1_700_000_000
    os.utime(ops, ns=(0, second * 10**9))
    assert printed(started(package)) == (TWICE, "")
    (bytecode,) = (package / "__pycache__").glob("ops.*.pyc")
    shutil.rmtree(package.parent / "micrograd-compiled")
    ops.write_text(ops.read_text().replace(FAULT, OF_SAME_SIZE))
    os.utime(bytecode, ns=(0, second * 10**9 + 1))
    os.utime(ops, ns=(0, second * 10**9 + 2))
    answer, warning = printed(started(package))
    assert answer == TWICE  # else Python has become more careful, and this test needless
    assert "not kept on disk" in warning
    bytecode.unlink()
    assert printed(started(package)) == (RIGHT, "")
