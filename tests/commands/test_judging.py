"""`evaluate` and `explain`, and the options of `train` that say how a network learns."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from micrograd.cli import main


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    """With a table: `size` tells `kind`, which is rarely `big`, and `weight`; `day` does not."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    size = random.normal(size=80)
    lines = [
        f"{x:.3f},{day},{'big' if x > 1 else 'small'},{50 + 10 * x:.2f}"
        for x, day in zip(size, random.integers(7, size=80))
    ]
    Path("t.csv").write_text("\n".join(["size,day,kind,weight", *lines]) + "\n")


KIND = "train", "t.csv", "--target", "kind", "--drop", "weight", "--epochs", 20, "-o", "m"
WEIGHT = "train", "t.csv", "--target", "weight", "--drop", "kind", "--epochs", 20, "-o", "m"


def lines(result: Result) -> list[str]:
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_train_prints_figures_beside_simple_models_and_what_the_doctor_sees():
    printed = lines(run(*KIND))
    (head,) = (line for line in printed if line.startswith("16 rows held out"))
    assert head[24:].split("  ")[-3:] == ["this model", "logistic regression", "the majority class"]
    starts = ["accuracy", "balanced accuracy", "log loss", "AUC", "true class", "big", "small"]
    for start in [*starts, "epoch      ", "diagnosis  no problems found", "model      m"]:
        assert any(line.startswith(start) for line in printed), start
    printed = lines(run(*WEIGHT))
    (head,) = (line for line in printed if line.startswith("16 rows held out"))
    assert head.replace("   ", "  ").endswith("this model  linear regression  the mean")
    for start in ("R²", "typical error", "mean absolute error"):
        assert any(line.startswith(start) for line in printed), start


@pytest.mark.parametrize(
    "options",
    [
        ("--members", 1), ("--members", 3, "--dropout", 0.2), ("--l2", 0.1), ("--l2", 0),
        ("--loss", "cross_entropy"), ("--class-weight", "balanced"),
        ("--class-weight", "big=5, small=1"), ("--members", 1, "--class-weight", "big=5"),
    ],
)  # fmt: skip
def test_each_option_changes_how_it_learns(options):
    printed = lines(run(*KIND, *options))
    assert printed[-1] == "model      m"
    assert lines(run("predict", "m", "t.csv"))[0] == "kind"


def test_a_class_that_is_never_found_is_said_with_a_remedy():
    random = np.random.default_rng(0)
    rows = [
        f"{x:.2f},{'yes' if k % 60 == 0 else 'no'}" for k, x in enumerate(random.normal(size=300))
    ]
    Path("rare.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    train = "train", "rare.csv", "--target", "y", "--epochs", 5, "-o", "m"
    remark = "recall 0 % yes: with --class-weight balanced, all classes weigh alike"
    assert remark in lines(run(*train))
    assert not any("weigh alike" in x for x in lines(run(*train, "--class-weight", "balanced")))


def test_a_class_without_a_held_out_row_is_said():
    rows = [f"{k},{'yes' if k % 100 == 20 else 'no'}" for k in range(300)]
    Path("rare.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    train = "train", "rare.csv", "--target", "y", "--epochs", 2, "--keep", "x", "-o", "m"
    assert "not scored yes: no row was held out; --folds 3 scores all rows" in lines(run(*train))
    assert not any("not scored" in line for line in lines(run(*train, "--folds", 3)))


def test_folds_score_all_rows():
    printed = lines(run(*KIND, "--folds", 3))
    assert printed[1] == "rows       80"
    assert any(line.startswith("80 rows in 3 folds ") for line in printed)


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_losses_of_numbers(loss):
    assert lines(run(*WEIGHT, "--loss", loss))[-1] == "model      m"


def test_evaluate_scores_a_model_on_a_table():
    run(*KIND)
    printed = lines(run("evaluate", "m", "t.csv"))
    assert printed[0].startswith("80 rows  ")
    assert printed[1].startswith("accuracy ")
    assert printed[-1].startswith("small ")
    counts = [int(n) for line in printed[-2:] for n in line.split()[2:]]
    assert sum(counts) == 80
    run(*WEIGHT)
    assert [line[:5].strip() for line in lines(run("evaluate", "m", "t.csv"))] == [
        "80 ro", "R²", "typic", "mean"
    ]  # fmt: skip


def test_evaluate_leaves_out_rows_without_a_target():
    run(*KIND)
    rows = Path("t.csv").read_text().splitlines()
    Path("some.csv").write_text("\n".join([*rows[:31], "0.5,3,,40.0", "0.1,2,NA,30"]) + "\n")
    assert lines(run("evaluate", "m", "some.csv"))[0].startswith("30 rows  ")


@pytest.mark.parametrize("train", [KIND, WEIGHT])
def test_explain_names_what_the_model_depends_on(train):
    run(*train)
    printed = lines(run("explain", "m", "t.csv", "--repeats", 3))
    assert printed[0].endswith(" on 80 rows")
    assert [line.split()[0] for line in printed[3:]] == ["size", "day"]
    falls = [float(line.split()[1]) for line in printed[3:]]
    assert falls[0] > 0.05 > falls[1]
    assert lines(run("explain", "m", "t.csv", "--repeats", 3)) == printed


BAD = [
    ((*KIND, "--loss", "mae"), "there is no loss for classification 'mae'"),
    ((*WEIGHT, "--loss", "cross_entropy"), "there is no loss for regression 'cross_entropy'"),
    ((*KIND, "--loss", "mea"), "'mae'"),
    ((*WEIGHT, "--class-weight", "balanced"), "class_weight needs classes, but 'weight' is a n"),
    ((*KIND, "--class-weight", "equal"), "expected 'balanced' or weights such as yes=5,no=1"),
    ((*KIND, "--class-weight", "bog=3"), "there is no class 'bog'; did you mean 'big'?"),
    ((*KIND, "--class-weight", "big=-3"), "the weight of class 'big' must be at least 0"),
    ((*KIND, "--class-weight", "big=nan"), "the weight of class 'big' must be at least 0"),
    ((*KIND, "--folds", 1), "folds must be at least 2"),
    ((*KIND, "--folds", 81), "81 folds need as many rows, but there are 80"),
    ((*KIND, "--folds", -1), "--folds"),
    ((*KIND, "--dropout", 1), "--dropout"),
    ((*KIND, "--dropout", 0.5, "--hidden", ""), "dropout needs a hidden layer"),
    ((*KIND, "--l2", -1), "--l2"),
    ((*KIND, "--members", 0), "--members"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_options_are_one_line_and_nothing_is_written(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["t.csv"]


@pytest.mark.parametrize("verb", ["evaluate", "explain"])
def test_bad_tables_to_judge_by(verb):
    run(*KIND)
    Path("none.csv").write_text("size,day\n1,2\n")
    Path("gaps.csv").write_text("size,day,kind\n1,2,\n")
    Path("new.csv").write_text("size,day,kind\n1,2,big\n0,2,huge\n")
    Path("less.csv").write_text("size,kind\n1,big\n")
    for model, table, message in (
        ("m", "none.csv", "there is no column 'kind'"),
        ("m", "gaps.csv", "the target 'kind' is missing in all 1 rows"),
        ("m", "new.csv", "has classes that training did not see: 'huge'"),
        ("m", "less.csv", "there is no column 'day'"),
        ("m", "nowhere.csv", "no such file"),
        ("t.csv", "t.csv", "not a model"),
    ):
        result = run(verb, model, table)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert message in result.stderr
