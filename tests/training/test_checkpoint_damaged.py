"""No good checkpoint is lost: faults in either of the two files, and while one is written."""

import builtins
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resumable import Stop, in_a_process, model, numbers, stopped_after, train

from micrograd.files.whole_file import beside, sweep, write_whole
from micrograd.training.run.checkpoint import Checkpoint, CheckpointError, read


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
        f"from pathlib import Path; train_on_a_full_disk(Path({str(path)!r}), {room})",
        __name__,
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
        f"from pathlib import Path; [print(drafts(Path({str(tmp_path)!r}), n)) for n in {names}]",
        __name__,
    ).splitlines()
    ours = {name: {*printed[2 * i : 2 * i + 2]} for i, name in enumerate(names)}
    for name in names:
        before = {*os.listdir(tmp_path)}
        with pytest.raises(CheckpointError):
            Checkpoint(tmp_path / name, None).load()
        assert before - {*os.listdir(tmp_path)} == ours[name]


def test_what_a_living_process_is_writing_is_left_alone(tmp_path):
    ours = drafts(tmp_path, "run").splitlines()
    theirs = [ours[0].replace(f".{os.getpid()}-", f".{os.getppid()}-")]  # the parent process
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
