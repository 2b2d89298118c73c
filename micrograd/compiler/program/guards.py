"""Guards: which operands of a guarded gradient a program needs.

Where a gradient within the function is zero, it contributes nothing, even if it is multiplied by
infinity: `ops.passed` and `ops.extended` express this in symbols.
"""

from collections.abc import Iterable, Sequence

from micrograd import ops
from micrograd.compiler.trace.recurrence import LOOP
from micrograd.compiler.trace.symbol import Node, Symbol
from micrograd.compiler.trace.trace import Guards, Trace
from micrograd.ops import Op

# No guards: 0 * inf shows as a NaN in the outputs. For values: only zero gradients are guarded.
# All: the conditions too, so that what is computed can be differentiated again.
NONE: Guards = {ops.passed: slice(2, 3), ops.under: slice(1, 2), ops.extended: slice(1, 3)}
VALUES: Guards = {ops.passed: slice(1, 3)}
ALL: Guards = {}


def none_if_safe(trace: Trace, *outputs: list[Node]) -> Guards:
    """No guards, unless a comparison might hide the NaN that shows that they are needed."""
    order = trace.computed(*outputs, guards=NONE)
    return ALL if _may_hide_nan(order, trace.count, trace.of_norms) else NONE


def later_may_hide_nan(body: Trace, *outputs: list[Node]) -> bool:
    """Whether a comparison in a trip of a loop might hide the NaN of an earlier trip: the first
    inputs of the body are the numbers that it carries."""
    order = body.computed(*outputs, guards=NONE)
    return _may_hide_nan(order, body.count, body.of_norms, body.inputs[0])


def as_written(node: Symbol) -> tuple[Op, tuple[Node, ...]]:
    """The operation of a node, and its operands; of a norm, its formula."""
    if node.op is ops.norm:
        return ops.identity, (node.source,)
    assert node.op is not None
    return node.op, node.operands


def _may_hide_nan(
    order: list[Symbol], count: int, of_norms: set[int], carried: Iterable[Symbol] = ()
) -> bool:
    """Whether a comparison, perhaps one in a user's operation, reads what depends on a guard, or
    on what is `carried`. The comparisons of norms hide no NaN."""
    kinds = _kinds(order)
    if kinds.isdisjoint(ops.GUARDS) or not any(map(_compares, kinds)):
        return False
    depends = bytearray(count)
    for leaf in carried:
        depends[leaf.number] = True
    for node in order:
        _, operands = as_written(node)
        if any(isinstance(x, Symbol) and depends[x.number] for x in operands):
            if node.number not in of_norms and any(map(_compares, _operations(node))):
                return True
            depends[node.number] = True
        depends[node.number] |= _is_guard(node)
    return False


def _kinds(order: list[Symbol]) -> set[Op]:
    """The operations of nodes; of loops, those of their bodies; of norms, none: their formulas are
    among the nodes."""
    kinds = {node.op for node in order} - {None, ops.norm}
    if LOOP in kinds:
        kinds = kinds.union(*[node.source.ops for node in order if node.op is LOOP]) - {LOOP}
    return kinds  # type: ignore[return-value]


def _operations(node: Symbol) -> Sequence[Op]:
    """The operation of a node; of a loop, those of its body."""
    return node.source.ops if node.op is LOOP else [as_written(node)[0]]


def _is_guard(node: Symbol) -> bool:
    return any(op in ops.GUARDS for op in _operations(node))


def _compares(op: Op) -> bool:
    return op not in ops.GUARDS and (op.boolean or not op.library)
