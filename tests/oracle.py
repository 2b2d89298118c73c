"""The oracle of the table: each operation in mpmath, with as many digits as necessary.

It shares no code with the library. A row without an entry here runs its own formula on mpmath's
numbers, so that a new row is tested without a new test.
"""

import statistics
from collections.abc import Callable
from typing import Any

import mpmath as mp

from micrograd import ops
from micrograd.ops import Op
from micrograd.scalar import Scalar


def real(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` over the reals: NaN if mpmath returns a complex result, or raises."""

    def meaning(*operands: Any) -> Any:
        try:
            result = mp.mpmathify(function(*operands))
        except (ValueError, ZeroDivisionError):
            return mp.nan
        return result if isinstance(result, mp.mpf) else mp.nan

    return meaning


def _choose(c: Any, x: Any, y: Any) -> Any:
    return x if c else y


def _dot(*operands: Any) -> Any:
    n = len(operands) // 2
    return mp.fdot(operands[:n], operands[n:-1]) + operands[-1]


def _lgamma(x: Any) -> Any:
    pole = x <= 0 and x == mp.floor(x)
    return mp.inf if pole else mp.re(mp.loggamma(x))


def _gammainc(a: Any, x: Any) -> Any:
    """By the sum of positive terms, as mpmath's own is slow in hundreds of digits."""
    if a < 0 or x < 0 or (a == 0 and x == 0):
        return mp.nan
    if x == 0 or x == mp.inf or a == 0:
        return mp.mpf(x != 0)
    term = total = mp.mpf(1)
    n = a + 1
    while term > total * mp.eps:
        term *= x / n
        total += term
        n += 1
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * total


def _round(x: Any) -> Any:
    below = mp.floor(x)
    return below + (x - below > 0.5 or (x - below == 0.5 and below % 2 == 1))


def _fmod(x: Any, y: Any) -> Any:
    return mp.sign(x) * (abs(x) % abs(y))


def _erfc(x: Any) -> Any:
    return mp.erfc(x) if abs(x) < 1e6 else 1 - mp.sign(x)


def _erfcx(x: Any) -> Any:
    """By its continued fraction where erfc is 0 in mpmath, too."""
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x) if x > -1e7 else mp.inf
    fraction = x
    for k in range(400, 0, -1):
        fraction = x + mp.mpf(k) / 2 / fraction
    return 1 / fraction / mp.sqrt(mp.pi)


def _log_erfc(x: Any) -> Any:
    return mp.log(_erfcx(x)) - x * x if x > 1 else mp.log(_erfc(x))


def _erfinv(x: Any) -> Any:
    """By Newton's method, for mpmath's own is not for hundreds of digits."""
    if abs(x) >= 1:
        return mp.nan if abs(x) > 1 else x * mp.inf
    z = mp.mpf(statistics.NormalDist().inv_cdf(float((1 - abs(x)) / 2))) / -mp.sqrt(2)
    for _ in range(12):
        z -= (mp.erfc(z) - (1 - abs(x))) / (-2 / mp.sqrt(mp.pi) * mp.exp(-z * z))
    return mp.sign(x) * z


ORACLE: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y, "pow": lambda x, y: x**y, "neg": lambda x: -x,
    "abs": abs, "log": mp.ln, "log1p": lambda x: mp.ln(1 + x), "floor": mp.floor,
    "erfc": _erfc, "erfcx": _erfcx, "log_erfc": _log_erfc, "erfinv": _erfinv,
    "ndtr": lambda x: _erfc(-x / mp.sqrt(2)) / 2,
    "log_ndtr": lambda x: _log_erfc(-x / mp.sqrt(2)) - mp.log(2),
    "log2": lambda x: mp.log(x) / mp.log(2), "log10": lambda x: mp.log(x) / mp.log(10),
    "exp2": lambda x: mp.mpf(2) ** x, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "xlogy": lambda x, y: x * mp.log(y) if x else x,
    "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh, "sinc": mp.sincpi,
    "clip": lambda x, low, high: min(max(x, low), high), "ceil": mp.ceil, "round": _round,
    "mod": lambda x, y: x % y, "fmod": _fmod, "floor_divide": lambda x, y: mp.floor(x / y),
    "where": _choose, "take": lambda *x: x[int(x[-1])],
    "sum": lambda *x: mp.fsum(x), "dot": _dot, "norm": lambda *x: mp.norm(x),
    "identity": lambda x: x, "stop_gradient": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "softplus": lambda x: mp.log1p(mp.exp(x)),
    "relu": lambda x: max(x, 0), "leaky_relu": lambda x, a: x if x > 0 else a * x,
    "elu": lambda x, a: x if x > 0 else a * mp.expm1(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * ORACLE["erfc"](-x / mp.sqrt(2)) / 2,
    "beta": mp.beta, "gammainc": _gammainc, "lgamma": _lgamma,
    "sign": mp.sign, "maximum": max, "minimum": min,
}  # fmt: skip


class Precise(Scalar):
    """An mpmath number as a scalar of the table, for rows that are not in ORACLE."""

    __slots__ = ("number",)
    rank = 1

    def __init__(self, number: Any):
        self.number = mp.mpmathify(number)

    @classmethod
    def interpreter(cls, kinds: frozenset[type]) -> Callable[..., Any]:
        def run(op: Op, operands: tuple[Any, ...]) -> Any:
            if op.boolean:
                return op.meaning(*[getattr(x, "number", x) for x in operands])
            numbers = [x.number if isinstance(x, cls) else mp.mpmathify(x) for x in operands]
            return cls(exact(op)(*numbers))

        return run


def exact(op: Op) -> Callable[..., Any]:
    """The function of `op` on mpmath numbers."""
    if op.name in ORACLE:
        return real(ORACLE[op.name])
    if op.primitive:  # its name in the mathematics that mpmath knows, or an entry in ORACLE is due
        return real(getattr(mp, op.name))
    return lambda *operands: getattr(op.meaning(*map(Precise, operands)), "number", mp.nan)


def derivatives(op: Op, operands: tuple[float, ...], k: int) -> tuple[Any, Any, Any]:
    """The value, slope and curvature of `op` along operand k, by central differences.

    A relative step of 10⁻⁵⁰ leaves 50 digits, even where e⁻⁷⁰⁰ is added to 1.
    """
    digits = 500 + int(2 * max([0, *[abs(mp.log10(abs(x))) for x in operands if x]]))
    with mp.workdps(digits):
        h = mp.mpf(10) ** -50 * min(1, abs(operands[k]) or 1)

        def along(step: Any) -> Any:
            return exact(op)(*[mp.mpf(x) + step * (i == k) for i, x in enumerate(operands)])

        below, here, above = along(-h), along(mp.mpf(0)), along(h)
        return here, (above - below) / (2 * h), (above - 2 * here + below) / h**2


def rounded(x: Any) -> float:
    """The float next to `x`."""
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


ROWS = [row for row in ops.TABLE.values() if not row.boolean]
