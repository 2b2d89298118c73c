"""`micrograd fit`: a formula fitted to a table, from the command line."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from micrograd.cli import main
from micrograd.files.table import Table, TableError
from micrograd.tables.fit_table import Formula, fit_table

pytest.importorskip("pyarrow")
MODEL = "top / (1 + (ec50 / dose) ** slope)"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["fit", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write_plates() -> dict[str, float]:
    """Responses of four compounds, in mixed order; the ec50 of each."""
    random = np.random.default_rng(0)
    truth = {"a, 1": 0.02, "b": 0.5, "c": 3.0, "d": 20.0}
    lines = []
    for k, (name, ec50) in enumerate(truth.items()):
        for dose in 10.0 ** np.linspace(-3, 3, 9 + k):
            response = 10.0 / (1.0 + ec50 / dose) + random.normal(0.0, 0.05)
            lines.append(f'{dose:.6g},{response:.4f},"{name}"')
    random.shuffle(lines)
    lines[3:3] = ["1.0,,b", ",2.0,c", "1.0,2.0,alone"]
    Path("plates.csv").write_text("\n".join(["dose,response,compound", *lines]) + "\n")
    return truth


def test_each_group_is_fitted_and_written_in_one_line():
    truth = write_plates()
    result = run(
        "plates.csv", "--model", MODEL, "--x", "dose", "--y", "response", "--by", "compound",
        "-o", "fits.csv",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "5 fits of 12 points: 4 converged" in result.stdout
    assert "start      top = " in result.stdout
    assert "2 rows with a missing value were left out" in result.stderr
    assert "compound alone: not fitted: fewer points than free parameters" in result.stderr
    header, *lines = Path("fits.csv").read_text().splitlines()
    assert header == (
        "compound,points,top,top_error,ec50,ec50_error,slope,slope_error,chi2,dof,message"
    )
    found = {line.split(",")[0]: line.split(",") for line in lines if line[0] != '"'}
    assert {"b", "c", "d", "alone"} == {*found}
    for name in "bcd":
        error = float(found[name][5])
        assert abs(float(found[name][4]) - truth[name]) < 4 * error < truth[name]
    (quoted,) = [line for line in lines if line[0] == '"']
    assert quoted.startswith('"a, 1",9,')


def test_a_table_without_groups_has_a_page_a_line_and_a_picture():
    pytest.importorskip("matplotlib")
    t = np.linspace(0.0, 4.0, 30)
    signal = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * np.cos(20.0 * t)
    rows = "".join(f"{a},{b}\n" for a, b in zip(t.tolist(), signal.tolist()))
    Path("decay.csv").write_text("time,signal\n" + rows)
    result = run(
        "decay.csv", "--model", "a * exp(-b * x) + c", "--x", "time", "--y", "signal",
        "-o", "fit.csv", "--plot", "fit.png",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "converged" in result.stdout
    assert result.stdout.splitlines()[-2:] == ["fits       fit.csv", "curves     fit.png"]
    assert Path("fit.png").stat().st_size > 10_000
    numbers = Path("fit.csv").read_text().splitlines()[1].split(",")
    np.testing.assert_allclose([float(numbers[k]) for k in (1, 3, 5)], [2.5, 1.3, 0.5], rtol=0.02)


def test_progress_is_shown_where_it_is_asked_for():
    write_plates()
    command = "plates.csv", "--model", MODEL, "--x", "dose", "--y", "response", "--by", "compound"
    assert "5.00/5.00" in run(*command, "--progress").stderr
    assert "5.00/5.00" not in run(*command).stderr


MISTAKES = {
    "a * exp(-b * x": "is no expression: '(' was never closed",
    "open(a) * x": "there is no operation 'open'",
    "a.real * x": "'a.real' is not allowed in an expression",
    "2 * x": "has no parameters: there is nothing to fit",
    "a + b": "must read either x or dose, the column of x; it reads neither",
    "a * x + dose": "must read either x or dose, the column of x; it reads dose and x",
}


@pytest.mark.parametrize("model", MISTAKES)
def test_a_model_that_cannot_be_fitted_is_one_line(model):
    write_plates()
    result = run("plates.csv", "--model", model, "--x", "dose", "--y", "response", "-o", "no.csv")
    assert result.exit_code == 2
    assert MISTAKES[model] in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("no.csv").exists()


def test_columns_and_starts_that_do_not_fit_are_named():
    write_plates()
    command = "plates.csv", "--model", "a * x"
    for more, said in {
        ("--x", "dos", "--y", "response"): "there is no column 'dos'; did you mean 'dose'?",
        ("--x", "compound", "--y", "response"): "column 'compound' should hold numbers",
        ("--x", "dose", "--y", "response", "--start", "b=1"): "no parameter b; it has a",
        ("--x", "dose", "--y", "response", "-o", "fits.xlsx"): "are written in the format .csv",
        ("--x", "dose", "--y", "response", "-o", "plates.csv"): "it is an input",
    }.items():
        result = run(*command, *more)
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_sigma_starts_and_the_name_of_x():
    x = [0.0, 1.0, 2.0, 3.0]
    table = Table.of({"x": x, "y": [1.0, 3.0, 5.0, 8.0], "error": [0.1, 0.1, 0.1, 1e9]})
    found = fit_table(table, "a + b * x", "x", "y", sigma="error", start={"a": 1.0})
    np.testing.assert_allclose(found.fits.values, [[1.0, 2.0]], rtol=1e-6)
    assert found.fits.absolute_sigma
    assert found.starts[0, 0] == 1.0
    assert Formula("t + a * t", "t").x == "t"
    with pytest.raises(TableError, match="no row has a value in each of x, y"):
        fit_table(Table.of({"x": [np.nan], "y": [1.0]}), "a * x", "x", "y")


STARTS = {  # a formula, its parameters, and the range of x
    "a * exp(-b * x) + c": ([200.0, 0.0013, 50.0], (0.0, 4000.0)),
    "c + a * exp(-((x - m) / s) ** 2)": ([1.0, 5.0, 570.0, 12.0], (500.0, 650.0)),
    "a * sin(w * x + p) + c": ([2.0, 3.0, 0.5, 1.0], (0.0, 10.0)),
    "v * x / (k + x)": ([3.0, 20.0], (1.0, 100.0)),
    "a / (1 + exp(-k * (x - m)))": ([2.0, 4.0, 1950.0], (1940.0, 1960.0)),
    "a * x ** b": ([2.0, -1.7], (1.0, 9.0)),
}


@pytest.mark.parametrize("model", STARTS)
def test_starts_are_guessed_so_that_the_fit_finds_the_curve(model):
    p, (low, high) = STARTS[model]
    x, formula = np.linspace(low, high, 50), Formula(model, "x")
    y = np.array([formula(t, *p) for t in x.tolist()], float)
    table = {"x": np.tile(x, 2), "y": np.tile(y, 2), "group": ["one"] * 50 + ["two"] * 50}
    found = fit_table(Table.of(table), model, "x", "y", by="group")
    assert found.groups == ("one", "two")
    assert found.fits.converged.all()
    np.testing.assert_allclose(found.fits.predict(), [y, y], atol=1e-6 * np.ptp(y))
