"""Modes: whether the derivatives of many results are cheaper by rows or by columns.

A row of a Jacobian is one reverse pass, over the nodes under one result. A column is one forward
pass, over the nodes that one variable reaches. Where results share their nodes, as the steps of a
simulation do, the rows are quadratic work in them, and the columns linear.
"""

from typing import Any

from micrograd import graph


def by_columns(outputs: list[Any], variables: list[Any]) -> bool:
    """Whether the columns are less work, counted in edges of the graph."""
    if len(outputs) <= len(variables):
        return False
    order = graph.topological_order(*outputs)
    above = _reached(variables, [(node, node.operands) for node in order])
    below = _reached(outputs, [(x, (node,)) for node in reversed(order) for x in node.operands])
    rows = columns = 0
    for node in order:
        if above[node]:  # else no pass goes there
            rows += len(node.operands) * below[node].bit_count()
            columns += len(node.operands) * (1 + above[node].bit_count())
    return columns < rows


def _reached(sources: list[Any], steps: Any) -> dict[Any, int]:
    """For each node, from which of the sources it can be reached: a bit for each."""
    reached: dict[Any, int] = {}
    for k, source in enumerate(sources):
        reached[source] = reached.get(source, 0) | 1 << k
    for node, neighbours in steps:
        bits = reached.get(node, 0)
        for x in neighbours:
            bits |= reached.get(x, 0)
        reached[node] = bits
    return reached
