"""Rows: the operations of a graph as data, so that a page can evaluate and differentiate them.

A row's meaning and its derivative run on formulas, and become programs: lists of `[operation,
operand, ...]`. An operand is the number of an earlier line, a name such as "x", or a list of one
constant. A user's own operation becomes a program like all others.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypedDict

from micrograd import ops
from micrograd.formula import Formula, operand_names
from micrograd.operation import TABLE
from micrograd.ops import Op

GENERIC = {ops.sum, ops.dot}  # of any number of operands; the page knows them
Operand = int | str | list[float | str]


class Steps(TypedDict):
    """A program, and what it returns."""

    lines: list[list[Any]]
    out: list[Operand]


class Row(TypedDict, total=False):
    """An operation: either the page knows it by name, or `meaning` is its program."""

    symbol: str
    operands: list[str]
    meaning: Steps
    derivative: Steps


def key(op: Op, count: int) -> str:
    """The name of an operation in the table of a page; with the number of its operands if its
    program depends on that.

    >>> key(ops.tanh, 1), key(ops.sum, 7), key(ops.norm, 7)
    ('tanh', 'sum', 'norm:7')
    """
    return op.name if op.arity is not None or op in GENERIC else f"{op.name}:{count}"


def table(used: Iterable[tuple[Op, int]]) -> dict[str, Row]:
    """The rows of these operations, each with a number of operands, and of all that they use.

    >>> rows = table([(ops.tanh, 1)])
    >>> rows["tanh"]["derivative"]
    {'lines': [['mul', 'z', 'z'], ['sub', [1.0], 0], ['mul', 'g', 1]], 'out': [2]}
    >>> [*rows]
    ['tanh', 'mul', 'sub']
    """
    rows = {key(op, count): _row(op, count) for op, count in used}
    waiting = [*rows.values()]
    for row in waiting:  # grows; what only these use is not differentiated
        for steps in (row.get("meaning"), row.get("derivative")):
            for name, *operands in steps["lines"] if steps else ():
                if name not in rows:
                    rows[name] = _row(TABLE[name.partition(":")[0]], len(operands), False)
                    waiting.append(rows[name])
    return rows


def _row(op: Op, count: int, differentiated: bool = True) -> Row:
    names = [] if op in GENERIC else operand_names(op) if op.arity else _numbered(count)
    row = Row(symbol=op.symbol, operands=names)
    if op in GENERIC:
        return row
    if not op.primitive and (meaning := _steps(op.meaning, names)):
        row["meaning"] = meaning
    if not differentiated or op.derivative is None:
        return row
    if derivative := _steps(op.derivative, ["g", "z", *names]):
        row["derivative"] = derivative
    return row


def _numbered(count: int) -> list[str]:
    return [f"x{k}" for k in range(count)]


def _steps(function: Any, names: Sequence[str]) -> Steps | None:
    """The program of a function; None if it cannot run on formulas, or has loops."""
    made: dict[Any, Formula] = {}
    operands = [Formula(made, None, (), name) for name in names]
    try:
        result = function(*operands)
    except Exception:  # a user's function may need numbers: `math.exp(x)`, `if x > 0`
        return None
    results = [*result] if isinstance(result, (tuple, list)) else [result]
    if any(node.op.name not in TABLE for node in _postorder(results) if node.op):
        return None
    return _program(results)


def _program(results: list[Any]) -> Steps:
    place: dict[Formula, int] = {}
    lines: list[list[Any]] = []
    for node in _postorder(results):
        assert node.op is not None
        place[node] = len(lines)
        known = [_operand(x, place) for x in node.operands]
        lines.append([key(node.op, len(known)), *known])
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
