"""minimize_many: minima of a function of one unknown, for many examples at once in native code."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd import graph
from micrograd.annotations import Function, Tree
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.function import vectorize
from micrograd.errors import ArgumentError, ShapeError
from micrograd.fitting.downhill import descent
from micrograd.names import names_keywords
from micrograd.operation import Op
from micrograd.point import array_of
from micrograd.scalar import Scalar
from micrograd.tape import Tape, record

KEPT = 256  # operations, those used last


@dataclass(frozen=True)
class Minima:
    """The result of `minimize_many`: `x`, the value `fun` there, and whether each search succeeded.

    >>> import micrograd as mg
    >>> mg.minimize_many(lambda x, a: (x - a) ** 2, 0.0, [1.0, 2.0])
    Minima(x=array([1., 2.]), fun=array([0., 0.]), success=array([ True,  True]))
    """

    x: Array
    fun: Array
    success: Array


@names_keywords()
def minimize_many(
    f: Function,
    x0: Tree,
    *parameters: Tree,
    bounds: tuple[Tree, Tree] = (-math.inf, math.inf),
    threads: int = 1,
) -> Minima:
    """The x near `x0` at which `f(x, *parameters)` is smallest, for all examples at once.

    `x0`, the parameters and the two bounds are numbers or arrays, which broadcast; `f` is written
    for one example, of one number x. Each example is searched by Newton's method on the exact
    slope, safeguarded by an interval in which the slope changes sign, in as many steps as it needs.
    The search finds one minimum, not the smallest of several. `threads` share the examples.

    Where no minimum is found, x is NaN and `success` is False, and a ConvergenceWarning says for
    how many examples. Each call compiles again; the machine code is kept on disk. Raises ShapeError
    for arrays that do not broadcast, and TraceError if `f` cannot be compiled: it may not branch on
    x, as `if x > 0` does; write `where`.

    >>> import numpy as np
    >>> import micrograd as mg
    >>> found = mg.minimize_many(lambda x, a: mg.exp(x) - a * x, 0.0, np.array([1.0, 2.0, 4.0]))
    >>> np.allclose(found.x, np.log([1.0, 2.0, 4.0])), found.success.all()
    (True, np.True_)
    >>> mg.minimize_many(lambda x, a: a * x, 0.5, [1.0, -1.0], bounds=(0.0, 3.0)).x
    array([0., 3.])
    """

    def one(guess: Any, low: Any, high: Any, *of_example: Any) -> Any:
        trace = guess.trace
        unknown = trace.unknown()
        with trace.without_loops():  # the function is written on a tape
            y = trace.symbol(f(unknown, *of_example))
        slope = _slope(y, unknown, again=True)
        tape, free = record([slope, _slope(slope, unknown, again=False)], [unknown])
        x = minimizer(tape)(guess, low, high, *free)
        return array_of([x, f(x, *of_example)], (2,))

    one.__name__ = getattr(f, "__name__", repr(f))
    low, high = _pair(bounds)
    _check_shapes(x0, (low, high), parameters)
    _check_order(np.asarray(low), np.asarray(high))
    found = vectorize(one, each="number", threads=threads)(x0, low, high, *parameters)
    x, fun = np.moveaxis(np.asarray(found), -1, 0)
    return Minima(x.copy(), fun.copy(), ~np.isnan(x))


def _pair(bounds: Any) -> tuple[Tree, Tree]:
    if isinstance(bounds, (tuple, list)) and len(bounds) == 2:
        return bounds[0], bounds[1]
    raise ArgumentError(
        f"expected bounds=(low, high), each a number or an array; got {bounds!r:.60}"
    )


def _check_order(low: Array, high: Array) -> None:
    plain = low.dtype.kind in "biuf" and high.dtype.kind in "biuf"
    if plain and not np.all(low <= high):
        raise ArgumentError(
            f"each lower bound must be at most the upper one, got {low!r:.40} and {high!r:.40}"
        )


def _check_shapes(x0: Tree, bounds: tuple[Tree, Tree], parameters: tuple[Tree, ...]) -> None:
    named = {"x0": x0, "the lower bound": bounds[0], "the upper bound": bounds[1]}
    named |= {f"parameters[{k}]": x for k, x in enumerate(parameters)}
    shapes = {k: x.shape for k, x in named.items() if isinstance(x, np.ndarray)}
    shapes |= {k: np.shape(x) for k, x in named.items() if isinstance(x, list)}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items() if shape)
        raise ShapeError(f"x0, the parameters and the bounds must broadcast; got {given}") from None


def _slope(y: Any, unknown: Any, again: bool) -> Any:
    return graph.gradients(y, [unknown], again)[0] if isinstance(y, Scalar) else 0.0


@lru_cache(KEPT)
def minimizer(tape: Tape) -> Op:
    """The operation that finds a minimum. Its operands are the guess, two bounds, and the free
    operands of the tape, which computes the slope and the curvature."""

    def evaluate(*operands: Any) -> tuple[Any, Any]:
        slope, curvature = tape(*operands)
        return slope, curvature

    def derivative(g: Any, z: Any, *operands: Any) -> list[float]:
        return [0.0] * len(operands)

    iteration = descent(evaluate)
    return Op(
        "minimizer", tape.inputs + 2, iteration, derivative, "where a function is smallest",
        iteration=iteration, variant=tape.digest, made_by=(minimizer, tape),
    )  # fmt: skip
