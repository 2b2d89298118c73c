"""Loops that Python runs become loops of the program, with the numbers of the loop in Python."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_c import COMPILER, CompiledC
from loops_as_written import assert_close, by_parameters, by_value, in_one, number, numbers, written
from random_loops import Loops
from test_found import EXPECTED
from ways import WAYS, in_numpy

import micrograd as mg
from micrograd import Value

QUOTED = Path(__file__).parent / "written_loops.txt"


# Programs of the design, and others.


def loops_of(program: str) -> str:
    """The loops in the print of a program."""
    lines = program.splitlines()
    return "\n".join(
        line.removeprefix("  ")
        for line in lines
        if line.startswith("  loop for") or line.startswith("    ")
    )


def quote(name: str, steps: int) -> str:
    f, arguments = written(name, steps)
    g = in_one(f)
    g(*arguments)
    return f"{name}, {steps} steps:\n{loops_of(str(g.source('program'))) or 'no loop'}"


@pytest.mark.parametrize(("name", "steps"), EXPECTED)
def test_programs_print_their_loops(name: str, steps: int) -> None:
    """`python tests/compiler/test_written_loops.py` writes the file anew."""
    assert quote(name, steps) in QUOTED.read_text(encoding="utf-8").strip().split("\n\n")


@pytest.mark.parametrize("name", [name for name, _ in EXPECTED])
def test_programs_and_their_gradients_are_those_of_the_engine(name: str, short: None) -> None:
    f, arguments = written(name, 20)
    g = in_one(f)
    value, gradients = g.value_and_grad(*arguments)
    expected, by_argument = by_value(f, arguments)
    assert value == pytest.approx(expected, rel=1e-11)
    for ours, slopes in zip(gradients if len(arguments) > 1 else [gradients], by_argument):
        assert_close(ours, slopes)
    assert_close(*by_parameters(f, g, arguments))


# Random programs.


def assert_as_in_python(f: Loops) -> int:
    """The number of loops in the program of f."""
    g, x = in_numpy(f, each="row"), f.examples(2)
    assert_close(g(x), [number(f(row)) for row in x])
    assert_close(g.value_and_grad(x)[1], [numbers(mg.grad(f)(row)) for row in x])
    g.backward(x)
    ours = [p.grad for p in g.parameters]
    for p in g.parameters:
        p.grad = 0.0
    mean = sum((f(row) for row in x), Value(0.0)) / len(x)
    mean.backward()
    assert_close(ours, [p.grad for p in g.parameters])
    return str(g.source("program")).count("loop for")


@pytest.mark.parametrize("scanned", [False, True], ids=["written", "scan"])
def test_random_loops_are_those_of_python(scanned: bool, short: None) -> None:
    loops = [assert_as_in_python(Loops(seed, scanned)) for seed in range(12)]
    assert len([n for n in loops if n]) > 6


@pytest.mark.parametrize("scanned", [False, True], ids=["written", "scan"])
def test_second_derivatives_of_random_loops(scanned: bool, short: None) -> None:
    for seed in range(40, 43):
        f = Loops(seed, scanned)
        (x,) = f.examples(1)
        slope = lambda x, f=f: mg.sum(v * v for row in mg.grad(f)(x) for v in row)  # noqa: E731
        value, gradient = in_one(slope).value_and_grad(x)
        assert value == pytest.approx(number(slope(x)), rel=1e-10)
        assert_close(gradient, numbers(mg.grad(slope)(x)), 1e-9)


# Modes, results, sizes.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["rnn_dot", "kalman", "thomas"])
def test_loops_in_other_modes(name: str, way: str, short: None) -> None:
    f, arguments = written(name, 20)
    make, tolerance = WAYS[way]
    g = make(f, in_axes=0)
    rows = [np.stack([x, 0.5 * x]) for x in arguments]
    answer = g.value_and_grad(*rows)
    assert "loop for" in str(g.source("program"))
    expected = [by_value(f, [row[k] for row in rows]) for k in range(2)]
    assert_close(answer[0], [value for value, _ in expected], tolerance)
    assert_close(answer[1], [slope for _, (slope,) in expected], 100 * tolerance)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_loops_in_c(tmp_path: Path) -> None:
    f, (x,) = written("lstm", 60)
    g = mg.vectorize(f, each="row")
    assert_close(g(x[None]), number(f(x)))
    text = str(g.source("c"))
    assert "for (long s = 0; s < 60; s++)" in text
    assert_close(CompiledC(text, tmp_path)(g.pack(), x[None])["value"], number(f(x)))


@pytest.mark.parametrize("gradient", [None, "parameters"])
def test_code_does_not_grow_with_the_trips(gradient: Any) -> None:
    def text(steps: int) -> str:
        f, arguments = written("garch", steps)
        g = mg.compile(f)
        text = str(g.source("program", *arguments, gradient=gradient))
        return text.replace(str(steps - 2), "T-2").replace(str(steps - 1), "T-1")

    long = text(3000).replace("[n, 3000]", "[n, T]").replace("3000", "T")
    assert text(400).replace("[n, 400]", "[n, T]").replace("400", "T") == long


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    text = "\n\n".join(quote(*each) for each in EXPECTED)
    QUOTED.write_text(f"{text}\n", encoding="utf-8")
