"""Exact: the gradient as the eager engine computes it, operation by operation and in its order.

The chain rule is run on the scalars of the graph, before they are rolled: what `graph.sweep` adds
in numbers is added here in symbols. Nothing is reordered, so the bits are those of `backward()`.
"""

import numpy as np

from micrograd import graph
from micrograd.compiler.program.ir import Gather, Program, Sum
from micrograd.compiler.program.roll import roll
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Trace


def exact_program(
    trace: Trace, per_example: bool, shared: tuple[int, ...] = (), summed: tuple[int, ...] = ()
) -> Program:
    """The program with the gradients that `adjoint.add_adjoint` adds, under the same names."""
    (value,) = trace.outputs
    inputs = trace.inputs if per_example else [[trace.met[p] for p in trace.parameters]]
    wanted = [x for symbols in inputs for x in symbols]
    gradient = dict(zip(wanted, _gradients(value, wanted)))
    outputs: dict[str, list[Node]] = {"value": [value]}
    for k, symbols in enumerate(inputs):
        name = f"gradient {k}" if per_example else "gradient"
        outputs[name] = [gradient[x] for x in symbols]
    program = roll(trace, outputs, exact=True, shared=shared)
    totals = [f"gradient {k}" for k in summed] if per_example else ["value", "gradient"]
    for name in totals:
        if program.outputs[name]:
            program.outputs[name] = _over_examples(program, program.outputs[name])
    return program


def _gradients(root: Node, inputs: list[Symbol]) -> list[Node]:
    """As the engine adds them up, from 0 on: a sum that begins with -0 is 0."""
    if not isinstance(root, Symbol):
        return [0.0] * len(inputs)
    return [0.0 + g for g in graph.gradients(root, inputs, again=False)]


def _over_examples(program: Program, gathers: list[Gather]) -> list[Gather]:
    """The sum over the examples of what counts as `seed` says, for each number of an output."""
    totals = []
    for gather in gathers:
        n = len(gather)
        total = program.new_block(n, False)
        seed = Gather(program.seed, np.zeros((n, 1), np.int64))
        product = (seed, Gather(gather.block, gather.index[:, None]))
        program.instructions.append(Sum(total, 0, [product], over_examples=True))
        totals.append(Gather(total, np.arange(n)))
    return totals
