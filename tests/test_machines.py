"""Other machines: the lowest versions, levels of the processor, what is installed."""

import re
import shutil
import subprocess

import lowest
import machines
import pytest


def test_every_requirement_has_a_lower_bound() -> None:
    constraints = [lowest.lowest(requirement) for requirement in lowest.requirements()]
    assert {"numpy==2.0", "llvmlite==0.46", "pyarrow==16", "pytest==8"} <= {*constraints}
    assert len({name.partition("==")[0] for name in constraints}) == len(constraints)


@pytest.mark.parametrize("requirement", ["numpy", "numpy~=2.0", "numpy>=2,<3"])
def test_a_requirement_without_one_is_an_error(requirement: str) -> None:
    with pytest.raises(ValueError, match=f"{requirement!r} has no lower bound"):
        lowest.lowest(requirement)


def test_a_level_that_this_processor_lacks_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    level = {"MICROGRAD_CPU": "x86-64-v4"}
    assert machines.reason_to_skip(machines.MACHINES["without llvmlite"]) == ""
    for program, reason in [
        ("pass", ""),
        ("raise ValueError('no such level')", ""),  # to be seen when the tests run
        ("raise ValueError('but this processor has no sse9')", "ValueError: but this processor"),
    ]:
        monkeypatch.setattr(machines, "PROCESSOR", program)
        assert machines.reason_to_skip(level)[:30] == reason


def test_the_tests_that_are_chosen_for_other_machines_exist() -> None:
    chosen = re.findall(r"tests/[\w./]+", (lowest.ROOT / ".ci/run").read_text(encoding="utf-8"))
    assert len(chosen) > 10
    assert [name for name in chosen if not (lowest.ROOT / name).exists()] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_demo_installs_nothing_that_only_tests_need() -> None:
    command = ["make", "--dry-run", "--always-make", "demo"]
    done = subprocess.run(command, cwd=lowest.ROOT, capture_output=True, text=True, check=True)
    installed = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert installed[-1].endswith("--editable '.[tables,plot]'")
    assert "--group" not in done.stdout
