"""Module: the types, tables, constants and elementary functions that its functions share."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from micrograd.compiler.llvm import vectormath
from micrograd.compiler.llvm.abi import LOST, callback_name
from micrograd.compiler.llvm.builder import POINTER, Builder, declare
from micrograd.compiler.llvm.control_flow import I8, I32, I64
from micrograd.ops import Op

VOID = ir.VoidType()
INLINE_CALLS = 16  # an elementary function with more calls is not inlined: code would grow too long


def rounded(x: float, kind: ir.Type) -> float:
    """A constant in the precision of its type. What is too large for float32 is infinite; llvmlite
    itself raises there, since Python 3.14."""
    if not isinstance(kind, ir.FloatType):
        return x
    with np.errstate(over="ignore"):
        return float(np.float32(x))


class Module:
    """An LLVM module for vectors of `width` numbers, with the C library's functions if `exact`."""

    def __init__(self, width: int, double: bool, exact: bool):
        self.ir = ir.Module("micrograd")
        self.width, self.exact = width, exact
        self.number: ir.Type = ir.DoubleType() if double else ir.FloatType()
        self.bytes = 8 if double else 4  # of a number
        self._tables: dict[bytes, ir.GlobalVariable] = {}
        self._splats: dict[tuple[str, int], ir.Constant] = {}  # by value and number of lanes
        self.iterations: dict[tuple[Op, str], ir.Function] = {}  # by the type of their registers
        self._constants: ir.GlobalVariable | None = None
        self._calls: Counter[ir.Function] = Counter()  # of elementary functions
        self.opaque: dict[Op, ir.GlobalVariable] = {}  # pointers to functions in Python

    def declare(self, name: str, result: ir.Type, operands: Sequence[ir.Type]) -> ir.Function:
        """The function of this name, declared at its first use."""
        return declare(self.ir, name, ir.FunctionType(result, operands))

    def define(self, name: str, types: list[ir.Type], internal: bool = True) -> ir.Function:
        """A new function; its pointer arguments must not alias."""
        function = ir.Function(self.ir, ir.FunctionType(VOID, types), name)
        function.attributes.add("nounwind")
        if internal:
            function.linkage = "internal"
            function.attributes.add("noinline")
        for argument in function.args:
            if argument.type == POINTER:
                argument.add_attribute("noalias")
        return function

    def splat(self, x: float, vector: ir.Type) -> ir.Constant:
        """A constant of this type with x in all lanes."""
        count = vector.count if isinstance(vector, ir.VectorType) else 0
        key = x.hex(), count
        known = self._splats.get(key)
        if known is None:
            x = rounded(x, vector.element if isinstance(vector, ir.VectorType) else vector)
            known = self._splats[key] = ir.Constant(vector, [x] * count if count else x)
        return known

    def table(self, index: Any) -> ir.GlobalVariable:
        """A table of 32-bit integers, written as a string of bytes, which LLVM parses faster."""
        entries = np.ascontiguousarray(index, dtype=np.int32).tobytes()
        if entries not in self._tables:
            text = 'c"\\' + entries.hex("\\") + '"'
            array = ir.FormattedConstant(ir.ArrayType(I8, len(entries)), text)
            self._tables[entries] = self._global(f"table.{len(self._tables)}", array)
        return self._tables[entries]

    def constants(self, values: list[float]) -> ir.GlobalVariable:
        """The constants of the module's only program."""
        if self._constants is None:
            numbers = [rounded(x, self.number) for x in values]
            array = ir.Constant(ir.ArrayType(self.number, len(values)), numbers)
            self._constants = self._global("constants", array)
        return self._constants

    def _global(self, name: str, data: ir.Constant) -> ir.GlobalVariable:
        variable = ir.GlobalVariable(self.ir, data.type, name)
        variable.initializer, variable.global_constant = data, True
        variable.linkage, variable.align = "internal", 64
        return variable

    def callback(self, op: Op) -> ir.GlobalVariable:
        """The pointer to the Python function of an opaque operation, set once code is loaded."""
        if op not in self.opaque:
            variable = ir.GlobalVariable(self.ir, POINTER, callback_name(len(self.opaque)))
            variable.initializer = ir.Constant(POINTER, None)
            self.opaque[op] = variable
        if LOST not in self.ir.globals:
            ir.GlobalVariable(self.ir, I64, LOST).initializer = I64(0)
        return self.opaque[op]

    # Mathematics.

    def mathematics(self, name: str, count: int, vector: ir.Type) -> ir.Function:
        """An elementary function of `count` vectors, as a function of the module."""
        full = f"{name}.{vector}"
        function = self.ir.globals.get(full) or self._elementary(name, full, count, vector)
        self._calls[function] += 1
        return function

    def _elementary(self, name: str, full: str, count: int, vector: ir.Type) -> ir.Function:
        function = self.declare(full, vector, [vector] * count)
        function.linkage = "internal"
        function.attributes.add("nounwind")
        builder = Builder(function.append_basic_block())
        emit = self._library_call if self.exact else vectormath.emit
        builder.ret(emit(builder, name, list(function.args)))
        return function

    def _library_call(self, b: ir.IRBuilder, name: str, operands: list[ir.Value]) -> ir.Value:
        """The C library's function, lane by lane, for the same bits as the eager engine."""
        callee = self.declare(name, self.number, [self.number] * len(operands))
        vector = operands[0].type
        if not isinstance(vector, ir.VectorType):
            return b.call(callee, operands)
        result = ir.Constant(vector, ir.Undefined)
        for lane in range(vector.count):
            x = b.call(callee, [b.extract_element(operand, I32(lane)) for operand in operands])
            result = b.insert_element(result, x, I32(lane))
        return result

    def keep_frequent_functions_apart(self) -> None:
        """Marks elementary functions with many calls as noinline."""
        for function, calls in self._calls.items():
            if calls > INLINE_CALLS:
                function.attributes.add("noinline")
