"""`MICROGRAD_CPU`: code for another processor than this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd as mg
from micrograd.compiler.llvm.level import FEATURES

target = pytest.importorskip("micrograd.compiler.llvm.target", reason="needs llvmlite")

PROGRAM = """
import micrograd as mg, numpy as np
model = mg.MLP(3, [5, 1], activation="tanh", seed=0)
X = np.random.default_rng(0).normal(size=(37, 3))
for exact in (True, False):
    value, gradient = mg.vectorize(lambda x: model(x)[0], exact=exact).value_and_grad(X)
    print(*[x.hex() for x in (*value.tolist(), *gradient.ravel().tolist())])
"""


def on(level: str) -> subprocess.CompletedProcess[str]:
    """The output of PROGRAM in a process of its own, compiled for a level of x86-64."""
    environment = os.environ | {"MICROGRAD_CPU": level}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def runs(level: str) -> bool:
    """Whether this processor runs what is compiled for that level."""
    return bool(target._host()[1].get(FEATURES[level]))


def test_code_for_a_level_of_x86_64_computes_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit in exact mode; otherwise within some roundings, for numbers below 1."""
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path))
    levels = ["", *filter(runs, FEATURES)]
    results = [on(level).stdout.split() for level in levels]
    half = len(results[0]) // 2
    assert half == 37 * 4
    numbers = [[float.fromhex(x) for x in result] for result in results]
    for result, xs in zip(results, numbers):
        assert result[:half] == results[0][:half]
        assert xs[half:] == pytest.approx(numbers[0][half:], rel=0, abs=1e-15)
    # Each level has entries of its own: two programs, and the extension.
    assert len(list(tmp_path.glob("*/*"))) == 3 * len(levels)


def test_a_level_that_does_not_exist_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MICROGRAD_CPU", "x86-64-v9")
    message = (
        "^MICROGRAD_CPU must be empty or one of x86-64-v2, x86-64-v3, x86-64-v4; got 'x86-64-v9'$"
    )
    for act in (mg.compile, mg.vectorize, lambda f: mg.fit(f, [], [], loss="mse")):
        with pytest.raises(ValueError, match=message):
            act(lambda x: pytest.fail("it was called"))
