"""The command line: what each command prints and writes; its help."""

import os
from pathlib import Path

import numpy as np
import pytest
from command_line import run, write_flowers

import micrograd
from micrograd.ops import TABLE
from micrograd.training.steps.eager import EagerStep


def test_train_says_what_it_understood_and_what_came_of_it():
    write_flowers()
    result = run("train", "flowers.csv", "--target", "kind", "--epochs", 20)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "task       classification of kind, 2 classes: ros'é, tulip"
    assert lines[1] == "rows       57, 11 of them held out; 3 without a target are dropped"
    assert "numbers    size" in lines
    assert "categories colour (2)" in lines
    assert "missing    3 values, filled in and flagged: size 3" in lines
    (accuracy,) = (line.split() for line in lines if line.startswith("accuracy"))
    assert float(accuracy[1][:-1]) > float(accuracy[3][:-1])
    assert lines[-1] == "model      model.safetensors"
    assert sorted(os.listdir()) == ["flowers.csv", "model.safetensors"]


def test_the_same_command_writes_the_same_file(model):
    before = Path(model).read_bytes()
    run("train", "flowers.csv", "--target", "kind", "--epochs", 8, "-o", "m")
    assert Path(model).read_bytes() == before
    run("train", "flowers.csv", "--target", "kind", "--epochs", 8, "-o", "m", "--seed", 1)
    assert Path(model).read_bytes() != before


def test_train_on_a_quantity():
    rows = "".join(f"{x},{2 * x + 1:.2f}\n" for x in np.linspace(-1, 1, 50))
    Path("line.csv").write_text("x,y\n" + rows)
    result = run("train", "line.csv", "--target", "y", "--epochs", 500, "--hidden", "")
    assert "task       regression of y" in result.stdout
    (r2,) = (line.split() for line in result.stdout.splitlines() if line.startswith("R²"))
    assert float(r2[1]) > 0.9 > 0.1 > float(r2[3])


def test_training_runs_in_native_code(monkeypatch):
    def eager(*_):
        raise AssertionError("on Values")

    monkeypatch.setattr(EagerStep, "__init__", eager)
    write_flowers()
    assert run("train", "flowers.csv", "--target", "kind", "--epochs", 2).exit_code == 0


def test_patience_time_and_plot():
    write_flowers()
    train = "train", "flowers.csv", "--target", "kind"
    result = run(*train, "--epochs", 500, "--patience", 3, "--plot", "losses.png")
    assert result.exit_code == 0
    assert "stopped    no further improvement; the model is that of epoch" in result.stdout
    assert Path("losses.png").read_bytes().startswith(b"\x89PNG")
    result = run(*train, "--epochs", 10**6, "--time", 0.3)
    assert result.exit_code == 0
    assert "stopped    time limit, after" in result.stdout
    assert run(*train, "--plot", "nowhere/losses.png").exit_code == 2
    before = Path("model.safetensors").read_bytes()
    result = run(*train, "--plot", "losses.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    said = "micrograd: cannot draw losses.txt: expected the suffix .png, .svg or .pdf\n"
    assert result.stderr == said
    assert Path("model.safetensors").read_bytes() == before


def test_draw_prints_a_tree_or_writes_a_picture():
    expression = "draw", "tanh(w*x + b)", "--at", "w=2,x=0.5,b=1"
    result = run(*expression)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("L = tanh : 0.964, ∂ 1.0\n└─ n2 = + : 2.0, ∂ 0.0707")
    assert run(*expression, "-o", "graph.svg").exit_code == 0
    assert Path("graph.svg").read_bytes().startswith(b"<svg")
    result = run(*expression, "-o", "graph.gif")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected the suffix .html, .svg" in result.stderr
    result = run("draw", "-x**y", "--at", "x=3", "--at", "y=2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("L = neg : −9.0")
    result = run("draw", "open('x')")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("micrograd: there is no operation 'open'")


def test_resume_goes_on_to_the_same_model():
    write_flowers()
    train = "train", "flowers.csv", "--target", "kind", "--epochs", 300, "--resume"
    for _ in range(3):
        assert "time limit" in run(*train, "--time", 0.1).stdout
        assert Path("model.safetensors.checkpoint").exists()
    assert run(*train).exit_code == 0
    assert sorted(os.listdir()) == ["flowers.csv", "model.safetensors"]
    run(*train[:-1], "-o", "whole")
    assert Path("whole").read_bytes() == Path("model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "picture"),
    [("iris", None), ("moons", "boundary"), ("sine", "curve"), ("digits", None)],
)
def test_demo_draws(name, picture):
    epochs = 1 if name == "digits" else 3
    result = run("demo", name, "--epochs", epochs, "-o", "out")
    assert result.exit_code == 0
    files = [f"{name}.safetensors", f"{name}-loss.png"] + [f"{name}-{picture}.png"] * bool(picture)
    assert sorted(os.listdir("out")) == sorted(files)
    assert result.stdout.splitlines()[-len(files) :] == [str(Path("out") / file) for file in files]


def test_demo_is_watched_in_a_browser_and_kept_as_a_page(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    result = run("demo", "moons", "--epochs", 2, "-o", "out", "--watch")
    assert (result.exit_code, result.stderr) == (0, "")
    assert opened[0].startswith("http://127.0.0.1:")
    assert f"watch it at {opened[0]}" in result.stdout
    assert result.stdout.splitlines()[-1] == str(Path("out/moons-run.html"))
    assert '"epoch":2' in Path("out/moons-run.html").read_text(encoding="utf-8")


@pytest.mark.native
def test_tutorial_writes_its_page_and_opens_it(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    result = run("tutorial", "-o", "tutorial.html")
    assert (result.exit_code, opened) == (0, [])
    assert "<h1>1. Values and the chain rule</h1>" in Path("tutorial.html").read_text("utf-8")


def test_ops_prints_the_table():
    lines = run("ops").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(TABLE)
    assert len({line.index(row.doc) for line, row in zip(lines, TABLE.values())}) == 1
    (line,) = [line for line in lines if line.startswith("tanh")]
    assert line.split("  ")[-1] == "g * (1 - z * z)"


def test_version_and_help():
    assert run("--version").stdout == f"micrograd, version {micrograd.__version__}\n"
    assert "train" in run().stdout
    assert "at most 20" in run("train", "--help").stdout


@pytest.mark.parametrize("verb", ["train", "predict", "demo", "ops"])
def test_each_verb_has_an_example_that_can_be_copied(verb):
    short = run(verb, "-h")
    assert short.exit_code == 0, short.stderr
    lines = short.stdout.splitlines()
    assert lines == run(verb, "--help").stdout.splitlines()
    example = lines[lines.index("  Example:") + 1].strip()
    assert example.startswith(f"micrograd {verb}")


def test_help_is_whole():
    result = run("-h")
    assert result.exit_code == 0
    assert "..." not in result.stdout.partition("Commands:")[2]
    assert "leaky_relu" in " ".join(run("train", "-h").stdout.split())
