"""What `compile` and `vectorize` return: a function for one example a call, and one for all."""

from collections.abc import Callable
from ctypes import ArgumentError
from typing import Any

from numpy.typing import DTypeLike

from micrograd.compiler.arguments import Array, arranged
from micrograd.compiler.compiled import Compiled
from micrograd.compiler.kernel import NativeKernel
from micrograd.compiler.trace import Shape
from micrograd.errors import ShapeError


class CompiledOne(Compiled):
    """One example a call."""

    _single = True
    _scalars: Callable[..., float] | None = None  # the short way, for numbers only

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results."""
        if self._scalars is not None:
            try:
                return self._scalars(*args, **kwargs)
            except (ArgumentError, TypeError):
                pass  # not these numbers, or not so many: the long way says what is wrong
        result = super().__call__(*args, **kwargs)
        kernel = self._traced().kernels["value", False]
        if isinstance(kernel, NativeKernel) and result.__class__ is float:
            self._scalars = kernel.scalars()
        return result

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int]:
        return tuple([(a.shape, a.dtype, a.flags.c_contiguous) for a in args]), 1

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        return 1, [array.shape or None for array in arrays]

    def _shaped(self, rows: Array, shape: Shape) -> Any:
        return rows[0, 0].item() if shape is None else rows[0].reshape(shape)


class Vectorized(Compiled):
    """All examples: they are the first axis of every array; a number is the same for all."""

    _single = False

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int]:
        n = len(args[0]) if args and args[0].ndim else 1
        if any(a.shape[:1] != (n,) for a in args):
            return None, n  # what broadcasts, or does not fit, goes the long way
        return tuple([(a.shape[1:], a.dtype, a.flags.c_contiguous) for a in args]), n

    def _arranged(self, tree: Any) -> Any:
        return arranged(tree)

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        lengths = {len(array) for array in arrays if array.ndim} - {1}
        if len(lengths) > 1:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ShapeError(
                f"the first axis counts the examples and must agree in all arrays; got {shapes}"
            )
        n = lengths.pop() if lengths else 1
        return n, [array.shape[1:] or None for array in arrays]

    def _shaped(self, rows: Array, shape: Shape) -> Any:
        return rows[:, 0] if shape is None else rows.reshape(len(rows), *shape)


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

    >>> import numpy as np
    >>> f = vectorize(lambda x, y: x * y)
    >>> f(np.array([1.0, 2.0]), 10.0)
    array([10., 20.])
    """
    return Vectorized(function, dtype, threads, exact)
