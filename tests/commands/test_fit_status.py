"""`micrograd fit`: the exit status tells whether any fit converged."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from micrograd.cli import main

pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(rows, *more):
    Path("data.csv").write_text("\n".join(["t,signal,sample", *rows]) + "\n")
    return CliRunner().invoke(
        main, ["fit", "data.csv", "--model", "a + b * t", "--x", "t", "--y", "signal", *more]
    )


def test_a_fit_that_fails_is_an_error_with_status_1():
    result = run(["1.0,2.0,p"])
    assert result.exit_code == 1
    assert result.stderr == "micrograd: the fit failed: fewer points than free parameters\n"
    assert "a                   nan" in result.stdout


def test_the_status_is_1_only_if_no_group_was_fitted():
    one_of_two = ["1.0,2.0,p", "1.0,2.0,q", "2.0,3.0,q", "3.0,4.5,q"]
    result = run(one_of_two, "--by", "sample")
    assert result.exit_code == 0
    assert result.stderr.startswith("micrograd: warning: sample p: not fitted")
    result = run(["1.0,2.0,p", "1.0,2.0,q"], "--by", "sample", "-o", "fits.csv")
    assert result.exit_code == 1
    assert result.stderr.endswith("micrograd: none of the 2 fits converged\n")
    assert Path("fits.csv").read_text().count("fewer points") == 2  # written nevertheless
