"""check_finite: stop at the first NaN or infinity, and say where it was made."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from micrograd import engine, graph

_own, _python = str(Path(__file__).parent), str(Path(os.__file__).parent)


class NonFiniteError(ArithmeticError):
    """A NaN or an infinity, in a result or in a gradient, under `check_finite`."""


@contextmanager
def check_finite() -> Iterator[None]:
    """Within the block, stops at the first NaN or infinity that Values or `backward()` come to.

    Raises a NonFiniteError that names the operation, its operands and the line of the program that
    called it. Everything runs slower meanwhile, in all threads.

    >>> import micrograd as mg
    >>> with mg.check_finite():  # doctest: +ELLIPSIS
    ...     mg.Value(0.0, name="x").log()
    Traceback (most recent call last):
    micrograd.check.NonFiniteError: log(x=0.0) is -inf, at <doctest ...check.check_finite[1]>:2
    """
    lines: dict[int, str] = {}  # by identity, which holds nothing in memory
    node, pass_on, pass_on_dot = engine._node, graph._pass_on, graph._pass_on_dot

    def checked_node(data: float, op: Any, *operands: Any) -> engine.Value:
        value = node(data, op, *operands)
        lines[id(value)] = line = line_of_the_user()
        if not math.isfinite(data):
            raise NonFiniteError(f"{_call(value)} is {data}, at {line}")
        return value

    def checked_pass_on(value: engine.Value) -> None:
        pass_on(value)
        for operand in value.operands:
            if isinstance(operand, engine.Value) and not math.isfinite(operand.grad):
                where = lines.get(id(value), "a line outside of check_finite")
                raise NonFiniteError(
                    f"the gradient of {_call(value)} with respect to {_operand(operand)} makes "
                    f"{operand.grad}, at {where}"
                )

    engine._node, graph._pass_on, graph._pass_on_dot = (
        checked_node,
        checked_pass_on,
        checked_pass_on,
    )
    try:
        yield
    finally:
        engine._node, graph._pass_on, graph._pass_on_dot = node, pass_on, pass_on_dot


def line_of_the_user() -> str:
    """The innermost line that is of no library which calls this package back.

    That is this package itself, NumPy, and Python's own library, `copy` say.
    """
    numpy = sys.modules.get("numpy")
    libraries = (_own, str(Path(numpy.__file__ or "").parent)) if numpy else (_own,)

    def is_library(file: str) -> bool:
        return file.startswith(libraries) or (
            file.startswith(_python) and "site-packages" not in file
        )

    frame = sys._getframe(1)
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _call(value: engine.Value) -> str:
    assert value.op is not None
    shown = [_operand(x) for x in value.operands[:8]] + ["..."] * (len(value.operands) > 8)
    return f"{value.op.name}({', '.join(shown)})"


def _operand(x: engine.Value | float) -> str:
    if isinstance(x, engine.Value):
        return f"{x.data}" if x.name is None else f"{x.name}={x.data}"
    return f"{x}"
