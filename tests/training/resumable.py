"""A run that can be stopped and resumed, and what two runs have in common."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import micrograd as mg

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3))
LINE = X @ [2.0, -1.0, 0.5] + 0.5
WEIGHTS = RANDOM.uniform(size=50)


def model(activation: Any = "tanh", seed: int | None = 0) -> mg.MLP:
    return mg.MLP(3, [5, 1], activation=activation, seed=seed)


def train(net: mg.MLP, path: Path | None = None, **options: Any) -> mg.History:
    settings: dict[str, Any] = {
        "X": X, "y": LINE, "loss": "mse", "optimizer": mg.Adam(0.01), "epochs": 6, "batch_size": 8,
        "validation": 0.2, "dropout": 0.2, "patience": 50, "l2": 1e-3,
    }  # fmt: skip
    return mg.fit(net, checkpoint=path, **(settings | options))


def numbers(net: mg.Module) -> list[float]:
    return [p.data for p in net.parameters()]


def as_text(history: mg.History) -> dict[str, Any]:
    """All fields of a history as text, so that NaN equals NaN."""
    kept = [f.name for f in fields(history) if f.name != "patient"]
    return {name: repr(getattr(history, name)) for name in kept}


def in_a_process(call: str, module: str, **environment: str) -> str:
    """The output of a call to a function of a module of this folder, in a process of its own."""
    command = [sys.executable, "-c", f"from {module} import *; {call}"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parent,
        env={**os.environ, "MICROGRAD_CACHE_DIR": "", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


class Stop(Exception):
    pass


def stopped_after(epochs: int) -> Callable[[mg.History], None]:
    def callback(history: mg.History) -> None:
        if history.epochs == epochs:
            raise Stop

    return callback


def single(step: int) -> Any:
    return np.float32(0.01)


def within_one(outputs: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean(np.abs(outputs[:, 0] - targets) < 1))


def table(path: Path) -> Path:
    parquet.write_table(pa.table({**{f"x{k}": X[:, k] for k in range(3)}, "y": LINE}), path)
    return path
