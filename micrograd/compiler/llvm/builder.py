"""Builder: the instructions of LLVM, as lines of text.

llvmlite makes an object for each instruction, gives it a unique name, and prints it at the end.
That took most of the compile time, so `Builder` prints the most frequent instructions as soon as
they are built, and leaves the rest to llvmlite.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

POINTER = ir.PointerType()


def declare(module: ir.Module, name: str, type: ir.FunctionType) -> ir.Function:
    """The function of this name, declared at its first use."""
    return module.globals.get(name) or ir.Function(module, type, name)


class Line(ir.Value):
    """An instruction as text; as an operand, it stands for its result."""

    __slots__ = ("name", "text", "type")

    def __init__(self, type: ir.Type, name: str, text: str):
        self.type, self.name, self.text = type, name, text

    def get_reference(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.text


def _arithmetic(operation: str) -> Callable[..., Line]:
    def method(
        self: "Builder", x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()
    ) -> Line:
        words = " ".join((operation, *flags))
        return self.line(x.type, f"{words} {x.type} {x.get_reference()}, {y.get_reference()}")

    return method


class Builder(ir.IRBuilder):
    """Appends to the basic blocks of one function. A function must have only one builder."""

    lines = 0

    def line(self, type: ir.Type, text: str) -> Line:
        """Appends `text`, an instruction with a result of this type."""
        self.lines += 1
        name = f"%v{self.lines}"
        line = Line(type, name, f"{name} = {text}")
        self._insert(line)
        return line

    fadd, fsub, fmul, fdiv = map(_arithmetic, ("fadd", "fsub", "fmul", "fdiv"))
    add, sub, mul, and_, or_, xor = map(_arithmetic, ("add", "sub", "mul", "and", "or", "xor"))

    def fneg(self, x: ir.Value, name: str = "", flags: Sequence[str] = ()) -> Line:
        return self.line(x.type, f"fneg {x.type} {x.get_reference()}")

    def call(
        self, function: ir.Function, operands: Sequence[ir.Value], *rest: Any,
        fastmath: Sequence[str] = (), **options: Any,
    ) -> Any:  # fmt: skip
        type = function.function_type.return_type
        if rest or options or isinstance(type, ir.VoidType):
            return super().call(function, operands, *rest, fastmath=fastmath, **options)
        words = " ".join(("call", *fastmath))
        given = ", ".join([f"{x.type} {x.get_reference()}" for x in operands])
        return self.line(type, f"{words} {type} {function.get_reference()}({given})")

    def call_pointer(self, pointer: ir.Value, operands: Sequence[ir.Value]) -> None:
        """Calls the function at a pointer, which has no result."""
        given = ", ".join([f"{x.type} {x.get_reference()}" for x in operands])
        text = f"call void {pointer.get_reference()}({given})"
        self._insert(Line(ir.VoidType(), "", text))

    def gep(
        self, pointer: ir.Value, places: Sequence[ir.Value], *rest: Any,
        source_etype: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        if rest or options or source_etype is None or len(places) != 1:
            return super().gep(pointer, places, *rest, source_etype=source_etype, **options)
        at = f"{places[0].type} {places[0].get_reference()}"
        text = f"getelementptr {source_etype}, ptr {pointer.get_reference()}, {at}"
        return self.line(POINTER, text)

    def load(
        self, pointer: ir.Value, name: str = "", align: int | None = None, typ: Any = None
    ) -> Any:
        if typ is None:
            return super().load(pointer, name, align)
        aligned = f", align {align}" if align else ""
        return self.line(typ, f"load {typ}, ptr {pointer.get_reference()}{aligned}")

    def store(self, value: ir.Value, pointer: ir.Value, align: int | None = None) -> None:
        aligned = f", align {align}" if align else ""
        text = f"store {value.type} {value.get_reference()}, ptr {pointer.get_reference()}"
        self._insert(Line(value.type, "", text + aligned))

    def select(
        self, truth: ir.Value, x: ir.Value, y: ir.Value, name: str = "", flags: Any = ()
    ) -> Line:
        operands = ", ".join([f"{z.type} {z.get_reference()}" for z in (truth, x, y)])
        return self.line(x.type, f"select {operands}")
