"""The elementary functions, against mpmath, the processor and each other."""

import importlib
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elementary import COMPOSED, EXACT, LOOSER, compiled, mp, native, points, ulps
from llvmlite import ir

from micrograd import machine
from micrograd.compiler.llvm import vectormath
from micrograd.compiler.llvm.vectormath import x86
from micrograd.compiler.llvm.vectormath.trigonometry import FIRST, STEP, two_over_pi
from micrograd.operation import FUNCTION
from micrograd.ops import TABLE

NAMES = sorted(vectormath.FUNCTIONS)
DTYPES = [np.float64, np.float32]
BOUND = 2.0  # ulp
functions = pytest.mark.parametrize("name", NAMES)
formats = pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])


@formats
@functions
def test_is_within_two_units_of_the_last_place(name, dtype):
    operands = points(name, dtype, 2000)
    errors = ulps(name, native(name, dtype, 8)(*operands), *operands)
    worst = errors.argmax()
    assert errors[worst] <= BOUND, [x[worst] for x in operands]


@formats
@pytest.mark.parametrize("name", [*COMPOSED, *LOOSER])
def test_compositions_are_within_two_units_as_a_program_runs_them(name, dtype):
    operands = points(name, dtype, 2000)
    errors = ulps(name, compiled(name, dtype)(*operands), *operands)
    worst = errors.argmax()
    assert errors[worst] <= BOUND + (name in LOOSER), [x[worst] for x in operands]


EDGES = [
    0.0,
    5e-324,
    1e-310,
    1e-45,
    1e-40,
    1e-20,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    88.9,
    104.0,
    709.9,
    746.0,
]
EDGES += [
    1e3,
    2.0**52 + 1,
    1e22,
    1e38,
    3.4028235e38,
    1e300,
    1.7976931348623157e308,
    math.inf,
    math.nan,
]
EDGES += [-x for x in EDGES]


def as_expected(got: Any, expected: Any) -> bool:
    """The same up to a unit of the last place, or two; signs of zeros included."""
    if np.isnan(expected) or np.isinf(expected):
        return bool(np.isnan(got)) if np.isnan(expected) else got == expected
    if expected == 0:
        return got == 0 and np.signbit(got) == np.signbit(expected)
    return abs(got - expected) <= 2 * np.spacing(abs(expected) / 2)


@formats
@functions
def test_edges_are_those_of_the_machine(name, dtype):
    meaning = getattr(machine, name, TABLE[name].meaning)
    with np.errstate(over="ignore"):
        edges = [float(dtype(x)) for x in EDGES]
    rows = list(itertools.product(edges, repeat=TABLE[name].arity or 0))
    results = native(name, dtype, 8)(*(np.array(column) for column in zip(*rows)))
    for row, got in zip(rows, results):
        with np.errstate(over="ignore"):
            expected = dtype(machine.run(meaning, row))
        assert as_expected(got, expected), (row, got, expected)


@formats
@pytest.mark.parametrize("name", ["tanh", "erf", "erfc"])
def test_a_limit_is_the_number_itself_from_where_it_is_rounded_to(name, dtype):
    """In float32, tanh(inf) was the number below 1, and its slope an epsilon."""
    x = np.array([10.0, 19.5, 30.0, 1e30, np.inf], dtype)
    limits = {"tanh": (1.0, -1.0), "erf": (1.0, -1.0), "erfc": (0.0, 2.0)}[name]
    for sign, limit in zip((1, -1), limits):
        got = native(name, dtype, 8)(sign * x)
        first = 1 if dtype is np.float64 and name == "tanh" else 2 if limit == 0.0 else 0
        assert (got[first:] == limit).all(), got


@formats
@functions
def test_lanes_agree_bit_for_bit_at_every_width(name, dtype):
    operands = points(name, dtype, 500)
    bits = np.dtype(dtype).str.replace("f", "u")
    one, *others = (native(name, dtype, lanes)(*operands).view(bits) for lanes in (1, 4, 8, 16))
    for other in others:
        assert (one == other).all()


@formats
@pytest.mark.parametrize("lanes", [4, 8])
@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "erf", "tanh"])
def test_processors_without_tables_agree_bit_for_bit(name, lanes, dtype, monkeypatch):
    with np.errstate(over="ignore"):
        operands = [np.concatenate([x, np.array(EDGES, dtype)]) for x in points(name, dtype, 500)]
    bits = np.dtype(dtype).str.replace("f", "u")
    one = native(name, dtype, lanes)(*operands)
    monkeypatch.setattr(x86, "vector_bytes", lambda: 16)
    other = native(name, dtype, lanes)(*operands)
    assert ((one.view(bits) == other.view(bits)) | (np.isnan(one) & np.isnan(other))).all()


@formats
@functions
def test_numpy_runs_the_same_formula(name, dtype):
    operands = points(name, dtype, 400)
    assert ulps(name, vectormath.on_arrays(name, *operands), *operands).max() <= BOUND


@functions
def test_is_straight_line_code_without_the_c_library(name):
    type = ir.VectorType(ir.DoubleType(), 8)
    arity = TABLE[name].arity or 0
    function = ir.Function(ir.Module(), ir.FunctionType(type, [type] * arity), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(vectormath.emit(builder, name, function.args))
    assert len(function.blocks) == (3 if name in ("sin", "cos", "tan") else 1)
    known = {"f"} | {other for other in function.module.globals if other.startswith("micrograd.")}
    assert all(other.startswith("llvm.") or other in known for other in function.module.globals)


def test_every_function_of_the_machine_has_its_formula():
    elementary = {name for name, row in TABLE.items() if row.primitive and row.cost == FUNCTION}
    assert elementary - {"fmod"} == set(NAMES) <= set(EXACT)  # LLVM has an instruction for that


@pytest.mark.parametrize("row", [0, 1, 30, 63])
def test_the_digits_of_two_over_pi(row):
    *parts, scale = two_over_pi()[row]
    with mp.workprec(1400):
        exact = mp.fmod(mp.ldexp(2 / mp.pi, FIRST + STEP * row), 4)
        assert abs(sum(map(mp.mpf, parts)) - exact) < mp.ldexp(1, -205)
    assert scale == 2.0 ** -(FIRST + STEP * row)


def test_the_worst_number_for_the_reduction_by_pi():
    """Nearest of all doubles to a multiple of π/2 (Muller, "Elementary Functions", table 11.1)."""
    x = np.full(8, math.ldexp(6381956970095103, 797))
    for name in ("sin", "cos", "tan"):
        assert ulps(name, native(name, np.float64, 8)(x), x).max() <= BOUND


def test_the_coefficients_are_those_that_the_benchmark_finds(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    minimax = importlib.import_module("minimax")
    text = Path(vectormath.__file__).with_name("coefficients.py").read_text()
    for name in ("EXP_STEP", "LOG"):
        fit = minimax.FITS[name]
        assert minimax.table(f"{name}_64", fit, fit.interval, fit.terms[0], np.float64) in text
    for name in ("POWERS", "CENTERS"):
        _, rows = minimax.TABLES[name]
        assert minimax.rows_of(f"{name}_64", *rows(np.float64)) in text
