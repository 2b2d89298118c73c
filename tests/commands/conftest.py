"""What the tests of commands are passed: a directory of their own, and a trained model."""

import pytest
from command_line import run, write_flowers


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model() -> str:
    write_flowers()
    assert run("train", "flowers.csv", "--target", "kind", "--epochs", 8, "-o", "m").exit_code == 0
    return "m"
