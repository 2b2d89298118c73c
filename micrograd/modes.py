"""Modes: whether a Jacobian is cheaper by rows or by columns.

A row is one reverse pass, over the nodes below one result. A column is one forward pass, over the
nodes above one variable. If results share nodes, like the steps of a simulation, the work by rows
is quadratic in their number, and the work by columns is linear.
"""

from typing import Any

from micrograd import graph


def by_columns(outputs: list[Any], variables: list[Any]) -> bool:
    """Whether columns visit fewer edges of the graph than rows."""
    if len(outputs) <= len(variables):
        return False
    order = graph.topological_order(*outputs)
    above = _reached(variables, [(node, node.operands) for node in order])
    below = _reached(outputs, [(x, (node,)) for node in reversed(order) for x in node.operands])
    rows = columns = 0
    for node in order:
        if above[node]:  # else no pass visits it
            rows += len(node.operands) * below[node].bit_count()
            columns += len(node.operands) * (1 + above[node].bit_count())
    return columns < rows


def _reached(sources: list[Any], steps: Any) -> dict[Any, int]:
    """For each node, a bit mask of the sources from which it can be reached."""
    reached: dict[Any, int] = {}
    for k, source in enumerate(sources):
        reached[source] = reached.get(source, 0) | 1 << k
    for node, neighbours in steps:
        bits = reached.get(node, 0)
        for x in neighbours:
            bits |= reached.get(x, 0)
        reached[node] = bits
    return reached
