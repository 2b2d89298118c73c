"""Roots of equations. Their derivatives follow from the implicit function theorem.

If f(x, p) = 0 defines x, then dx/dp = -(df/dp) / (df/dx). A root is two operations. `newton`
finds the number, and has no derivative. `root` passes that number on; its derivative is the
formula above, in the operations that f consists of, so that it can be differentiated again. What f
reads besides x (parameters, captured Values, whatever it computes from these alone) are operands of
both, so that a trace computes it once, before the iteration.
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from operator import call, itemgetter
from typing import Any, cast

from micrograd import graph, linear, newton, ops
from micrograd.annotations import Function, Tree
from micrograd.caller import nothing_returned, warn
from micrograd.check import unobserved
from micrograd.engine import Value
from micrograd.errors import ConvergenceWarning, ShapeError
from micrograd.iteration import Iteration
from micrograd.names import names_keywords
from micrograd.operation import Op
from micrograd.real import check_masks, is_real, number
from micrograd.scalar import Scalar
from micrograd.structure import flatten
from micrograd.tape import Tape, record
from micrograd.watch import Variables, watches

KEPT = 256  # operations of the latest equations


_TO_ROUNDING = "the iteration ends where rounding ends its convergence"


@names_keywords(
    args="pass the parameters one by one, behind the guess", x0="the guess is the second argument",
    fprime="the derivative of f is computed", jac="the derivatives of f are computed",
    tol=_TO_ROUNDING, xtol=_TO_ROUNDING, maxiter=_TO_ROUNDING, bracket="pass a number as a guess",
)  # fmt: skip
def root(f: Function, guess: Tree, *parameters: Tree) -> Tree:
    """The x near `guess` with f(x, *parameters) = 0, by a safeguarded Newton iteration.

    `guess` is a number; or a sequence of n numbers, for n equations: then f takes and returns n
    numbers, and the result is a list, or an array if `guess` is one.

    The derivatives of the result, of any order, by Values that `f` is given or captures, are those
    of the implicit function theorem. The guess has none. At a root where df/dx is 0, they are not
    finite. In `compile` and `vectorize` the iteration is native code; each example takes its own
    number of steps.

    Where the iteration does not converge, the result is NaN, and a ConvergenceWarning counts the
    examples. Raises ShapeError if `f` returns another number of results than it has unknowns,
    TypeError if it is no function, or returns None.

    >>> root(lambda x, a: x**3 - a, 1.0, 8.0)
    2.0
    >>> import micrograd as mg
    >>> mg.grad(lambda a: root(lambda x: x * x - a, 1.0))(4.0)
    0.25
    >>> root(lambda v: [v[0] - 1.0, v[1] * v[0] - 2.0], [3.0, 3.0])
    [1.0, 2.0]
    """
    _check_function(f, "root")
    equations = _Equations(f, guess, parameters)
    unknowns = [watch.unknown() for watch in watches()]
    trace = next((x.trace for x in unknowns if x is not None), None)
    found = equations.found_now() if trace is None else equations.traced(trace)
    return equations.arranged(found)


def fixed_point(f: Function, guess: Tree, *parameters: Tree) -> Tree:
    """The x near `guess` with f(x, *parameters) = x: see `root`.

    Raises TypeError if `f` returns None.

    >>> import micrograd as mg
    >>> fixed_point(mg.cos, 1.0)
    0.7390851332151607
    """
    _check_function(f, "fixed_point")

    def excess(x: Any, *parameters: Any) -> Any:
        y = f(x, *parameters)
        if y is None:
            raise TypeError(nothing_returned(f))
        return [b - a for a, b in zip(x, y, strict=True)] if hasattr(x, "__len__") else y - x

    return root(excess, guess, *parameters)


def _check_function(f: Any, name: str) -> None:
    if not callable(f):
        raise TypeError(
            f"{name} expects a function f(x, *parameters), got {type(f).__name__} {f!r:.60}"
        )


class _Equations:
    """f(x, *parameters) = 0 as n equations of n unknowns."""

    def __init__(self, f: Callable[..., Any], guess: Any, parameters: tuple[Any, ...]):
        self.f, self.parameters = f, parameters
        for x in flatten(parameters)[0]:
            check_masks(x)
        self.shape = getattr(guess, "shape", None)
        self.single = isinstance(guess, Scalar) or is_real(type(guess)) or self.shape == ()
        scalars: list[Any] = [guess] if self.single else [*cast(Iterable[Any], guess)]
        self.guess = [x if isinstance(x, Scalar) else number(x) for x in scalars]
        if not self.guess:
            raise ShapeError("root of no unknowns; pass a number, or at least one in a sequence")

    def arranged(self, x: list[Any]) -> Any:
        """The unknowns as f takes them: a number, a list, or an array."""
        if self.single:
            return x[0]
        if self.shape is None:
            return x
        import numpy as np

        from micrograd.arrays.array import wrapped

        array = np.empty(len(x), object if any(isinstance(y, Scalar) for y in x) else float)
        array[:] = x
        return wrapped(array)

    def at(self, x: list[Any]) -> list[Any]:
        """The left sides at x."""
        run = Variables(x).run if isinstance(x[0], Value) else call
        result = run(self.f, self.arranged(x), *self.parameters)
        if result is None:
            raise TypeError(nothing_returned(self.f))
        several = not self.single and _is_sequence(result)
        results = [*result] if several else [result]
        if len(results) != len(x) or any(map(_is_sequence, results)):
            raise ShapeError(
                f"expected from f an equation for each of {len(x)} unknowns, got {result!r:.60}. "
                "For many examples write micrograd.vectorize around a root of numbers"
            )
        return [y.item() if hasattr(y, "item") else y for y in results]

    # With numbers: f is called at each step, so that it may contain `if`.

    def found_now(self) -> list[Any]:
        guess = [*map(_number, self.guess)]
        roots = unobserved(_tried, newton.iteration(self._numbers_at, len(guess)), guess)
        found = not any(x != x for x in roots)
        if not found and not _trying.get():
            warn(f"root did not converge from {guess}: the result is NaN", ConvergenceWarning)
        unknowns = [Value(x) for x in (roots if found else guess)]
        results = self.at(unknowns)
        tape, free = _derivatives(results, unknowns)
        if not free:
            return roots
        return [op(*roots, *free) for op in implicit(tape, len(roots))]

    def _numbers_at(self, *x: float) -> tuple[Any, Any]:
        unknowns = [Value(y) for y in x]
        results = self.at(unknowns)
        slopes = [z for y in results for z in _gradients(y, unknowns, False)]
        return _shaped([*map(_number, results), *map(_number, slopes)], len(x))

    # With symbols: f is called once.

    def traced(self, trace: Any) -> list[Any]:
        guess = [trace.symbol(x) for x in self.guess]
        unknowns = [trace.unknown() for _ in guess]
        with trace.without_loops():  # an equation is written on a tape
            results = [trace.symbol(y) for y in self.at(unknowns)]
        _, free = record(results, unknowns)
        slopes = [x for y in results for x in _gradients(y, unknowns + free, False)[: len(guess)]]
        tape, _ = record([*results, *slopes], unknowns + free)
        roots = [op(*guess, *free) for op in solution(tape, len(guess))]
        tape, free = _derivatives(results, unknowns)
        return [op(*roots, *free) for op in implicit(tape, len(roots))]


_trying: ContextVar[bool] = ContextVar("trying", default=False)  # whether these are trial points


def _tried(iteration: Iteration, guess: list[float]) -> list[float]:
    _trying.set(True)  # in the context of this call only
    return [*iteration(*guess)]


def _is_sequence(x: Any) -> bool:
    return hasattr(x, "__len__") and getattr(x, "shape", None) != ()


def _number(x: Any) -> float:
    return x._data if isinstance(x, Value) else number(x)


def _gradients(y: Any, variables: list[Any], again: bool) -> list[Any]:
    return graph.gradients(y, variables, again) if isinstance(y, Scalar) else [0.0] * len(variables)


def _derivatives(results: list[Any], unknowns: list[Any]) -> tuple[Tape, list[Any]]:
    """The derivatives of the left sides, as a tape of the unknowns and of what is free in f: by
    the unknowns, for each left side, then by what is free."""
    _, free = record(results, unknowns)
    rows = [_gradients(y, [*unknowns, *free], True) for y in results]
    n = len(unknowns)
    by_unknowns = [x for row in rows for x in row[:n]]
    tape, read = record([*by_unknowns, *[x for row in rows for x in row[n:]]], unknowns + free)
    assert not read
    return tape, free


def _shaped(numbers: list[Any], n: int) -> tuple[Any, Any]:
    """The n left sides and their derivatives by n unknowns: numbers, or a list and a matrix."""
    if n == 1:
        return numbers[0], numbers[1]
    return numbers[:n], [numbers[n * k : n * (k + 1)] for k in range(1, n + 1)]


@lru_cache(KEPT)
def solution(tape: Tape, n: int) -> list[Op]:
    """An operation for each of n unknowns. Operands: the guesses, and what is free in f; the tape
    computes the left sides, and their derivatives by the unknowns."""

    def evaluate(*operands: Any) -> tuple[Any, Any]:
        return _shaped(tape(*operands), n)

    def derivative(g: Any, z: Any, *operands: Any) -> list[float]:
        return [0.0] * len(operands)

    together = newton.iteration(evaluate, n)
    components = [replace(together, result=itemgetter(which)) for which in range(n)]
    return [
        Op(
            "newton", tape.inputs, each, derivative, "a root of an equation, as a number",
            iteration=each, library=_is_plain(tape), variant=f"{tape.digest}_{which}",
            made_by=(_made, solution, tape, n, which),
        )
        for which, each in enumerate(components)
    ]  # fmt: skip


@lru_cache(KEPT)
def implicit(tape: Tape, n: int) -> list[Op]:
    """An operation for each of n unknowns. Operands: their solutions, and what is free in f; the
    tape computes the derivatives of the left sides by all of them."""
    row: list[Op] = []

    def of(which: int) -> Op:
        def meaning(*operands: Any) -> Any:
            return operands[which]

        def derivative(g: Any, z: Any, *operands: Any) -> list[Any]:
            x = [z if op is row[which] else op(*operands) for op in row]
            return [0.0] * n + _chain(tape(*x, *operands[n:]), n, which, g)

        return Op(
            "root", tape.inputs, meaning, derivative, "a root, with its derivatives",
            library=_is_plain(tape), variant=f"{tape.digest}_{which}",
            made_by=(_made, implicit, tape, n, which),
        )  # fmt: skip

    row += map(of, range(n))
    return row


def _made(operations: Callable[[Tape, int], list[Op]], tape: Tape, n: int, which: int) -> Op:
    return operations(tape, n)[which]


def _is_plain(tape: Tape) -> bool:
    """Whether the names of its operations say what a tape computes, and a NaN is hidden by none."""
    return all(op.library and not op.boolean and op is not ops.where for op, _ in tape.rows)


def _chain(slopes: list[Any], n: int, which: int, g: Any) -> list[Any]:
    """The gradients of what is free, if that of one unknown is g."""
    jacobian = [slopes[n * k : n * (k + 1)] for k in range(n)]
    size = (len(slopes) - n * n) // n
    by_free = [slopes[n * n + size * k : n * n + size * (k + 1)] for k in range(n)]
    if n == 1:
        weights = [ops.div(-g, jacobian[0][0])]
    else:
        sides = [-g if k == which else 0.0 for k in range(n)]
        weights = linear.solve([*zip(*jacobian)], sides)
    return [_weighted(weights, column) for column in zip(*by_free)]


def _weighted(weights: Sequence[Any], column: Sequence[Any]) -> Any:
    terms = [w * x for w, x in zip(weights, column) if x.__class__ is not float or x != 0.0]
    return ops.sum(*terms) if len(terms) > 1 else terms[0] if terms else 0.0
