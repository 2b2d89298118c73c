"""What `compile` and `vectorize` return: a function that runs as native code, and its gradients."""

import gc
import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import ArgumentError
from dataclasses import dataclass, field
from functools import update_wrapper
from threading import RLock
from typing import Any, Literal
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from micrograd import errors
from micrograd.compiler import fingerprint
from micrograd.compiler.adjoint import add_adjoint
from micrograd.compiler.exact import exact_program
from micrograd.compiler.kernel import Call, Kernel, NativeKernel, NumPyKernel
from micrograd.compiler.program import Program, checked
from micrograd.compiler.roll import roll
from micrograd.compiler.schedule import Plan, schedule
from micrograd.compiler.trace import Shape, Trace, trace
from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.scalar import Scalar
from micrograd.structure import Structure, flatten

Array = NDArray[Any]
Gradient = Literal["inputs", "parameters"]
Answer = Literal["value"] | Gradient  # the value; with the gradient of these
Key = tuple[Answer, bool]  # and whether it is guarded: see adjoint.add_adjoint


@dataclass
class Specialised:
    """The function for arguments of one structure and shape."""

    structure: Structure
    shapes: list[Shape]  # of one example, for each leaf of the arguments
    trace: Trace
    parameters: tuple[Value, ...]
    kernels: dict[Key, Kernel] = field(default_factory=dict)


@dataclass(slots=True)
class Recent:
    """The last call's arguments, if they were arrays that could be used as they are."""

    it: Specialised
    n: int
    addresses: list[int]
    arrays: list[tuple[Any, Any]]  # held weakly, and their layouts

    def holds(self, args: tuple[Any, ...]) -> bool:
        if len(args) != len(self.arrays):
            return False
        for a, (b, layout) in zip(args, self.arrays):
            if b() is not a or (a.shape, a.strides, a.dtype) != layout:
                return False
        return True


_building = RLock()  # a trace watches which Values are made, in all threads: one at a time


def _in_place_of(leaf: Any) -> str:
    if not isinstance(leaf, Scalar):
        return ""
    return "; among Values, and within grad or compile, call the plain function"


@contextmanager
def _without_collections() -> Iterator[None]:
    """The collector of cycles waits: it would walk all that a compiler makes, again and again.

    Afterwards all of that counts as old, or the next collection of what is young would walk it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # else some are frozen, and shall stay so
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class Compiled:
    """A function in native code. `compile` makes one for one example a call, `vectorize` for many.

    It is traced, compiled and kept once for each structure and shape of its arguments. Arguments
    and results are numbers, arrays, and lists, tuples and dicts of them. Leaf Values that the
    function captures are its parameters: their numbers are read at each call.
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
        self._met: dict[Any, Specialised] = {}  # by the shapes of arrays that need no conversion
        self._last: Specialised | None = None
        self._recent: Recent | None = None
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
        """Writes an array, as `pack` gives it, back into the parameters. Or raises ShapeError."""
        parameters = self._traced().parameters
        numbers = self._theta(theta, self._traced())
        for parameter, x in zip(parameters, numbers.tolist()):
            parameter.data = x

    def _traced(self) -> Specialised:
        if self._last is None:
            raise RuntimeError(
                f"the parameters of {self!r} are known once it was called: call it on an example "
                "first"
            )
        return self._last

    def _packed(self, it: Specialised) -> Array:
        return np.array([p.data for p in it.parameters], self.dtype)

    def _theta(self, theta: ArrayLike, it: Specialised) -> Array:
        numbers = np.ascontiguousarray(theta, self.dtype)
        if numbers.shape != (len(it.parameters),):
            raise ShapeError(
                f"theta must have the shape ({len(it.parameters)},), a number for each parameter "
                f"as pack() gives them; got {numbers.shape}"
            )
        return numbers

    # Calls.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results, for each example."""
        it, call = self._specialise(args, kwargs)
        (value,) = self._kernel(it, "value")(call, self._packed(it), 1.0)
        return self._results(it.trace, self._for_each(value, call.n))

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """The value, and its gradient with respect to the arguments; of one argument, no tuple.

        Raises TypeError if the function does not return one number an example.
        """
        it, call = self._specialise(args, kwargs)
        answers = self._differentiated(it, "inputs", call, self._packed(it), 1.0)
        value, *gradients = (self._for_each(x, call.n) for x in answers)
        shaped = (self._shaped(x, shape) for x, shape in zip(gradients, it.shapes))
        of_args, of_kwargs = it.structure.build(shaped)
        gradient = (*of_args, *of_kwargs.values())
        return self._results(it.trace, value), gradient[0] if len(gradient) == 1 else gradient

    def gradient(self, theta: ArrayLike, *args: Any, **kwargs: Any) -> tuple[float, Array]:
        """The mean over the examples and its gradient, the parameters being `theta` (see `pack`).

        Of no examples the mean is NaN, its gradient zero. Raises as `value_and_grad` does.
        """
        it, call = self._specialise(args, kwargs)
        return self._mean(it, call, self._theta(theta, it))

    def backward(self, *args: Any, **kwargs: Any) -> float:
        """Returns the mean over the examples, and fills `grad` of the parameters by its slope."""
        it, call = self._specialise(args, kwargs)
        mean, gradient = self._mean(it, call, self._packed(it))
        for parameter, x in zip(it.parameters, gradient.tolist()):
            parameter.grad = x
        return mean

    def _mean(self, it: Specialised, call: Call, theta: Array) -> Any:
        if call.n == 0:
            return float("nan"), np.zeros(len(it.parameters), self.dtype)
        return tuple(self._differentiated(it, "parameters", call, theta, 1.0 / call.n))

    def _differentiated(
        self, it: Specialised, answer: Gradient, call: Call, theta: Array, seed: float
    ) -> list[Any]:
        """Value and gradients. A NaN may be 0 * inf: then once more, on guard against that."""
        answers: list[Any] = self._kernel(it, answer)(call, theta, seed)
        for gradient in answers[1:]:
            if _has_nan(gradient) and not self.exact:
                guarded = self._kernel(it, answer, guarded=True)(call, theta, seed)
                pairs = zip(answers, guarded)
                return [
                    x if x.__class__ is float else np.where(np.isnan(x), y, x) for x, y in pairs
                ]
        return answers

    # Views of the pipeline.

    def source(self, stage: str = "program", *args: Any, **kwargs: Any) -> str:
        """The function at one stage: "trace", "program", "plan", "llvm", "assembly" or "c".

        For the arguments given, or those of the last call.
        """
        it = self._specialise(args, kwargs)[0] if args or kwargs else self._traced()
        if stage == "trace":
            return str(it.trace)
        kernel = next(reversed(it.kernels.values()), None) or self._kernel(it, "value")
        if stage == "program":
            return str(kernel.program)
        if stage == "c":
            return self._c(kernel)
        if not isinstance(kernel, NativeKernel):
            raise RuntimeError(f"there is no {stage!r} without llvmlite; install it")
        stages = {
            "plan": lambda: str(kernel.plan),
            "llvm": kernel.native.optimised,
            "assembly": kernel.native.assembly,
        }
        if stage not in stages:
            raise ValueError(f"source shows trace, program, c, {', '.join(stages)}; got {stage!r}")
        return stages[stage]()

    def _c(self, kernel: Kernel) -> str:
        from micrograd.compiler import c

        name = getattr(self._function, "__name__", "program")
        return c.source(self._plan(kernel), self.dtype == np.float64, name)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """What the scalars became: a page to read, with the gradient if it was asked for.

        For the arguments given, or those of the last call.
        """
        from micrograd.compiler.explain import explain

        it = self._specialise(args, kwargs)[0] if args or kwargs else self._traced()
        kernel = next(reversed(it.kernels.values()), None) or self._kernel(it, "value")
        plan = self._plan(kernel)
        return explain(plan, it.parameters, self._function, it.structure, self.dtype.itemsize)

    def _plan(self, kernel: Kernel) -> Plan:
        native = isinstance(kernel, NativeKernel)
        return kernel.plan if native else schedule(kernel.program, 1 if self._single else 8)

    # Within.

    def _specialise(self, args: Any, kwargs: Any) -> tuple[Specialised, Call]:
        recent = self._recent
        if recent is not None and not kwargs and recent.holds(args):
            return recent.it, Call(recent.n, args, recent.addresses)
        key = None
        if not kwargs and all(a.__class__ is np.ndarray for a in args):
            key, n = self._quick_key(args)
            it = self._met.get(key)
            if it is not None:
                return it, self._remembered(it, n, args)
        leaves, structure = flatten((self._arranged(args), self._arranged(kwargs)))
        arrays = [self._numbers(leaf) for leaf in leaves]
        n, shapes = self._examples(arrays)
        it = self._specialised.get((structure, tuple(shapes)))
        if it is None:
            it = self._traced_anew(structure, shapes)
        self._last = it
        inputs = [np.ascontiguousarray(a) for a in arrays]
        if key is not None and all(a is b for a, b in zip(args, inputs, strict=True)):
            self._met[key] = it
            return it, self._remembered(it, n, args)
        return it, Call(n, inputs)

    def _remembered(self, it: Specialised, n: int, args: tuple[Array, ...]) -> Call:
        """A call on arrays as they are; the next one on the same arrays need not look at them."""
        self._last = it
        call = Call(n, args)
        sizes = [1 if shape is None else math.prod(shape) for shape in it.shapes]
        arrays = [(ref(a), (a.shape, a.strides, a.dtype)) for a in args]
        self._recent = Recent(it, n, call.entries(sizes), arrays)
        return call

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int]:
        """What decides whether arrays can be used as they are, and how many examples they hold."""
        raise NotImplementedError

    def _traced_anew(self, structure: Structure, shapes: list[Shape]) -> Specialised:
        with _building:
            key = structure, tuple(shapes)
            if key not in self._specialised:
                self._check_arguments(structure)
                with _without_collections():
                    result = trace(self._function, structure, shapes)
                parameters = tuple(result.parameters)
                self._specialised[key] = Specialised(structure, shapes, result, parameters)
            return self._specialised[key]

    def _check_arguments(self, structure: Structure) -> None:
        args, kwargs = structure.build(itertools.repeat(None))
        try:
            signature = inspect.signature(self._function)
        except ValueError:  # of a function in C, which has none
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise errors.ArgumentError(
                f"{self!r} takes the arguments {signature}, got {len(args)} and the keywords "
                f"{list(kwargs)}: {error}"
            ) from None

    def _arranged(self, tree: Any) -> Any:
        """Arguments as a structure of numbers and arrays."""
        return tree

    def _numbers(self, leaf: Any) -> Array:
        try:
            array = np.asarray(leaf)
            if array.dtype.kind not in "fiub":
                raise TypeError
            return array.astype(self.dtype, copy=False)
        except (TypeError, ValueError):
            raise errors.ArgumentError(
                f"{self!r} takes numbers and arrays of numbers, got {type(leaf).__name__} "
                f"{leaf!r:.60}{_in_place_of(leaf)}"
            ) from None

    def _kernel(self, it: Specialised, answer: Answer, guarded: bool = False) -> Kernel:
        kernel = it.kernels.get((answer, guarded))
        if kernel is None:
            with _building, _without_collections():
                kernel = it.kernels.get((answer, guarded))
                if kernel is None:
                    kernel = it.kernels[answer, guarded] = self._build(it, answer, guarded)
        return kernel

    def _build(self, it: Specialised, answer: Answer, guarded: bool) -> Kernel:
        if answer != "value" and it.trace.output_shapes != [None]:
            raise TypeError(
                f"the gradient is that of a function which returns one number; {self!r} returns "
                f"{len(it.trace.outputs)} numbers"
            )
        if self.exact and answer != "value":
            program = checked(exact_program(it.trace, per_example=answer == "inputs"))
            return self._compiled(program)
        program = checked(roll(it.trace, exact=self.exact))
        if answer == "value":
            return self._compiled(program)

        def differentiated() -> Program:
            add_adjoint(program, per_example=answer == "inputs", guarded=guarded)
            return checked(program)

        return self._compiled(program, differentiated, f"gradient of {answer}, {guarded=}")

    def _compiled(
        self, program: Program, made: Callable[[], Program] | None = None, how: str = ""
    ) -> Kernel:
        """The kernel of a program, or of what is `made` of it later, as `how` says."""
        make = made or (lambda: program)
        try:
            import llvmlite  # noqa: F401
        except ImportError:
            return NumPyKernel(make(), self.dtype)
        known = fingerprint.of_program(program)
        key = None if known is None else (known, how)
        return NativeKernel(make, key, self.dtype, self.threads, self.exact, self._single)

    def _for_each(self, answer: Any, n: int) -> Array:
        """The numbers of every example, also of an answer that does not depend on it."""
        if getattr(answer, "ndim", 0) == 2:
            return answer
        return np.tile(np.asarray(answer, self.dtype).reshape(1, -1), (n, 1))

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

    def _examples(self, arrays: list[Array]) -> tuple[int, list[Shape]]:
        """How many examples, and the shape of one in each array."""
        raise NotImplementedError

    def _shaped(self, rows: Array, shape: Shape) -> Any:
        """The rows of all examples in the shape that the caller sees."""
        raise NotImplementedError


def _has_nan(numbers: Any) -> bool:
    """Long arrays without BLAS: its threads, once awake, are in the way of a busy machine."""
    if np.size(numbers) < 10_000:
        square = np.vdot(numbers, numbers)
        return bool(square != square)
    return bool(np.isnan(np.minimum.reduce(numbers, axis=None)))


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
        """Lists of numbers are arrays; a list of arrays is a list."""
        if isinstance(tree, list) and not _holds_arrays(tree):
            try:
                array = np.asarray(tree)
            except ValueError:  # of different lengths
                array = np.empty(0, object)
            if array.dtype.kind in "fiub":
                return array
        if isinstance(tree, dict):
            return {key: self._arranged(part) for key, part in tree.items()}
        if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
            return type(tree)(map(self._arranged, tree))
        return tree

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


def _holds_arrays(tree: list[Any] | tuple[Any, ...]) -> bool:
    return any(
        isinstance(part, np.ndarray) or (isinstance(part, (list, tuple)) and _holds_arrays(part))
        for part in tree
    )


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
