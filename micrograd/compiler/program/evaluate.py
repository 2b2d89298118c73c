"""Evaluate: a program, run by NumPy."""

from functools import reduce
from typing import cast

import numpy as np
from numpy.typing import NDArray

from micrograd import machine, ops
from micrograd.compiler.program import branching
from micrograd.compiler.program.ir import (
    Block,
    Branches,
    Computation,
    Gather,
    Loop,
    Map,
    Program,
    Sum,
)
from micrograd.operation import elementwise

Array = NDArray[np.float64]  # of truths in a boolean block
Numbers = dict[Block, Array]  # of shape (members, examples), or (members, 1) where uniform


def evaluate(
    program: Program,
    inputs: list[Array],
    parameters: Array,
    seed: Array | float = 1.0,
    exact: bool = False,
) -> dict[str, Array]:
    """Runs the program in NumPy: the reference of the back ends, and the fallback without one.

    `inputs`: an array of shape (examples, size) for each input; `parameters`: (size,); `seed`: the
    weight of the examples in the gradient, a number or one for each. Returns, for each output, an
    array of shape (examples, members), or (members,) where nothing varies.

    `exact` computes each number as the eager engine does: some functions of NumPy's differ from the
    C library's in the last bit, and its sums are in another order.
    """
    seed = np.asarray(seed, float)
    examples = len(seed) if seed.ndim else len(inputs[0]) if inputs else 1
    numbers = _given(program, inputs, parameters, seed, examples)
    with np.errstate(all="ignore"):
        for out in dict.fromkeys(i.out for i in program.computations):
            dtype = bool if out.boolean else float
            numbers[out] = np.zeros((out.size, examples if out.varying else 1), dtype)
        for instruction in program.instructions:
            if isinstance(instruction, Loop):
                for trip in instruction.trip_numbers:
                    for each in instruction.computations:
                        _compute(each, numbers, examples, exact, trip)
            else:
                _compute(instruction, numbers, examples, exact)
    return {name: _answer(gathers, numbers, examples) for name, gathers in program.outputs.items()}


def _given(
    program: Program, inputs: list[Array], parameters: Array, seed: Array, examples: int
) -> Numbers:
    numbers: Numbers = {
        block: np.asarray(array if block.varying else array[:1], float).T
        for block, array in zip(program.inputs, inputs, strict=True)
    }
    numbers[program.parameters] = np.asarray(parameters, float)[:, None]
    numbers[program.constants] = np.array(program.constant_values, float)[:, None]
    numbers[program.seed] = np.broadcast_to(seed, (1, examples))
    return numbers


def _compute(
    instruction: Computation, numbers: Numbers, examples: int, exact: bool, trip: int = 0
) -> None:
    start = instruction.start
    if isinstance(instruction, Map):
        start += trip * instruction.step
        result = _map(instruction, numbers, exact, trip)
    elif isinstance(instruction, Branches):
        leaves = [x for g in instruction.operands for x in numbers[g.block][g.index]]
        result = branching.evaluate(instruction.tree, leaves, examples, exact)
    else:
        result = _sum(instruction, numbers, examples, exact, trip)
        if instruction.over_examples:  # in a loop, over all trips
            result = result + numbers[instruction.out][start : start + len(instruction)]
    numbers[instruction.out][start : start + len(instruction)] = result


def _map(instruction: Map, numbers: Numbers, exact: bool, trip: int) -> Array:
    operands = tuple([numbers[g.block][g.at(trip)] for g in instruction.operands])
    in_numpy = not exact or instruction.op is ops.take  # which raises on single numbers
    return instruction.op(*operands) if in_numpy else elementwise(instruction.op, operands)


def _sum(instruction: Sum, numbers: Numbers, examples: int, exact: bool, trip: int) -> Array:
    combine = cast(np.ufunc, machine.on_arrays(instruction.combine.op.name))
    total: Array = np.full((len(instruction), 1), instruction.combine.identity)
    for product in instruction.products:
        factors = [numbers[g.block][g.at(trip)] for g in product]  # (m, T, examples or 1)
        terms = reduce(np.multiply, factors)
        terms = terms.swapaxes(0, 1) if exact else [combine.reduce(terms, axis=1)]
        total = reduce(combine, terms, total)
    total = total if instruction.products else total + 0.0
    if instruction.over_examples:
        count = examples if total.shape[1] == 1 else 1  # uniform terms count once for each example
        return total.sum(axis=1, keepdims=True) * count
    return total


def _answer(gathers: list[Gather], numbers: Numbers, examples: int) -> Array:
    parts = [numbers[g.block][g.index].astype(float) for g in gathers]
    if not any(g.block.varying for g in gathers):
        return np.concatenate([part[:, 0] for part in parts]) if parts else np.zeros(0)
    wide = [np.broadcast_to(part, (len(part), examples)) for part in parts]
    return np.concatenate(wide).T
