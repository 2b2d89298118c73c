"""Guards: which operands of a guarded gradient a program needs.

A gradient within the function passes nothing on where it is zero, not even to what is infinite.
`ops.passed` and `ops.extended` say so in symbols.
"""

from micrograd import ops
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Guards, Trace
from micrograd.ops import Op

# No guards: 0 * inf shows as a NaN in the outputs. For values: only zero gradients are guarded.
# All: the conditions too, so that what is computed can be differentiated again.
NONE: Guards = {ops.passed: slice(2, 3), ops.under: slice(1, 2), ops.extended: slice(1, 3)}
VALUES: Guards = {ops.passed: slice(1, 3)}
ALL: Guards = {}


def none_if_safe(trace: Trace, *outputs: list[Node]) -> Guards:
    """No guards, unless a comparison might hide the NaN that tells that they were needed."""
    order = trace.computed(*outputs, guards=NONE)
    return ALL if _may_hide_nan(order, trace.count, trace.of_norms) else NONE


def as_written(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    """The operation of a node, and its operands; of a norm, its formula."""
    if node.op is ops.norm:
        return ops.identity, (node.source,)
    assert node.op is not None
    return node.op, node.operands


def _may_hide_nan(order: list[Symbol], count: int, of_norms: set[int]) -> bool:
    """Whether a comparison, perhaps one in a user's operation, reads what depends on a guard. The
    comparisons of norms hide no NaN."""
    if {node.op for node in order}.isdisjoint(ops.GUARDS):
        return False
    depends = bytearray(count)
    for node in order:
        op, operands = as_written(node)
        if op in ops.GUARDS:
            depends[node.number] = True
        elif any(isinstance(x, Symbol) and depends[x.number] for x in operands):
            if (op.boolean and node.number not in of_norms) or not op.library:
                return True
            depends[node.number] = True
    return False
