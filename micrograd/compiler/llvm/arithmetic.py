"""Arithmetic: the operations of the table, emitted on registers.

Those that are composed of others run their own formula on registers, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from llvmlite import ir

from micrograd import ops
from micrograd.compiler.llvm.control_flow import I1, I32
from micrograd.compiler.schedule.plan import Step
from micrograd.compiler.trace.errors import chosen_by_if
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar

if TYPE_CHECKING:
    from micrograd.compiler.llvm.emitter import Emitter

REORDER = ("reassoc", "contract", "nsz")  # what the sum of a block may do to the order of its terms


class Register(Scalar):
    """A vector register, or its truth: the algebra in which composite operations are emitted."""

    __slots__ = ("emit", "value")
    rank = 3

    def __init__(self, emit: Arithmetic, value: ir.Value):
        self.emit = emit
        self.value = value

    def __bool__(self) -> NoReturn:
        raise chosen_by_if()

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Interpreter:
        return apply


def apply(op: Op, operands: tuple[Any, ...]) -> Any:
    emit = next(x.emit for x in operands if isinstance(x, Register))
    registers = [x if isinstance(x, Register) else emit.constant(float(x)) for x in operands]
    if not op.primitive:
        result = op.meaning(*registers)
        return result if isinstance(result, Register) else emit.constant(float(result))
    return Register(emit, emit.primitive(op, [x.value for x in registers]))


class Arithmetic:
    """Emits arithmetic on registers.

    In their lanes lie examples; or, where there is one example only, neighbours along `axis`:
    members, or terms of a sum; or one number, alone.
    """

    def __init__(self, emitter: Emitter, builder: ir.IRBuilder, axis: str):
        self.emitter, self.b = emitter, builder
        self.flags = () if emitter.exact else REORDER
        self._set_lanes(axis, emitter.width)

    def _set_lanes(self, axis: str, width: int) -> None:
        number = self.emitter.number
        self.axis, self.width = axis, width if axis else 1
        self.vector: ir.Type = ir.VectorType(number, width) if axis else number
        self.truth: ir.Type = ir.VectorType(I1, width) if axis else I1

    @contextmanager
    def lanes_along(self, axis: str) -> Iterator[None]:
        before = self.axis, self.width
        self._set_lanes(axis, self.emitter.width)
        yield
        self._set_lanes(*before)

    def _splat(self, x: float) -> Any:
        return [x] * self.width if self.axis else x

    def constant(self, x: float) -> Register:
        key = x.hex(), self.width
        known = self.emitter.splats.get(key)
        if known is None:
            known = self.emitter.splats[key] = ir.Constant(self.vector, self._splat(x))
        return Register(self, known)

    def zero(self) -> ir.Value:
        """Where a sum begins: -0 + x is x to the bit, whatever x."""
        return self.constant(-0.0).value

    def _broadcast(self, number: ir.Value) -> ir.Value:
        if not self.axis:
            return number
        b, undefined = self.b, ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, number, I32(0))
        mask = ir.Constant(ir.VectorType(I32, self.width), [0] * self.width)
        return b.shuffle_vector(first, undefined, mask)

    def _start(self, step: Step) -> ir.Value:
        """What has no terms yet."""
        return self.zero() if step.combine is ops.add else self.constant(-math.inf).value

    def _combine(self, step: Step, total: Any, factors: list[ir.Value]) -> ir.Value:
        factors = list(map(self._number, factors))
        if step.combine is ops.add:
            return self.add_product(total, factors)
        (term,) = factors
        if total is None:
            return term
        return apply(step.combine, (Register(self, total), Register(self, term))).value

    def add_product(self, total: ir.Value | None, factors: list[ir.Value]) -> ir.Value:
        b, flags = self.b, self.flags
        if self.is_taken_off(factors):
            _, first, *rest = factors
            if total is not None and not rest:
                return b.fsub(total, first, flags=flags)
            factors = [b.fneg(first), *rest]  # the machine takes products off in one instruction
        if total is None:
            return factors[0] if len(factors) == 1 else b.fmul(*factors, flags=flags)
        if len(factors) == 1:
            return b.fadd(total, factors[0], flags=flags)
        if self.emitter.exact:
            return b.fadd(total, b.fmul(*factors))
        return self._intrinsic("fmuladd", [*factors, total], flags)

    def is_taken_off(self, factors: list[ir.Value]) -> bool:
        """Whether a product begins with -1."""
        first = factors[0]
        if len(factors) == 1 or self.emitter.exact or not isinstance(first, ir.Constant):
            return False
        return first is self.constant(-1.0).value

    def difference(self, added: ir.Value | None, less: ir.Value | None) -> ir.Value:
        """The sum of the terms that are added, less those that are taken off; none are zero."""
        if less is None:
            return self.constant(0.0).value if added is None else added
        if added is None:
            return self.b.fneg(less)
        return self.b.fsub(added, less, flags=self.flags)

    def primitive(self, op: Op, operands: list[ir.Value]) -> ir.Value:
        """An operation of the machine on registers."""
        b, name = self.b, op.name
        if name in _ARITHMETIC:
            return getattr(b, _ARITHMETIC[name])(*map(self._number, operands))
        if name in _COMPARISONS:
            compare = b.fcmp_unordered if name == "not_equal" else b.fcmp_ordered
            return compare(_COMPARISONS[name], *map(self._number, operands))
        if name in _LOGIC:
            return getattr(b, _LOGIC[name])(*map(self._truth, operands))
        if name == "where":
            return b.select(self._truth(operands[0]), *map(self._number, operands[1:]))
        if name == "take":
            return self._take(operands)
        if name in ("sqrt", "floor", "abs"):
            return self._intrinsic({"abs": "fabs"}.get(name, name), operands)
        function = self.emitter.mathematics(name, len(operands), self.vector)
        self.emitter.calls[function] += 1
        return b.call(function, list(map(self._number, operands)))

    def _take(self, operands: list[ir.Value]) -> ir.Value:
        """The operand that the last one counts; NaN where there is none."""
        *values, index = operands
        result = self.constant(float("nan")).value
        for k, value in enumerate(values):
            here = self.b.fcmp_ordered("==", index, self.constant(float(k)).value)
            result = self.b.select(here, value, result)
        return result

    def _intrinsic(self, name: str, operands: list[ir.Value], flags: Any = ()) -> ir.Value:
        callee = self._declared(name, self.vector, [self.vector] * len(operands))
        return self.b.call(callee, operands, fastmath=flags)

    def _declared(self, name: str, result: ir.Type, operands: list[ir.Type]) -> ir.Function:
        """LLVM's own function of this name for such registers."""
        full, module = f"llvm.{name}.{suffix(self.vector)}", self.emitter.module
        known = module.globals.get(full)
        return known or ir.Function(module, ir.FunctionType(result, operands), full)

    def _truth(self, x: ir.Value) -> ir.Value:
        return x if x.type == self.truth else self.b.fcmp_unordered("!=", x, self.zero())

    def _number(self, x: ir.Value) -> ir.Value:
        of_numbers = x.type is self.vector or x.type == self.vector  # to compare takes longer
        return x if of_numbers else self.b.uitofp(x, self.vector)

    def _across(self, total: ir.Value) -> ir.Value:
        """The sum of the lanes."""
        number = self.emitter.number
        callee = self._declared("vector.reduce.fadd", number, [number, self.vector])
        return self.b.call(callee, [ir.Constant(number, 0.0), total], fastmath=self.flags)

    def turned(self, rows: list[ir.Value]) -> list[ir.Value]:
        """Vectors as the rows of a square, and its columns: by halves shuffled into each other."""
        n, b = len(rows), self.b
        masks = [
            ir.Constant(ir.VectorType(I32, n), [half + k // 2 + n * (k % 2) for k in range(n)])
            for half in (0, n // 2)
        ]
        for _ in range(n.bit_length() - 1):
            pairs = zip(rows[: n // 2], rows[n // 2 :])
            rows = [b.shuffle_vector(x, y, mask) for x, y in pairs for mask in masks]
        return rows


_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "neg": "fneg"}
_COMPARISONS = {"less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!="}
_LOGIC = {"logical_and": "and_", "logical_or": "or_", "logical_not": "not_"}


def suffix(type: ir.Type) -> str:
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{suffix(type.element)}"
    return "f64" if isinstance(type, ir.DoubleType) else "f32"
