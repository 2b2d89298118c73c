"""Functions related to the error function, and the normal distribution, precise in both tails.

The names are those of SciPy.
"""

import math
from functools import reduce
from typing import Any

from micrograd import machine
from micrograd.elementary import polynomial
from micrograd.operation import composed
from micrograd.ops import abs, erf, erfc, exp, expm1, log, log1p, maximum, minimum, select, sqrt

_SLOPE = 2.0 / math.sqrt(math.pi)  # of erf at 0
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)  # of the normal distribution, there
_FAR = 746.0  # exp(-746) is 0, which must not be multiplied by infinity
_R = math.sqrt(0.5)

# exp(x²) erfc(x) as the integral of 1 / (x + t²/x) times a bell, by the trapezoid rule with steps
# of 1/2: C. Chiarella and A. Reichel, On the evaluation of integrals related to the error function,
# Mathematics of Computation 22 (1968). Below 2π, where that is wrong by e^-39, the residue of the
# pole is taken out. All terms are positive, and rational: so are those of each derivative.
_STEP = 0.5
_NODES = [((k * _STEP) ** 2, 2.0 * math.exp(-((k * _STEP) ** 2))) for k in range(1, 13)]
_POLE = 2.0 * math.pi / _STEP


def _residue(x: Any) -> tuple[Any, Any]:
    """The residue, and its slope; x is at least 0.5."""
    near = x < 0.5 * _POLE
    t = select(near, x, 1.0)
    rest = 2.0 * exp(t * (t - _POLE)) / expm1(-_POLE * t)
    slope = rest * (2.0 * t - _POLE - _POLE / expm1(_POLE * t))
    return select(near, rest, 0.0), select(near, slope, 0.0)


def _erfcx_right(x: Any) -> Any:
    u = 1.0 / x
    terms = [weight / (x + square * u) for square, weight in reversed(_NODES)]
    return (_STEP / math.pi) * (reduce(machine.add, terms) + u) + _residue(x)[0]


def _slope_right(x: Any) -> Any:
    u = 1.0 / x
    terms = [
        weight * (1.0 - square * u * u) * (1.0 / (x + square * u)) * (1.0 / (x + square * u))
        for square, weight in reversed(_NODES)
    ]
    return (-_STEP / math.pi) * (reduce(machine.add, terms) + u * u) + _residue(x)[1]


def _erfcx(g: Any, z: Any, x: Any) -> Any:
    """2 x z - 2/√π, which cancels at the right."""
    right = x > 1.0
    return (g * select(right, _slope_right(select(right, x, 1.0)), 2.0 * x * z - _SLOPE),)


@composed(_erfcx)
def erfcx(x):
    """exp(x * x) * erfc(x), which neither over- nor underflows for large x"""
    right = x > 0.5
    t = select(right, 0.0, x)
    return select(right, _erfcx_right(select(right, x, 1.0)), exp(t * t) * erfc(t))


def _log_erfc(g: Any, z: Any, x: Any) -> Any:
    right = x > 0
    t = maximum(select(right, 0.0, x), -_FAR)
    return (
        g * select(right, -_SLOPE / erfcx(select(right, x, 0.0)), -_SLOPE * exp(-t * t) / erfc(t)),
    )


@composed(_log_erfc)
def log_erfc(x):
    """log(erfc(x)), precise in both tails"""
    right = x > 0.5
    t = select(right, x, 1.0)
    return select(right, log(erfcx(t)) - t * t, log1p(-erf(select(right, 0.0, x))))


def _density(x: Any) -> Any:
    t = maximum(minimum(x, _FAR), -_FAR)
    return _DENSITY * exp(-0.5 * t * t)


@composed(lambda g, z, x: (g * _density(x),))
def ndtr(x):
    """the normal distribution function of x"""
    return 0.5 * erfc(-_R * x)


def _log_ndtr(g: Any, z: Any, x: Any) -> Any:
    right = x > 0
    t = select(right, x, 0.0)
    left = _R * _SLOPE / erfcx(-_R * select(right, 0.0, x))
    return (g * select(right, _density(t) / ndtr(t), left),)


@composed(_log_ndtr)
def log_ndtr(x):
    """log(ndtr(x)), precise in both tails"""
    right = x > 0
    t = select(right, x, 0.0)
    left = log_erfc(-_R * select(right, 0.0, x)) - math.log(2.0)
    return select(right, log1p(-0.5 * erfc(_R * t)), left)


# M. J. Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied
# Statistics 37 (1988), routine PPND16: numerators and denominators near 0, in the tails, far out.
_CENTRE = (
    (3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946,
     45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227),
    (1.0, 42.31333070160091, 687.1870074920579, 5394.196021424751,
     21213.794301586597, 39307.89580009271, 28729.085735721943, 5226.495278852854),
)  # fmt: skip
_TAIL = (
    (1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
     1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414),
    (1.0, 2.053191626637759, 1.6763848301838038, 0.6897673349851,
     0.14810397642748008, 0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-09),
)  # fmt: skip
_END = (
    (6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
     0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-05, 2.0103343992922881e-07),
    (1.0, 0.599832206555888, 0.1369298809227358, 0.014875361290850615,
     0.0007868691311456133, 1.8463183175100548e-05, 1.421511758316446e-07, 2.0442631033899397e-15),
)  # fmt: skip


def _quotient(pair: Any, r: Any) -> Any:
    return polynomial(pair[0], r) / polynomial(pair[1], r)


@composed(lambda g, z, x: (g * exp(z * z) / _SLOPE,))
def erfinv(x):
    """the number whose error function is x"""
    a = abs(x)
    centre = a <= 0.85
    t = select(centre, x, 0.0)
    near = 0.5 * t * _quotient(_CENTRE, 0.180625 - 0.25 * t * t)
    r = sqrt(-log(0.5 * (1.0 - select(centre, 0.0, a))))
    end = select(a == 1, 0.0, select(r > 5.0, r, 5.0) - 5.0)
    tail = select(r > 5.0, _quotient(_END, end), _quotient(_TAIL, select(r > 5.0, 5.0, r) - 1.6))
    tail = select(a == 1, r, tail)
    return _R * select(centre, near, select(x < 0, -tail, tail))
