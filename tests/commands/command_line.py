"""The command line, called within this process and as a program, and a table for it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from micrograd.cli import main

PROGRAM = [sys.executable, "-m", "micrograd"]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write_flowers(path: str = "flowers.csv", rows: int = 60) -> None:
    random = np.random.default_rng(0)
    lines = ["size,colour,kind"]
    for i in range(rows):
        kind = ("ros'é", "tulip")[i % 2]
        size = "" if i % 10 == 0 else f"{random.normal(3 * (i % 2)):.3f}"
        lines.append(f"{size},{random.choice(['red', 'white'])},{'' if i % 20 == 0 else kind}")
    Path(path).write_text("\n".join(lines) + "\n")


FEW = "a,b\n1,x\n2,y\n3,x\n4,y\n"


def is_one_line(result: Result, message: str) -> bool:
    assert result.exit_code == 2
    assert result.stderr.startswith("micrograd: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    return True


def process(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, **options)
