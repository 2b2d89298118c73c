"""The rolled program: it prints, verifies and evaluates itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pipeline import rolled

import micrograd as mg
from micrograd import Value, ops
from micrograd.compiler.program.evaluate import evaluate
from micrograd.compiler.program.ir import Block, Gather, Map, Program, Sum, describe
from micrograd.compiler.program.verify import verify

# fmt: off
PRINTED = [
    ([5],                                "5"),
    ([0, 1, 2],                          "i"),
    ([4, 3, 2],                          "-i + 4"),
    ([1, 4, 7],                          "3i + 1"),
    ([2, 2, 2],                          "2"),
    ([0, 0, 1, 1, 2, 2],                 "i // 2"),
    ([1, 1, 5, 5],                       "4 i // 2 + 1"),
    ([0, 1, 0, 1],                       "(i of i % 2)"),
    ([0, 1, 3],                          "table of 3"),
    ([[0], [1], [2]],                    "i"),
    ([[0, 1], [2, 3]],                   "2i + t"),
    ([[1, 0], [3, 2]],                   "2i - t + 1"),
    ([[3, 3], [3, 3]],                   "3"),
    ([[0, 2, 4], [0, 2, 4]],             "2t"),
    ([[0, 1], [3, 2]],                   "table of 2 x 2"),
]
# fmt: on


@pytest.mark.parametrize(("index", "text"), PRINTED)
def test_indices_print_as_formulas(index: Any, text: str) -> None:
    assert describe(np.array(index)) == text


def small() -> Program:
    """%1 = exp(x0), %2 = the sum of w * %1."""
    w = [Value(1.0), Value(2.0)]
    return rolled(lambda x: mg.dot(w, [mg.exp(v) for v in x]), (2,))


@pytest.mark.parametrize("kind", ["varying", "boolean"])
@pytest.mark.parametrize("k", range(2))
def test_the_print_says_whether_a_block_varies_and_holds_truths(k: int, kind: str) -> None:
    program = rolled(lambda x: mg.where(x < Value(1.0), x, 0.0), None)
    before, block = str(program), program.computations[k].out
    setattr(block, kind, not getattr(block, kind))
    assert str(program) != before


def reads_beyond(program: Program) -> None:
    program.computations[0].gathers()[0].index = np.array([0, 2])


def reads_below(program: Program) -> None:
    program.computations[0].gathers()[0].index = np.array([-1, 0])


def reads_too_early(program: Program) -> None:
    program.instructions.reverse()


def reads_itself(program: Program) -> None:
    first: Any = program.computations[0]
    first.operands = [Gather(first.out, np.arange(2))]


def computes_twice(program: Program) -> None:
    program.instructions.append(program.computations[0])


def computes_one_of_two_twice(program: Program) -> None:
    first: Any = program.computations[0]
    first.out.size = 3
    program.instructions.append(Map(first.out, 1, first.op, first.operands))


def writes_beyond(program: Program) -> None:
    program.computations[0].start = 1


def writes_inputs(program: Program) -> None:
    program.computations[0].out = program.inputs[0]


def uniform_reads_varying(program: Program) -> None:
    program.computations[0].out.varying = False


def forgets_a_member(program: Program) -> None:
    program.computations[0].out.size = 3
    program.outputs["value"] = [Gather(program.computations[0].out, np.array([2]))]


def answers_what_is_not_there(program: Program) -> None:
    program.outputs["value"] = [Gather(Block("%9", 1, True), np.zeros(1, np.int64))]


def uneven_operands(program: Program) -> None:
    block = program.inputs[0]
    gathers = [Gather(block, np.array([0, 1])), Gather(block, np.array([0]))]
    program.instructions.append(Map(program.new_block(2, True), 0, ops.mul, gathers))


def uneven_factors(program: Program) -> None:
    block = program.inputs[0]
    factors = Gather(block, np.array([[0, 1]])), Gather(block, np.array([[0]]))
    program.instructions.append(Sum(program.new_block(1, True), 0, [factors]))


def numbers_for_truths(program: Program) -> None:
    gathers = [Gather(program.inputs[0], np.array([0]))] * 2
    program.instructions.append(Map(program.new_block(1, True), 0, ops.less, gathers))


@pytest.mark.parametrize(
    "spoiled",
    [
        reads_beyond, reads_below, reads_too_early, reads_itself, computes_twice,
        computes_one_of_two_twice, writes_beyond,
        writes_inputs, uniform_reads_varying, forgets_a_member, answers_what_is_not_there,
        uneven_operands, uneven_factors, numbers_for_truths,
    ],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_the_verifier_finds(spoiled: Callable[[Program], None]) -> None:
    program = small()
    verify(program)
    spoiled(program)
    with pytest.raises(AssertionError):
        verify(program)


def test_evaluation() -> None:
    x = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    value = evaluate(small(), [x], np.array([10.0, 1.0]))["value"]
    np.testing.assert_allclose(value[:, 0], 10 * np.exp(x[:, 0]) + np.exp(x[:, 1]), rtol=1e-15)


def test_a_sum_over_examples_counts_what_is_uniform_once_for_each() -> None:
    program = small()
    (block,) = {g.block for i in program.instructions for g in i.gathers() if g.block.name == "w"}
    out = program.new_block(1, False)
    product = (Gather(block, np.array([[0, 1]])),)
    program.instructions.append(Sum(out, 0, [product], over_examples=True))
    program.outputs = {"total": [Gather(out, np.zeros(1, np.int64))]}
    verify(program)
    assert evaluate(program, [np.zeros((4, 2))], np.array([10.0, 1.0]))["total"].tolist() == [44.0]
