"""Call table: native code reads the addresses and strides of its inputs and outputs."""

from llvmlite import ir

from micrograd.compiler.llvm import abi
from micrograd.compiler.llvm.builder import POINTER
from micrograd.compiler.llvm.control_flow import I1, I64


class CallTable:
    """The table of inputs and outputs, which follows the words of a call: see `abi`."""

    def __init__(self, b: ir.IRBuilder, pointer: ir.Value, inputs: int):
        self.b, self.pointer, self.inputs = b, pointer, inputs

    def word(self, k: int) -> ir.Value:
        """The pointer to a word."""
        return self.b.gep(self.pointer, [I64(k)], source_etype=I64)

    def header(self, word: abi.Call) -> ir.Value:
        """The pointer to a word of the call, before the table."""
        return self.word(word - abi.TABLE)

    def _load(self, k: int) -> ir.Value:
        return self.b.load(self.word(k), typ=I64)

    def input(self, k: int) -> ir.Value:
        return self.b.inttoptr(self._load(abi.input_address(k)), POINTER)

    def stride(self, k: int) -> ir.Value:
        return self._load(abi.input_stride(k))

    def output(self, k: int) -> ir.Value:
        return self.b.inttoptr(self._load(abi.output_address(k, self.inputs)), POINTER)

    def row_numbers(self) -> ir.Value:
        return self.b.inttoptr(self._load(abi.Call.ROW_NUMBERS - abi.TABLE), POINTER)

    def are_apart(self, outputs: int) -> ir.Value:
        """Whether no output has the address of an input."""
        b, apart = self.b, I1(1)
        for k in range(self.inputs):
            for j in range(outputs):
                x = self._load(abi.input_address(k))
                y = self._load(abi.output_address(j, self.inputs))
                apart = b.and_(apart, b.icmp_signed("!=", x, y))
        return apart
