"""The table: every operation, its meaning and its derivative, written once.

First the primitive operations, a row each: name, description, derivative. Then the composite ones:
the derivative is above the meaning, as in a user's own `@micrograd.op`. In every formula `g` is the
gradient of the result, `z` the result, and x, y the operands; see `operation.py`.
"""

import math
from functools import reduce
from typing import Any

from micrograd import machine
from micrograd.operation import (
    INTERPRETERS,
    TABLE,
    Interpreter,
    Op,
    composed,
    function,
    label,
    primitive,
    truth,
)

__all__ = ["Op", "TABLE", "INTERPRETERS", "Interpreter", "select", "label"]


def select(c: Any, x: Any, y: Any) -> Any:
    """x if c holds, else y. A known condition leaves the other operand out of the graph."""
    if c.__class__ is bool:
        return x if c else y
    return where(c, x, y)


# Derivatives that are too long for a line of the table.


def _pow(g: Any, z: Any, x: Any, y: Any) -> Any:
    """At 0 as in PyTorch and JAX: no `0 * inf`, and 0**0 is flat in both operands."""
    base = select(z == 0, 1.0, select(x == 0, select(y == 0, 1.0, x), x))
    dx = select(y == 0, g * y / base, g * y * pow(x, y - 1))  # at y = 0: 0, with a derivative
    dy = g * z * log(base)  # log(1) if it is flat
    return dx, dy


def _atan2(g: Any, z: Any, y: Any, x: Any) -> Any:
    """(x, -y) / (x² + y²); 0 at the origin and at infinity."""
    m = stop_gradient(maximum(abs(x), abs(y)))  # a scale: no square over- or underflows
    flat = logical_or(m == 0, m == math.inf)
    m = select(flat, 1.0, m)
    u, v = select(flat, 1.0, x) / m, select(flat, 0.0, y) / m
    d = (u * u + v * v) * m
    return select(flat, 0.0, g * u / d), select(flat, 0.0, -g * v / d)


def _where(g: Any, z: Any, c: Any, x: Any, y: Any) -> Any:
    return 0.0, select(c, g, 0.0), select(c, 0.0, g)


def _take(g: Any, z: Any, *operands: Any) -> Any:
    *values, index = operands
    return [*[select(index == k, g, 0.0) for k in range(len(values))], 0.0]


def _bell(x: Any) -> Any:
    return 2.0 / math.sqrt(math.pi) * exp(-x * x)


# fmt: off
# Primitives: one machine instruction, or a function of the C library. The meaning is the function
# of that name in machine.py. `c` is the name in C, if it is neither the symbol nor the name.

add   = primitive("add",   "x + y",              lambda g, z, x, y: (g, g),              "+")
sub   = primitive("sub",   "x - y",              lambda g, z, x, y: (g, -g),             "-")
mul   = primitive("mul",   "x * y",              lambda g, z, x, y: (g * y, g * x),      "*")
div   = primitive("div",   "x / y",              lambda g, z, x, y: (g / y, -g * z / y), "/")
pow   = function("pow",    "x to the power y",   _pow,                              "**", c="pow")
neg   = primitive("neg",   "-x",                 lambda g, z, x: (-g,),                 c="-")
abs   = primitive("abs",   "the magnitude of x", lambda g, z, x: (g * sign(x),),        c="fabs")

floor = primitive("floor", "the largest integer up to x",      lambda g, z, x: (0.0,))
exp   = function("exp",    "e to the power x",                 lambda g, z, x: (g * z,))
expm1 = function("expm1",  "exp(x) - 1, precise for small x",  lambda g, z, x: (g * exp(x),))
log   = function("log",    "the natural logarithm of x",       lambda g, z, x: (g / x,))
log1p = function("log1p",  "log(1 + x), precise for small x",  lambda g, z, x: (g / (1.0 + x),))
sqrt  = primitive("sqrt",  "the square root of x",             lambda g, z, x: (g * 0.5 / z,))
sin   = function("sin",    "the sine of x radians",            lambda g, z, x: (g * cos(x),))
cos   = function("cos",    "the cosine of x radians",          lambda g, z, x: (-g * sin(x),))
tan   = function("tan",    "the tangent of x radians",         lambda g, z, x: (g * (1.0 + z * z),))
asin  = function("asin",   "the arc sine of x, in radians",    lambda g, z, x: (g / leg(x),))
acos  = function("acos",   "the arc cosine of x, in radians",  lambda g, z, x: (-g / leg(x),))
atan  = function("atan",   "the arc tangent of x, in radians", lambda g, z, x: (g / (1.0 + x * x),))
atan2 = function("atan2",  "the angle of (x, y), in radians",  _atan2)
sinh  = function("sinh",   "the hyperbolic sine of x",         lambda g, z, x: (g * cosh(x),))
cosh  = function("cosh",   "the hyperbolic cosine of x",       lambda g, z, x: (g * sinh(x),))
tanh  = function("tanh",   "the hyperbolic tangent of x",      lambda g, z, x: (g * (1.0 - z * z),))
erf   = function("erf",    "the error function of x",          lambda g, z, x: (g * _bell(x),))
erfc  = function("erfc",   "1 - erf(x), precise for large x",  lambda g, z, x: (-g * _bell(x),))
where = primitive("where", "x where c holds, else y",          _where, conditions=1)
take  = primitive("take",  "the x at the place k, from 0",     _take)

less        = truth("less",        2, "whether x is below y",     "<")
less_equal  = truth("less_equal",  2, "whether x is at most y",   "<=")
equal       = truth("equal",       2, "whether x equals y",       "==")
not_equal   = truth("not_equal",   2, "whether x differs from y", "!=")
logical_and = truth("logical_and", 2, "whether both hold",        "&", c="&&", conditions=2)
logical_or  = truth("logical_or",  2, "whether either holds",     "|", c="||", conditions=2)
logical_not = truth("logical_not", 1, "whether it does not hold",      c="!",  conditions=1)

# fmt: on


# Composites of the rows above.


@composed(lambda g, z, x: (g,))
def identity(x):
    """x itself"""
    return x


@composed(lambda g, z, x: (0.0,))
def stop_gradient(x):
    """x itself, which passes no gradient on"""
    return x


@composed(lambda h, z, c, g, x: (0.0, 0.0, _under(c, h)), conditions=1, listed=False)
def passed(c, g, x):
    """x, a term of a gradient that a gradient g passes on under the condition c; 0 where g is 0"""
    return select(g == 0, 0.0, x)


def _under(c: Any, h: Any) -> Any:
    return h if c.__class__ is float and c == 1 else where(c, h, 0.0)


@composed(lambda h, z, c, x: (0.0, where(c, h, 0.0)), conditions=1, listed=False)
def under(c, x):
    """x, which is passed on under the condition c, else 0"""
    return where(c, x, 0.0)


@composed(lambda h, z, y, u, x: (select(u == 0, h, 0.0), 0.0, select(u == 0, 0.0, h)), listed=False)
def extended(y, u, x):
    """x; where u is 0, its limit y"""
    return select(u == 0, y, x)


GUARDS = (passed, under, extended)  # against `0 * inf` and 0 / 0


@composed(lambda g, z, x: (-g * x / z,), listed=False)
def leg(x):
    """the other leg of a right triangle with a leg x and hypotenuse 1"""
    return sqrt((1.0 - x) * (1.0 + x))


@composed(lambda g, z, x: (select(z == 0, 0.0, g * 0.5 / z),), listed=False)
def length(x):
    """the square root of a sum of squares, with the derivative 0 at 0"""
    return sqrt(x)


@composed(lambda g, z, x: (0.0,))
def sign(x):
    """1, 0 or -1, as x is positive, zero or negative"""
    return select(x > 0, 1.0, select(x < 0, -1.0, 0.0 * x))


def _larger(g: Any, z: Any, x: Any, y: Any) -> Any:
    """The larger operand gets the gradient; at a tie each gets half, as in PyTorch."""
    half = 0.5 * g
    dx = select(x == y, half, select(x < y, 0.0, g))
    dy = select(x == y, half, select(x > y, 0.0, g))
    return dx, dy


@composed(_larger)
def maximum(x, y):
    """the larger of x and y"""
    return select(x > y, x, select(x <= y, y, x + y))  # x + y: NaN if either is


@composed(lambda g, z, x, y: _larger(g, z, y, x))  # the other way round
def minimum(x, y):
    """the smaller of x and y"""
    return select(x < y, x, select(x >= y, y, x + y))


@composed(lambda g, z, x: (select(z <= 0, 0.0, g),), on_floats=lambda x: 0.0 if x <= 0 else x)
def relu(x):
    """x where it is positive, else 0"""
    return select(x <= 0, 0.0, x)


@composed(lambda g, z, x, a: (select(x <= 0, g * a, g), select(x <= 0, g * x, 0.0)))
def leaky_relu(x, a=0.01):
    """x where it is positive, else a * x (a = 0.01)"""
    return select(x <= 0, a * x, x)


@composed(lambda g, z, x, a: (select(x <= 0, g * a * exp(x), g), select(x <= 0, g * expm1(x), 0.0)))
def elu(x, a=1.0):
    """x where it is positive, else a * (exp(x) - 1) (a = 1)"""
    return select(x <= 0, a * expm1(x), x)


@composed(lambda g, z, x: (g * z * (1.0 - z),))
def sigmoid(x):
    """1 / (1 + exp(-x)), the logistic function"""
    e = exp(-abs(x))  # at most 1, so that nothing overflows
    return select(x >= 0, 1.0, e) / (1.0 + e)


@composed(lambda g, z, x: (g * sigmoid(x),))
def softplus(x):
    """log(1 + exp(x)), a smooth relu"""
    return maximum(x, 0.0) + log1p(exp(-abs(x)))


_FAR = 746.0  # exp(-746) is 0: clamping x to it avoids inf * 0, and changes no result


@composed(lambda g, z, x: (g * (sigmoid(x) + minimum(z, _FAR) * sigmoid(-x)),))
def silu(x):
    """x * sigmoid(x), also called swish"""
    return maximum(x, -_FAR) * sigmoid(x)


def _gelu(g: Any, z: Any, x: Any) -> Any:
    t = maximum(minimum(x, _FAR), -_FAR)
    density = exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)
    return (g * (0.5 * erfc(-math.sqrt(0.5) * x) + t * density),)


@composed(_gelu)
def gelu(x):
    """x times the normal distribution function of x"""
    return 0.5 * maximum(x, -_FAR) * erfc(-math.sqrt(0.5) * x)


# Operations on any number of operands: they keep a graph small, and a neuron readable.


@composed(lambda g, z, *x: [g] * len(x))
def sum(*x):
    """the sum of all operands"""
    return reduce(machine.add, x) if x else 0.0


# If the sum of squares is above (below) the first number, the vector is scaled by the second. It is
# a power of two, so scaling is exact, and no square over- or underflows. In float32 only the first
# pair of each is finite.
_LARGE = ((2.0**100, 2.0**-70), (2.0**1000, 2.0**-600))
_SMALL = ((2.0**-100, 2.0**70), (2.0**-900, 2.0**600))


def _norm(g: Any, z: Any, *x: Any) -> Any:
    return [select(z == 0, 0.0, g * div(v, z)) for v in x]


@composed(_norm)
def norm(*x):
    """the length of the vector of all operands"""
    squares = sum(*[v * v for v in x])
    scale: Any = 1.0
    for least, power in _LARGE:
        scale = select(squares > least, power, scale)
    for most, power in _SMALL:
        scale = select(squares < most, power, scale)
    if scale.__class__ is float and scale == 1.0:
        return length(squares)
    scaled = [v * scale for v in x]
    return length(sum(*[v * v for v in scaled])) / scale


def weighted(operands: Any) -> tuple[Any, Any, Any]:
    """The operands of a dot, or what belongs to each of them: of its weights, inputs and bias."""
    n = len(operands) // 2
    return operands[:n], operands[n:-1], operands[-1]


def _dot(g: Any, z: Any, *operands: Any) -> Any:
    w, x, _ = weighted(operands)
    return [*[g * xi for xi in x], *[g * wi for wi in w], g]


@composed(_dot)
def dot(*operands):
    """the sum of weights times inputs, and the bias: operands w1 ... wn, x1 ... xn, b"""
    w, x, b = weighted(operands)
    return reduce(machine.add, map(machine.mul, w, x), b)
