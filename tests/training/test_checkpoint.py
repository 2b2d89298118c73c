"""Checkpoints: a run that is stopped at any moment resumes to exactly the same bits."""

import builtins
import logging
import os
import signal
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import micrograd as mg
from micrograd.files import survey
from micrograd.files.whole_file import beside, sweep, write_whole
from micrograd.training.data.marks import of_file
from micrograd.training.run.checkpoint import Checkpoint, CheckpointError, read

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


def told(history: mg.History) -> dict[str, Any]:
    """All fields of a history as text, so that NaN equals NaN."""
    kept = [f.name for f in fields(history) if f.name != "patient"]
    return {name: repr(getattr(history, name)) for name in kept}


def in_a_process(call: str, **environment: str) -> str:
    """The output of a call to a function of this file, in a process of its own."""
    command = [sys.executable, "-c", f"from test_checkpoint import *; {call}"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parent,
        env={**os.environ, "MICROGRAD_CACHE_DIR": "", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


# Stop and resume.


class Stop(Exception):
    pass


def stopped_after(epochs: int) -> Callable[[mg.History], None]:
    def callback(history: mg.History) -> None:
        if history.epochs == epochs:
            raise Stop

    return callback


@pytest.fixture
def stops(monkeypatch) -> list[int]:
    """The steps at which a run was stopped: right after each checkpoint except the last."""
    steps: list[int] = []
    save = Checkpoint.save

    def save_and_stop(self: Checkpoint, arrays: Any, state: Any) -> None:
        save(self, arrays, state)
        if state["steps"] not in steps:
            steps.append(state["steps"])
            raise Stop

    monkeypatch.setattr(Checkpoint, "save", save_and_stop)
    return steps


def in_parts(path: Path, **options: Any) -> tuple[mg.MLP, mg.History]:
    """A run that is stopped at every checkpoint, and resumed with a new model each time."""
    while True:
        net = model()
        try:
            return net, train(net, path, resume=True, **options)
        except Stop:
            pass


def single(step: int) -> Any:
    return np.float32(0.01)


def halving(step: int) -> float:
    return 0.02 * 0.5 ** (step / 10)


def within_one(outputs: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean(np.abs(outputs[:, 0] - targets) < 1))


def absolute(outputs: Any, target: Any) -> Any:
    return mg.abs(outputs[0] - target)


RUNS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a warm-up and a cosine": {"optimizer": mg.Adam(mg.WarmUp(5, mg.CosineDecay(0.05, 20)))},
    "a schedule of one's own": {"optimizer": mg.SGD(halving)},
    "clip_norm": {"optimizer": mg.Adam(0.01, clip_norm=0.3)},
    "clip_value": {"optimizer": mg.SGD(0.01, clip_value=0.1)},
    "momentum": {"optimizer": mg.Momentum(0.01)},
    "Nesterov": {"optimizer": mg.Nesterov(0.01)},
    "RMSprop": {"optimizer": mg.RMSprop(0.01)},
    "AdamW": {"optimizer": mg.AdamW(0.01, weight_decay=0.1)},
    "no dropout": {"dropout": 0.0},
    "weights": {"sample_weight": WEIGHTS},
    "patience": {"optimizer": mg.SGD(0.3), "patience": 3, "epochs": 30, "monitor": "loss"},
    "a metric": {"metric": within_one, "monitor": "within_one", "patience": 4},
    "a loss": {"loss": absolute},
    "l1": {"l1": 0.01},
    "float32": {"dtype": "float32"},
    "threads": {"threads": 2},
    "a full batch": {"batch_size": None},
    "batches of one": {"batch_size": 1, "epochs": 2},
    "given validation": {"validation": (X[:9] + 1, LINE[:9])},
    "no validation": {"validation": None},
    "eager": {"engine": "eager"},
    "eager, a schedule": {"engine": "eager", "optimizer": mg.Adam(halving, clip_norm=0.3)},
    "eager, momentum": {"engine": "eager", "optimizer": mg.Momentum(0.01), "metric": within_one},
}


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_stopped_at_every_checkpoint_ends_in_the_same_bits(tmp_path, stops, name, every):
    options, whole = RUNS[name], model()
    uninterrupted = train(whole, **options)
    net, history = in_parts(tmp_path / "run", every=every, **options)
    assert numbers(net) == numbers(whole)
    assert told(history) == told(uninterrupted)
    steps = uninterrupted.epochs * (stops[0] if every is None else 1)
    assert len(stops) >= min(uninterrupted.epochs, steps / 3)
    if name == "patience":  # it bites long after the best weights were saved
        assert history.stopped == "patience"
        assert 2 < history.epochs - 3 == history.best_epoch


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("engine", ["native", "eager"])
def test_nor_does_it_matter_where_the_seed_is_drawn(tmp_path, stops, every, engine):
    """Without a seed, the run that is not interrupted is another continuation of the first part."""
    options: dict[str, Any] = {"every": every, "engine": engine, "seed": None}
    with pytest.raises(Stop):
        train(model(), tmp_path / "run", **options)
    (tmp_path / "other").write_bytes((tmp_path / "run").read_bytes())
    net, history = in_parts(tmp_path / "run", **options)
    stops[:] = range(1000)  # the other one is not stopped again
    whole = model()
    uninterrupted = train(whole, tmp_path / "other", resume=True, **options)
    assert numbers(net) == numbers(whole)
    assert told(history) == told(uninterrupted)


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(survey, "ROWS", 15)
    return table(tmp_path / "table.parquet")


def table(path: Path) -> Path:
    parquet.write_table(pa.table({**{f"x{k}": X[:, k] for k in range(3)}, "y": LINE}), path)
    return path


@pytest.mark.parametrize("every", [None, 1, 3])
def test_a_file_in_pieces_goes_on_to_the_same_bits(tmp_path, stops, file, every):
    options: dict[str, Any] = {
        "X": file, "y": "y", "optimizer": mg.Adam(mg.CosineDecay(0.05, 50)), "patience": 4,
    }  # fmt: skip
    whole = model()
    uninterrupted = train(whole, **options)
    net, history = in_parts(tmp_path / "run", every=every, **options)
    assert numbers(net) == numbers(whole)
    assert told(history) == told(uninterrupted)


@pytest.mark.parametrize("every", [None, 1, 4, 7])
def test_what_came_after_the_last_checkpoint_is_done_again(tmp_path, every):
    path, whole = tmp_path / "run", model()
    uninterrupted = train(whole)
    for epochs in (2, 4):
        with pytest.raises(Stop):
            train(model(), path, every=every, resume=True, callbacks=[stopped_after(epochs)])
    net = model()
    assert told(train(net, path, every=every, resume=True)) == told(uninterrupted)
    assert numbers(net) == numbers(whole)


def test_more_epochs_go_on_from_the_end(tmp_path):
    whole, parts = model(), model()
    train(whole, epochs=5)
    train(parts, tmp_path / "run", epochs=2)
    parts = model()
    history = train(parts, tmp_path / "run", epochs=5, resume=True)
    assert history.epochs == 5
    assert numbers(parts) == numbers(whole)


def test_a_run_that_has_ended_gives_its_result_again(tmp_path):
    first, again = model(), model()
    one = train(first, tmp_path / "run", **RUNS["patience"])
    other = train(again, tmp_path / "run", **RUNS["patience"], resume=True)
    assert one.stopped == "patience"
    assert told(one) == told(other)
    assert numbers(first) == numbers(again)


def test_the_end_of_its_time_leaves_a_checkpoint(tmp_path):
    whole, parts = model(), model()
    options: dict[str, Any] = {"every": 10**9, "epochs": 6000, "patience": None, "resume": True}
    train(whole, **options | {"every": None, "resume": False})
    for _ in range(3):
        parts = model()
        assert train(parts, tmp_path / "run", time_limit=0.02, **options).stopped == "time"
    parts = model()
    assert train(parts, tmp_path / "run", **options).stopped == ""
    assert numbers(parts) == numbers(whole)


# Killed.

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
        source, told = process.stdin, process.stdout

        def start(path: object, file: object) -> tuple[int, Callable[[], list[str]]]:
            print(path, file, sep="|", file=source, flush=True)
            number = int(told.readline())

            def rest() -> list[str]:
                print(file=source, flush=True)
                lines = [told.readline().strip()]
                return lines if len(lines[0]) < 9 else [*lines, told.readline().strip()]

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


# No good checkpoint is lost: two files, and faults in either of them and while writing.


def save(path: Path, steps: int) -> None:
    Checkpoint(path, None).save({"weights": np.full(3, float(steps))}, {"steps": steps})


def newest(path: Path) -> int | None:
    """The number of steps of the state from which a run would resume."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        saved = Checkpoint(path, None).load()
    return saved and saved[1]["steps"]


def cut(path: Path, share: float = 0.5) -> None:
    """Truncates a file in place, and so under all of its names."""
    content = path.read_bytes() if path.exists() else b""
    with open(path, "r+b" if content else "wb") as file:
        file.truncate(int(share * len(content)))


class Killed(BaseException):
    pass


@pytest.fixture
def failing(monkeypatch) -> Iterator[Callable[[type[BaseException] | None, int], None]]:
    """Lets a call fail that changes files, after so many others: with an OSError, or, Killed, that
    one and all that follow."""
    real = {(os, name): getattr(os, name) for name in ("fsync", "link", "replace", "unlink")}
    real[builtins, "open"] = open

    def fail_at(error: type[BaseException] | None, last: int) -> None:
        calls = 0

        def failing(call: Any) -> Any:
            def changed(*args: Any, **options: Any) -> Any:
                nonlocal calls
                calls += 1
                if error and (calls > last if error is Killed else calls == last + 1):
                    raise error(28, "No space left on device")
                return call(*args, **options)

            return changed

        for (module, name), call in real.items():
            monkeypatch.setattr(module, name, failing(call) if error else call)

    yield fail_at
    fail_at(None, 0)


@pytest.mark.parametrize("error", [OSError, Killed])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("run", ""), ("run.previous", ""), ("", "run"), ("", "run.previous")],
)
def test_after_two_faults_there_is_a_whole_file(tmp_path, failing, error, before, after):
    """An error or a kill at any system call, and a truncated file before or after it."""
    for call in range(9):
        path = tmp_path / str(call) / "run"
        path.parent.mkdir()
        save(path, 1)
        save(path, 2)
        if before:
            cut(path.with_name(before))
        failing(error, call)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with suppress(Killed):
                save(path, 3)
        failing(None, 0)
        for warning in caught:
            assert f"training continues and {path}" in str(warning.message)
        if after:
            cut(path.with_name(after))
        assert newest(path) in (1, 2, 3)
        if error is OSError:
            assert {*os.listdir(path.parent)} <= {"run", "run.previous"}
        save(path, 4)
        assert newest(path) == 4


def test_a_damaged_file_does_not_take_the_place_of_a_good_one(tmp_path, failing):
    """This includes a changed bit. The warning names the file that is kept."""
    path, previous = tmp_path / "run", tmp_path / "run.previous"
    save(path, 1)
    save(path, 2)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    failing(OSError, 1)
    with pytest.warns(RuntimeWarning, match=r"training continues and \S*run\.previous is kept"):
        save(path, 3)
    failing(None, 0)
    assert newest(path) == read(previous)[1]["steps"] == 1
    save(path, 3)
    assert (newest(path), read(previous)[1]["steps"]) == (3, 1)


def test_where_nothing_is_kept_the_warning_says_so(tmp_path, failing):
    failing(OSError, 0)
    with pytest.warns(RuntimeWarning, match="training continues without a checkpoint"):
        save(tmp_path / "run", 1)


def train_on_a_full_disk(path: Path, room: int) -> None:
    """Resumes with a file size limit of `room` bytes, and prints the warnings."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    net = model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(net, path, resume=True, every=4)
    print(numbers(net), *[warning.message for warning in caught], sep="\n")


@pytest.mark.parametrize("room", [0, 1, 1000])
def test_a_full_disk_keeps_the_last_checkpoint_and_the_run(tmp_path, room):
    path, whole = tmp_path / "run", model()
    train(whole)
    train(model(), path, epochs=2, every=4)
    before = path.read_bytes()
    assert len(before) > 1000
    printed, *warned = in_a_process(
        f"from pathlib import Path; train_on_a_full_disk(Path({str(path)!r}), {room})"
    ).splitlines()
    assert printed == str(numbers(whole))
    (warning,) = warned
    error = f"[Errno 27] File too large: {str(path)!r}"
    said = f"cannot be written ({error}); training continues and {path}"
    assert said in warning
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["run", "run.previous"]
    net = model()
    train(net, path, resume=True, every=4)
    assert numbers(net) == numbers(whole)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_a_checkpoint_that_is_cut_short_gives_way_to_the_one_before(tmp_path, failing, share):
    """The same holds if the next write fails."""
    path, whole, parts = tmp_path / "run", model(), model()
    train(whole)
    train(parts, path, epochs=4, every=3)
    cut(path, share)
    for _ in range(2):
        failing(OSError, 2)
        parts = model()
        said = r"truncated.*resuming from .*run\.previous|run\.previous is kept"
        with pytest.warns(RuntimeWarning, match=said), pytest.raises(Stop):
            train(parts, path, every=10**9, resume=True, callbacks=[stopped_after(5)])
        failing(None, 0)
    parts = model()
    with pytest.warns(RuntimeWarning, match=r"truncated.*resuming from .*run\.previous"):
        train(parts, path, every=3, resume=True)
    assert numbers(parts) == numbers(whole)


def test_where_both_are_damaged_nothing_is_overwritten(tmp_path):
    path = tmp_path / "run"
    for name in ("run", "run.previous"):
        (tmp_path / name).write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="truncated or is not a checkpoint"):
        train(model(), path, resume=True)
    assert path.read_bytes() == b"no checkpoint"


def drafts(directory: Path, name: str) -> str:
    """Leaves temporary files behind; returns their names."""
    made = [beside(directory / name, kind) for kind in ("part", "old")]
    for draft in made:
        draft.write_bytes(b"")
    return "\n".join(draft.name for draft in made)


def test_what_killed_runs_have_left_is_removed_but_nothing_of_a_neighbour(tmp_path):
    names = "run", "run.b", "run.1", "run.1.part", "n" * 200 + "1", "n" * 200 + "2", "Я" * 120
    for name in names:
        write_whole(tmp_path / name, b"")
    printed = in_a_process(
        f"from pathlib import Path; [print(drafts(Path({str(tmp_path)!r}), n)) for n in {names}]"
    ).splitlines()
    ours = {name: {*printed[2 * i : 2 * i + 2]} for i, name in enumerate(names)}
    for name in names:
        before = {*os.listdir(tmp_path)}
        with pytest.raises(CheckpointError):
            Checkpoint(tmp_path / name, None).load()
        assert before - {*os.listdir(tmp_path)} == ours[name]


def test_what_a_living_process_is_writing_is_left_alone(tmp_path):
    ours = drafts(tmp_path, "run").splitlines()
    theirs = [ours[0].replace(f".{os.getpid()}-", f".{os.getppid()}-")]  # whoever started this one
    (tmp_path / theirs[0]).write_bytes(b"")
    sweep(tmp_path / "run")
    assert {*os.listdir(tmp_path)} == {*ours, *theirs}


@pytest.mark.parametrize("previous", [False, True])
def test_threads_that_write_one_file_do_not_mix(tmp_path, previous):
    path, before = tmp_path / "run", tmp_path / "run.previous"
    contents = [bytes([65 + i]) * (10_000 + i) for i in range(4)]
    write_whole(path, contents[0])

    def write(content: bytes) -> None:
        for _ in range(20):
            pieces = [content[k : k + 500] for k in range(0, len(content), 500)]
            write_whole(path, pieces, before if previous else None)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(4) as threads:
        assert len([*threads.map(write, contents)]) == 4
    assert {*os.listdir(tmp_path)} == ({"run", "run.previous"} if previous else {"run"})
    assert not previous or before.read_bytes() in contents


def test_a_checkpoint_behind_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    path = tmp_path / "run"
    path.symlink_to(tmp_path / "disk" / "real")
    save(path, 1)
    save(path, 2)
    assert path.is_symlink()
    assert sorted(os.listdir(tmp_path / "disk")) == ["real", "real.previous"]
    cut(path)
    assert newest(path) == 1


def test_names_are_made_to_last_after_the_files_they_name(tmp_path, monkeypatch):
    done, (fsync, replace) = [], (os.fsync, os.replace)

    def synced(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        done.append(target.name)
        replace(source, target)

    save(tmp_path / "run", 1)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    save(tmp_path / "run", 2)
    assert done == ["file", "run", "run.previous", "directory"]


def test_a_system_that_syncs_no_directories_will_do(tmp_path, monkeypatch):
    def opened(*args: Any) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", opened)
    write_whole(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"


# The same run, or another.


def linear(rate: float) -> Callable[[int], float]:
    return lambda step: rate / (1 + step)


class Root:
    def __init__(self, rate: float):
        self.rate = rate

    def __call__(self, step: int) -> float:
        return self.rate / (1 + step) ** 0.5


class Half(mg.SGD):
    def rule(self, p: Any, g: Any, state: Any, rate: Any, step: Any) -> Any:
        return p - 0.5 * rate * g, ()


def weighted(weight: float) -> Callable[[Any, Any], Any]:
    return lambda outputs, target: weight * abs(outputs[0] - target)


SCALE = 1.0


def scaled(outputs: Any, target: Any) -> Any:
    return SCALE * squared(outputs[0] - target)


def squared(x: Any) -> Any:
    return x * x


LOG, PLACE, CALLS = logging.getLogger("test"), Path("nowhere"), 0


def noted(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The loss reads state that is not part of the run, and that the loss itself changes."""
    global CALLS
    CALLS += 1
    LOG.debug("%s: call %s", PLACE, CALLS)
    return within_one(outputs, targets)


def bent(x: Any) -> Any:
    return mg.tanh(x) + 0.1 * x


def renamed(function: Any, name: str) -> Any:
    function.__name__ = function.__qualname__ = name
    return function


def at_home(options: str, seed: int) -> str:
    """Starts or resumes in a process of its own, with another hash seed."""
    call = f"train(model(bent), Path('run.checkpoint'), resume=True, {options})"
    return in_a_process(
        f"import os; os.chdir({os.getcwd()!r}); from pathlib import Path; print({call})",
        PYTHONHASHSEED=str(seed),
    )


def test_functions_are_the_same_in_another_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = (
        "loss=lambda y, t: weighted(2.0)(y, t) * (1.0 if 'a' in {'a', 'b'} else 2.0), "
        "optimizer=mg.Adam(mg.WarmUp(3, lambda step: linear(0.1)(step))), metric=within_one"
    )
    for seed, epochs in enumerate((2, 4, 6)):
        assert f"epochs={epochs}" in at_home(f"{options}, epochs={epochs}", seed)


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"patience": None}), ({}, {"patience": 3}), ({}, {"time_limit": 1e6}), ({}, {"every": 2}),
    ({}, {"callbacks": [print]}), ({}, {"progress": False}), ({}, {"threads": 2}),
    ({"metric": "r2"}, {"loss": mg.losses.mse}), ({}, {"l1": 0}), ({}, {"X": X.tolist()}),
    ({}, {"batch_size": np.int64(8)}), ({}, {"metric": "r2"}), ({}, {"monitor": "validation_loss"}),
    ({"metric": noted}, {}), ({"optimizer": None}, {"optimizer": mg.Adam()}),
    ({"batch_size": None}, {"batch_size": 40}),
    ({"optimizer": mg.SGD(linear(0.1))}, {"optimizer": mg.SGD(linear(0.1))}),
    ({"optimizer": mg.SGD(Root(0.1))}, {"optimizer": mg.SGD(Root(0.1))}),
    ({"loss": weighted(2.0)}, {"loss": weighted(2.0)}),
    ({"validation": (X[:5], LINE[:5])}, {"validation": (X[:5].tolist(), LINE[:5])}),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then"), SAME)
def test_what_makes_no_difference_may_differ(tmp_path, first, then):
    train(model(), tmp_path / "run", epochs=1, **first)
    history = train(model(seed=7), tmp_path / "run", resume=True, epochs=2, **first | then)
    assert history.epochs == 2


OTHER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"optimizer": mg.SGD(0.01)}, r"its optimizer is Adam\(0.01\), here SGD\(0.01\)"),
    ({}, {"batch_size": 5}, "its batch_size is 8, here 5"),
    ({}, {"seed": 3}, "its seed is 0, here 3"),
    ({}, {"l2": 1.0}, "its l2 is 0.001, here 1.0"), ({}, {"l1": 1.0}, "its l1 is 0.0, here 1.0"),
    ({}, {"dropout": 0.1}, "its dropout is 0.2, here 0.1"), ({}, {"engine": "eager"}, "its engine"),
    ({}, {"dtype": "float32"}, "its dtype"), ({}, {"monitor": "r2"}, "its monitor"),
    ({}, {"metric": within_one}, "its metric is <function r2>, here <function within_one>"),
    ({}, {"loss": "mae"}, "its loss is <function mse>, here <function mae>"),
    ({}, {"X": X + 1}, r"its data is another Examples\(40, features=3\)"),
    ({}, {"y": LINE + 1}, "its data is another"), ({}, {"validation": 0.3}, "its validation is"),
    ({}, {"sample_weight": WEIGHTS}, "its data is another"),
    ({"validation": (X, LINE)}, {"validation": (X, LINE + 1)}, "its validation is another"),
    ({"loss": renamed(lambda y, t: (y[0] - t) ** 2, "own")},
     {"loss": renamed(lambda y, t: (y[0] - t) ** 4, "own")}, "its loss is another <function own>"),
    ({"loss": weighted(1.0)}, {"loss": weighted(2.0)}, "its loss is another <function weighted"),
    ({"optimizer": mg.SGD(linear(0.1))}, {"optimizer": mg.SGD(linear(0.2))},
     r"its optimizer is another SGD\(<function linear\.<locals>\.<lambda>>\)"),
    ({"optimizer": mg.SGD(Root(0.1))}, {"optimizer": mg.SGD(Root(0.2))}, "optimizer is another"),
    ({"optimizer": mg.SGD(0.1)}, {"optimizer": Half(0.1)}, "here Half"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "message"), OTHER)
def test_another_run_is_not_taken_up(tmp_path, first, then, message):
    train(model(), tmp_path / "run", epochs=1, **first)
    with pytest.raises(CheckpointError, match=f"belongs to another run: .*{message}"):
        train(model(), tmp_path / "run", resume=True, **first | then)


def test_nor_by_another_network(tmp_path):
    train(model(bent), tmp_path / "run", epochs=1)
    with pytest.raises(CheckpointError, match=r"its model is MLP\(.*=bent.*, here MLP\(.*='relu'"):
        train(model("relu"), tmp_path / "run", resume=True)
    other = renamed(lambda x: mg.tanh(x) + 0.2 * x, "bent")
    with pytest.raises(CheckpointError, match=r"its model is another MLP\(3, \[5, 1\].*=bent"):
        train(model(other), tmp_path / "run", resume=True)
    with pytest.raises(CheckpointError, match=r"its model is MLP"):
        train(mg.MLP(3, [2, 4, 1], [bent, bent]), tmp_path / "run", resume=True)


def test_nor_with_another_number_that_a_loss_reads(tmp_path, monkeypatch):
    train(model(), tmp_path / "run", epochs=1, loss=scaled)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)
    with pytest.raises(CheckpointError, match="its loss is another <function scaled>"):
        train(model(), tmp_path / "run", resume=True, loss=scaled)


def test_nor_with_another_file(tmp_path, file):
    train(model(), tmp_path / "run", epochs=1, X=file, y="y")
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(file.read_bytes())
    train(model(), tmp_path / "run", epochs=2, X=copy, y="y", resume=True)
    changed = X + (np.arange(50) == 31)[:, None]  # neither in the first piece nor held out
    columns = {f"x{k}": changed[:, k] for k in range(3)}
    parquet.write_table(pa.table({**columns, "y": LINE}), copy)
    with pytest.raises(CheckpointError, match=r"run: its table is another copy\.parquet\. Train"):
        train(model(), tmp_path / "run", X=copy, y="y", resume=True)


def test_a_large_file_is_known_by_its_size_and_three_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("micrograd.training.data.marks.BLOCK", 10)
    path, content, marks = tmp_path / "f.csv", bytearray(100), set()
    for place in (None, 5, 50, 95, 100):
        changed = content[:]
        if place is not None:
            changed[place : place + 1] = b"x"
        path.write_bytes(changed)
        marks.add(of_file(path))
    assert len(marks) == 5


def test_nor_with_another_activation_of_a_table(tmp_path):
    table = {"x": X[:, 0], "y": LINE}
    options: dict[str, Any] = {"checkpoint": tmp_path / "run", "resume": True, "epochs": 50}
    mg.train_table(table, "y", activation="relu", time_limit=0.0, **options)
    with pytest.raises(CheckpointError, match=r"its model is MLP.*'relu'.*here MLP.*'tanh'"):
        mg.train_table(table, "y", activation="tanh", **options)


@pytest.mark.parametrize("every", [None, 1])
def test_numbers_of_numpy_are_numbers(tmp_path, every):
    whole, parts = model(), model()
    numpy: dict[str, Any] = {
        "seed": np.int64(0), "batch_size": np.int64(8), "l2": np.float64(1e-3),
        "optimizer": mg.Adam(single),
    }  # fmt: skip
    train(whole, **numpy)
    train(parts, tmp_path / "run", every=every, epochs=3, **numpy)
    parts = model()
    train(parts, tmp_path / "run", every=every, resume=True, **numpy)
    assert numbers(parts) == numbers(whole)


@pytest.mark.parametrize("seed", [np.random.default_rng(0), [1, 2]])
def test_a_seed_that_no_file_can_hold_is_refused_before_training(tmp_path, seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        train(model(), tmp_path / "run", seed=seed)
    assert not os.listdir(tmp_path)


def test_a_place_that_cannot_be_written_is_said_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        train(model(), tmp_path / "nowhere" / "run")


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "run")
    with pytest.raises(CheckpointError, match="is a pipe or a device, not a checkpoint"):
        train(model(), tmp_path / "run", resume=True)


def test_a_file_that_never_was_a_checkpoint_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mydata.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(mg.CheckpointError, match=r"mydata\.csv exists and is not a checkpoint"):
        mg.fit(mg.MLP(1, [1]), [[0.0]], [0.0], loss="mse", checkpoint=path)
    assert path.read_text(encoding="utf-8") == "a,b\n1,2\n"
    assert [*tmp_path.iterdir()] == [path]


def test_the_checkpoint_of_an_earlier_run_is_not_replaced_in_silence(tmp_path):
    path = tmp_path / "run"
    train(model(), path, epochs=4)
    longer = path.read_bytes()
    with pytest.raises(ValueError):  # before anything is written
        train(model(), path, epochs=1, loss="no loss")
    assert path.read_bytes() == longer
    with pytest.warns(RuntimeWarning, match=r"run\.replaced\. To go on .*resume=True") as caught:
        train(model(), path, epochs=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert (tmp_path / "run.replaced").read_bytes() == longer
    assert {*os.listdir(tmp_path)} == {"run", "run.previous", "run.replaced"}
    again = train(model(), path, epochs=2, resume=True)
    assert again.epochs == 2
