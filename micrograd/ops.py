"""The table: every primitive operation, what it means and how it differentiates, once.

A row is read from left to right: its name, how many operands it takes (`None`: any number), its
meaning and its derivative. Both are formulas in plain arithmetic over the other rows, so that one row
serves every reader: the engine runs them on floats, higher derivatives run them on `Value`s, the
compiler on symbols, NumPy on arrays.

A derivative is given `g`, the gradient of the result; `z`, the result; and the operands. It answers
what each operand adds to its own gradient, in the order of the operands. A zero written as a number
stops the chain rule there.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import reduce
from numbers import Complex, Number, Real
from typing import Any, cast

from micrograd import machine


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One row of the table: an operation on numbers, and its derivative.

    Called on numbers it gives a float, on NumPy arrays an array, on `Value`s a `Value`.

    >>> import micrograd as mg
    >>> mg.tanh(0.5)
    0.46211715726000973
    >>> mg.tanh, mg.tanh.arity
    (<op tanh>, 1)
    """

    name: str
    arity: int | None
    meaning: Callable[..., Any]
    derivative: Callable[..., Any] | None
    doc: str
    _: KW_ONLY
    symbol: str = ""  # between its operands, where people write it there
    primitive: bool = False  # the machine's own: a back end knows it by name
    boolean: bool = False  # a truth, not a number: it has no derivative
    defaults: tuple[float, ...] = ()  # of the last operands, where they may be left out

    def __post_init__(self) -> None:
        if not (callable(self.meaning) and (self.boolean or callable(self.derivative))):
            raise TypeError(f"operation {self.name!r} needs a meaning and a derivative")
        object.__setattr__(self, "__doc__", self.doc)

    def __call__(self, *operands: Any) -> Any:
        if len(operands) != self.arity is not None:
            operands = self._completed(operands)
        return INTERPRETERS[frozenset(map(type, operands))](self, operands)

    def _completed(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        missing = cast(int, self.arity) - len(operands)
        if not 0 < missing <= len(self.defaults):
            raise TypeError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        return operands + self.defaults[-missing:]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


# Who runs an operation: the operands decide.

Interpreter = Callable[[Op, tuple[Any, ...]], Any]


class _Interpreters(dict[frozenset[type], Interpreter]):
    """What runs an operation on operands of these types: arrays, scalars of the highest rank, or
    the machine on numbers."""

    def __missing__(self, kinds: frozenset[type]) -> Interpreter:
        scalars = [kind for kind in kinds if hasattr(kind, "interpreter")]
        if any(kind.__module__ == "numpy" and kind.__name__ == "ndarray" for kind in kinds):
            run = elementwise if scalars else on_arrays
        elif scalars:
            run = max(scalars, key=lambda kind: kind.rank).interpreter(kinds)
        else:
            run = on_numbers
        self[kinds] = run
        return run


INTERPRETERS = _Interpreters()


def on_numbers(op: Op, operands: tuple[Any, ...]) -> float | bool:
    numbers = [x if x.__class__ is float else number(x) for x in operands]
    return machine.run(op.meaning, numbers)


def number(x: Any) -> float:
    """`x` as a float. Raises TypeError if it is anything else than one real number."""
    real = isinstance(x, Real) if isinstance(x, Complex) else isinstance(x, Number)
    if not real and str(getattr(x, "dtype", "")) + type(x).__name__ not in ("boolbool", "boolbool_"):
        raise TypeError(f"expected one real number, got {type(x).__name__} {x!r:.60}")
    try:
        return float(x)
    except OverflowError:  # an integer beyond the floats rounds to infinity
        return math.inf if x > 0 else -math.inf


def elementwise(op: Op, operands: tuple[Any, ...]) -> Any:
    import numpy as np

    return np.frompyfunc(op, len(operands), 1)(*operands)


def on_arrays(op: Op, operands: tuple[Any, ...]) -> Any:
    import numpy as np

    if any(getattr(x, "dtype", None) == object for x in operands):
        return elementwise(op, operands)
    arrays = [x if getattr(x, "dtype", None) == bool else np.asarray(x, float) for x in operands]
    with np.errstate(all="ignore"):
        return (machine.on_arrays(op.name) if op.primitive else op.meaning)(*arrays)


# What the formulas of the table are written in, besides the rows themselves.


def select(c: Any, x: Any, y: Any) -> Any:
    """x where c holds, else y; the other one is out of the formula, its derivative with it."""
    if c.__class__ is bool:
        return x if c else y
    return where(c, x, y)


def _primitive(name: str, arity: int, derivative: Any, doc: str, symbol: str = "") -> Op:
    return Op(name, arity, getattr(machine, name), derivative, doc, symbol=symbol, primitive=True)


def _truth(name: str, arity: int, doc: str, symbol: str) -> Op:
    meaning = getattr(machine, name)
    return Op(name, arity, meaning, None, doc, symbol=symbol, primitive=True, boolean=True)


def _total(terms: Any) -> Any:
    return reduce(machine.add, terms) if terms else 0.0


def _weighted(operands: Any) -> tuple[Any, Any, Any]:
    """The operands of a dot: its weights, its inputs and its bias."""
    n = len(operands) // 2
    return operands[:n], operands[n:-1], operands[-1]


def _dot(*operands: Any) -> Any:
    w, x, b = _weighted(operands)
    return reduce(machine.add, map(machine.mul, w, x), b)


def _dot_derivative(g: Any, z: Any, *operands: Any) -> Any:
    w, x, _ = _weighted(operands)
    return [*[g * xi for xi in x], *[g * wi for wi in w], g]


def _sigmoid(x: Any) -> Any:
    e = exp(-abs(x))  # at most 1: nothing overflows on either side
    return select(x >= 0, 1.0, e) / (1.0 + e)


def _maximum(x: Any, y: Any) -> Any:
    return select(x > y, x, select(x <= y, y, x + y))  # x + y: NaN if either is


def _minimum(x: Any, y: Any) -> Any:
    return select(x < y, x, select(x >= y, y, x + y))


def _larger(g: Any, z: Any, x: Any, y: Any) -> Any:
    """To the larger one; at a tie each gets half, as in PyTorch."""
    tie = x == y
    return (
        select(tie, 0.5 * g, select(x < y, 0.0, g)),
        select(tie, 0.5 * g, select(x > y, 0.0, g)),
    )


def _smaller(g: Any, z: Any, x: Any, y: Any) -> Any:
    dx, dy = _larger(g, z, x, y)
    tie = x == y
    return select(tie, dx, select(x > y, 0.0, g)), select(tie, dy, select(x < y, 0.0, g))


def _pow_derivative(g: Any, z: Any, x: Any, y: Any) -> Any:
    dx = select(y == 0, 0.0, g * y * pow(x, y - 1))
    dy = select(x == 0, select(y >= 0, 0.0, g * z * log(x)), g * z * log(x))
    return dx, dy


def _atan2_derivative(g: Any, z: Any, y: Any, x: Any) -> Any:
    m = maximum(abs(x), abs(y))  # scaled by it, no square over- or underflows
    u, v = x / m, y / m
    d = (u * u + v * v) * m
    return select(m == 0, 0.0, g * u / d), select(m == 0, 0.0, -g * v / d)


def _take_derivative(g: Any, z: Any, *operands: Any) -> Any:
    *values, index = operands
    return [*[select(index == k, g, 0.0) for k in range(len(values))], 0.0]


# ln Γ, by Stirling's series where x >= 8, shifted there by Γ(x + 1) = x Γ(x), and reflected at 1/2 by
# Γ(x) Γ(1 - x) = π / sin πx. Abramowitz & Stegun (1964), 6.1.15, 6.1.17, 6.1.41; ψ: 6.3.5, 6.3.7, 6.3.18.
_SHIFT = 8
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_DIGAMMA = tuple((2 * k + 1) * c for k, c in enumerate(_STIRLING))


def _series(coefficients: tuple[float, ...], t: Any) -> Any:
    return reduce(lambda total, c: total * t + c, reversed(coefficients))


def _lgamma(x: Any) -> Any:
    left = x < 0.5
    y = select(left, 1.0 - x, x)
    small = y < _SHIFT
    s = select(small, y + _SHIFT, y)
    product = select(small, reduce(machine.mul, [y + k for k in range(_SHIFT)]), 1.0)
    r = 1.0 / s
    stirling = (s - 0.5) * (log(s) - 1.0) - 0.5 + 0.5 * math.log(2 * math.pi)
    right = stirling + r * _series(_STIRLING, r * r) - log(product)
    right = select(y == math.inf, y, right)
    return select(left, math.log(math.pi) - log(abs(sin(math.pi * (x - floor(x))))) - right, right)


def digamma(x: Any) -> Any:
    """The derivative of lgamma, ψ(x) = Γ'(x) / Γ(x).

    >>> round(digamma(1.0), 12)
    -0.577215664902
    """
    left = x < 0.5
    y = select(left, 1.0 - x, x)
    small = y < _SHIFT
    s = select(small, y + _SHIFT, y)
    shift = select(small, _total([1.0 / (y + k) for k in range(_SHIFT)]), 0.0)
    r = 1.0 / s
    right = log(s) - 0.5 * r - r * r * _series(_DIGAMMA, r * r) - shift
    return select(left, right - math.pi / tan(math.pi * (x - floor(x))), right)


# fmt: off
# ruff: noqa: E501
# The machine's own: a meaning is a function of machine.py with the same name.

add    = _primitive("add",    2, lambda g, z, x, y: (g, g),                       "x + y", "+")
sub    = _primitive("sub",    2, lambda g, z, x, y: (g, -g),                      "x - y", "-")
mul    = _primitive("mul",    2, lambda g, z, x, y: (g * y, g * x),               "x * y", "*")
div    = _primitive("div",    2, lambda g, z, x, y: (g / y, -(g / y) * z),        "x / y", "/")
pow    = _primitive("pow",    2, _pow_derivative,                                 "x to the power y", "**")
neg    = _primitive("neg",    1, lambda g, z, x: (-g,),                           "-x")
abs    = _primitive("abs",    1, lambda g, z, x: (g * sign(x),),                  "the magnitude of x")
floor  = _primitive("floor",  1, lambda g, z, x: (0.0,),                          "the largest integer that is not above x")

exp    = _primitive("exp",    1, lambda g, z, x: (g * z,),                        "e to the power x")
expm1  = _primitive("expm1",  1, lambda g, z, x: (g * exp(x),),                   "exp(x) - 1, precise for small x")
log    = _primitive("log",    1, lambda g, z, x: (g / x,),                        "the natural logarithm of x")
log1p  = _primitive("log1p",  1, lambda g, z, x: (g / (1 + x),),                  "log(1 + x), precise for small x")
sqrt   = _primitive("sqrt",   1, lambda g, z, x: (g * 0.5 / z,),                  "the square root of x")
sin    = _primitive("sin",    1, lambda g, z, x: (g * cos(x),),                   "the sine of x radians")
cos    = _primitive("cos",    1, lambda g, z, x: (-g * sin(x),),                  "the cosine of x radians")
tan    = _primitive("tan",    1, lambda g, z, x: (g * (1 + z * z),),              "the tangent of x radians")
asin   = _primitive("asin",   1, lambda g, z, x: (g / sqrt((1 - x) * (1 + x)),),  "the arc sine of x, in radians")
acos   = _primitive("acos",   1, lambda g, z, x: (-g / sqrt((1 - x) * (1 + x)),), "the arc cosine of x, in radians")
atan   = _primitive("atan",   1, lambda g, z, x: (g / (1 + x * x),),              "the arc tangent of x, in radians")
atan2  = _primitive("atan2",  2, _atan2_derivative,                               "the angle of the point (x, y), given y first, in radians")
sinh   = _primitive("sinh",   1, lambda g, z, x: (g * cosh(x),),                  "the hyperbolic sine of x")
cosh   = _primitive("cosh",   1, lambda g, z, x: (g * sinh(x),),                  "the hyperbolic cosine of x")
tanh   = _primitive("tanh",   1, lambda g, z, x: (g * (1 - z * z),),              "the hyperbolic tangent of x")
erf    = _primitive("erf",    1, lambda g, z, x: (g * (2 / math.sqrt(math.pi)) * exp(-x * x),),  "the error function of x")
erfc   = _primitive("erfc",   1, lambda g, z, x: (g * (-2 / math.sqrt(math.pi)) * exp(-x * x),), "1 - erf(x), precise for large x")

where  = _primitive("where",  3, lambda g, z, c, x, y: (0.0, select(c, g, 0.0), select(c, 0.0, g)), "x where c holds, else y")

less        = _truth("less",        2, "whether x is below y",     "<")
less_equal  = _truth("less_equal",  2, "whether x is at most y",   "<=")
equal       = _truth("equal",       2, "whether x equals y",       "==")
not_equal   = _truth("not_equal",   2, "whether x differs from y", "!=")
logical_and = _truth("logical_and", 2, "whether both hold",        "&")
logical_or  = _truth("logical_or",  2, "whether either holds",     "|")
logical_not = _truth("logical_not", 1, "whether it does not hold", "")

# Composed of the rows above.

sigmoid    = Op("sigmoid",    1, _sigmoid,                                       lambda g, z, x: (g * z * (1 - z),),                "1 / (1 + exp(-x)), the logistic function")
softplus   = Op("softplus",   1, lambda x: maximum(x, 0.0) + log1p(exp(-abs(x))), lambda g, z, x: (g * sigmoid(x),),                "log(1 + exp(x)), a smooth relu")
relu       = Op("relu",       1, lambda x: select(x <= 0, 0.0, x),               lambda g, z, x: (select(x <= 0, 0.0, g),),         "x where it is positive, else 0")
leaky_relu = Op("leaky_relu", 2, lambda x, a: select(x <= 0, a * x, x),          lambda g, z, x, a: (select(x <= 0, a * g, g), select(x <= 0, g * x, 0.0)), "x where it is positive, else a * x (a = 0.01)", defaults=(0.01,))
elu        = Op("elu",        2, lambda x, a: select(x <= 0, a * expm1(x), x),   lambda g, z, x, a: (select(x <= 0, g * a * exp(x), g), select(x <= 0, g * expm1(x), 0.0)), "x where it is positive, else a * (exp(x) - 1) (a = 1)", defaults=(1.0,))
silu       = Op("silu",       1, lambda x: x * sigmoid(x),                       lambda g, z, x: (g * (sigmoid(x) + z * sigmoid(-x)),), "x * sigmoid(x), also called swish")
gelu       = Op("gelu",       1, lambda x: 0.5 * x * erfc(-math.sqrt(0.5) * x),  lambda g, z, x: (g * (0.5 * erfc(-math.sqrt(0.5) * x) + x * exp(-0.5 * x * x) / math.sqrt(2 * math.pi)),), "x times the normal distribution function of x")
lgamma     = Op("lgamma",     1, _lgamma,                                        lambda g, z, x: (g * digamma(x),),                 "the logarithm of the magnitude of the gamma function")
sign       = Op("sign",       1, lambda x: select(x > 0, 1.0, select(x < 0, -1.0, 0.0 * x)), lambda g, z, x: (0.0,),                "1, 0 or -1, as x is positive, zero or negative")
maximum    = Op("maximum",    2, _maximum,                                       _larger,                                           "the larger of x and y")
minimum    = Op("minimum",    2, _minimum,                                       _smaller,                                          "the smaller of x and y")
identity   = Op("identity",   1, lambda x: x,                                    lambda g, z, x: (g,),                              "x itself")
stop_gradient = Op("stop_gradient", 1, lambda x: x,                              lambda g, z, x: (0.0,),                            "x itself, which passes no gradient on")

# Of any number of operands: they keep a graph small, and a neuron readable.

dot   = Op("dot",  None, _dot,                      _dot_derivative,                    "the sum of weights times inputs, and the bias: operands w1 ... wn, x1 ... xn, b")
sum   = Op("sum",  None, lambda *x: _total(x),      lambda g, z, *x: [g] * len(x),      "the sum of all operands")
take  = Op("take", None, machine.take,              _take_derivative,                   "the operand at the place that the last one names", primitive=True)
# fmt: on

TABLE: dict[str, Op] = {row.name: row for row in list(globals().values()) if isinstance(row, Op)}


def op(*, derivative: Callable[..., Any], name: str | None = None) -> Callable[[Callable], Op]:
    """Adds an operation: decorates its meaning, a function of one or more numbers.

    `derivative(g, z, *operands)` is given the gradient `g` of the result, the result `z` and the
    operands; it returns what each operand adds to its gradient: a tuple, or one number where there is
    one operand. Both are written in arithmetic and the functions of `micrograd`, so that they run on
    numbers, on Values (second derivatives) and in compiled programs alike.

    Raises TypeError for a meaning that does not take a fixed number of operands, and ValueError where
    the name is taken.

    >>> import micrograd as mg
    >>> @mg.op(derivative=lambda g, z, x: 3 * g * x**2)
    ... def cube(x):
    ...     return x**3
    >>> x = mg.Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad
    (8.0, 12.0)
    """

    def add_row(meaning: Callable[..., Any]) -> Op:
        parameters = list(inspect.signature(meaning).parameters.values())
        if not parameters or any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
            raise TypeError(f"{meaning.__name__} must take a fixed number of operands, at least one")

        def gradients(g: Any, z: Any, *operands: Any) -> Any:
            answer = derivative(g, z, *operands)
            return answer if isinstance(answer, (tuple, list)) else (answer,)

        row = Op(
            name or meaning.__name__, len(parameters), meaning, gradients,
            inspect.getdoc(meaning) or f"{meaning.__name__}, added by its user",
            defaults=tuple(p.default for p in parameters if p.default is not p.empty),
        )  # fmt: skip
        if row.name in TABLE:
            raise ValueError(f"there is an operation called {row.name!r} already; choose another")
        TABLE[row.name] = row
        return row

    return add_row


def label(name: str) -> Op:
    """An operation that was done elsewhere and is known by its name only: it passes no gradient on."""
    return Op(name, None, lambda *x: math.nan, lambda g, z, *x: [0.0] * len(x), name, symbol=name)
