"""The elementary functions: native code on arrays, test points, and reference values."""

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
from llvmlite import ir

import micrograd as mg
from micrograd.compiler.llvm import vectormath

Array = Any
mp: Any = mpmath.mp.clone()
mp.prec = 140  # enough for the difference of neighbouring doubles, with a double's precision


def native(name: str, dtype: Any, lanes: int) -> Any:
    """The function as machine code, on arrays."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly(str(loop(name, dtype, lanes)))
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes = llvm.create_pass_builder(target, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, target)
    arity = 2 if name in ("pow", "atan2") else 1
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (arity + 1))
    code = signature(engine.get_function_address("loop"))

    def call(*operands: Array) -> Array:
        count = len(operands[0])
        full = [np.resize(np.asarray(x, dtype), -(-count // lanes) * lanes) for x in operands]
        result = np.empty_like(full[0])
        code(result.size // lanes, *(x.ctypes.data for x in full), result.ctypes.data)
        return result[:count]

    call.code = code  # type: ignore[attr-defined]
    call.keep = engine, target  # type: ignore[attr-defined]  # the code lives as long as they do
    return call


def loop(name: str, dtype: Any, lanes: int) -> ir.Module:
    """A module with the function `loop(count, operand..., result)` over `count` vectors."""
    number = ir.DoubleType() if np.dtype(dtype) == np.float64 else ir.FloatType()
    vector = number if lanes == 1 else ir.VectorType(number, lanes)
    arity = 2 if name in ("pow", "atan2") else 1
    module, int64 = ir.Module(), ir.IntType(64)
    pointers = [vector.as_pointer()] * (arity + 1)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [int64, *pointers]), "loop")
    count, *operands, result = function.args
    entry, body, end = map(function.append_basic_block, ("entry", "body", "end"))
    builder = ir.IRBuilder(entry)
    builder.cbranch(builder.icmp_signed(">", count, int64(0)), body, end)
    builder.position_at_end(body)
    i = builder.phi(int64)
    align = np.dtype(dtype).itemsize
    values = [builder.load(builder.gep(p, [i]), align=align) for p in operands]
    y = vectormath.emit(builder, name, values)
    builder.store(y, builder.gep(result, [i]), align=align)
    following = builder.add(i, int64(1))
    i.add_incoming(int64(0), entry)
    i.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, count), body, end)
    builder.position_at_end(end)
    builder.ret_void()
    return module


def compiled(name: str, dtype: Any) -> Any:
    """The function as a program runs it, on arrays."""
    function = getattr(mg, name)
    return mg.vectorize(lambda *x: function(*x), dtype=dtype)


# The functions in 140 bits.

_NAMES = "exp expm1 log log1p sin cos tan asin acos atan atan2 sinh cosh tanh erf erfc"
EXACT: dict[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in _NAMES.split()},
    "pow": mp.power,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "log2": lambda x: mp.log(x) / mp.ln2, "log10": lambda x: mp.log(x) / mp.ln10,
    "exp2": lambda x: mp.mpf(2) ** x, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh, "sinc": mp.sincpi,
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)), "xlogy": lambda x, y: x * mp.log(y),
    "hypot": mp.hypot, "fmod": lambda x, y: mp.sign(x) * (abs(x) % abs(y)),
    "mod": lambda x, y: x % y,
}  # fmt: skip

# Compositions of other functions: what is elementary, and what is within 3 units.
COMPOSED = (
    "log2", "log10", "exp2", "cbrt", "asinh", "acosh", "atanh", "log_sigmoid", "xlogy", "hypot",
    "mod", "fmod", "sinc",
)  # fmt: skip
LOOSER = "sigmoid", "softplus"


def ulps(name: str, results: Array, *operands: Array) -> Array:
    """The error of each result, in units in the last place of the exact value.

    Infinity counts as the next power of two after the largest number.
    """
    return np.array([_ulps(name, *row) for row in zip(results, *operands)])


def _ulps(name: str, result: Any, *operands: Any) -> float:
    kind = np.finfo(type(result))
    exact = EXACT[name](*(mp.mpf(float(x)) for x in operands))
    if np.isnan(result):
        return np.inf
    limit = mp.mpf(2) ** kind.maxexp
    exact, got = (max(min(x, limit), -limit) for x in (exact, mp.mpf(float(result))))
    exponent = min(max(mp.frexp(exact)[1] - 1, kind.minexp), kind.maxexp - 1) if exact else 0
    return float(abs(exact - got) * mp.mpf(2) ** (kind.nmant - exponent))


# Test points.


def points(name: str, dtype: Any, count: int, seed: int = 0) -> tuple[Array, ...]:
    """`count` operands, some hundred of them next to the points where the formula changes."""
    double = np.dtype(dtype) == np.float64
    random = np.random.default_rng(seed)
    part = -(-count // 4)

    def even(low: float, high: float) -> Array:
        return random.uniform(low, high, part)

    def wide(low: float, high: float) -> Array:
        """Numbers of either sign, with logarithmically uniform magnitudes."""
        return 2 ** random.uniform(np.log2(low), np.log2(high), part) * random.choice([-1, 1], part)

    kind = np.finfo(dtype)
    least, most, small = float(kind.tiny) * 2.0**-20, float(kind.max), float(kind.eps) / 64
    top = np.log(most)
    bottom = float(np.log(kind.smallest_subnormal))
    multiples = np.round(wide(1, 2.0**40 if double else 2.0**22)) * (np.pi / 2)
    near_zero, by_hand = wide(small, 1), even(-2, 2)
    angles = [even(-10, 10), wide(small, 2**20), wide(1, most), multiples]
    unit = [even(-1, 1), near_zero, 1 - abs(near_zero), even(0.45, 0.55)]
    right = [even(0.5, 2), abs(wide(least, most)), abs(wide(least, 2.0**-100)), 1 + near_zero]
    left = [even(bottom, 0), even(0, top), by_hand, near_zero]
    both = [even(-top, top), even(-20, 20), by_hand, near_zero]
    if name == "pow":
        x = np.concatenate([abs(wide(1e-30, 1e30)), even(0.5, 2), 1 + wide(small, 0.1), even(0, 9)])
        y = np.concatenate([even(-1, 1), even(-50, 50), wide(1, 1e4), np.round(even(-9, 9))])
        return x.astype(dtype), y.astype(dtype)
    if name in ("xlogy", "hypot", "mod", "fmod"):
        x, y = (np.concatenate([wide(1e-3, 1e3), even(-5, 5), wide(0.1, 1)]) for _ in "xy")
        return x.astype(dtype), (abs(y) if name == "xlogy" else y).astype(dtype)
    if name == "atan2":
        y, x = ([wide(0.1, 1), wide(1e-5, 1e5), wide(least, most), even(-1, 1)] for _ in "yx")
        return np.concatenate(y).astype(dtype), np.concatenate(x).astype(dtype)
    places = {
        "exp": left, "expm1": left, "sinh": both, "cosh": both, "tanh": [*both[1:], even(-2, 2)],
        "sigmoid": both, "softplus": both, "log": right,
        "log1p": [even(-1, 3), near_zero, near_zero - 1, abs(wide(1, most))],
        "sin": angles, "cos": angles, "tan": angles, "asin": unit, "acos": unit,
        "atan": [even(-3, 3), wide(least, most), near_zero, 1 + near_zero],
        "log2": right, "log10": right, "exp2": [even(bottom / 0.7, top / 0.7), *left[2:]],
        "cbrt": [wide(least, most), even(-8, 8), wide(1e-5, 1e5)],
        "asinh": [*angles[:2], wide(least, most), near_zero, by_hand],
        "acosh": [1 + abs(near_zero), even(1, 3), abs(wide(1, most))],
        "atanh": unit[:3], "log_sigmoid": both, "sinc": [*angles[:2], near_zero, even(-1, 1)],
        "erf": [even(-6, 6), by_hand, near_zero, wide(least, small)],
        "erfc": [even(-6, 27.22 if double else 10.05), even(0, 6), by_hand, near_zero],
    }  # fmt: skip
    x = np.concatenate(places[name]).astype(dtype)
    if name == "atanh":
        return (x[abs(x) < 1],)
    if name == "acosh":
        return (np.where(x < 1, 2 - x, x).astype(dtype),)
    if name in ("asin", "acos"):
        return (np.clip(x, -1, 1),)
    if name == "log1p":  # which begins at -1: what lies below is reflected
        x = np.where(x == -1, 1, np.where(x < -1, -2 - x, x)).astype(dtype)
    return (x,)
