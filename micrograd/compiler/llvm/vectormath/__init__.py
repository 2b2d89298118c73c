"""The elementary functions as vector code: each is a short formula over machine instructions.

algebra        the instructions, and what is built of them: polynomials, exact sums and products
registers      the algebra that emits LLVM code
x86            special instructions that it emits on processors that have them
arrays         the algebra that computes with NumPy
exponentials   exp, expm1, sinh, cosh, tanh
logarithms     log, log1p, pow
trigonometry   sin, cos, tan
angles         asin, acos, atan, atan2
errorfunction  erf, erfc
coefficients   the polynomials, made by benchmarks/minimax.py

IEEE 754 to the edges: infinities, NaN, signed zeros and subnormal numbers come out as in the C
library. The errors named beside the functions are the largest that benchmarks/accuracy.py finds in
both formats, over 100,000 points each; the tests hold all of them below 2 units of the last place.

>>> from llvmlite import ir
>>> type = ir.VectorType(ir.DoubleType(), 8)
>>> function = ir.Function(ir.Module(), ir.FunctionType(type, [type]), "exp8")
>>> builder = ir.IRBuilder(function.append_basic_block())
>>> _ = builder.ret(emit(builder, "exp", function.args))
>>> str(function).count("llvm.fma.v8f64")
9
"""

from collections.abc import Callable, Sequence
from typing import Any

from micrograd.compiler.llvm.vectormath.angles import acos, asin, atan, atan2
from micrograd.compiler.llvm.vectormath.errorfunction import erf, erfc
from micrograd.compiler.llvm.vectormath.exponentials import cosh, exp, expm1, sinh, tanh
from micrograd.compiler.llvm.vectormath.logarithms import log, log1p, pow
from micrograd.compiler.llvm.vectormath.trigonometry import cos, sin, tan

FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        exp, expm1, log, log1p, pow,
        sin, cos, tan, asin, acos, atan, atan2,
        sinh, cosh, tanh, erf, erfc,
    )
}  # fmt: skip


def emit(builder: Any, name: str, operands: Sequence[Any]) -> Any:
    """The function `name` of LLVM values, all of one type: float, double, or a vector of either.

    The code is straight-line, except for sin, cos and tan: they branch if a number is very large,
    and leave the builder in another basic block. Raises KeyError for an unknown name.
    """
    from micrograd.compiler.llvm.vectormath.registers import Register, Registers

    v = Registers(builder, operands[0].type)
    return FUNCTIONS[name](v, *(Register(v, x) for x in operands)).value


def on_arrays(name: str, *operands: Any) -> Any:
    """The same formula on NumPy arrays of float64 or float32: slow, but easy to trace.

    >>> import numpy as np
    >>> on_arrays("exp", np.array([0.0, 1.0]))
    array([1.        , 2.71828183])
    """
    import numpy as np

    from micrograd.compiler.llvm.vectormath.arrays import Arrays

    with np.errstate(all="ignore"):
        return FUNCTIONS[name](Arrays(operands[0].dtype), *operands)
