"""What `compile` and `vectorize` return: a function for one example a call, and one for all."""

import math
from collections.abc import Callable
from ctypes import ArgumentError
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd.compiler.api.arguments import Array, arranged, broadcast, check_names, spread
from micrograd.compiler.api.compiled import Compiled
from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.runtime.building import collector_paused, one_builder
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.broadcasting import formula
from micrograd.compiler.trace.trace import Shape
from micrograd.errors import ShapeError
from micrograd.structure import Structure

_FLOATS = frozenset([float, int, np.float64])  # what C takes for a double


class CompiledOne(Compiled):
    """One example a call."""

    _single = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results."""
        if not kwargs and _FLOATS.issuperset(map(type, args)):
            short = self._cache.values.get(len(args)) or self._short_way("value", args)
            if short is not None:
                try:
                    result = short(*args)
                    if result == result:  # NaN is perhaps averted on the long way
                        return result
                except ArgumentError:  # an integer beyond the floats
                    pass
        return super().__call__(*args, **kwargs)

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """The value, and its gradient with respect to the arguments; of one argument, no tuple.

        Raises TypeError if the function does not return one number.
        """
        if args and not kwargs and _FLOATS.issuperset(map(type, args)):
            short = self._cache.gradients.get(len(args)) or self._short_way("arguments", args)
            if short is not None:
                try:
                    value, *gradient, has_nan = short(*args)
                    if value == value and not has_nan:
                        return value, gradient[0] if len(gradient) == 1 else tuple(gradient)
                except ArgumentError:
                    pass
        return super().value_and_grad(*args, **kwargs)

    def _short_way(self, answer: Answer, args: tuple[Any, ...]) -> Callable[..., Any] | None:
        """The C function of so many floats, if there is one."""
        known = self._cache.values if answer == "value" else self._cache.gradients
        if len(args) not in known:
            it, _ = self.specialize(*args)
            short = self.kernel(it, answer).scalars() if it.of_numbers else None
            return known.keep(len(args), short)
        return known.get(len(args))

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int, tuple[int, ...]]:
        return tuple([(a.shape, a.dtype, a.flags.c_contiguous) for a in args]), 1, ()

    def _fitted(
        self, structure: Structure, arrays: list[Array]
    ) -> tuple[Specialization, Call, bool]:
        it = self._traced_for(structure, [array.shape or None for array in arrays])
        return it, Call(1, [*map(np.ascontiguousarray, arrays)]), True

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        return rows[0, 0].item() if shape is None else rows[0].reshape(shape)


class Vectorized(Compiled):
    """All examples. A function of numbers broadcasts; of arrays, the first axis counts them."""

    _single = False

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int, tuple[int, ...]]:
        n = len(args[0]) if args and args[0].ndim else 1
        if any(a.shape[:1] != (n,) for a in args):
            return None, n, (n,)  # what broadcasts, or does not fit, goes the long way
        return tuple([(a.shape[1:], a.dtype, a.flags.c_contiguous) for a in args]), n, (n,)

    def _arranged(self, tree: Any) -> Any:
        return arranged(tree)

    def _fitted(
        self, structure: Structure, arrays: list[Array]
    ) -> tuple[Specialization, Call, bool]:
        shapes = [array.shape for array in arrays]
        of_numbers = self._of_numbers(structure, tuple([len(shape) for shape in shapes]))
        if of_numbers:
            shape = broadcast(shapes)
            if shape is None:
                raise self._unfit(shapes, of_numbers)
            call = Call(math.prod(shape), spread(arrays, shape), None, shape)
            return of_numbers, call, len(shape) < 2
        lengths = {shape[0] for shape in shapes if shape} - {1}
        if len(lengths) > 1:
            raise self._unfit(shapes, of_numbers)
        it = self._traced_for(structure, [shape[1:] or None for shape in shapes])
        n = lengths.pop() if lengths else 1
        return it, Call(n, [*map(np.ascontiguousarray, arrays)], None, (n,)), True

    def _of_numbers(self, structure: Structure, axes: tuple[int, ...]) -> Specialization | None:
        """The function as one of numbers, if it is one where arguments have so many axes."""
        key = structure, axes
        try:
            return self._cache.elementwise[key]
        except KeyError:
            found = self._decided(structure, [max(n - 1, 0) for n in axes])
            return self._cache.elementwise.keep(key, found)

    def _decided(self, structure: Structure, axes: list[int]) -> Specialization | None:
        numbers: list[Shape] = [None] * len(axes)
        if not any(axes):  # no example is an array
            return self._traced_for(structure, numbers)
        with one_builder(), collector_paused():
            check_names(self._function, structure, self)
            found = formula(self._function, structure, axes)
            return found and self._kept(structure, numbers, found)

    def _unfit(
        self, shapes: list[tuple[int, ...]], of_numbers: Specialization | None
    ) -> ShapeError:
        came = f"{self!r} got arrays of the shapes {', '.join(map(str, shapes))}. "
        if of_numbers:
            return ShapeError(
                f"{came}It is a function of numbers: they must broadcast, as in a NumPy ufunc. "
                "Insert axes of length 1 where a number is the same for a whole row, as x[:, None] "
                "does; the first axis counts examples only of a function of arrays"
            )
        return ShapeError(
            f"{came}It is a function of arrays: the first axis counts the examples and must agree "
            "in all. Pass equally many examples in each; or write it in operations on single "
            "numbers, and arrays will broadcast"
        )

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        if shape is None and len(call.shape) == 1:
            return rows[:, 0]
        return rows.reshape((*call.shape, *(shape or ())))[()]  # of no axes, a number


def compile(
    function: Callable[..., Any],
    *,
    dtype: DTypeLike = "float64",
    threads: int = 1,
    exact: bool = False,
) -> CompiledOne:
    """`function` in native code, for one example a call. See `Compiled`.

    >>> import numpy as np
    >>> f = compile(lambda x: x[0] ** 2 + 3 * x[1])
    >>> f([2.0, 1.0])
    7.0
    >>> f.value_and_grad(np.array([2.0, 1.0]))
    (7.0, array([4., 3.]))
    """
    return CompiledOne(function, dtype, threads, exact)


def vectorize(
    function: Callable[..., Any],
    *,
    dtype: DTypeLike = "float64",
    threads: int = 1,
    exact: bool = False,
) -> Vectorized:
    """`function`, written for one example, in native code for all examples. See `Compiled`.

    A function of numbers broadcasts like a NumPy ufunc: arrays of any shapes that fit, and numbers.

    >>> import numpy as np
    >>> payoff = vectorize(lambda S, K: S - K)
    >>> payoff(np.array([[90.0], [110.0]]), np.array([80.0, 100.0]))
    array([[ 10., -10.],
           [ 30.,  10.]])
    >>> payoff(110.0, 100.0).item()
    10.0

    A function of arrays is given one example, a row of each array: the first axis counts them. It
    is one of arrays if a place in its result is not the same formula of the numbers in that place.

    >>> length = vectorize(lambda row, scale: np.sum(row * row) ** 0.5 * scale)
    >>> length(np.array([[3.0, 4.0], [6.0, 8.0]]), np.array([1.0, 10.0]))
    array([  5., 100.])

    Raises ShapeError for arrays that fit in neither way.
    """
    return Vectorized(function, dtype, threads, exact)
