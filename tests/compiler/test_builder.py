"""Builder: it prints what llvmlite prints, except for the names of results."""

import re
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from micrograd.compiler.llvm.builder import POINTER, Builder

I64, NUMBER = ir.IntType(64), ir.DoubleType()
VECTOR = ir.VectorType(NUMBER, 4)


def written_by(builder: type[ir.IRBuilder]) -> str:
    """A function with one of each instruction."""
    module = ir.Module()
    type = ir.FunctionType(ir.VoidType(), [POINTER, I64, VECTOR, ir.IntType(1)])
    function = ir.Function(module, type, "f")
    fma = ir.Function(module, ir.FunctionType(VECTOR, [VECTOR] * 3), "llvm.fmuladd.v4f64")
    p, i, x, truth = function.args
    b: Any = builder(function.append_basic_block())
    at = b.gep(p, [b.add(i, I64(1), flags=("nsw",))], source_etype=NUMBER)
    y = b.load(at, typ=VECTOR, align=8)
    z = b.call(fma, [x, b.fneg(y), b.fmul(x, y)], fastmath=("nsz", "reassoc"))
    for name in ("fadd", "fsub", "fdiv"):
        z = getattr(b, name)(z, x, flags=("contract",))
    for name in ("sub", "mul", "and_", "or_", "xor"):
        i = getattr(b, name)(i, I64(5))
    b.store(b.select(b.not_(truth), x, z), b.gep(p, [i], source_etype=NUMBER), align=8)
    b.ret_void()
    llvm.parse_assembly(str(module)).verify()
    return str(module)


def test_its_lines_are_those_of_llvmlite() -> None:
    theirs, ours = (re.sub(r"%\"?[.\w]+\"?", "%", written_by(x)) for x in (ir.IRBuilder, Builder))
    assert " ".join(ours.split()) == " ".join(theirs.split())
