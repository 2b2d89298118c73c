"""check_finite: stop at the first NaN or infinity, and say where it was made."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from micrograd import engine, graph

_package = str(Path(__file__).parent)


class NonFiniteError(ArithmeticError):
    """A NaN or an infinity, in a result or in a gradient, under `check_finite`."""


@contextmanager
def check_finite() -> Iterator[None]:
    """Within the block, raises at the first NaN or infinity that an operation or `backward()` makes.

    The NonFiniteError names the operation, its operands and the line of the program that called it.
    Everything runs slower meanwhile, in all threads.

    >>> import micrograd as mg
    >>> with mg.check_finite():
    ...     mg.Value(0.0, name="x").log()
    Traceback (most recent call last):
    micrograd.check.NonFiniteError: log(x=0.0) is -inf, at <doctest micrograd.check.check_finite[1]>:2
    """
    lines: dict[engine.Value, str] = {}
    node, pass_on, pass_on_dot = engine._node, graph._pass_on, graph._pass_on_dot

    def checked_node(data: float, op: Any, operands: tuple[Any, ...]) -> engine.Value:
        value = node(data, op, operands)
        lines[value] = _line_of_the_user()
        if not math.isfinite(data):
            raise NonFiniteError(f"{_call(value)} is {data}, at {lines[value]}")
        return value

    def checked_pass_on(value: engine.Value) -> None:
        pass_on(value)
        for operand in value.operands:
            if isinstance(operand, engine.Value) and not math.isfinite(operand.grad):
                where = lines.get(value, "a line outside of check_finite")
                raise NonFiniteError(
                    f"the gradient of {_call(value)} with respect to {_operand(operand)} makes "
                    f"{operand.grad}, at {where}"
                )

    engine._node, graph._pass_on, graph._pass_on_dot = checked_node, checked_pass_on, checked_pass_on
    try:
        yield
    finally:
        engine._node, graph._pass_on, graph._pass_on_dot = node, pass_on, pass_on_dot


def _line_of_the_user() -> str:
    """The innermost line that is not of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_package):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _call(value: engine.Value) -> str:
    assert value.op is not None
    shown = [_operand(x) for x in value.operands[:8]] + ["..."] * (len(value.operands) > 8)
    return f"{value.op.name}({', '.join(shown)})"


def _operand(x: engine.Value | float) -> str:
    if isinstance(x, float):
        return f"{x}"
    return f"{x.data}" if x.name is None else f"{x.name}={x.data}"
