"""Bad input at the command line: one line, status 2, and no file that was not there before."""

import os
from pathlib import Path

import numpy as np
import pytest
from command_line import FEW, is_one_line, run, write_flowers

from micrograd.tables.model_file import FORMAT

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
        (b'sizes\\": [80,', b'sizes\\": [85,'),
        (b"mean", b"moan"),
        (b"relu", b"rely"),
        (b'"nin', b'"non'),
    ):
        damaged = whole.replace(old, new)
        assert damaged != whole
        Path("bad").write_bytes(damaged)
        assert is_one_line(run("predict", "bad", "flowers.csv"), "damaged")


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
