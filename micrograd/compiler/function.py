"""What `compile` and `vectorize` return: a function that runs as native code, and its gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from micrograd.compiler.adjoint import add_adjoint
from micrograd.compiler.kernel import Kernel, NativeKernel, NumPyKernel
from micrograd.compiler.program import Program, verify
from micrograd.compiler.roll import roll
from micrograd.compiler.trace import Shape, Trace, trace
from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.structure import Structure, flatten

Array = NDArray[Any]
Answer = Literal["value", "inputs", "parameters"]  # the value; with the gradient of these


@dataclass
class Specialised:
    """The function for arguments of one structure and shape."""

    trace: Trace
    parameters: tuple[Value, ...]
    kernels: dict[Answer, Kernel]


class Compiled:
    """A function in native code. `compile` makes one for one example a call, `vectorize` for many.

    It is traced, compiled and kept once for each structure and shape of its arguments.
    """

    _single: bool

    def __init__(
        self, function: Callable[..., Any], dtype: DTypeLike, threads: int, exact: bool
    ) -> None:
        if not callable(function):
            raise TypeError(f"expected a function to compile, got {type(function).__name__}")
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float64, np.float32):
            raise TypeError(f"dtype must be float64 or float32, got {self.dtype}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.threads, self.exact = threads, exact
        self._function = function
        self._specialised: dict[Any, Specialised] = {}
        self._last: Specialised | None = None
        update_wrapper(self, function, updated=())

    # The captured parameters.

    @property
    def parameters(self) -> tuple[Value, ...]:
        """The leaf Values that the function captures, in the order in which it met them."""
        return self._traced().parameters

    def pack(self) -> Array:
        """The numbers of the parameters as one array, in the order of `parameters`."""
        return self._packed(self._traced())

    def unpack(self, theta: ArrayLike) -> None:
        """Writes an array as `pack` gives it back into the parameters. Raises ShapeError otherwise."""
        parameters = self._traced().parameters
        numbers = self._theta(theta, self._traced())
        for parameter, x in zip(parameters, numbers.tolist()):
            parameter.data = x

    def _traced(self) -> Specialised:
        if self._last is None:
            raise RuntimeError(
                f"the parameters of {self!r} are known once it was called: call it on an example first"
            )
        return self._last

    def _packed(self, it: Specialised) -> Array:
        return np.array([p.data for p in it.parameters], self.dtype)

    def _theta(self, theta: ArrayLike, it: Specialised) -> Array:
        numbers = np.ascontiguousarray(theta, self.dtype)
        if numbers.shape != (len(it.parameters),):
            raise ShapeError(
                f"theta must have the shape ({len(it.parameters)},), a number for each parameter as "
                f"pack() gives them; got {numbers.shape}"
            )
        return numbers

    # Calls.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results, for each example."""
        it, n, inputs = self._specialise(args, kwargs)
        (value,) = self._kernel(it, "value")(n, inputs, self._packed(it), 1.0)
        return self._results(it.trace, value)

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """The value, and its gradient with respect to the arguments; of one argument, no tuple.

        Raises TypeError if the function does not return one number an example.
        """
        it, n, inputs = self._specialise(args, kwargs)
        value, *gradients = self._kernel(it, "inputs")(n, inputs, self._packed(it), 1.0)
        structure, shapes = self._arguments(args, kwargs)
        arranged = structure.build(
            self._shaped(gradient, shape) for gradient, shape in zip(gradients, shapes)
        )
        answers = [*arranged[0], *arranged[1].values()]
        return self._results(it.trace, value), answers[0] if len(answers) == 1 else tuple(answers)

    def gradient(self, theta: ArrayLike, *args: Any, **kwargs: Any) -> tuple[float, Array]:
        """The mean over the examples and its gradient, the parameters being `theta` (see `pack`)."""
        it, n, inputs = self._specialise(args, kwargs)
        kernel = self._kernel(it, "parameters")
        if n == 0:
            return float("nan"), np.zeros(len(it.parameters), self.dtype)
        value, gradient = kernel(n, inputs, self._theta(theta, it), 1.0 / n)
        return value.item(), gradient

    def backward(self, *args: Any, **kwargs: Any) -> float:
        """Returns the mean over the examples, and fills `grad` of the parameters with its gradient."""
        it, _, _ = self._specialise(args, kwargs)
        mean, gradient = self.gradient(self._packed(it), *args, **kwargs)
        for parameter, x in zip(it.parameters, gradient.tolist()):
            parameter.grad = x
        return mean

    # Views of the pipeline.

    def source(self, stage: str = "program", *args: Any, **kwargs: Any) -> str:
        """The function at one stage of the pipeline: "program", "plan", "llvm", "assembly" or "c".

        For the arguments given, or those of the last call.
        """
        it = self._specialise(args, kwargs)[0] if args or kwargs else self._traced()
        kernel = next(reversed(it.kernels.values()), None) or self._kernel(it, "value")
        if stage == "program":
            return str(kernel.program)
        if not isinstance(kernel, NativeKernel):
            raise RuntimeError(f"there is no {stage!r} without llvmlite; install it")
        stages = {
            "plan": lambda: str(kernel.plan),
            "llvm": kernel.native.optimised,
            "assembly": kernel.native.assembly,
        }
        if stage not in stages:
            raise ValueError(f"source shows program, {', '.join(stages)}; got {stage!r}")
        return stages[stage]()

    # Within.

    def _specialise(self, args: Any, kwargs: Any) -> tuple[Specialised, int, list[Array]]:
        leaves, structure = flatten((args, kwargs))
        arrays = [self._numbers(leaf) for leaf in leaves]
        n, shapes = self._examples(arrays)
        key = structure, tuple(shapes)
        it = self._specialised.get(key)
        if it is None:
            result = trace(self._function, structure, shapes)
            it = self._specialised[key] = Specialised(result, tuple(result.parameters), {})
        self._last = it
        inputs = [
            np.ascontiguousarray(a.reshape(-1 if len(a) == n else 1, size))
            for a, size in zip(
                self._rows(arrays), (1 if s is None else int(np.prod(s)) for s in shapes)
            )
        ]
        return it, n, inputs

    def _numbers(self, leaf: Any) -> Array:
        try:
            array = np.asarray(leaf)
            if array.dtype.kind not in "fiub":
                raise TypeError
            return array.astype(self.dtype, copy=False)
        except (TypeError, ValueError):
            raise TypeError(
                f"{self!r} takes numbers and arrays of numbers, got {type(leaf).__name__} {leaf!r:.60}"
            ) from None

    def _kernel(self, it: Specialised, answer: Answer) -> Kernel:
        kernel = it.kernels.get(answer)
        if kernel is None:
            kernel = it.kernels[answer] = self._build(it, answer)
        return kernel

    def _build(self, it: Specialised, answer: Answer) -> Kernel:
        program = roll(it.trace)
        verify(program)
        if answer != "value":
            if it.trace.output_shapes != [None]:
                raise TypeError(
                    f"the gradient is that of a function which returns one number; {self!r} returns "
                    f"{len(it.trace.outputs)} numbers"
                )
            add_adjoint(program, per_example=answer == "inputs")
            verify(program)
        return self._compiled(program)

    def _compiled(self, program: Program) -> Kernel:
        try:
            import llvmlite  # noqa: F401
        except ImportError:
            return NumPyKernel(program, self.dtype)
        return NativeKernel(program, self.dtype, self.threads, self.exact, self._single)

    def _results(self, result: Trace, value: Array) -> Any:
        leaves, start = [], 0
        for shape in result.output_shapes:
            size = 1 if shape is None else int(np.prod(shape))
            leaves.append(self._shaped(value[:, start : start + size], shape))
            start += size
        return result.output_structure.build(iter(leaves))

    def __repr__(self) -> str:
        name = getattr(self._function, "__name__", repr(self._function))
        return f"<{'compiled' if self._single else 'vectorized'} {name}>"

    # What one example is.

    def _arguments(self, args: Any, kwargs: Any) -> tuple[Structure, list[Shape]]:
        leaves, structure = flatten((args, kwargs))
        return structure, self._examples([np.asarray(leaf) for leaf in leaves])[1]

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        """How many examples, and the shape of one in each array."""
        raise NotImplementedError

    def _rows(self, arrays: list[Array]) -> list[Array]:
        raise NotImplementedError

    def _shaped(self, rows: Array, shape: Shape) -> Any:
        """The rows of all examples in the shape that the caller sees."""
        raise NotImplementedError


class CompiledOne(Compiled):
    """One example a call."""

    _single = True

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        return 1, [array.shape or None for array in arrays]

    def _rows(self, arrays: list[Array]) -> list[Array]:
        return [array.reshape(1, -1) for array in arrays]

    def _shaped(self, rows: Array, shape: Shape) -> Any:
        return rows[0, 0].item() if shape is None else rows[0].reshape(shape)


class Vectorized(Compiled):
    """All examples: they are the first axis of every array; a number is the same for all."""

    _single = False

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        lengths = {len(array) for array in arrays if array.ndim} - {1}
        if len(lengths) > 1:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ShapeError(
                f"the first axis counts the examples and must agree in all arrays; got {shapes}"
            )
        n = lengths.pop() if lengths else 1
        return n, [array.shape[1:] or None if array.ndim else None for array in arrays]

    def _rows(self, arrays: list[Array]) -> list[Array]:
        return [array if array.ndim else array.reshape(1) for array in arrays]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        results = super().__call__(*args, **kwargs)
        return results

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

    >>> f = vectorize(lambda x, y: x * y)
    >>> f(np.array([1.0, 2.0]), 10.0)
    array([10., 20.])
    """
    return Vectorized(function, dtype, threads, exact)
