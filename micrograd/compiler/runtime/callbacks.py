"""Callbacks: opaque operations, which native code calls back in Python with columns of numbers."""

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

import numpy as np

from micrograd.compiler.llvm.abi import LOST, callback_name
from micrograd.ops import Op

_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class Code(Protocol):
    """Machine code, and where its functions and variables are."""

    def address(self, name: str) -> int: ...


class Callbacks:
    """Connects machine code with its opaque operations.

    An exception cannot pass through machine code: it is kept, the results of the operation are NaN
    from there on, and it is raised at the end of the call.
    """

    def __init__(self, ops: Sequence[Op], code: Code, dtype: Any, exact: bool):
        self._number = ctypes.c_double if dtype == np.float64 else ctypes.c_float
        self._dtype, self._exact = dtype, exact
        self._calls = threading.local()
        self._lost = ctypes.c_int64.from_address(code.address(LOST))
        self._functions = [_CALLBACK(partial(self._answer, op)) for op in ops]  # kept alive
        for k, function in enumerate(self._functions):
            pointer = ctypes.c_void_p.from_address(code.address(callback_name(k)))
            pointer.value = ctypes.cast(function, ctypes.c_void_p).value

    def _answer(self, op: Op, address: int, length: int, count: int) -> None:
        """Fills the last of the columns, and the word behind them: it has answered."""
        size = ((op.arity or 0) + 1) * length
        memory: Any = (self._number * (size + 1)).from_address(address)
        numbers = np.frombuffer(memory, self._dtype)
        columns, meaning = numbers[:size].reshape(-1, length)[:, :count], cast(Any, op.meaning)
        try:
            columns[-1] = np.nan
            if self._calls.error is None:
                operands = [column.astype(float) for column in columns[:-1]]
                columns[-1] = meaning.of_columns(operands, self._exact)
        except BaseException as error:
            self._calls.error = self._calls.error or error
        numbers[size] = 1.0

    def raising(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """`run`, which raises what an operation has raised."""

        def checked(*arrays: Any) -> Any:
            self._calls.error = None
            nan = run(*arrays)
            error, self._calls.error = self._calls.error, None
            if error is None and self._lost.value:
                error = KeyboardInterrupt()  # which came before an operation could answer
            self._lost.value = 0
            if error is not None:
                raise error
            return nan

        return checked
