"""Rows: the operations of a graph as data, so that a page can evaluate and differentiate them.

The meaning and the derivative of an operation are run on symbols, which gives two programs: lists
of lines `[operation, operand, ...]`. An operand is the number of an earlier line, a name such as
"x", or a list of one constant. Operations of the user become programs in the same way.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypedDict

from micrograd import ops
from micrograd.formula import Formula
from micrograd.ops import Op

GENERIC = {ops.sum, ops.dot}  # operations on any number of operands that the page implements
Operand = int | str | list[float | str]


class Steps(TypedDict):
    """A program, and the operands that it returns."""

    lines: list[list[Any]]
    out: list[Operand]


class Row(TypedDict, total=False):
    """An operation. If it has no `meaning`, the page implements it by name."""

    symbol: str
    operands: list[str]
    meaning: Steps
    derivative: Steps


class Table(dict[str, Row]):
    """The rows of operations, each with a number of operands, and of all that these use.

    A key is the name; with the number of operands, as in `norm:7`, if the program depends on it.
    Own operations, which may be defined again under one name, are numbered: `cube#0`, `cube#1`.

    >>> table = Table([(ops.tanh, 1)])
    >>> table["tanh"]["derivative"]
    {'lines': [['mul', 'z', 'z'], ['sub', [1.0], 0], ['mul', 'g', 1]], 'out': [2]}
    >>> [*table], table.key(ops.sum, 7), table.key(ops.norm, 7)
    (['tanh', 'mul', 'sub'], 'sum', 'norm:7')
    """

    def __init__(self, used: Iterable[tuple[Op, int]]):
        super().__init__()
        self.complete = True  # a page can evaluate all of it
        self._own: dict[str, list[tuple[Op, int]]] = {}
        self._inner: dict[str, tuple[Op, int]] = {}
        for op, count in used:
            self[self.key(op, count)] = self._row(op, count)
        while waiting := [key for key in self._inner if key not in self]:
            for key in waiting:  # operations that only these use are not differentiated
                self[key] = self._row(*self._inner[key], differentiated=False)

    def key(self, op: Op, count: int) -> str:
        if op.library and not op.variant:
            return op.name if op.arity is not None or op in GENERIC else f"{op.name}:{count}"
        several = self._own.setdefault(op.name, [])
        if (op, count) not in several:
            several.append((op, count))
        return f"{op.name}#{several.index((op, count))}"

    def _row(self, op: Op, count: int, differentiated: bool = True) -> Row:
        names = [] if op in GENERIC else [f"x{k}" for k in range(count)]
        row = Row(symbol=op.symbol, operands=names)
        if op in GENERIC:
            return row
        if not op.primitive:
            meaning = None if op.iteration else self._steps(op.meaning, names)
            row |= {"meaning": meaning} if meaning else self._missing()
        if differentiated and op.derivative is not None:
            derivative = self._steps(op.derivative, ["g", "z", *names])
            row |= {"derivative": derivative} if derivative else self._missing()
        return row

    def _missing(self) -> Row:
        self.complete = False
        return {}

    def _steps(self, function: Any, names: Sequence[str]) -> Steps | None:
        """The program of a function; None if it cannot run on formulas, or has loops."""
        made: dict[Any, Formula] = {}
        operands = [Formula(made, None, (), name) for name in names]
        try:
            result = function(*operands)
        except Exception:  # a user's function may need numbers: `math.exp(x)`, `if x > 0`
            return None
        results = [*result] if isinstance(result, (tuple, list)) else [result]
        order = [*_postorder(results)]
        if any(node.op.iteration for node in order if node.op):
            return None
        return self._program(order, results)

    def _program(self, order: list[Formula], results: list[Any]) -> Steps:
        place: dict[Formula, int] = {}
        lines: list[list[Any]] = []
        for node in order:
            assert node.op is not None
            place[node] = len(lines)
            known = [_operand(x, place) for x in node.operands]
            key = self.key(node.op, len(known))
            self._inner[key] = node.op, len(known)
            lines.append([key, *known])
        return Steps(lines=lines, out=[_operand(x, place) for x in results])


def _postorder(roots: list[Any]) -> Iterator[Formula]:
    """The formulas that are computed, each after its operands."""
    seen: set[Formula] = set()
    stack: list[tuple[Any, bool]] = [(x, False) for x in reversed(roots)]
    while stack:
        x, ready = stack.pop()
        if not isinstance(x, Formula) or x.op is None:
            continue
        if ready:
            yield x
        elif x not in seen:
            seen.add(x)
            stack += [(x, True), *[(y, False) for y in reversed(x.operands)]]


def _operand(x: Any, place: dict[Formula, int]) -> Operand:
    if isinstance(x, Formula):
        return x.name if x.op is None else place[x]
    return [number(float(x))]


def number(x: float) -> float | str:
    """A number as JSON has it.

    >>> number(0.5), number(-math.inf)
    (0.5, '-inf')
    """
    return x if math.isfinite(x) else repr(x)
