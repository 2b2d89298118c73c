"""The two walks over any graph: topological order, and the reverse sweep of the chain rule.

A node has an `op` and `operands`, which are nodes and floats; a number's node has `data` and `grad`
besides. No walk recurses, so that a graph may be as deep as memory allows; all are linear in nodes
and edges.
"""

from itertools import filterfalse
from typing import Any

from micrograd import machine, ops


def topological_order(*roots: Any) -> list[Any]:
    """The computed nodes that `roots` depend on, themselves included, each after its operands."""
    order: list[Any] = []
    seen: set[Any] = set()
    stack: list[Any] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # all operands of the node below it are in order
            order.append(stack.pop())
        elif node not in seen and node.__class__ is not float:
            seen.add(node)
            if node.operands:
                stack += (node, None)
                if not seen.issuperset(node.operands):
                    stack.extend(filterfalse(seen.__contains__, node.operands))
    return order


def sweep(root: Any) -> None:
    """Adds the gradient of `root`, in numbers, to the `grad` of every leaf under it.

    The nodes between get theirs afresh. Where the gradient is zero, nothing is passed on: so a branch
    that `where` has masked never makes a NaN out of `0 * inf`.
    """
    order = topological_order(root)
    for node in order:
        node.grad = 0.0
    root.grad += 1.0
    for node in reversed(order):
        if node.grad:
            (_pass_on_dot if node.op is ops.dot else _pass_on)(node)


def _pass_on(node: Any) -> None:
    """The chain rule at one node: what its gradient adds to those of its operands."""
    data = [x if x.__class__ is float else x.data for x in node.operands]
    try:
        gradients = node.op.derivative(node.grad, node.data, *data)
    except (ZeroDivisionError, OverflowError):
        gradients = machine.run(node.op.derivative, [node.grad, node.data, *data])
    for operand, gradient in zip(node.operands, gradients):
        if operand.__class__ is not float:
            operand.grad += gradient


def _pass_on_dot(node: Any) -> None:
    """The same for a dot, in place: most edges of a network end in one, and here time is spent."""
    g, n = node.grad, len(node.operands) // 2
    weights, inputs, bias = node.operands[:n], node.operands[n:-1], node.operands[-1]
    for w, x in zip(weights, inputs):
        if w.__class__ is float:
            x.grad += g * w
        elif x.__class__ is float:
            w.grad += g * x
        else:
            w.grad += g * x.data
            x.grad += g * w.data
    if bias.__class__ is not float:
        bias.grad += g


def gradients(root: Any, inputs: list[Any]) -> list[Any]:
    """The gradient of `root` with respect to each of `inputs`, as scalars that differentiate again.

    The same chain rule as `sweep`, on nodes in place of their numbers.
    """
    gradient: dict[Any, Any] = {root: 1.0}
    for node in reversed(dependents(root, inputs)):
        g = gradient.get(node, 0.0)
        if g.__class__ is float and g == 0:
            continue
        for operand, more in zip(node.operands, node.op.derivative(g, node, *node.operands)):
            if operand.__class__ is not float:
                gradient[operand] = gradient[operand] + more if operand in gradient else more
    return [gradient.get(x, 0.0) for x in inputs]


def dependents(root: Any, inputs: list[Any]) -> list[Any]:
    """The nodes between `inputs` and `root` that depend on an input, in topological order."""
    reached = set(inputs)
    order = []
    for node in topological_order(root):
        if node not in reached and not reached.isdisjoint(node.operands):
            reached.add(node)
            order.append(node)
    return order
