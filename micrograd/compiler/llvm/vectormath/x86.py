"""Instructions of x86-64 without a portable LLVM intrinsic: table look-up, exponent and mantissa.

Each takes vectors as wide as the processor's; `by_vectors` extends it to vectors of any length.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from micrograd.compiler.llvm.builder import declare
from micrograd.compiler.llvm.target import vector_bytes

AVX2, AVX512 = 32, 64  # bytes a vector
INT32 = ir.IntType(32)
ROUNDED_AS_USUAL = INT32(4)


def permutes(type: Any) -> bool:
    """Whether permute instructions can look up vectors of this type in a table of 16 rows."""
    doubles = getattr(type, "element", None) == ir.DoubleType()
    return isinstance(type, ir.VectorType) and vector_bytes() >= (AVX512 if doubles else AVX2)


def has_exponents(type: Any) -> bool:
    """Whether there are instructions for exponents, mantissas and scaling by powers of two."""
    return isinstance(type, ir.VectorType) and vector_bytes() == AVX512


def by_vectors(b: Any, emit: Callable[..., Any], *operands: Any) -> Any:
    """`emit`, which takes the processor's vectors only, applied to vectors of any length."""
    type = operands[0].type
    bits = 64 if type.element in (ir.DoubleType(), ir.IntType(64)) else 32
    count, full = type.count, 8 * vector_bytes() // bits
    if count == full:
        return emit(*operands)
    if count < full:
        return _lanes(b, emit(*(_lanes(b, x, 0, full) for x in operands)), 0, count)
    half = (count + 1) // 2
    low, high = (
        by_vectors(b, emit, *(_lanes(b, x, start, half) for x in operands)) for start in (0, half)
    )
    return _lanes(b, low, 0, count, high)


def _lanes(b: Any, x: Any, start: int, count: int, y: Any = None) -> Any:
    """`count` lanes from `start` on, of x followed by y; lanes beyond the end are undefined."""
    y = ir.Constant(x.type, ir.Undefined) if y is None else y
    lanes = [INT32(i if i < 2 * x.type.count else 0) for i in range(start, start + count)]
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, count), lanes))


def permutation(b: Any, element: ir.Type, column: Sequence[float]) -> Callable[[Any], Any]:
    """A look-up in a column of 16 numbers, by the last four bits of integers."""
    bits = 64 if element == ir.DoubleType() else 32
    count = 8 * vector_bytes() // bits
    type = ir.VectorType(element, count)
    parts = [list(map(float, column[i : i + count])) for i in range(0, 16, count)]
    table = [ir.Constant(type, part) for part in parts]

    def permute(index: Any) -> Any:
        if bits == 64:
            name = "llvm.x86.avx512.vpermi2var.pd.512"
            return intrinsic(b, name, type, table[0], index, table[1])
        if len(table) == 1:
            return intrinsic(b, "llvm.x86.avx512.permvar.sf.512", type, *table, index)
        low, high = (intrinsic(b, "llvm.x86.avx2.permps", type, x, index) for x in table)
        sign = b.shl(index, ir.Constant(index.type, [28] * count))  # the fourth bit
        return b.select(b.icmp_signed("<", sign, ir.Constant(index.type, [0] * count)), high, low)

    return permute


def of_numbers(b: Any, name: str, *constants: Any) -> Callable[..., Any]:
    """An AVX-512 instruction on numbers, with a full mask."""

    def emit(*operands: Any) -> Any:
        type = operands[0].type
        letters = "pd" if type.element == ir.DoubleType() else "ps"
        rest = operands[0], ir.IntType(type.count)(-1), ROUNDED_AS_USUAL
        name_ = f"llvm.x86.avx512.mask.{name}.{letters}.512"
        return intrinsic(b, name_, type, *operands, *constants, *rest)

    return emit


def intrinsic(b: Any, name: str, type: Any, *operands: Any) -> Any:
    """A call of the LLVM intrinsic of this name."""
    function = declare(b.module, name, ir.FunctionType(type, [x.type for x in operands]))
    return b.call(function, operands)
