"""Exact: the gradient as the eager engine computes it, operation by operation and in its order.

The chain rule is run on the scalars of the graph, before they are rolled: what `graph.sweep` adds
in numbers is added here in symbols. Nothing is reordered, so the bits are those of `backward()`.
"""

from micrograd import graph
from micrograd.compiler.program.ir import Program, weighted_total
from micrograd.compiler.program.roll import roll
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Trace


def exact_program(
    trace: Trace, per_example: bool, shared: tuple[int, ...] = (), summed: tuple[int, ...] = (),
    with_path: bool = False,
) -> Program:  # fmt: skip
    """The program with the gradients that `adjoint.add_adjoint` adds, under the same names; if
    asked for, with the `path` of each example, after the value."""
    inputs = trace.inputs if per_example else [[trace.met[p] for p in trace.parameters]]
    wanted = [x for symbols in inputs for x in symbols]
    on_each_path = trace.on_each_path(lambda value: _gradients(value[0], wanted))
    gradient = dict(zip(wanted, on_each_path))
    outputs: dict[str, list[Node]] = {"value": trace.outputs}
    if with_path and trace.path is not None:
        outputs["path"] = [trace.path]
    for k, symbols in enumerate(inputs):
        name = f"gradient {k}" if per_example else "gradient"
        outputs[name] = [gradient[x] for x in symbols]
    program = roll(trace, outputs, exact=True, shared=shared)
    totals = [f"gradient {k}" for k in summed] if per_example else ["value", "gradient"]
    for name in totals:
        program.outputs[name] = [weighted_total(program, g) for g in program.outputs[name]]
    return program


def _gradients(root: Node, inputs: list[Symbol]) -> list[Node]:
    """The gradients, added to 0 as in the engine: a sum that starts with -0 is 0."""
    if not isinstance(root, Symbol):
        return [0.0] * len(inputs)
    return [0.0 + g for g in graph.gradients(root, inputs, again=False)]
