"""check_gradient: derivatives by the chain rule, beside finite differences."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from micrograd.annotations import Function, Tree
from micrograd.calculus import jacobian
from micrograd.differences import Slope, slopes
from micrograd.engine import Value, numbers_of
from micrograd.names import names_keywords
from micrograd.point import arranged, scalars_of
from micrograd.structure import flatten

CLOSE = 1e-7  # relative: a derivative so near its differences is right
LOOSE = 1e-3  # relative: differences that are known less well say nothing
SHOWN = 20  # rows of a print


class GradientError(AssertionError):
    """Derivatives that differ from finite differences; `check` is the whole comparison.

    >>> import micrograd as mg
    >>> mg.check_gradient(mg.relu, 0.0)
    Traceback (most recent call last):
    micrograd.gradient_check.GradientError: relu by x at x = 0: there is a kink: ...
    """

    def __init__(self, check: "GradientCheck"):
        bad = [row for row in check.rows if row.problem]
        lines = [f"{row.name} at {row.place}: {row.problem}" for row in bad[:SHOWN]]
        more = [f"and {len(bad) - SHOWN} more"] * (len(bad) > SHOWN)
        super().__init__("\n".join(lines + more))
        self.check = check


@dataclass(frozen=True)
class Comparison:
    """One derivative: of `function` by the operands `by`, one after the other.

    `derivative` is that of the chain rule, `differences` that of finite differences.

    >>> import micrograd as mg
    >>> row = mg.check_gradient(mg.div, 1.0, 4.0).rows[3]
    >>> row.name, row.derivative, row.problem
    ('div by x, then y', -0.0625, '')
    """

    function: str
    by: tuple[str, ...]
    place: str
    derivative: float
    differences: Slope

    @property
    def name(self) -> str:
        """The derivative in words."""
        return f"{self.function} by {', then '.join(self.by)}"

    @property
    def problem(self) -> str:
        """Why the two are not the same; empty if they are."""
        d, slope = self.derivative, self.differences
        if slope.is_kink:
            return (
                f"there is a kink: the slope is {slope.left:.6g} on the left and {slope.right:.6g} "
                "on the right; check at another point"
            )
        if not slope.error <= LOOSE * max(abs(slope.value), 1e-6 * slope.size):
            return "finite differences do not converge, so they say nothing; check at another point"
        apart = abs(d - slope.value)
        if apart <= CLOSE * abs(slope.value) + 8.0 * slope.error:
            return ""
        much = f", {100 * apart / abs(slope.value):.2g} % off" if slope.value else ""
        return f"the derivative is {d:.9g}, but {_shown(slope)} by finite differences{much}"


def _shown(slope: Slope) -> str:
    return f"{slope.value:.9g} ± {slope.error:.0e}"


@dataclass(frozen=True)
class GradientCheck:
    """The result of `check_gradient`. It prints as a table; `rows` are its Comparisons.

    >>> import micrograd as mg
    >>> [row.derivative for row in mg.check_gradient(mg.mul, 2.0, 5.0, order=1).rows]
    [5.0, 2.0]
    """

    rows: list[Comparison]

    def __repr__(self) -> str:
        table = [("derivative of", "chain rule", "finite differences")] + [
            (row.name, f"{row.derivative:.9g}", _shown(row.differences))
            for row in self.rows[:SHOWN]
        ]
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        return "\n".join(lines + [f"and {len(self.rows) - SHOWN} more"] * (len(self.rows) > SHOWN))


@names_keywords()
def check_gradient(f: Function, *at: Tree, order: int = 2) -> GradientCheck:
    """Compares the derivatives of `f` at a point with finite differences: a check for tests.

    `f` is a function or an operation of your own, `at` are its arguments: numbers, arrays and
    structures of them. The first derivatives are compared with differences of `f`, and with
    `order=2` the second ones with differences of the first. Returns the comparison, which prints as
    a table. Differences are by Richardson's extrapolation, and each has an estimate of its error.

    Raises GradientError, an AssertionError, that names each wrong derivative, or each that cannot
    be checked, as at a kink; ValueError if `order` is neither 1 nor 2.

    >>> import micrograd as mg
    >>> mg.check_gradient(lambda x, y: x * x * y, 3.0, 2.0, order=1)  # doctest: +ELLIPSIS
    derivative of  chain rule  finite differences
    <lambda> by x  12          12 ± ...
    <lambda> by y  9           9 ± ...
    >>> cube = mg.op(derivative=lambda g, z, x: 2 * g * x**2, name="cubed")(lambda x: x**3)
    >>> mg.check_gradient(cube, 2.0, order=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    micrograd.gradient_check.GradientError: cubed by x at x = 2: the derivative is 8, but 12 ± ...
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r:.60}")
    flat = _Flat(f, at)
    rows = [*flat.compared(flat.results, (), flat.first)]
    if order == 2:
        rows += flat.compared(flat.first, [(name,) for name in flat.names], flat.second)
    check = GradientCheck(rows)
    if any(row.problem for row in rows):
        raise GradientError(check)
    return check


Numbers = Callable[[list[float]], list[float]]


class _Flat:
    """A function as one of a list of scalars, which returns a list of scalars."""

    def __init__(self, f: Callable[..., Any], at: tuple[Any, ...]):
        self.f, self.name = f, getattr(f, "name", getattr(f, "__name__", type(f).__name__))
        self.point, self.structure, self.shapes = scalars_of(at)
        if not self.point:
            raise TypeError("check_gradient takes the function, and a point: its arguments")
        self.point = numbers_of(self.point)
        self.names = [*_names(f, at)]

    def run(self, scalars: list[Any]) -> list[Any]:
        return scalars_of(self.f(*arranged(scalars, self.structure, self.shapes)))[0]

    def derivatives(self, scalars: list[Any]) -> list[Any]:
        return [*jacobian(self.run)(scalars).ravel()]

    def results(self, point: list[float]) -> list[float]:
        return numbers_of(self.run([*map(Value, point)]))

    def first(self, point: list[float]) -> list[float]:
        return numbers_of(self.derivatives(point))

    def second(self, point: list[float]) -> list[float]:
        return numbers_of(jacobian(self.derivatives)(point).ravel())

    def compared(
        self, of: Numbers, by: Sequence[tuple[str, ...]], derivatives: Numbers
    ) -> Iterator[Comparison]:
        """Compares the derivatives of `of`, whose numbers are themselves derivatives `by` these."""
        columns = [slopes(self._along(of, k), x) for k, x in enumerate(self.point)]
        count = len(columns[0]) // (len(by) or 1)  # results of f
        labels = [
            (self.name if count == 1 else f"{self.name}[{k}]", names)
            for k, names in product(range(count), by or [()])
        ]
        found = np.reshape(derivatives(self.point), (-1, len(self.point)))
        for (function, names), row, *sides in zip(labels, found, *columns):
            for name, x, d, side in zip(self.names, self.point, row, sides):
                yield Comparison(function, (*names, name), f"{name} = {x:.6g}", float(d), side)

    def _along(self, of: Numbers, k: int) -> Callable[[float], list[float]]:
        return lambda x: of([*self.point[:k], x, *self.point[k + 1 :]])


def _names(f: Callable[..., Any], at: tuple[Any, ...]) -> Iterator[str]:
    """A name for each scalar of the arguments, as a program writes it: `x`, `x[0]`, `p['a']`."""
    try:
        names = [*inspect.signature(f).bind(*at).arguments.items()]
    except ValueError:  # no signature, as of some functions in C
        names = [(f"x{k}", argument) for k, argument in enumerate(at)]
    for name, argument in names:
        yield from _paths(name, argument)


def _paths(name: str, tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from _paths(f"{name}[{key!r}]", part)
    elif isinstance(tree, list | tuple):
        for k, part in enumerate(tree):
            yield from _paths(f"{name}[{k}]", part)
    else:
        for place in np.ndindex(np.shape(flatten(tree)[0][0])):
            yield name + (f"[{', '.join(map(str, place))}]" if place else "")
