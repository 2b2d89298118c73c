"""explain: the report, and its description of every array operation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.compiler.api.argument_names import argument_names
from micrograd.compiler.api.explain import factored
from micrograd.compiler.program.ir import Block, Gather
from micrograd.report import Report
from micrograd.structure import flatten

W = [[Value(1.0, name=f"W[{i},{j}]") for j in range(4)] for i in range(3)]
v = [Value(1.0, name=f"v[{i}]") for i in range(3)]
scale = Value(2.0, name="scale")


def loss(x: Any, target: Any) -> Any:
    hidden = [mg.tanh(mg.dot(row, x)) for row in W]
    return mg.relu(mg.dot(v, hidden, scale) * target)


def test_the_page() -> None:
    step = mg.compile(loss)
    step.backward(np.ones(4), 0.5)
    assert (
        repr(step.explain(gradient="parameters"))
        == """\
loss(x, target): 80 operations on scalars became 14 blocks

    flops     bytes  forward, for each example
       21       152  %1  = 3 dots of 4             → matrix · vector: W (3 × 4) · x (4)
        3        48  %2  = 3 tanh                  → tanh(%1)
        6        64  %3  = 1 dot of 3 and a bias   → dot product: v (3) · %2 (3) + scale
        1        24  %4  = 1 product               → %3 · target
        1        16  %5  = 1 relu                  → relu(%4)
        2        24  %15 = 1 sum over all examples → share · %5

    flops     bytes  backward, for each example
        1        16  %6  = 1 comparison              → %5 <= 0
        1        24  %7  = 1 where                   → where(%6, 0, share)
        1        24  %8  = 1 product                 → %7 · target
        3        56  %10 = 3 products                → %8 · v
        3        48  %11 = 3 products                → %2 · %2
        3        48  %12 = 3 differences             → 1 - %11
        3        72  %13 = 3 products                → %10 · %12
       24       152  %14 = 12 sums over all examples → outer product: %13 (3) · x (4)
        6        56  %14 = 3 sums over all examples  → %8 · %2
        1        16  %14 = 1 sum over all examples   → %8

       80       840  in all, for each example
                112  hold 14 numbers of 1 example at once
                136  hold 17 numbers that all examples share"""
    )


def lines(f: Callable[..., Any], *args: Any) -> list[str]:
    """The scalars and the array operation of each block in the forward part."""
    step = mg.vectorize(f)
    step(*args)
    page = step.explain()
    return [" ".join(line.split(" = ")[1].split()) for line in page.splitlines() if " = " in line]


X = np.ones((7, 4))
ragged = [Value(1.0, name=f"r[{k}]") for k in range(4)]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: [mg.dot(row, x) for row in W],
         ["3 dots of 4 → matrix · vector: W (3 × 4) · x (4)"]),
        (lambda x: mg.dot(x, x), ["1 dot of 4 → squares of x, added up"]),
        (lambda x: [x[i] * x[j] for i in (0, 1) for j in (2, 3)], ["4 products → 2 of x · 2 of x"]),
        (lambda x: mg.sum(x), ["1 sum of 4 → x, added up"]),
        (lambda x: [mg.relu(v) for v in x], ["4 relu → relu(x)"]),
        (lambda x: -x[2], ["1 neg → -x[2]"]),
        (lambda x: x[0] / scale, ["1 quotient → x[0] / scale"]),
        (lambda x: mg.where(x[0] < 1, x[0], 0.25),
         ["1 comparison → x[0] < 1", "1 where → where(%1, x[0], 0.25)"]),
        (lambda x: mg.take(list(x), 2.0 * x[0]),
         ["1 product → 2 · x[0]", "1 take → take(x, %1)"]),
        (lambda x: [mg.dot(ragged[: k + 2], x[: k + 2]) for k in range(2)],
         ["1 dot of 2 → dot product: r (2) · 2 of x (2)",
          "1 dot of 3 → dot product: r (3) · 3 of x (3)"]),
    ],
)  # fmt: skip
def test_words(f: Callable[..., Any], expected: list[str]) -> None:
    assert lines(f, X) == expected


def test_a_block_that_all_examples_share() -> None:
    step = mg.vectorize(lambda x: mg.exp(scale) * x)
    step(np.ones(3))
    page = step.explain()
    assert "forward, once\n        1        16  %1 = 1 exp → exp(scale)\n" in page
    assert "hold 1 number that all examples share" in page


def test_it_is_text_that_shows_itself() -> None:
    page = Report("two\nlines")
    assert repr(page) == str(page) == "two\nlines"


def named(f: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
    return argument_names(f, flatten((args, kwargs))[1])


def test_names_of_arguments() -> None:
    assert named(lambda x, y: x, 1.0, y=2.0) == ["x", "y"]
    assert named(lambda p: p, {"a": 1.0, "b": [2.0, (3.0,)]}) == ["p.a", "p.b[0]", "p.b[1][0]"]
    assert named(lambda x, *rest: x, 1.0, 2.0, 3.0) == ["x", "rest[0]", "rest[1]"]
    assert named(np.add, 1.0, 2.0) == ["x1", "x2"] or named(np.add, 1.0, 2.0) == ["x0", "x1"]


def test_factored_with_groups() -> None:
    """Two heads of 3 × 5 keys and queries: every row of a head meets every column of it."""
    a, b = Block("a", 12, True), Block("b", 20, True)
    left, right = np.arange(12).reshape(2, 3, 2), np.arange(20).reshape(2, 5, 2)
    heads = [(left[h, i], right[h, j]) for h in range(2) for i in range(3) for j in range(5)]
    x, y = (Gather(block, np.array(side)) for block, side in zip((a, b), zip(*heads)))
    assert factored(x, y) == ("2 × matrix product: ", " (3 × 2)", " (2 × 5)")


def test_factored_by_tables() -> None:
    a = Block("a", 9, True)
    x = Gather(a, np.array([[0, 1], [2, 3], [0, 1]]))
    y = Gather(a, np.array([[4, 5], [6, 7], [6, 7]]))
    assert factored(x, y) == ("dots by tables: ", "", "")
