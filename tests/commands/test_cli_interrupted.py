"""Ctrl-C at the command line: a quiet end, and one true line about what was written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import PROGRAM, run, write_flowers


@pytest.mark.parametrize("module", ["click", "micrograd.cli", "numpy"])
def test_ctrl_c_while_modules_are_imported(module, tmp_path):
    """The interrupt comes during the import of `module`."""
    Path("sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            sys.meta_path.remove(self)\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    write_flowers()
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    result = subprocess.run(
        [*PROGRAM, "train", "flowers.csv", "--target", "kind"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert result.returncode == 130
    assert result.stderr.strip() == "micrograd: interrupted; nothing was written"


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c(late):
    write_flowers()
    command = ["train", "flowers.csv", "--target", "kind", "--epochs", "100000", "--progress"]
    training = subprocess.Popen(
        [*PROGRAM, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert training.stdout is not None
    assert training.stderr is not None
    assert training.stdout.readline().startswith("task")
    if late:
        while "validation=" not in training.stderr.read(200):
            pass
    else:
        time.sleep(0.05)
    training.send_signal(signal.SIGINT)
    _, errors = training.communicate(timeout=30)
    assert training.returncode == 130
    last = errors.splitlines()[-1]
    assert last.startswith("micrograd: interrupted")
    assert Path("model.safetensors").exists() == ("nothing was written" not in last)
    if late:
        assert run("predict", "model.safetensors", "flowers.csv").exit_code == 0


def test_ctrl_c_is_not_for_a_program_that_its_shell_protects():
    """As with `micrograd train ... &` in a script: Ctrl-C only concerns the foreground."""
    write_flowers()
    command = f"{' '.join(PROGRAM)} train flowers.csv --target kind --epochs 300"
    training = subprocess.Popen(
        ["bash", "-c", f"trap '' INT; exec {command}"], stdout=subprocess.PIPE, text=True
    )
    assert training.stdout is not None
    assert training.stdout.readline().startswith("task")
    training.send_signal(signal.SIGINT)
    training.communicate(timeout=60)
    assert training.returncode == 0
    assert Path("model.safetensors").exists()


def test_ctrl_c_in_the_first_epoch_says_how_to_go_on():
    """Interrupted in a step, which is finished; the checkpoint holds it."""
    write_flowers(rows=2_000)
    command = ["train", "flowers.csv", "--target", "kind", "--epochs", "2", "--batch-size", "1"]
    Path("stopped.py").write_text(
        "import os, signal, sys\n"
        "from micrograd.cli import main\n"
        "from micrograd.training.data.examples import Batches\n"
        "load = Batches.load\n"
        "def interrupted(self, batch):\n"
        "    if batch == 100:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return load(self, batch)\n"
        "Batches.load = interrupted\n"
        "main(sys.argv[1:])\n"
    )
    stopped = [sys.executable, "stopped.py", *command]
    result = subprocess.run(stopped, capture_output=True, text=True)
    assert result.stderr.strip() == "micrograd: interrupted; nothing was written"
    result = subprocess.run([*stopped, "--resume"], capture_output=True, text=True)
    assert result.returncode == 130
    assert result.stderr.strip() == (
        "micrograd: interrupted before a model was written; the same command resumes from "
        "model.safetensors.checkpoint"
    )
    assert "model.safetensors" not in os.listdir()
    assert run(*command, "--resume").exit_code == 0
    run(*command, "-o", "whole")
    assert Path("whole").read_bytes() == Path("model.safetensors").read_bytes()


def storm(command: list[str], begins: str, pause: float) -> tuple[int, str, str]:
    """Sends Ctrl-C repeatedly, from when a program has printed `begins` until it ends."""
    program = subprocess.Popen(
        [*PROGRAM, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    printed = ""
    while begins not in printed:
        printed += program.stdout.readline()
    end = time.monotonic() + 30
    while program.poll() is None and time.monotonic() < end:
        program.send_signal(signal.SIGINT)
        time.sleep(pause)
    out, errors = program.communicate(timeout=30)
    return program.returncode, printed + out, errors


@pytest.mark.parametrize("pause", [0.0002, 0.003, 0.05])
@pytest.mark.parametrize("verb", ["train", "resume"])
def test_a_storm_of_ctrl_c_ends_quietly_and_says_what_is_so(verb, pause):
    write_flowers(rows=400)
    command = ["train", "flowers.csv", "--target", "kind", "--epochs", "100000"]
    resume = ["--resume"] * (verb == "resume")
    status, _, errors = storm([*command, *resume], "task", pause)
    said = errors.strip()
    assert status == 130
    assert said.startswith("micrograd: interrupted")
    assert "\n" not in said
    names = {*os.listdir()} - {"flowers.csv"}
    assert names <= {
        f"model.safetensors{end}" for end in ("", ".checkpoint", ".checkpoint.previous")
    }
    there = "model.safetensors" in names
    if "nothing was written" in said:
        assert not names
    else:
        assert there == ("before a model was written" not in said)
    if there:
        assert run("predict", "model.safetensors", "flowers.csv").exit_code == 0


SLOW = """
import importlib, os, signal, sys
from micrograd import cli, interrupt
interrupt.listen()
module = importlib.import_module("micrograd.{module}")
real = module.{name}
def interrupted(*args, **options):
    {order}
module.{name} = interrupted
cli.main(sys.argv[1:])
"""
WRITTEN = "interrupted; model.safetensors"
BEFORE = "os.kill(os.getpid(), signal.SIGINT); return real(*args, **options)"
AFTER = "answer = real(*args, **options); os.kill(os.getpid(), signal.SIGINT); return answer"


@pytest.mark.parametrize(("module", "name", "order", "said"), [
    ("tables.train", "prepare", BEFORE, "interrupted; nothing was written"),
    ("tables.course", "fit", BEFORE, "interrupted; nothing was written"),
    ("tables.course", "fit", AFTER, "interrupted; nothing was written"),
    ("tables.baselines", "fit", BEFORE, f"{WRITTEN} was written before"),
    ("tables.table_model", "save_model", BEFORE, "interrupted; nothing was written"),
    ("tables.table_model", "save_model", AFTER, f"{WRITTEN} was written before"),
    ("files.whole_file", "_sync_names", BEFORE, f"{WRITTEN} was written before"),
    ("plots", "loss_curve", BEFORE, f"{WRITTEN} was written before"),
    ("plots", "loss_curve", AFTER, f"{WRITTEN} and losses.png were written before"),
    ("commands.models", "_why_stopped", BEFORE, ""),
])  # fmt: skip
def test_ctrl_c_says_what_was_written_at_each_moment(module, name, order, said):
    write_flowers()
    Path("slow.py").write_text(SLOW.format(module=module, name=name, order=order))
    command = ["train", "flowers.csv", "--target", "kind", "--epochs", "500", "--patience", "1"]
    if module == "plots":
        command += ["--plot", "losses.png"]
    result = subprocess.run(
        [sys.executable, "slow.py", *command], capture_output=True, text=True
    )  # fmt: skip
    assert result.returncode == (130 if said else 0)
    assert result.stderr.strip() == (f"micrograd: {said}" if said else "")
    files = {*os.listdir()} - {"flowers.csv", "slow.py"}
    expected = [
        f for f in ("model.safetensors", "losses.png") if f in (said or "model.safetensors")
    ]
    assert files == {*expected}


def test_ctrl_c_in_prediction_leaves_the_old_file(model):
    Path("p.csv").write_text("old")
    Path("slow.py").write_text(
        SLOW.format(module="tables.file_predictions", name="rows_of", order=BEFORE)
    )
    command = [sys.executable, "slow.py", "predict", model, "flowers.csv", "-o", "p.csv"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr.strip() == "micrograd: interrupted; nothing was written"
    assert Path("p.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["flowers.csv", "m", "p.csv", "slow.py"]


def test_a_lost_interrupt_is_not_the_last():
    """Python drops exceptions in finalisers, so that only the next Ctrl-C has an effect."""
    program = (
        "import os, signal\n"
        "from micrograd.interrupt import listen\n"
        "listen()\n"
        "class Dropped:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "thing = Dropped()\n"
        "del thing\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('heard')\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")
