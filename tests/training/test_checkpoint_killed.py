"""Checkpoints of runs that are killed at random moments: the run that resumes has the same bits."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resumable import table

from micrograd.training.run.checkpoint import read

KILLS = 50  # of each run

# This process forks a run, which takes a tenth of the time of starting Python, and prints its
# process id and, if the run finishes, its weights. On request it waits, and prints the exit status.
RUNS_TO_KILL = """
import os, sys, numpy as np, pyarrow.parquet, micrograd as mg
from micrograd.files import survey
from micrograd.training import fit

survey.ROWS = 15
random = np.random.default_rng(0)
X = random.normal(size=(200, 3))
arrays = X, X @ [1, -1, 2]

def train(checkpoint, examples):
    print(os.getpid(), flush=True)
    net = mg.MLP(3, [8, 1], activation="tanh", seed=0)
    mg.fit(net, *examples, loss="mse", optimizer=mg.Adam(mg.WarmUp(50, mg.CosineDecay(0.01, 2000))),
           epochs=100, batch_size=8, dropout=0.1, validation=0.1, patience=8,
           checkpoint=checkpoint, every=checkpoint and 5, resume=bool(checkpoint))
    print(np.array([p.data for p in net.parameters()]).tobytes().hex(), flush=True)

for line in sys.stdin:
    checkpoint, file = line[:-1].split("|")
    if not os.fork():
        try:
            train(checkpoint or None, (file, "y") if file else arrays)
            os._exit(0)
        finally:
            os._exit(1)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.fixture
def forks() -> Iterator[Callable[..., tuple[int, Callable[[], list[str]]]]]:
    """Starts a run; returns its process id, and a function that waits for its output."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", RUNS_TO_KILL], **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        source, printed = process.stdin, process.stdout

        def start(path: object, file: object) -> tuple[int, Callable[[], list[str]]]:
            print(path, file, sep="|", file=source, flush=True)
            number = int(printed.readline())

            def rest() -> list[str]:
                print(file=source, flush=True)
                lines = [printed.readline().strip()]
                return lines if len(lines[0]) < 9 else [*lines, printed.readline().strip()]

            return number, rest

        yield start


@pytest.mark.parametrize("kind", ["arrays", "pieces"])
def test_kills_at_random_moments_change_nothing(tmp_path, forks, kind):
    """In all of a run: a schedule, dropout, and weights that patience goes back to."""
    path, file = tmp_path / "run", "" if kind == "arrays" else table(tmp_path / "table.parquet")
    random = np.random.default_rng(1)
    expected = [forks("", file)[1]()[0], "0"]
    kills, places = 0, set()
    while kills < KILLS:
        number, rest = forks(path, file)
        for _ in range(random.integers(0, 8)):  # so many checkpoints on, however fast the machine
            before, end = _written(path), time.monotonic() + 0.3  # or it has ended
            while _written(path) == before and time.monotonic() < end:
                time.sleep(0.0002)
        time.sleep(random.uniform(0, 0.005))
        os.kill(number, signal.SIGKILL)  # in vain where it has ended by itself
        *weights, code = rest()
        assert code in ("0", str(-signal.SIGKILL))
        kills += code != "0"
        if path.exists():
            places.add(read(path)[1]["steps"])
        if code == "0":  # it came to its end: then it begins anew
            assert [*weights, code] == expected
            path.unlink()
            (tmp_path / "run.previous").unlink()
    assert len(places) > 10
    assert forks(path, file)[1]() == expected
    assert {*os.listdir(tmp_path)} - {"table.parquet"} == {"run", "run.previous"}


def _written(path: Path) -> tuple[int, int] | None:
    """A mark that differs between one checkpoint and the next."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None
