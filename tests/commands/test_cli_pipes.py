"""Full devices, limits on files, and pipes whose reader has gone."""

import os
import subprocess
from pathlib import Path

import pytest
from command_line import PROGRAM, is_one_line, process, run, write_flowers


def test_a_pipe_or_a_device_is_no_model():
    """The pipe has no writer, so that opening it would block for ever."""
    write_flowers()
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero"):
        assert is_one_line(run("predict", path, "flowers.csv"), "is a pipe or a device, not a")
    for option in (["-o", "p.csv"], ["--probabilities"]):
        assert is_one_line(run("predict", "pipe", "flowers.csv", *option), "pipe or a device")


def test_a_pipe_is_no_table(model):
    os.mkfifo("pipe.csv")
    message = "pipe.csv is a pipe or a device"
    assert is_one_line(run("train", "pipe.csv", "--target", "kind"), message)
    assert is_one_line(run("predict", model, "pipe.csv"), message)


def test_a_model_is_not_written_to_stdout():
    write_flowers()
    result = run("train", "flowers.csv", "--target", "kind", "-o", "-")
    assert result.exit_code == 2
    assert "name a file with -o" in result.stderr
    assert os.listdir() == ["flowers.csv"]


def test_no_space_left_in_training_and_in_prediction(model, monkeypatch):
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    before = {path: Path(path).read_bytes() for path in os.listdir()}
    train = run("train", "flowers.csv", "--target", "kind", "--epochs", 1, "-o", "m")
    assert is_one_line(train, "micrograd: m: no space left on device")
    predict = run("predict", model, "flowers.csv", "-o", "p.csv")
    assert predict.exit_code == 2
    assert predict.stderr.splitlines()[-1] == "micrograd: p.csv: no space left on device"
    assert {path: Path(path).read_bytes() for path in os.listdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_device(model):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*PROGRAM, "ops"], stdout=full, stderr=subprocess.PIPE, text=True
        )  # fmt: skip
    assert (result.returncode, result.stderr) == (2, "micrograd: no space left on device\n")
    result = process("predict", model, "flowers.csv", "-o", "/dev/full")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "micrograd: /dev/full: no space left on device"


def test_a_file_size_limit_leaves_no_half_a_file(model):
    limited = f"ulimit -f 0; exec {' '.join(PROGRAM)} predict {model} flowers.csv -o p.csv"
    result = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "micrograd: p.csv: file too large"
    assert sorted(os.listdir()) == ["flowers.csv", "m"]


def test_a_reader_that_has_seen_enough(model):
    write_flowers("many.csv", 40_000)
    command = f"{' '.join(PROGRAM)} predict {model} many.csv 2>err | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.stdout == "kind\n"
    assert Path("err").read_text().count("\n") == 1  # the note on what is missing


@pytest.mark.parametrize("arguments", ["ops", "--help", "predict --help"])
def test_a_reader_that_reads_nothing(arguments):
    """The pipe is closed before anything is written to it."""
    command = f"{{ sleep 1; {' '.join(PROGRAM)} {arguments} 2>err; echo $? >status; }} | true"
    subprocess.run(["bash", "-c", command])
    assert Path("err").read_text() == ""
    assert Path("status").read_text() == "0\n"
