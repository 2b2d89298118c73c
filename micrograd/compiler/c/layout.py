"""Layout: the index of each named parameter in the array `w` of a C program."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import prod

import numpy as np

Named = tuple[str, str, tuple[int, ...]]  # a name, the array that it names, and its index there


def layout(names: Sequence[str]) -> Iterator[str]:
    """A line for each array of parameters. The name of a parameter ends in its index, [i,j].

    >>> [*layout(["W[0,0]", "W[0,1]", "W[1,0]", "W[1,1]", "b[0]", "b[1]", "rate"])]
    ['w[0] to w[3]: W[0,0] to W[1,1]', 'w[4] to w[5]: b[0] to b[1]', 'w[6]: rate']

    An array that is incomplete, or not in row-major order, takes several lines.

    >>> [*layout(["b[1]", "b[2]", "W[1,0]", "W[1,1]", "W[0,0]"])]
    ['w[0] to w[1]: b[1] to b[2]', 'w[2] to w[3]: W[1,0] to W[1,1]', 'w[4]: W[0,0]']
    """
    start = 0
    for _, some in groupby(map(_parts, names), key=lambda part: part[1]):
        group = [*some]
        for run in [group] if _is_whole(group) else _runs(group):
            stop = start + len(run) - 1
            first, last = run[0][0], run[-1][0]
            yield (
                f"w[{start}] to w[{stop}]: {first} to {last}" if run[1:] else f"w[{start}]: {first}"
            )
            start = stop + 1


def _parts(name: str) -> Named:
    found = re.fullmatch(r"(.*)\[(\d+(?:,\d+)*)\]", name)
    return (name, found[1], tuple(map(int, found[2].split(",")))) if found else (name, name, ())


def _is_whole(group: list[Named]) -> bool:
    """Whether these are all indices from the first to the last, in row-major order."""
    if len({len(index) for _, _, index in group}) > 1:
        return False
    indices = np.array([index for _, _, index in group])
    if not indices.size:
        return len(group) == 1
    shape = tuple((indices[-1] - indices[0] + 1).tolist())
    if min(shape) < 1 or prod(shape) != len(group):
        return False
    return bool(
        (indices - indices[0] == np.stack(np.unravel_index(np.arange(len(group)), shape), 1)).all()
    )


def _runs(group: list[Named]) -> Iterator[list[Named]]:
    """The longest pieces in which the last index grows by one."""
    run = group[:1]
    for (_, _, before), each in pairwise(group):
        if before and each[2] == (*before[:-1], before[-1] + 1):
            run.append(each)
        else:
            yield run
            run = [each]
    yield run
