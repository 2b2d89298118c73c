"""check_finite: stop at the first NaN or infinity, and report where it arose. record_lines: the
line of source that made each Value."""

import linecache
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from micrograd import engine, graph
from micrograd.caller import line_of_the_user
from micrograd.watch import unwatched


class NonFiniteError(ArithmeticError):
    """A NaN or an infinity, in a result or in a gradient, under `check_finite`.

    >>> import micrograd as mg
    >>> with mg.check_finite():  # doctest: +ELLIPSIS
    ...     mg.Value(0.0) / 0.0
    Traceback (most recent call last):
    micrograd.check.NonFiniteError: div(0.0, 0.0) is nan, at <doctest ...>:2
    """


@contextmanager
def check_finite() -> Iterator[None]:
    """Within the block, the first NaN or infinity in a Value or in `backward()` raises an error.

    The NonFiniteError names the operation, its operands and the line of the program that called it.
    Other threads and asyncio tasks, including threads started in the block, are not checked, but
    run more slowly meanwhile.

    >>> import micrograd as mg
    >>> with mg.check_finite():  # doctest: +ELLIPSIS
    ...     mg.Value(0.0, name="x").log()
    Traceback (most recent call last):
    micrograd.check.NonFiniteError: log(x=0.0) is -inf, at <doctest ...check.check_finite[1]>:2
    """
    with _opened(_Block()):
        yield


class Lines(Mapping[engine.Value, str]):
    """The lines of source that made some Values, each with its file and number."""

    def __init__(self) -> None:
        self._places: dict[engine.Value, str] = {}

    def __getitem__(self, value: engine.Value) -> str:
        file, _, number = self._places[value].rpartition(":")
        source = linecache.getline(file, int(number)).strip()
        return f"{os.path.basename(file)}:{number}  {source}".rstrip()

    def __iter__(self) -> Iterator[engine.Value]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def put(self, value: engine.Value, place: str) -> None:
        self._places[value] = place


@contextmanager
def record_lines() -> Iterator[Lines]:
    """Within the block, remembers for each computed Value the line of source that made it.

    `draw` takes the lines, and its page shows them. Building a graph takes about twice as long
    meanwhile. Other threads and asyncio tasks are not recorded.

    >>> import micrograd as mg
    >>> with mg.record_lines() as lines:
    ...     y = mg.Value(2.0).exp()
    >>> lines[y].partition("  ")[2]
    'y = mg.Value(2.0).exp()'
    >>> picture = mg.draw(y, lines=lines)
    """
    lines = Lines()
    with _opened(_Recorder(lines)):
        yield lines


class _Block:
    """A block of `check_finite`."""

    finite = True  # the numbers are checked

    def __init__(self) -> None:
        self.ended = False
        self.lines: dict[int, str] = {}  # of Values, by id, so that it keeps no Value alive

    def made(self, value: engine.Value, line: str) -> None:
        self.lines[id(value)] = line


class _Recorder(_Block):
    """A block of `record_lines`."""

    finite = False

    def __init__(self, recorded: Lines) -> None:
        super().__init__()
        self.recorded = recorded

    def made(self, value: engine.Value, line: str) -> None:
        self.recorded.put(value, line)


def unobserved(function: Callable[..., Any], *args: Any) -> Any:
    """The result of a call in which no number is checked, and none is watched: of trial points."""
    context = unwatched()
    context.run(_blocks.set, ())
    return context.run(function, *args)


@contextmanager
def _opened(block: _Block) -> Iterator[None]:
    try:
        _blocks.set((*_here(), block))
        _open.add(block)
        _settle()
        yield
    finally:
        block.ended = True
        _blocks.set(_here())
        _settle()


# Blocks may end in any order, and in other contexts than they began in (generators, threads). So
# each block has its own flag.

_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("check_finite", default=())  # in this context
_open: set[_Block] = set()  # in all contexts


def _here() -> tuple[_Block, ...]:
    """The open blocks of this context."""
    return tuple([block for block in _blocks.get() if not block.ended])


def _settle() -> None:
    """Replaces functions of the engine while any block is open, so that there is no cost otherwise.

    The replacements depend only on the set of open blocks, so threads need no lock: each one
    repeats until the set has not changed. If an interrupt prevents this call, the checked functions
    call it later.
    """
    while True:
        _open.difference_update([block for block in [*_open] if block.ended])
        checked = bool(_open)
        engine._node = _checked_node if checked else _node
        graph._pass_on = _checked_pass_on if checked else _pass_on
        graph._pass_on_dot = _checked_pass_on_dot if checked else _pass_on_dot
        if checked == bool(_open):
            return


_node, _pass_on, _pass_on_dot = engine._node, graph._pass_on, graph._pass_on_dot


def _checked_node(data: float, op: Any, *operands: Any) -> engine.Value:
    value = _node(data, op, *operands)
    blocks = _here()
    if not blocks:
        if all(block.ended for block in [*_open]):
            _settle()
        return value
    line = line_of_the_user()
    for block in blocks:
        block.made(value, line)
    if not math.isfinite(data) and any(block.finite for block in blocks):
        raise NonFiniteError(f"{_call(value)} is {data}, at {line}")
    return value


def _checked_pass_on(value: engine.Value) -> None:
    _pass_on(value)
    _check_gradients(value)


def _checked_pass_on_dot(value: engine.Value) -> None:
    _pass_on_dot(value)
    _check_gradients(value)


def _check_gradients(value: engine.Value) -> None:
    blocks = [block for block in _here() if block.finite]
    if not blocks:
        return
    for operand in value.operands:
        if isinstance(operand, engine.Value) and not math.isfinite(operand.grad):
            lines = {key: line for block in blocks for key, line in block.lines.items()}
            where = lines.get(id(value), "a line outside check_finite")
            raise NonFiniteError(
                f"the gradient of {_call(value)} with respect to {_operand(operand)} is "
                f"{operand.grad}, at {where}"
            )


def _call(value: engine.Value) -> str:
    assert value.op is not None
    shown = [_operand(x) for x in value.operands[:8]] + ["..."] * (len(value.operands) > 8)
    return f"{value.op.name}({', '.join(shown)})"


def _operand(x: engine.Value | float) -> str:
    if isinstance(x, engine.Value):
        return f"{x._data}" if x.name is None else f"{x.name}={x._data}"
    return f"{x}"
