"""Components: the strongly connected components of a graph, in linear time, without recursion."""

from collections.abc import Sequence


def components(successors: Sequence[Sequence[int]]) -> list[int]:
    """For each node the number of its strongly connected component, by Tarjan's algorithm.

    >>> components([[1], [2], [1], [0]])
    [1, 0, 0, 2]
    """
    n = len(successors)
    entered, low, component = (
        [0] * n,
        [0] * n,
        [-1] * n,
    )  # entered: the time, from 1 on; 0 means not yet
    time, number = 0, 0
    open_: list[int] = []  # nodes without a component yet
    for root in range(n):
        path = [] if entered[root] else [(root, iter(successors[root]))]
        while path:
            node, rest = path[-1]
            if not entered[node]:
                time += 1
                entered[node] = low[node] = time
                open_.append(node)
            for other in rest:
                if not entered[other]:
                    path.append((other, iter(successors[other])))
                    break
                if component[other] < 0:
                    low[node] = min(low[node], low[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == entered[node]:
                    while component[node] < 0:
                        component[open_.pop()] = number
                    number += 1
    return component
