"""Scalars: the fastest entry point: one example, of plain numbers, passed in registers."""

from llvmlite import ir

from micrograd.compiler.llvm import abi
from micrograd.compiler.llvm.builder import POINTER, Builder
from micrograd.compiler.llvm.control_flow import I64
from micrograd.compiler.schedule.plan import Plan


def emit_scalars(module: ir.Module, plan: Plan, number: ir.Type) -> None:
    """scalars(x0, x1, ..., out): inputs and outputs are numbers, all memory is on the stack.

    After the outputs it writes 1.0 if an output after the first is NaN, else 0.0. A single output
    is returned instead, without `out`.
    """
    inputs, outputs = len(plan.program.inputs), len(plan.program.outputs)
    alone = outputs == 1
    result = number if alone else ir.VoidType()
    type = ir.FunctionType(result, [number] * inputs + [POINTER] * (not alone))
    function = ir.Function(module, type, "scalars")
    b = Builder(function.append_basic_block())
    sizes = plan.uniform + plan.reduced + 1, plan.rows, inputs + 1
    u, v, numbers = (b.alloca(number, I64(n)) for n in sizes)
    call = b.alloca(I64, I64(abi.words(inputs, outputs)))
    header = {
        abi.Call.UNIFORMS: b.ptrtoint(u, I64),
        abi.Call.ROWS: b.ptrtoint(v, I64),
        abi.Call.EXAMPLES: I64(1),
        abi.Call.SEED: b.bitcast(ir.Constant(number, 1.0), I64),
    }

    def word(k: int) -> ir.Value:
        return b.gep(call, [I64(k)], source_etype=I64)

    for k in abi.Call:
        b.store(header.get(k, I64(0)), word(k))

    def place(array: ir.Value, k: int) -> ir.Value:
        return b.gep(array, [I64(k)], source_etype=number)

    for k, x in enumerate(function.args[:inputs]):
        b.store(x, place(numbers, k))
        b.store(b.ptrtoint(place(numbers, k), I64), word(abi.TABLE + abi.input_address(k)))
        b.store(I64(1), word(abi.TABLE + abi.input_stride(k)))
    out, first = (numbers, inputs) if alone else (function.args[-1], 0)
    for k in range(outputs):
        at = b.ptrtoint(place(out, first + k), I64)
        b.store(at, word(abi.TABLE + abi.output_address(k, inputs)))
    b.call(module.globals["run"], [call])
    if alone:
        b.ret(b.load(place(out, first), typ=number))
        return
    has_nan = b.icmp_signed("!=", b.load(word(abi.Call.HAS_NAN), typ=I64), I64(0))
    b.store(b.uitofp(has_nan, number), place(out, outputs))
    b.ret_void()
