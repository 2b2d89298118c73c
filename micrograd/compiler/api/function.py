"""`compile` and `vectorize`: a function for one example a call, and one for all."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from micrograd.annotations import Function, Tree
from micrograd.compiler.api.arguments import Array
from micrograd.compiler.api.axes import Each
from micrograd.compiler.api.compiled import Compiled
from micrograd.compiler.api.specialization import Answer, Specialization
from micrograd.compiler.api.vectorized import Vectorized
from micrograd.compiler.runtime.kernel import Call
from micrograd.compiler.trace.called import Shape
from micrograd.names import names_keywords
from micrograd.structure import Structure

_FLOATS = frozenset([float, int, np.float64])  # the types that native code takes for numbers


class CompiledOne(Compiled):
    """One example a call."""

    _single = True

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """The results."""
        if not kwargs:
            short = self._cache.values.get(len(args)) or self._short_way("value", args)
            if short is not None:
                result = short(*args)
                if result is not None:
                    return result
        return super().__call__(*args, **kwargs)

    def value_and_grad(self, *args: Tree, **kwargs: Tree) -> tuple[Tree, Tree]:
        """The value and its gradient with respect to the arguments: a tuple, if there are several.

        Raises TypeError if the function does not return one number.
        """
        if args and not kwargs:
            short = self._cache.gradients.get(len(args)) or self._short_way("arguments", args)
            if short is not None:
                result = short(*args)
                if result is not None:
                    return result
        return super().value_and_grad(*args, **kwargs)

    def _short_way(self, answer: Answer, args: tuple[Any, ...]) -> Callable[..., Any] | None:
        """The native function of so many floats, if there is one. None if an argument is no
        float."""
        known = self._cache.values if answer == "value" else self._cache.gradients
        if len(args) in known or not _FLOATS.issuperset(map(type, args)):
            return None
        it, _ = self.specialize(*args)
        short = None
        if it.has_no_lanes and (answer, False, ()) not in it.kernels:  # not compiled yet
            return None
        if it.of_numbers and not it.takes:
            short = self.kernel(it, answer).scalars()
        return known.keep(len(args), short)

    def _call_of(self, args: tuple[Array, ...]) -> Call:
        return Call(1, args)

    def _fitted(
        self, structure: Structure, arrays: list[Array]
    ) -> tuple[Specialization, Call, bool]:
        call = Call(1, [*map(np.ascontiguousarray, arrays)])
        it = self._traced_for(structure, [array.shape or None for array in arrays], lambda: call)
        return it, call, True

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        return rows[0, 0].item() if shape is None else rows[0].reshape(shape)


@names_keywords()
def compile(
    function: Function,
    *,
    dtype: DTypeLike = "float64",
    threads: int = 1,
    exact: bool = False,
) -> CompiledOne:
    """`function` in native code, for one example per call. See `Compiled`.

    >>> import numpy as np
    >>> f = compile(lambda x: x[0] ** 2 + 3 * x[1])
    >>> f([2.0, 1.0])
    7.0
    >>> f.value_and_grad(np.array([2.0, 1.0]))
    (7.0, array([4., 3.]))
    """
    return CompiledOne(function, dtype, threads, exact)


@names_keywords()
def vectorize(
    function: Function,
    *,
    each: Each | None = None,
    in_axes: Tree = 0,
    dtype: DTypeLike = "float64",
    threads: int = 1,
    exact: bool = False,
) -> Vectorized:
    """`function`, written for one example, in native code for all examples. See `Compiled`.

    What an example is:

    | `each` | the function is given | arguments are matched | the results have |
    | --- | --- | --- | --- |
    | `"number"` | single numbers | as in a NumPy ufunc, by their last axes | the shape of all |
    | `"row"` | `x[k]` of each argument | by their first axes: equally long, or 1 | a row each |
    | `None` | one of the two, see below | | |

    With `None`, `vectorize` passes numbers if no argument has more than one axis, or if the
    function is elementwise: each element of its result is the same formula of the matching input
    elements.
    It passes rows if the function does not work on numbers: it uses elements or a length, or passes
    a number to `np.sum`, multiplies it by an array, and the like. If both work and differ, it
    raises ArgumentError; also for an elementwise function of arrays with different numbers of axes
    that fit both ways, such as (3, 3) and (3,). So the choice never depends on the lengths.

    An array of length 1 counts as a number, which all examples share. A list is an array, whose
    first axis counts examples; a tuple or dict is a structure of several arrays, so a tuple of rows
    would be taken as columns: write np.array(rows).

    >>> import numpy as np
    >>> payoff = vectorize(lambda S, K: S - K)
    >>> payoff(np.array([[90.0], [110.0]]), np.array([80.0, 100.0, 105.0]))
    array([[ 10., -10., -15.],
           [ 30.,  10.,   5.]])
    >>> payoff(110.0, 100.0).item()
    10.0
    >>> length = vectorize(lambda row, scale: np.sum(row * row) ** 0.5 * scale)
    >>> length(np.array([[3.0, 4.0], [6.0, 8.0]]), np.array([1.0, 10.0]))
    array([  5., 100.])

    `in_axes`, as in `jax.vmap`, is 0 for an argument with examples and None for one that all share:
    a tuple with an entry for each positional argument, which may have the structure of that
    argument. A shared argument is passed whole, and its gradient is the sum over the examples, in
    its own shape. With `in_axes` the examples are rows, unless `each` says otherwise.

    >>> line = vectorize(lambda x, q: q[0] + q[1] * x, in_axes=(0, None))
    >>> value, (dx, dq) = line.value_and_grad(np.array([1.0, 2.0, 3.0]), np.array([10.0, 2.0]))
    >>> value, dx, dq
    (array([12., 14., 16.]), array([2., 2., 2.]), array([3., 6.]))

    Raises ShapeError for arrays that do not fit, and ArgumentError if both ways are possible.
    """
    return Vectorized(function, dtype, threads, exact, each, in_axes)
