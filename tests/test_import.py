"""`import micrograd` is fast, and complete."""

import builtins
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd as mg

HEAVY = {"numpy", "llvmlite", "scipy", "matplotlib", "pyarrow", "click", "tqdm", "safetensors"}


def test_the_import_is_light() -> None:
    """Slow imports wait until they are needed."""
    program = "import sys; import micrograd; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert HEAVY.isdisjoint(done.stdout.split())


def test_all_names_are_there() -> None:
    assert len(mg.__all__) == len(set(mg.__all__))
    for name in mg.__all__:
        assert getattr(mg, name) is not None
        assert name in dir(mg)


def test_every_public_name_is_in_all() -> None:
    """Otherwise a type checker treats the name as private."""
    ours = {
        name
        for name, thing in vars(mg).items()
        if getattr(thing, "__module__", "").startswith("micrograd.") and not name.startswith("_")
    }
    assert ours | set(mg._LATER) <= set(mg.__all__) | set(vars(builtins))


def test_a_star_hides_no_builtin() -> None:
    names: dict[str, object] = {}
    exec("from micrograd import *", names)
    assert "Value" in names
    assert "tanh" in names
    assert not {name for name in names if hasattr(builtins, name)} - {"__builtins__"}
    assert mg.sum is not sum


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'tahn'; did you mean 'tanh'"):
        mg.tahn  # noqa: B018


def test_the_other_package_of_this_name_is_noticed(tmp_path: Path) -> None:
    """Both install a folder `micrograd`; which file is whose depends on which came last."""
    program = "import micrograd, sys; print(micrograd.__file__)"
    shutil.copytree(Path(mg.__file__).parent, tmp_path / "micrograd")
    for folder, noticed in (("other-1.0.dist-info", False), ("micrograd-0.1.0.dist-info", True)):
        (tmp_path / folder).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
        )  # fmt: skip
        assert str(tmp_path) in done.stdout
        assert ("Uninstall micrograd" in done.stderr) == noticed
