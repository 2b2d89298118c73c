"""Compiled: a function that runs as native code, its gradients, and a look at every stage."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import update_wrapper
from threading import RLock
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from micrograd.compiler.api.arguments import Array, check_names, numbers
from micrograd.compiler.api.specialization import Answer, Gradient, Recent, Specialised
from micrograd.compiler.program import fingerprint
from micrograd.compiler.program.adjoint import add_adjoint
from micrograd.compiler.program.exact_adjoint import exact_program
from micrograd.compiler.program.ir import Program, checked
from micrograd.compiler.program.roll import roll
from micrograd.compiler.runtime.kernel import Call, Kernel, NativeKernel, NumPyKernel
from micrograd.compiler.schedule.plan import Plan
from micrograd.compiler.schedule.schedule import schedule
from micrograd.compiler.trace.trace import Shape, Trace, trace
from micrograd.engine import Value
from micrograd.errors import ShapeError
from micrograd.names import did_you_mean
from micrograd.structure import Structure, flatten

_one_at_a_time = RLock()  # a trace watches which Values are made, in all threads


@contextmanager
def building() -> Iterator[None]:
    """One builds at a time; the collector of cycles waits: it would walk all, again and again.

    Afterwards all of that counts as old, or the next collection of what is young would walk it.
    """
    with _one_at_a_time:
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


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The type of all numbers in native code. Raises TypeError for any but these two."""
    found: Any = dtype
    with suppress(TypeError):
        found = np.dtype(dtype)
    if found not in (np.float64, np.float32):
        hint = did_you_mean(dtype, ["float64", "float32"]) if isinstance(dtype, str) else ""
        raise TypeError(f"dtype must be float64 or float32, got {found!s:.60}; {hint}".rstrip("; "))
    return np.dtype(found)


class Compiled:
    """A function in native code. `compile` makes one for one example a call, `vectorize` for many.

    It is traced, compiled and kept once for each structure and shape of its arguments. Arguments
    and results are numbers, arrays, and lists, tuples and dicts of them. Leaf Values that the
    function captures are its parameters: their numbers are read at each call. So Python cannot ask
    for them as the function is traced, by `if w > 0` or `float(w)`: that is a TraceError.
    """

    _single: bool

    def __init__(
        self, function: Callable[..., Any], dtype: DTypeLike, threads: int, exact: bool
    ) -> None:
        if not callable(function):
            raise TypeError(f"expected a function to compile, got {type(function).__name__}")
        self.dtype = float_type(dtype)
        if not hasattr(threads, "__index__"):
            raise TypeError(f"threads must be a whole number, got {threads!r}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if exact and self.dtype != np.float64:
            raise ValueError(
                "exact=True gives the bits of Values, which are float64: expected dtype float64 "
                f"beside it, got {self.dtype}. Leave out one of the two"
            )
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
        (value,), _ = self._kernel(it, "value", call.shared)(call, self._packed(it), 1.0)
        return self._results(it.trace, self._for_each(value, call.n), call)

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """The value, and its gradient with respect to the arguments; of one argument, no tuple.

        Raises TypeError if the function does not return one number an example.
        """
        it, call = self._specialise(args, kwargs)
        answers = self._differentiated(it, "inputs", call, self._packed(it), 1.0)
        value, *gradients = (self._for_each(x, call.n) for x in answers)
        shaped = (self._shaped(x, shape, call) for x, shape in zip(gradients, it.shapes))
        of_args, of_kwargs = it.structure.build(shaped)
        gradient = (*of_args, *of_kwargs.values())
        value = self._results(it.trace, value, call)
        return value, gradient[0] if len(gradient) == 1 else gradient

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
        answers, nan = self._kernel(it, answer, call.shared)(call, theta, seed)
        if nan and not self.exact:
            guarded, _ = self._kernel(it, answer, call.shared, guarded=True)(call, theta, seed)
            pairs = zip(answers, guarded)
            return [x if x.__class__ is float else np.where(np.isnan(x), y, x) for x, y in pairs]
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
        from micrograd.compiler.c import source as c

        name = getattr(self._function, "__name__", "program")
        plan = schedule(kernel.program, 1 if self._single else 8, self.dtype.itemsize, False)
        return c.source(plan, self.dtype == np.float64, name)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """What the scalars became: a page to read, with the gradient if it was asked for.

        For the arguments given, or those of the last call.
        """
        from micrograd.compiler.api.explain import explain

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
            return recent.it, Call(recent.n, args, recent.addresses, recent.shape, recent.shared)
        key = None
        if not kwargs and all(a.__class__ is np.ndarray for a in args):
            key, n, shape = self._quick_key(args)
            it = self._met.get(key)
            if it is not None:
                return it, self._remembered(it, Call(n, args, None, shape))
        leaves, structure = flatten((self._arranged(args), kwargs and self._arranged(kwargs)))
        arrays = [numbers(leaf, self.dtype, self) for leaf in leaves]
        it, call, settled = self._fitted(structure, arrays)
        call.share(it.sizes)
        self._last = it
        if kwargs or len(args) != len(arrays) or any(a is not b for a, b in zip(args, call.inputs)):
            return it, call
        if settled and key is not None:
            self._met[key] = it
        return it, self._remembered(it, call)

    def _remembered(self, it: Specialised, call: Call) -> Call:
        """A call on arrays as they are; the next one on the same arrays need not look at them."""
        self._last = it
        arrays = [(ref(a), (a.shape, a.strides, a.dtype)) for a in call.inputs]
        self._recent = Recent(it, call.n, call.shape, call.shared, call.entries(it.sizes), arrays)
        return call

    def _traced_for(self, structure: Structure, shapes: list[Shape]) -> Specialised:
        """The function for arguments of this structure, their leaves of these shapes."""
        it = self._specialised.get((structure, tuple(shapes)))
        if it is None:
            with building():
                check_names(self._function, structure, self)
                it = self._kept(structure, shapes, trace(self._function, structure, shapes))
        return it

    def _kept(self, structure: Structure, shapes: list[Shape], result: Trace) -> Specialised:
        it = Specialised(structure, shapes, result, tuple(result.parameters))
        return self._specialised.setdefault((structure, tuple(shapes)), it)

    def _arranged(self, tree: Any) -> Any:
        """Arguments as a structure of numbers and arrays."""
        return tree

    def _kernel(
        self,
        it: Specialised,
        answer: Answer,
        shared: tuple[int, ...] = (),
        guarded: bool = False,
    ) -> Kernel:
        key = answer, guarded, shared
        kernel = it.kernels.get(key)
        if kernel is None:
            with building():
                kernel = it.kernels.get(key)
                if kernel is None:
                    kernel = it.kernels[key] = self._build(it, *key)
        return kernel

    def _build(
        self, it: Specialised, answer: Answer, guarded: bool, shared: tuple[int, ...]
    ) -> Kernel:
        if answer != "value" and it.trace.output_shapes != [None]:
            raise TypeError(
                f"the gradient is that of a function which returns one number; {self!r} returns "
                f"{len(it.trace.outputs)} numbers"
            )
        if self.exact and answer != "value":
            return self._compiled(checked(exact_program(it.trace, answer == "inputs", shared)))
        program = checked(roll(it.trace, exact=self.exact, shared=shared))
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
            return NumPyKernel(make(), self.dtype, self.exact)
        known = fingerprint.of_program(program)
        key = None if known is None else (known, how)
        return NativeKernel(make, key, self.dtype, self.threads, self.exact, self._single)

    def _for_each(self, answer: Any, n: int) -> Array:
        """The numbers of every example, also of an answer that does not depend on it."""
        if getattr(answer, "ndim", 0) == 2:
            return answer
        return np.tile(np.asarray(answer, self.dtype).reshape(1, -1), (n, 1))

    def _results(self, result: Trace, value: Array, call: Call) -> Any:
        leaves, start = [], 0
        for shape in result.output_shapes:
            size = 1 if shape is None else int(np.prod(shape))
            leaves.append(self._shaped(value[:, start : start + size], shape, call))
            start += size
        return result.output_structure.build(iter(leaves))

    def __reduce__(self) -> Any:
        """A copy, and what comes back from a pickle, is compiled anew; a decorated function of a
        module is itself, as functions are."""
        name = getattr(self, "__qualname__", "")
        if getattr(sys.modules.get(self.__module__), name, None) is self:
            return name
        return type(self), (self._function, self.dtype, self.threads, self.exact)

    def __get__(self, instance: Any, owner: Any = None) -> "Compiled":
        if instance is None:
            return self
        name, verb = getattr(self, "__name__", "f"), "compile" if self._single else "vectorize"
        raise TypeError(
            f"{self!r} is an attribute of the class {owner.__name__}, whose objects differ: write, "
            f"in `__init__`, self.{name} = micrograd.{verb}(self.method); or staticmethod(...), "
            "for a function without `self`"
        )

    def __repr__(self) -> str:
        name = getattr(self._function, "__name__", repr(self._function))
        return f"<{'compiled' if self._single else 'vectorized'} {name}>"

    # What one example is.

    def _quick_key(self, args: tuple[Array, ...]) -> tuple[Any, int, tuple[int, ...]]:
        """What decides whether arrays can be used as they are; how many examples, in which shape.

        The key is None where it takes more than a glance.
        """
        raise NotImplementedError

    def _fitted(self, structure: Structure, arrays: list[Array]) -> tuple[Specialised, Call, bool]:
        """The function for such arrays, these as it takes them, and whether the key decides it."""
        raise NotImplementedError

    def _shaped(self, rows: Array, shape: Shape, call: Call) -> Any:
        """The rows of all examples in the shape that the caller sees."""
        raise NotImplementedError
