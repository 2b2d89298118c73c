"""The algebra of LLVM's registers: a formula run on it becomes straight-line code."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm.builder import declare
from micrograd.compiler.llvm.vectormath import x86
from micrograd.compiler.llvm.vectormath.algebra import Algebra

DOUBLE, SINGLE, INT32 = ir.DoubleType(), ir.FloatType(), ir.IntType(32)


class Register:
    """A vector register: Python's operators emit instructions.

    The type of the LLVM value says whether it holds numbers, unsigned integers or truth values.
    """

    __slots__ = ("v", "value")
    __hash__ = None  # type: ignore[assignment]  # == is an instruction

    def __init__(self, v: "Registers", value: Any):
        self.v, self.value = v, value

    @property
    def element(self) -> Any:
        return getattr(self.value.type, "element", self.value.type)

    def _emit(self, other: Any, number: str, integer: str, swapped: bool = False) -> "Register":
        operands = [self.value, self.v.operand(other, self.value.type)]
        name = integer if isinstance(self.element, ir.IntType) else number
        return Register(self.v, getattr(self.v.builder, name)(*operands[:: -1 if swapped else 1]))

    def __add__(self, other: Any) -> "Register":
        return self._emit(other, "fadd", "add")

    def __sub__(self, other: Any) -> "Register":
        return self._emit(other, "fsub", "sub")

    def __rsub__(self, other: Any) -> "Register":
        return self._emit(other, "fsub", "sub", swapped=True)

    def __mul__(self, other: Any) -> "Register":
        return self._emit(other, "fmul", "mul")

    def __truediv__(self, other: Any) -> "Register":
        return self._emit(other, "fdiv", "udiv")

    def __rtruediv__(self, other: Any) -> "Register":
        return self._emit(other, "fdiv", "udiv", swapped=True)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Register":
        return Register(self.v, self.v.builder.fneg(self.value))

    def __and__(self, other: Any) -> "Register":
        return self._emit(other, "", "and_")

    def __or__(self, other: Any) -> "Register":
        return self._emit(other, "", "or_")

    def __xor__(self, other: Any) -> "Register":
        return self._emit(other, "", "xor")

    def __lshift__(self, other: Any) -> "Register":
        return self._emit(other, "", "shl")

    def __rshift__(self, other: Any) -> "Register":
        return self._emit(other, "", "lshr")

    def __invert__(self) -> "Register":
        return Register(self.v, self.v.builder.not_(self.value))

    def _compare(self, sign: str, other: Any) -> "Register":
        b = self.v.builder
        if isinstance(self.element, ir.IntType):
            emit = b.icmp_unsigned
        else:  # a comparison with NaN is false, but for !=
            emit = b.fcmp_unordered if sign == "!=" else b.fcmp_ordered
        return Register(self.v, emit(sign, self.value, self.v.operand(other, self.value.type)))

    def __lt__(self, other: Any) -> "Register":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "Register":
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> "Register":
        return self._compare(">", other)

    def __ge__(self, other: Any) -> "Register":
        return self._compare(">=", other)

    def __eq__(self, other: Any) -> "Register":  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: Any) -> "Register":  # type: ignore[override]
        return self._compare("!=", other)


class Registers(Algebra):
    """Registers of `type`: float or double, or an LLVM vector of them of any length."""

    def __init__(self, builder: Any, type: Any):
        self.builder, self.type = builder, type
        self.lanes: int | None = getattr(type, "count", None)
        self.element = getattr(type, "element", type)
        self.width = {DOUBLE: 64, SINGLE: 32}[self.element]
        self.integers = self._vector(ir.IntType(self.width))

    def _vector(self, element: ir.Type) -> Any:
        return element if self.lanes is None else ir.VectorType(element, self.lanes)

    def operand(self, x: Any, type: Any) -> Any:
        """x as an LLVM value: a Python number becomes a constant, the same in all lanes."""
        if isinstance(x, Register):
            return x.value
        element = getattr(type, "element", type)
        if isinstance(element, ir.IntType):
            x &= (1 << element.width) - 1
        return ir.Constant(type, x if type is element else [x] * type.count)

    def _call(self, name: str, *operands: Any) -> Register:
        """A call of LLVM's intrinsic `name` on numbers."""
        suffix = f"f{self.width}" if self.lanes is None else f"v{self.lanes}f{self.width}"
        name = f"llvm.{name}.{suffix}"
        type = ir.FunctionType(self.type, [self.type] * len(operands))
        function = declare(self.builder.module, name, type)
        values = [self.operand(x, self.type) for x in operands]
        return Register(self, self.builder.call(function, values))

    def fma(self, a: Any, b: Any, c: Any) -> Register:
        return self._call("fma", a, b, c)

    def abs(self, x: Any) -> Register:
        return self._call("fabs", x)

    def sqrt(self, x: Any) -> Register:
        return self._call("sqrt", x)

    def floor(self, x: Any) -> Register:
        return self._call("floor", x)

    def round(self, x: Any) -> Register:
        return self._call("rint", x)

    def copysign(self, x: Any, sign: Any) -> Register:
        return self._call("copysign", x, sign)

    def select(self, truth: Register, a: Any, b: Any) -> Register:
        operands = [self.operand(x, self.type) for x in (a, b)]
        return Register(self, self.builder.select(truth.value, *operands))

    def bits(self, x: Any) -> Register:
        return Register(self, self.builder.bitcast(self.operand(x, self.type), self.integers))

    def number(self, n: Register) -> Register:
        return Register(self, self.builder.bitcast(n.value, self.type))

    def wide(self) -> "Registers":
        return Registers(self.builder, self._vector(DOUBLE))

    def widen(self, x: Register) -> Register:
        wide = self.wide()
        return Register(wide, self.builder.fpext(x.value, wide.type))

    def narrow(self, x: Register) -> Register:
        return Register(self, self.builder.fptrunc(x.value, self.type))

    def scaled(self, x: Any, k: Any) -> Register:
        if not x86.has_exponents(self.type):
            return super().scaled(x, k)
        return self._by_vectors(x86.of_numbers(self.builder, "scalef"), x, k)

    def split(self, x: Any, normal: bool = False) -> tuple[Register, Register]:
        if not x86.has_exponents(self.type):
            return super().split(x, normal)
        b, interval = self.builder, INT32(0b1011)  # [3/4, 3/2); NaN for negative numbers
        m = self._by_vectors(x86.of_numbers(b, "getmant", interval), x)
        exponent = x86.of_numbers(b, "getexp")
        return self._by_vectors(exponent, x) - self._by_vectors(exponent, m), m

    def _by_vectors(self, emit: Callable[..., Any], *operands: Register) -> Register:
        return Register(self, x86.by_vectors(self.builder, emit, *(x.value for x in operands)))

    def lookup(
        self, name: str, table: Sequence[Sequence[float]], index: Register
    ) -> list[Register]:
        b = self.builder
        if len(table) == 16 and x86.permutes(self.type):
            pick = (x86.permutation(b, self.element, column) for column in zip(*table))
            return [self._by_vectors(each, index) for each in pick]
        index = index & (len(table) - 1)
        values = self._global(f"{name}_{self.width}", table)
        columns: list[Any] = [ir.Constant(self.type, ir.Undefined) for _ in table[0]]
        for lane in range(self.lanes or 1):
            row = index.value if self.lanes is None else b.extract_element(index.value, INT32(lane))
            for i, column in enumerate(columns):
                x = b.load(b.gep(values, [row.type(0), row, row.type(i)]), typ=self.element)
                columns[i] = x if self.lanes is None else b.insert_element(column, x, INT32(lane))
        return [Register(self, column) for column in columns]

    def _global(self, name: str, table: Sequence[Sequence[float]]) -> Any:
        """The table as a constant of the module, made once."""
        row = ir.ArrayType(self.element, len(table[0]))
        type = ir.ArrayType(row, len(table))
        name = f"micrograd.{name}"
        known = self.builder.module.globals.get(name)
        if known is not None:
            return known
        constant: Any = ir.GlobalVariable(self.builder.module, type, name)
        rows = [ir.Constant(row, [float(x) for x in r]) for r in table]
        constant.initializer = ir.Constant(type, rows)
        constant.global_constant, constant.linkage = True, "internal"
        return constant

    def rarely(
        self, truth: Register, usual: Sequence[Register], formula: Callable[..., Any], x: Register
    ) -> list[Register]:
        """Calls the formula, outlined as a function, only if the truth holds in some lane."""
        b = self.builder
        any_lane = truth.value
        if self.lanes is not None:
            mask = ir.IntType(self.lanes)
            any_lane = b.icmp_unsigned("!=", b.bitcast(any_lane, mask), mask(0))
        before = b.block
        with b.if_then(any_lane, likely=False):
            answer = b.call(self._outlined(formula, len(usual)), [x.value])
            values = [b.extract_value(answer, i) for i in range(len(usual))]
            rare = [b.select(truth.value, new, old.value) for new, old in zip(values, usual)]
            inside = b.block
        results = []
        for old, new in zip(usual, rare):
            phi = b.phi(self.type)
            phi.add_incoming(old.value, before)
            phi.add_incoming(new, inside)
            results.append(Register(self, phi))
        return results

    def _outlined(self, formula: Callable[..., Any], count: int) -> ir.Function:
        """The formula as a function of the module, named after the formula and the vector type."""
        module = self.builder.module
        name = f"micrograd.{formula.__name__}.{self.lanes or 1}f{self.width}"
        if name in module.globals:
            return module.globals[name]
        type = ir.FunctionType(ir.LiteralStructType([self.type] * count), [self.type])
        function = ir.Function(module, type, name)
        function.linkage = "internal"
        for attribute in ("noinline", "cold", "nounwind"):
            function.attributes.add(attribute)
        builder = ir.IRBuilder(function.append_basic_block())
        v = Registers(builder, self.type)
        answer = ir.Constant(type.return_type, ir.Undefined)
        for i, x in enumerate(formula(v, Register(v, function.args[0]))):
            answer = builder.insert_value(answer, x.value, i)
        builder.ret(answer)
        return function
