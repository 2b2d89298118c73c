"""Arithmetic: the operations of the table, emitted on registers.

Composite operations run their own formula on registers, as on every other back end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, NoReturn

from llvmlite import ir

from micrograd.compiler.llvm.builder import Builder
from micrograd.compiler.llvm.control_flow import I1, I32
from micrograd.compiler.llvm.module import Module
from micrograd.compiler.schedule.plan import Step
from micrograd.compiler.trace.errors import chosen_by_if, formula
from micrograd.ops import Interpreter, Op
from micrograd.scalar import Scalar


class Axis(Enum):
    """The axis along which a register is a vector."""

    NONE = auto()  # a scalar register
    EXAMPLES = auto()
    MEMBERS = auto()  # of a block, along its last axis
    TERMS = auto()  # of a sum


class Register(Scalar):
    """A register of numbers or truth values: the algebra in which composite operations run."""

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
    if op.iteration is not None:
        return Register(emit, emit.iterated(op, [emit.number_of(x) for x in registers]))
    if not op.primitive:
        return emit.register(formula(op, registers))
    return Register(emit, emit.primitive(op, [x.value for x in registers]))


class Arithmetic:
    """Emits arithmetic on registers that are vectors along `axis`."""

    def __init__(self, module: Module, builder: ir.IRBuilder, axis: Axis):
        self.module, self.b = module, builder
        # The factors of sums that are one product so far. What is fused to a multiply-add is chosen
        # here: LLVM's choice would depend on the code around it, and so would the last bits.
        self._products: dict[Any, list[ir.Value]] = {}
        self._set_axis(axis)

    def _set_axis(self, axis: Axis) -> None:
        number, width = self.module.number, self.module.width
        alone = axis is Axis.NONE
        self.axis, self.width = axis, 1 if alone else width
        self.vector: ir.Type = number if alone else ir.VectorType(number, width)
        self.truth: ir.Type = I1 if alone else ir.VectorType(I1, width)

    @contextmanager
    def lanes_along(self, axis: Axis) -> Iterator[None]:
        before = self.axis
        self._set_axis(axis)
        yield
        self._set_axis(before)

    def constant(self, x: float) -> Register:
        return Register(self, self.module.splat(x, self.vector))

    def register(self, x: Any) -> Register:
        """The result of a formula, which may be a float."""
        return x if isinstance(x, Register) else self.constant(float(x))

    def number_of(self, x: Register) -> ir.Value:
        return self._number(x.value)

    def truth_of(self, x: Register) -> ir.Value:
        return self._truth(x.value)

    def zero(self) -> ir.Value:
        """The identity of addition: -0 + x has the bits of x, for every x."""
        return self.constant(-0.0).value

    def broadcast(self, number: ir.Value) -> ir.Value:
        """The number in all lanes."""
        if self.axis is Axis.NONE:
            return number
        b, undefined = self.b, ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, number, I32(0))
        mask = ir.Constant(ir.VectorType(I32, self.width), [0] * self.width)
        return b.shuffle_vector(first, undefined, mask)

    def start(self, step: Step) -> ir.Value:
        """The identity of the step's reduction."""
        return self.constant(step.combine.identity).value

    def combine(self, step: Step, total: Any, factors: list[ir.Value]) -> ir.Value:
        """The total of the step's reduction, with one more term."""
        factors = list(map(self._number, factors))
        if step.combine.linear:
            return self.add_product(total, factors)
        (term,) = factors
        if total is None:
            return term
        return apply(step.combine.op, (Register(self, total), Register(self, term))).value

    def add_product(self, total: ir.Value | None, factors: list[ir.Value]) -> ir.Value:
        b = self.b
        if self.is_subtracted(factors):
            _, first, *rest = factors
            if total is not None and not rest:
                return b.fsub(total, first)
            factors = [b.fneg(first), *rest]  # becomes one instruction: a fused negate-multiply-add
        first, *others = factors
        if total is None and others and not self.module.exact:
            self._products[product := b.fmul(*factors)] = factors
            return product
        if total is None or self.module.exact:
            term = b.fmul(*factors) if others else first
            return term if total is None else b.fadd(total, term)
        if others:
            return self._fused(factors, total)
        pending = self._products.pop(total, None)
        return self._fused(pending, first) if pending else b.fadd(total, first)

    def _fused(self, factors: list[ir.Value], total: ir.Value) -> ir.Value:
        """A product and its sum, rounded once where the processor can."""
        return self._intrinsic("fmuladd", [*factors, total])

    def is_subtracted(self, factors: list[ir.Value]) -> bool:
        """Whether a product has the leading factor -1, so that it can be subtracted instead."""
        first = factors[0]
        if len(factors) == 1 or self.module.exact or not isinstance(first, ir.Constant):
            return False
        return first is self.constant(-1.0).value

    def difference(self, added: ir.Value | None, subtracted: ir.Value | None) -> ir.Value:
        """The added terms minus the subtracted ones; None stands for an empty sum."""
        b = self.b
        left, right = self._products.pop(added, None), self._products.pop(subtracted, None)
        if subtracted is None:
            return self.constant(0.0).value if added is None else added
        if added is None:
            return b.fneg(subtracted)
        if right:
            return self._fused([b.fneg(right[0]), right[1]], added)
        return self._fused(left, b.fneg(subtracted)) if left else b.fsub(added, subtracted)

    def primitive(self, op: Op, operands: list[ir.Value]) -> ir.Value:
        """A primitive operation on registers."""
        b, name = self.b, op.name
        if name in _ARITHMETIC:
            return getattr(b, _ARITHMETIC[name])(*map(self._number, operands))
        if name in _LOGIC:
            return getattr(b, _LOGIC[name])(*map(self._truth, operands))
        if op.boolean:
            compare = b.fcmp_unordered if name == "not_equal" else b.fcmp_ordered
            return compare(op.symbol, *map(self._number, operands))
        if name == "where":
            return b.select(self._truth(operands[0]), *map(self._number, operands[1:]))
        if name == "take":
            return self._take(operands)
        if name in ("sqrt", "floor", "abs"):
            return self._intrinsic({"abs": "fabs"}.get(name, name), operands)
        function = self.module.mathematics(name, len(operands), self.vector)
        return b.call(function, list(map(self._number, operands)))

    def _take(self, operands: list[ir.Value]) -> ir.Value:
        """The operand at the index that the last operand holds; NaN if it is out of range."""
        *values, index = operands
        result = self.constant(float("nan")).value
        for k, value in enumerate(values):
            here = self.b.fcmp_ordered("==", index, self.constant(float(k)).value)
            result = self.b.select(here, value, result)
        return result

    def _intrinsic(self, name: str, operands: list[ir.Value]) -> ir.Value:
        callee = self._declared(name, self.vector, [self.vector] * len(operands))
        return self.b.call(callee, operands)

    def _declared(self, name: str, result: ir.Type, operands: list[ir.Type]) -> ir.Function:
        """The LLVM intrinsic of this name, for registers of this type."""
        return self.module.declare(f"llvm.{name}.{suffix(self.vector)}", result, operands)

    # Operations whose meaning is a loop.

    def iterated(self, op: Op, operands: list[ir.Value]) -> ir.Value:
        """The call of a function of the module, which loops until all lanes are done."""
        key = op, suffix(self.vector)
        known = self.module.iterations
        if key not in known:
            types = [self.vector] * len(operands)
            known[key] = self.module.declare(f"{op.name}.{len(known)}", self.vector, types)
            self._loop(op, known[key])
        return self.b.call(known[key], operands)

    def _loop(self, op: Op, function: ir.Function) -> None:
        function.linkage = "internal"
        function.attributes.add("nounwind")
        function.attributes.add("noinline")
        Arithmetic(self.module, Builder(function.append_basic_block()), self.axis)._repeat(
            op.iteration, [*function.args]
        )

    def _repeat(self, iteration: Any, arguments: list[ir.Value]) -> None:
        """The body of such a function. A lane that is done keeps its state."""
        b, operands = self.b, [Register(self, x) for x in arguments]
        state = [self.number_of(self.register(x)) for x in iteration.start(*operands)]
        before = b.block
        head, inside, after = (b.append_basic_block(x) for x in ("head", "body", "after"))
        b.branch(head)
        b.position_at_end(head)
        carried = [b.phi(self.vector) for _ in state]
        registers = [Register(self, x) for x in carried]
        more = self._truth(iteration.goes_on(registers).value)
        b.cbranch(self._any(more), inside, after)
        b.position_at_end(inside)
        stepped = iteration.step(registers, operands)
        following = [self.number_of(self.register(x)) for x in stepped]
        for phi, first, new in zip(carried, state, following):
            phi.add_incoming(first, before)
            phi.add_incoming(b.select(more, new, phi), b.block)
        b.branch(head)
        b.position_at_end(after)
        b.ret(self.number_of(self.register(iteration.result(registers))))

    def _any(self, truth: ir.Value) -> ir.Value:
        """Whether it holds in any lane."""
        if self.axis is Axis.NONE:
            return truth
        name = f"llvm.vector.reduce.or.v{self.width}i1"
        return self.b.call(self.module.declare(name, I1, [self.truth]), [truth])

    def _truth(self, x: ir.Value) -> ir.Value:
        return x if x.type == self.truth else self.b.fcmp_unordered("!=", x, self.zero())

    def _number(self, x: ir.Value) -> ir.Value:
        of_numbers = x.type is self.vector or x.type == self.vector  # `is` is much faster than ==
        return x if of_numbers else self.b.uitofp(x, self.vector)

    def sum_of_lanes(self, total: ir.Value) -> ir.Value:
        number, flags = self.module.number, () if self.module.exact else ("reassoc",)
        callee = self._declared("vector.reduce.fadd", number, [number, self.vector])
        return self.b.call(callee, [ir.Constant(number, -0.0), total], fastmath=flags)

    def masked_load(self, pointer: ir.Value, count: int) -> ir.Value:
        """Loads the first `count` lanes; the others hold zero."""
        if count == self.module.width:
            return self.b.load(pointer, typ=self.vector, align=self.module.bytes)
        operands = [pointer, I32(self.module.bytes), self._first_lanes(count), self.zero()]
        return self._masked("load", self.vector, operands)

    def masked_store(self, value: ir.Value, pointer: ir.Value, count: int) -> None:
        """Stores the first `count` lanes."""
        if count == self.module.width:
            self.b.store(value, pointer, align=self.module.bytes)
            return
        operands = [value, pointer, I32(self.module.bytes), self._first_lanes(count)]
        self._masked("store", ir.VoidType(), operands)

    def _first_lanes(self, count: int) -> ir.Constant:
        width = self.module.width
        return ir.Constant(ir.VectorType(I1, width), [int(k < count) for k in range(width)])

    def _masked(self, verb: str, result: ir.Type, operands: list[ir.Value]) -> Any:
        name = f"llvm.masked.{verb}.{suffix(self.vector)}.p0"
        return self.b.call(self.module.declare(name, result, [x.type for x in operands]), operands)


_ARITHMETIC = {
    "add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "fmod": "frem", "neg": "fneg",
}  # fmt: skip
_LOGIC = {"logical_and": "and_", "logical_or": "or_", "logical_not": "not_"}


def suffix(type: ir.Type) -> str:
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{suffix(type.element)}"
    return "f64" if isinstance(type, ir.DoubleType) else "f32"
