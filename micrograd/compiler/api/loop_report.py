"""Loop report: the loops of Python that a trace contains, with the lines at which they begin.

A trace does not record lines. So the function is traced again, and its frames are examined while it
makes some nodes of two consecutive trips. The loop runs in the innermost call that is the same for
all these nodes.
"""

import ast
import linecache
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import starmap
from types import CodeType, FrameType
from typing import Any

import numpy as np

from micrograd.caller import is_of_user
from micrograd.compiler.api.specialization import Specialization
from micrograd.compiler.trace.called import trace
from micrograd.compiler.trace.found import recurrences
from micrograd.compiler.trace.recurrence import Recurrence
from micrograd.compiler.trace.symbol import Symbol
from micrograd.compiler.trace.trace import Trace
from micrograd.compiler.trace.words import words_of
from micrograd.watch import Watch

SAMPLES = 64  # nodes of a loop that are examined

LOOPS = ast.For, ast.While, ast.AsyncFor, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp

Call = tuple[FrameType, int]  # and its line


def loops(function: Callable[..., Any], it: Specialization) -> str:
    """The loops that Python ran, a line for each; empty if there are none."""
    found = _found(it.trace)
    if not found:
        return ""
    lines = zip(found, _lines(function, it, found))
    n, several = len(found), len(found) > 1
    if it.trace.written:
        head = f"{n} loops of Python are loops" if several else "1 loop of Python is a loop"
        head += " of the program:"
    else:
        head = f"{n} loops over a state are" if several else "1 loop over a state is"
        head += " written out, trip by trip"
        head += ", since exact=True keeps each operation:" if not it.trace.loops else ":"
    return "\n".join([head, *starmap(_described, lines)])


def _found(graph: Trace) -> list[Recurrence]:
    return graph.written or recurrences(words_of(graph))


def _lines(function: Callable[..., Any], it: Specialization, found: list[Recurrence]) -> list[str]:
    """The lines that begin the loops, as FILE:LINE; empty where they are not known."""
    samples = [_samples(loop) for loop in found]
    nodes = _Nodes({number for some in samples for number in some})
    again: list[Recurrence] = []
    with suppress(Exception):  # a function of the user that cannot be called again
        graph = trace(
            function, it.structure, it.shapes, it.trace.numbers_only,
            nodes=nodes, loops=it.trace.loops,
        )  # fmt: skip
        again = _found(graph)
    if [*map(str, again)] != [*map(str, found)]:
        return [""] * len(found)
    return [_line([nodes.calls[number] for number in some]) for some in samples]


def _described(loop: Recurrence, line: str) -> str:
    file, _, number = line.rpartition(":")
    name = file.replace("\\", "/").rpartition("/")[2]
    text = linecache.getline(file, int(number)).strip() if line else ""
    where = f"{name}:{number}  {text}" if line else "at an unknown line"
    carried = len(loop.initial)
    numbers = f"{carried:,} number{'s' * (carried != 1)}"
    size = f"{loop.trips:,} trips of {len(loop.ops):,} operations, which carry {numbers}"
    return f"    {where}\n        {size}"


def _samples(loop: Recurrence) -> list[int]:
    """The numbers of some nodes of two trips in the middle."""
    numbers, _, trips = loop.names
    middle = loop.trips // 2
    some = numbers[(trips == middle) | (trips == middle + 1)]
    return some[np.unique(np.linspace(0, len(some) - 1, SAMPLES).astype(int))].tolist()


class _Nodes(list[Symbol]):
    """The nodes of a trace; the calls in which some of them are made, by their numbers."""

    def __init__(self, numbers: set[int]):
        super().__init__()
        self.numbers = numbers
        self.calls: dict[int, list[Call]] = {}

    def append(self, node: Symbol) -> None:
        if node.number in self.numbers:
            self.calls[node.number] = _calls(sys._getframe(1))
        super().append(node)


def _calls(frame: FrameType | None) -> list[Call]:
    """The calls of the user's code, from the traced function inwards."""
    calls: list[Call] = []
    while frame is not None and frame.f_code is not Watch.run.__code__:
        if is_of_user(frame):
            calls.append((frame, frame.f_lineno))
        frame = frame.f_back
    return calls[::-1]


def _line(samples: list[list[Call]]) -> str:
    """The line of the loop in which all samples are."""
    common = ""
    for calls in zip(*samples):
        if len({id(frame) for frame, _ in calls}) > 1:
            break
        code, lines = calls[0][0].f_code, [line for _, line in calls]
        begin = _loop_around(code, min(lines), max(lines))
        common = f"{code.co_filename}:{begin}" if begin else ""
    return common


def _loop_around(code: CodeType, first: int, last: int) -> int | None:
    """The line that begins the innermost loop around these lines."""
    try:
        tree: Any = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    around = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, LOOPS) and node.lineno <= first <= last <= (node.end_lineno or 0)
    ]
    return max(around, default=None)
