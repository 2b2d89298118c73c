"""Exact: the gradient as the eager engine computes it, operation by operation and in its order.

The chain rule is run on the scalars of the graph, before they are rolled: what `graph.sweep` adds
in numbers is added here in symbols. Nothing is reordered, so the bits are those of `backward()`.
"""

from typing import Any

import numpy as np

from micrograd import graph, machine, ops
from micrograd.compiler.program.ir import Gather, Program, Sum
from micrograd.compiler.program.roll import Node, roll
from micrograd.compiler.trace.trace import Symbol, Trace


def exact_program(trace: Trace, per_example: bool, shared: tuple[int, ...] = ()) -> Program:
    """The program with the gradients that `adjoint.add_adjoint` adds, under the same names."""
    (value,) = trace.outputs
    inputs = trace.inputs if per_example else [[trace.met[p] for p in trace.parameters]]
    gradient = _gradients(value)
    outputs: dict[str, list[Node]] = {"value": [value]}
    for k, symbols in enumerate(inputs):
        name = f"gradient {k}" if per_example else "gradient"
        outputs[name] = [gradient.get(x, 0.0) for x in symbols]
    program = roll(trace, outputs, exact=True, shared=shared)
    if not per_example:
        for name in ("value", "gradient"):
            program.outputs[name] = _over_examples(program, program.outputs[name])
    return program


def _gradients(root: Node) -> dict[Any, Any]:
    """The gradient of `root` for every node under it, added up as `graph.sweep` does."""
    if not isinstance(root, Symbol):
        return {}
    gradient: dict[Any, Any] = {root: 1.0}
    for node in reversed(graph.topological_order(root)):
        g = gradient.get(node, 0.0)
        if g.__class__ is float and g == 0:
            continue
        answers = machine.run(node.op.derivative, (g, node, *node.operands))
        for operand, more in _in_order(node, answers):
            if operand.__class__ is float or (more.__class__ is float and more == 0):
                continue
            if isinstance(g, Symbol) and isinstance(more, Symbol) and more is not g:
                more = ops.where(g == 0.0, 0.0, more)  # a gradient of zero passes nothing on
            gradient[operand] = gradient.get(operand, 0.0) + more  # 0 + -0 is 0
    return gradient


def _in_order(node: Symbol, answers: Any) -> Any:
    """The operands and their gradients, in the order in which the engine adds them."""
    pairs = list(zip(node.operands, answers))
    if node.op is ops.dot:  # a weight, its input, the next weight, ...
        n = len(pairs) // 2
        pairs = [pair for k in range(n) for pair in (pairs[k], pairs[n + k])] + pairs[-1:]
    return pairs


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
