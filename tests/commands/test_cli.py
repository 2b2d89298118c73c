"""The command line: every command, and every kind of bad input."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pyarrow import csv, parquet

import micrograd
from micrograd.cli import main
from micrograd.files import survey
from micrograd.ops import TABLE
from micrograd.tables.inputs import Inputs
from micrograd.tables.model_file import FORMAT
from micrograd.training.steps.eager import EagerStep

PROGRAM = [sys.executable, "-m", "micrograd"]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_flowers(path: str = "flowers.csv", rows: int = 60) -> None:
    random = np.random.default_rng(0)
    lines = ["size,colour,kind"]
    for i in range(rows):
        kind = ("ros'é", "tulip")[i % 2]
        size = "" if i % 10 == 0 else f"{random.normal(3 * (i % 2)):.3f}"
        lines.append(f"{size},{random.choice(['red', 'white'])},{'' if i % 20 == 0 else kind}")
    Path(path).write_text("\n".join(lines) + "\n")


@pytest.fixture
def model() -> str:
    write_flowers()
    assert run("train", "flowers.csv", "--target", "kind", "--epochs", 8, "-o", "m").exit_code == 0
    return "m"


# The commands.


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
    assert float(accuracy[1][:-1]) > float(accuracy[2][:-1])
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
    result = run("train", "line.csv", "--target", "y", "--epochs", 30, "--hidden", "")
    assert "task       regression of y" in result.stdout
    (r2,) = (line.split() for line in result.stdout.splitlines() if line.startswith("R²"))
    assert float(r2[1]) > 0.9 > 0.1 > float(r2[2])


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
    train = "train", "flowers.csv", "--target", "kind", "--epochs", 3000, "--resume"
    for _ in range(3):
        assert "time limit" in run(*train, "--time", 0.1).stdout
        assert Path("model.safetensors.checkpoint").exists()
    assert run(*train).exit_code == 0
    assert sorted(os.listdir()) == ["flowers.csv", "model.safetensors"]
    run(*train[:-1], "-o", "whole")
    assert Path("whole").read_bytes() == Path("model.safetensors").read_bytes()


def test_predict_answers_in_the_names_of_the_classes(model):
    result = run("predict", model, "flowers.csv")
    names = result.stdout.splitlines()
    assert names[0] == "kind"
    assert set(names[1:]) == {"ros'é", "tulip"}
    assert len(names) == 61
    assert result.stderr == "micrograd: warning: 6 missing values are filled in: size 6\n"


def test_predict_writes_a_file_and_probabilities(model):
    Path("new.csv").write_text("colour,more,size\nred,1,-1\nwhite,2,4\n")
    result = run("predict", model, "new.csv", "-o", "out.csv", "--probabilities")
    assert (result.exit_code, result.output) == (0, "")
    header, *rows = Path("out.csv").read_text().splitlines()
    assert header == "kind,probability_ros'é,probability_tulip"
    assert [row.split(",")[0] for row in rows] == ["ros'é", "tulip"]
    assert sum(map(float, rows[0].split(",")[1:])) == pytest.approx(1)


def test_an_unseen_category_is_a_warning(model):
    Path("new.csv").write_text("size,colour\n1,green\n")
    result = run("predict", model, "new.csv")
    assert result.exit_code == 0
    said = "column 'colour' has categories not seen in training, taken as missing: green"
    assert said in result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("probabilities", [[], ["--probabilities"]])
def test_predict_reads_a_large_file_in_pieces(model, monkeypatch, suffix, probabilities):
    write_flowers("many.csv", 1_000)
    with open("many.csv", "a") as many:
        many.write("1.5,green,\n,black,\n")
    whole = micrograd.predict_table(model, "many.csv")
    if suffix == ".parquet":
        parquet.write_table(csv.read_csv("many.csv"), "many.parquet")
    monkeypatch.setattr(survey, "ROWS", 150)
    sizes: list[int] = []
    encode = Inputs.encode
    monkeypatch.setattr(Inputs, "encode", lambda *a: sizes.append(len(a[1])) or encode(*a))
    printed = run("predict", model, f"many{suffix}", *probabilities)
    written = run("predict", model, f"many{suffix}", "-o", "out.csv", *probabilities)
    assert sizes == [150, 150, 150, 150, 150, 150, 102] * 2
    assert printed.stdout == Path("out.csv").read_text() == whole.as_csv(bool(probabilities))
    notes = [f"micrograd: warning: {note}" for note in whole.notes]
    assert printed.stderr.splitlines() == written.stderr.splitlines() == notes
    assert "taken as missing: black, green" in notes[0]
    assert "101 missing values" in notes[1]


@pytest.mark.parametrize(("bad", "message"), [
    ("big", "column 'size' should hold numbers, but row 1001 has 'big'"),
    ("inf", "'size' is infinite in 1 rows (first: row 1001)"),
])  # fmt: skip
def test_a_late_row_that_cannot_be_predicted(model, monkeypatch, bad, message):
    monkeypatch.setattr(survey, "ROWS", 150)
    write_flowers("many.csv", 1_000)
    with open("many.csv", "a") as many:
        many.write(f"{bad},red,\n")
    before = sorted(os.listdir())
    assert is_one_line(run("predict", model, "many.csv", "-o", "out.csv"), message)
    result = run("predict", model, "many.csv")
    assert is_one_line(result, message)
    assert result.stdout == ""
    assert sorted(os.listdir()) == before


def test_a_pipe_or_a_device_is_no_model():
    """The pipe has no writer, so that opening it would block for ever."""
    write_flowers()
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero"):
        assert is_one_line(run("predict", path, "flowers.csv"), "is a pipe or a device, not a")
    for option in (["-o", "p.csv"], ["--probabilities"]):
        assert is_one_line(run("predict", "pipe", "flowers.csv", *option), "pipe or a device")


def test_a_late_row_of_which_nothing_can_be_computed(monkeypatch):
    """The input is finite, but the network's output is not."""
    monkeypatch.setattr(survey, "ROWS", 15)
    rows = "".join(f"{i / 500},{'high' if i > 25 else 'low'}\n" for i in range(50))
    Path("small.csv").write_text("x,y\n" + rows)
    assert run("train", "small.csv", "--target", "y", "--epochs", 2).exit_code == 0
    Path("new.csv").write_text("x\n" + "0.05\n" * 40 + "1e308\n")
    result = run("predict", "model.safetensors", "new.csv")
    assert is_one_line(result, "not finite in 1 rows (first: row 41), where 'x' is 1e+308")
    assert result.stdout == ""


def test_a_pipe_is_no_table(model):
    os.mkfifo("pipe.csv")
    message = "pipe.csv is a pipe or a device"
    assert is_one_line(run("train", "pipe.csv", "--target", "kind"), message)
    assert is_one_line(run("predict", model, "pipe.csv"), message)


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


# Bad input: one line, status 2, and no file that was not there before.

FEW = "a,b\n1,x\n2,y\n3,x\n4,y\n"
TABLES: dict[str, tuple[str | bytes, str, str]] = {
    # content of the file, options, part of the message
    "empty": ("", "", "is empty; expected a header and rows"),
    "blank": ("\n \n", "", "is empty"),
    "header only": ("a,b\n", "", "has no rows below its header"),
    "a column that is not there": (FEW, "--target c", "no column 'c'; there are 'a', 'b'"),
    "a column misspelt": ("age,b\n1,x\n", "--target agee", "did you mean 'age'?"),
    "one class": ("a,b\n1,x\n2,x\n", "", "one class, 'x'"),
    "constant quantity": ("a,b\n1,2\n2,2\n", "--task regression", "always 2"),
    "no target at all": ("a,b\n1,\n2,\n", "", "missing in all 2 rows"),
    "words as a quantity": (FEW, "--task regression", "row 1 has 'x'"),
    "a class a row": ("a,b\n" + "".join(f"{i},n{i}\n" for i in range(20)), "", "20 classes"),
    "infinity": ("a,b\n1,x\ninf,y\n", "", "'a' is infinite in 1 rows (first: row 2)"),
    "infinite target": ("a,b\n1,1\n2,inf\n", "", "'b' is infinite"),
    "a word among numbers": (
        "a,b\n" + "1,x\n2,y\n" * 10 + "oops,x\n", "", "text in 1 of 21 rows (first 'oops', row 21)",
    ),
    "nothing to learn from": ("a,b\n1,x\n1,y\n", "", "no column is left"),
    "all dropped": (FEW, "--drop a", "no column is left"),
    "twice the same name": ("a,a,b\n1,2,x\n", "", "more than one column is named 'a'"),
    "a row too long": ("a,b\n1,2\n1,2,3\n", "", "has 2 columns, but row 2 has 3: 1,2,3"),
    "a row too short": ('a,b\n1,2\n"1\n",2\n5\n', "", "has 2 columns, but row 3 has 1: 5"),
    "an open quote": ('a,b,c\n1,2,3\n4,"5\n6,7,8\n', "", "but row 2 has 2: 4"),
    "latin-1": ("a,b\né,x\n".encode("latin-1"), "", "not UTF-8"),
    "latin-1 header": ("é,b\n1,x\n".encode("latin-1"), "", "not UTF-8"),
    "utf-16 without a mark": (FEW.encode("utf-16-le"), "", "name its encoding, such as --encoding"),
    "no encoding": (FEW, "--encoding klingon", "expected an encoding such as latin-1"),
    "a date": ("a,b\n" + "1,2024-01-31\n2,2024-02-05\n" * 9, "", "a date is no quantity"),
    "no sizes": (FEW, "--hidden abc", "such as 16,16"),
    "a size of zero": (FEW, "--hidden 4,0", "such as 16,16"),
    "activation": (FEW, "--activation foo", "no activation 'foo'"),
    "epochs": (FEW, "--epochs -1", "--epochs"),
    "batch size": (FEW, "--batch-size 0", "--batch-size"),
    "learning rate": (FEW, "--learning-rate 0", "--learning-rate"),
    "validation": (FEW, "--validation 1", "--validation"),
    "task": (FEW, "--task guess", "--task"),
    "drop": (FEW, "--drop z", "no column 'z'"),
    "output directory": (FEW, "-o nowhere/m", "there is no directory"),
    "output is a directory": (FEW, "-o .", "it is a directory"),
    "a model as CSV": (FEW, "-o m.csv", "m.csv: a model is written in the format .safetensors"),
    "divergence": ("a,b\n" + "1,0.5\n2,1.5\n" * 5, "--learning-rate 1e300", "smaller"),
}  # fmt: skip


def is_one_line(result: Result, message: str) -> bool:
    assert result.exit_code == 2
    assert result.stderr.startswith("micrograd: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    return True


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_learned(case):
    content, options, message = TABLES[case]
    Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    target = [] if "--target" in options else ["--target", "b"]
    assert is_one_line(run("train", "t.csv", *options.split(), *target), message)
    assert os.listdir() == ["t.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none.csv", "--target", "b"], "none.csv: no such file"),
        (["train", "flowers.xlsx", "--target", "b"], "ends in .csv"),
        (["train", "d.csv", "--target", "b"], "is a directory"),
        (["train", "broken.parquet", "--target", "b"], "cannot be read as a table"),
        (["train", "flowers.csv"], "Missing option '--target'"),
        (["train"], "Missing argument 'FILE'"),
        (["predict", "none", "flowers.csv"], "none: no such file"),
        (["demo", "mars"], "'mars' is not one of"),
        (["demo", "-o", "flowers.csv"], "flowers.csv"),
        (["fly"], "there is no command 'fly'"),
        (["--wings"], "No such option"),
    ],
)
def test_a_command_that_cannot_be_run(arguments, message):
    write_flowers()
    os.mkdir("d.csv")
    Path("broken.parquet").write_text("no")
    before = sorted(os.listdir())
    assert is_one_line(run(*arguments), message)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size\n1\n", "no column 'colour'"),
        ("a\n1\n", "lacks the columns 'size', 'colour'"),
        ("size,colour\n1,red\nbig,red\n", "should hold numbers, but row 2 has 'big'"),
        ("size,colour\n-inf,red\n", "'size' is infinite"),
        ("size,colour\n", "has no rows"),
        ("size,colour\n1,red\n2\n", "has 2 columns, but row 2 has 1: 2"),
        ("size;colour\n1,5;red\n2;red;3\n", "has 2 columns, but row 2 has 3: 2;red;3"),
        ("size,colour\n" + "1,red\n" * 250_000 + "2\n", "but row 250001 has 1: 2"),
    ],
)
def test_a_table_that_cannot_be_predicted(model, content, message):
    Path("new.csv").write_text(content)
    assert is_one_line(run("predict", model, "new.csv", "-o", "out.csv"), message)
    assert not Path("out.csv").exists()


def other_safetensors(path: str, metadata: dict[str, str] | None) -> None:
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(2)}, path, metadata=metadata)


def test_a_file_that_is_no_model(model):
    whole = Path(model).read_bytes()
    for length in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        Path("bad").write_bytes(whole[:length])
        assert is_one_line(run("predict", "bad", "flowers.csv"), "truncated or is not a model")
    Path("bad").write_text("size,colour\n" * 50)
    assert is_one_line(run("predict", "bad", "flowers.csv"), "not a model")
    assert is_one_line(run("predict", ".", "flowers.csv"), "is a directory")
    other_safetensors("bad", None)
    assert is_one_line(run("predict", "bad", "flowers.csv"), "not a model of `micrograd train`")
    for version in (1, 2, 99):
        other_safetensors("bad", {FORMAT: f'{{"version": {version}}}'})
        message = f"has format version {version}, but this micrograd reads version 3; train again"
        assert is_one_line(run("predict", "bad", "flowers.csv"), message)
    for description in ("{", "[]", "{}", '{"version": 3}', '{"version": 3, "inputs": 3}'):
        other_safetensors("bad", {FORMAT: description})
        assert is_one_line(run("predict", "bad", "flowers.csv"), "damaged")
    for old, new in (
        (b'sizes\\": [16,', b'sizes\\": [17,'),
        (b"mean", b"moan"),
        (b"relu", b"rely"),
        (b'"nin', b'"non'),
    ):
        damaged = whole.replace(old, new)
        assert damaged != whole
        Path("bad").write_bytes(damaged)
        assert is_one_line(run("predict", "bad", "flowers.csv"), "damaged")


def test_probabilities_of_a_quantity():
    Path("t.csv").write_text("a,b\n" + "".join(f"{i},{i / 7}\n" for i in range(20)))
    run("train", "t.csv", "--target", "b", "--epochs", 1)
    message = "it has no class probabilities"
    assert is_one_line(run("predict", "model.safetensors", "t.csv", "--probabilities"), message)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "flowers.csv", "--target", "kind", "-o", "flowers.csv"),
        ("train", "flowers.csv", "--target", "kind", "-o", "./link"),
        ("train", "flowers.csv", "--target", "kind", "--plot", "flowers.csv"),
        ("train", "flowers.csv", "--target", "kind", "-o", "new", "--plot", "new"),
        ("predict", "m", "flowers.csv", "-o", "m"),
        ("predict", "m", "flowers.csv", "-o", "flowers.csv"),
    ],
)
def test_nothing_is_written_over_what_is_read(model, arguments):
    os.symlink("flowers.csv", "link")
    before = {name: Path(name).read_bytes() for name in ("flowers.csv", "m")}
    result = run(*arguments)
    assert result.exit_code == 2
    assert "name another file" in result.stderr
    assert {name: Path(name).read_bytes() for name in before} == before


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


# In a process of its own: signals and pipes.


def process(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, **options)


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


@pytest.mark.parametrize("name", ["p.xlsx", "p.parquet", "p.tsv", "p.csv.gz"])
def test_predictions_are_not_written_under_the_name_of_another_format(model, name):
    assert is_one_line(run("predict", model, "flowers.csv", "-o", name), "ends in .csv")
    assert not Path(name).exists()


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
    ("tables.train", "fit", BEFORE, "interrupted; nothing was written"),
    ("tables.train", "fit", AFTER, "interrupted; nothing was written"),
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


# Help.


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


@pytest.mark.native
def test_an_unknown_processor_is_refused_before_anything_is_read(monkeypatch):
    from micrograd.compiler.llvm.target import processor

    monkeypatch.setenv("MICROGRAD_CPU", "x86-64")
    processor.cache_clear()
    for command in (
        ["train", "none.csv", "--target", "b"],
        ["predict", "none", "none.csv"],
        ["demo"],
    ):
        assert is_one_line(run(*command), "MICROGRAD_CPU must be empty or one of x86-64-v2")
    assert os.listdir() == []
    processor.cache_clear()


@pytest.mark.parametrize(("arguments", "word"), [
    (["demo", "irsi"], "'iris'"),
    (["train", "t.csv", "--target", "b", "--task", "clasification"], "'classification'"),
    (["train", "t.csv", "--target", "b", "--activation", "Relu"], "'relu'"),
    (["trian"], "'train'"),
])  # fmt: skip
def test_a_choice_misspelt(arguments, word):
    Path("t.csv").write_text(FEW)
    assert is_one_line(run(*arguments), f"id you mean {word}?")
